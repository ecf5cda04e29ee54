//! The fields of a workspace's data class against what the formats give.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Line;
use crate::mapping::{Given, JsonType, alert_field_type};
use crate::secmaster::api::{Field, Item};

/// As many formats are named in a line.
const NAMED: usize = 4;

/// `creates`: whether a route creates alerts in the workspace, which may be refused where a required field is missing.
pub(super) fn judge(about: &str, class: &str, fields: &[Item<Field>], given: &[Given], creates: bool) -> Vec<Line> {
    let known: BTreeMap<&str, &Field> = fields.iter().map(|field| (&*field.is.field_key, &field.is)).collect();
    let formats: Vec<&Given> = given.iter().filter(|given| *given.data_class == *class).collect();
    // Who gives each field; formats whose whole alert is one expression tell nothing.
    let mut givers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let told: Vec<(&str, &Vec<String>)> =
        formats.iter().filter_map(|g| Some((&*g.format, g.fields.as_ref()?))).collect();
    for (format, fields) in &told {
        for field in *fields {
            let _new = givers.entry(field).or_default().insert(format);
        }
    }
    let mut lines = Vec::new();
    for (name, formats) in &givers {
        let formats = list(formats);
        match known.get(name) {
            None => {
                let said = format!("has no field `{name}`, given by {formats}");
                let remedy = "add the field in the console, or put the value under system_info in the mapping";
                lines.push(Line::warning(about, said, remedy));
            }
            Some(field) => {
                let (ours, theirs) = (alert_field_type(name), type_of(&field.field_type));
                if let (Some(ours), Some(theirs)) = (ours, theirs)
                    && !fit(ours, theirs)
                {
                    let said = format!("has `{name}` as {}; alerts have a {} there", &*field.field_type, ours.as_str());
                    lines.push(Line::warning(about, said, "see what the workflow makes of it, or leave the field out"));
                }
            }
        }
    }
    for (formats, fields) in lacking(&known, &told) {
        let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        let said = format!("requires {}, not given by {}", fields.join(", "), list(&formats));
        lines.push(if creates {
            let remedy = "give it in the mapping for a route with `create_alert`, which may be refused without; a workflow alone may start";
            Line::warning(about, said, remedy)
        } else {
            Line::ok(about, format!("{said}: matters for routes with `create_alert`, and there is none"))
        });
    }
    if lines.is_empty() {
        let said = format!("{} fields; all {} that the formats give are among them", known.len(), givers.len());
        lines.push(Line::ok(about, said));
    }
    lines
}

/// What the class requires, by the formats that may not give it.
fn lacking<'a>(
    known: &BTreeMap<&'a str, &Field>,
    told: &[(&'a str, &Vec<String>)],
) -> BTreeMap<BTreeSet<&'a str>, Vec<&'a str>> {
    let mut lacking: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (name, field) in known {
        let is_ours_to_give = field.required.0 == Some(true) && field.read_only.0 != Some(true);
        let without =
            told.iter().filter(|(_, fields)| !fields.iter().any(|given| given == name)).map(|(format, _)| *format);
        let without: BTreeSet<&str> = without.collect();
        if is_ours_to_give && !without.is_empty() {
            lacking.entry(without).or_default().push(name);
        }
    }
    lacking
}

/// Some names, and how many more there are.
fn list(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().copied().take(NAMED).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more formats", shown.join(", ")),
    }
}

/// The type that the service's word means, where it is one that is known.
fn type_of(word: &str) -> Option<JsonType> {
    match word.to_ascii_lowercase().as_str() {
        "text" | "string" | "varchar" | "shorttext" | "longtext" | "select" | "enum" => Some(JsonType::Text),
        "timestamp" | "date" | "datetime" | "time" => Some(JsonType::Time),
        "number" | "int" | "integer" | "long" | "float" | "double" => Some(JsonType::Number),
        "object" | "json" | "map" => Some(JsonType::Object),
        "array" | "list" => Some(JsonType::List),
        _ => None,
    }
}

/// Whether what is given may stand in a field of that type. Times are texts.
const fn fit(ours: JsonType, theirs: JsonType) -> bool {
    matches!(
        (ours, theirs),
        (JsonType::Text | JsonType::Time, JsonType::Text | JsonType::Time)
            | (JsonType::Number, JsonType::Number)
            | (JsonType::Object, JsonType::Object)
            | (JsonType::List, JsonType::List)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::judge;
    use crate::mapping::Given;

    #[test]
    fn what_the_class_lacks_takes_otherwise_or_requires_is_told_by_field() {
        let fields = serde_json::from_value::<Vec<_>>(json!([
            {"field_key": "id", "field_type": "text"},
            {"field_key": "severity", "field_type": "text", "required": true},
            {"field_key": "title", "field_type": "text", "required": true},
            {"field_key": "count", "field_type": "array"},
            {"field_key": "owner", "field_type": "a type of its own"},
            {"field_key": "sla", "field_type": "text"},
            {"field_key": "create_time", "field_type": "timestamp", "required": true, "read_only": true},
            {"field_key": "actor", "field_type": "text", "required": true},
        ]))
        .unwrap();
        let given = |format: &str, class: &str, fields: Option<&[&str]>| Given {
            format: format.into(),
            data_class: class.into(),
            fields: fields.map(|fields| fields.iter().map(|field| (*field).to_owned()).collect()),
        };
        let given = [
            given("one", "Alert", Some(&["id", "severity", "title", "count", "owner", "sla"])),
            given("two", "Alert", Some(&["id", "severity", "own"])),
            given("whole", "Alert", None),
            given("incidents", "Incident", Some(&["nothing"])),
        ];
        let told: Vec<String> =
            judge("class", "Alert", &fields, &given, true).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"));
        let without = judge("class", "Alert", &fields, &given[1..2], false);
        let said = "ok    class: requires `actor`, `title`, not given by two: matters for routes with `create_alert`, \
                    and there is none";
        assert_eq!(without.last().unwrap().to_string(), said);
        let well = judge("class", "Incident", &fields, &[given[2].clone()], true);
        assert_eq!(well[0].to_string(), "ok    class: 8 fields; all 0 that the formats give are among them");
    }
}
