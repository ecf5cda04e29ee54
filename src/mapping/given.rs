//! Which fields of the data class each format gives, to be held against what a workspace's class has.

use std::sync::Arc;

use super::compiled::Node;
use super::mapper::Mapper;
use super::schema::{ALERT, Kind};

/// The JSON type of a field, as coarse as a data class tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonType {
    /// A text, words among them.
    Text,
    /// A text that is a time.
    Time,
    /// A number.
    Number,
    /// An object.
    Object,
    /// A list.
    List,
}

impl JsonType {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Time => "time",
            Self::Number => "number",
            Self::Object => "object",
            Self::List => "list",
        }
    }
}

/// What one format gives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Given {
    /// The format.
    pub format: Arc<str>,
    /// The data class of its alerts, by name.
    pub data_class: Arc<str>,
    /// The fields at the top that it may give; `None` where one expression gives the whole alert.
    pub fields: Option<Vec<String>>,
}

/// What is put into every alert, whatever its mapping says.
const ALWAYS: [&str; 2] = ["id", "severity"];

impl Mapper {
    /// What each format in force gives.
    #[must_use]
    pub fn given(&self) -> Vec<Given> {
        let given = self.mappings().iter().map(|mapping| Given {
            format: Arc::clone(&mapping.name),
            data_class: Arc::clone(&mapping.data_class.name),
            fields: match &mapping.alert {
                Node::Object(fields) => {
                    let own = fields.iter().map(|(name, _)| name.as_str()).filter(|name| !ALWAYS.contains(name));
                    Some(ALWAYS.into_iter().chain(own).map(str::to_owned).collect())
                }
                _ => None,
            },
        });
        given.collect()
    }
}

/// What alerts have in this field of `Alert`; `None` where anything may stand, or the field is not the vendor's.
#[must_use]
pub fn alert_field_type(name: &str) -> Option<JsonType> {
    match ALERT.iter().find(|field| field.name == name)?.kind {
        Kind::Text(_) | Kind::Word(_) | Kind::PortText => Some(JsonType::Text),
        Kind::Time => Some(JsonType::Time),
        Kind::Int(..) | Kind::Number(..) => Some(JsonType::Number),
        Kind::Object(_) | Kind::Tags => Some(JsonType::Object),
        Kind::List(_) => Some(JsonType::List),
        Kind::Any => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonType, alert_field_type};
    use crate::mapping::{Mapper, MappingSettings};

    #[test]
    fn a_format_gives_its_fields_and_what_every_alert_has() {
        let text = "name: f\nmatch: .x\nalert: {title: .t, severity: .s, own: 1}\n";
        let given = Mapper::of_text(&MappingSettings::default(), "f.yaml", text).unwrap().given();
        assert_eq!((&*given[0].format, &*given[0].data_class), ("f", "Alert"));
        assert_eq!(given[0].fields.clone().unwrap(), ["id", "severity", "title", "own"]);
        let whole = Mapper::of_text(&MappingSettings::default(), "f.yaml", "name: f\nmatch: .x\nalert: .\n").unwrap();
        assert_eq!(whole.given()[0].fields, None);
    }

    #[test]
    fn the_vendors_fields_have_a_type_and_what_may_hold_anything_has_none() {
        let types = ["title", "create_time", "count", "malware", "network_list", "system_info", "own"];
        let known = types.map(|name| alert_field_type(name).map(JsonType::as_str));
        assert_eq!(known, [Some("text"), Some("time"), Some("number"), Some("object"), Some("list"), None, None]);
    }
}
