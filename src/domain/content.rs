//! The data object of an alert: JSON values that are small and made without much ado.
//!
//! An alert is dozens of short names and texts, made once, checked once and written once. Up to 24 bytes stand inside the
//! value itself, and an object is a list: at this size going through it is faster than hashing.

use compact_str::{CompactString, ToCompactString as _};
use serde_json::{Number, Value};

/// A JSON value of an alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Data {
    /// `null`
    #[default]
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Number(Digits),
    /// A text.
    Text(CompactString),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Fields),
}

/// A JSON number as it is written: it keeps its digits, and an exponent is written in one way (`1E5` is `1e+5`). Ids are
/// made of this text, for ever (promise 3).
#[derive(Clone, Debug, PartialEq)]
pub struct Digits(CompactString);

/// An object: its fields in the order in which they are sent. No two have the same name.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(CompactString, Data)>);

/// As in JSON, the order does not count.
impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Digits {
    /// The number of a JSON text; `None` where that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        if is_plain && !digits.is_empty() {
            return Some(Self(text.into()));
        }
        text.parse().ok().map(|number: Number| Self(number.as_str().into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The integer that it is written as.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The nearest number of a double; `None` beyond its reach.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

impl From<i64> for Digits {
    fn from(number: i64) -> Self {
        Self(number.to_compact_string())
    }
}

impl Data {
    /// The text that it is.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it says nothing: null, an empty object, an empty list.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(items) => items.is_empty(),
            Self::Object(fields) => fields.is_empty(),
            Self::Bool(_) | Self::Number(_) | Self::Text(_) => false,
        }
    }

    /// Its type, as jq calls it.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

impl Fields {
    /// An empty object with room for so many fields.
    #[must_use]
    pub fn with_capacity(fields: usize) -> Self {
        Self(Vec::with_capacity(fields))
    }

    /// Adds a field at the end, of a name that the object does not have yet.
    pub fn push(&mut self, name: CompactString, value: Data) {
        self.0.push((name, value));
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Data> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of a field, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Data> {
        self.0.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Writes a field at its place, or at the end.
    pub fn set(&mut self, name: &str, value: Data) {
        match self.get_mut(name) {
            Some(slot) => *slot = value,
            None => self.push(name.into(), value),
        }
    }

    /// Writes a field at its place, or at the front.
    pub fn set_first(&mut self, name: &str, value: Data) {
        match self.get_mut(name) {
            Some(slot) => *slot = value,
            None => self.0.insert(0, (name.into(), value)),
        }
    }

    /// Keeps the fields of which `keep` says so, which may change them.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Data) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }

    /// The fields in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Data)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether it has no fields.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Value> for Data {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(b),
            Value::Number(number) => Self::Number(Digits(number.as_str().into())),
            Value::String(text) => Self::Text(text.into()),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(map) => Self::Object(map.into()),
        }
    }
}

impl From<Data> for Value {
    fn from(data: Data) -> Self {
        match data {
            Data::Null => Self::Null,
            Data::Bool(b) => Self::Bool(b),
            Data::Number(digits) => digits.0.parse().map_or(Self::Null, Self::Number),
            Data::Text(text) => Self::String(text.into()),
            Data::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Data::Object(fields) => fields.into(),
        }
    }
}

impl From<serde_json::Map<String, Value>> for Fields {
    fn from(map: serde_json::Map<String, Value>) -> Self {
        Self(map.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Data, Digits, Fields};

    fn fields(value: Value) -> Fields {
        let Value::Object(map) = value else { panic!("an object") };
        map.into()
    }

    #[test]
    fn a_field_is_written_at_its_own_place_or_where_the_caller_says() {
        let mut fields = fields(json!({"title": "t", "count": 1}));
        fields.set("title", Data::Text("u".into()));
        fields.set("labels", Data::Bool(true));
        fields.set_first("id", Data::Text("i".into()));
        fields.set_first("count", Data::Number(Digits::parse("2.50").unwrap()));
        let mut written = Vec::new();
        fields.write_json(&mut written);
        assert_eq!(written, br#"{"id":"i","title":"u","count":2.50,"labels":true}"#);
        fields.retain(|name, _| name != "title");
        assert_eq!((fields.get("title"), fields.get("id").and_then(Data::as_str)), (None, Some("i")));
    }

    #[test]
    fn a_number_keeps_its_digits_and_writes_its_exponent_in_one_way() {
        for (text, written) in [
            ("0", "0"),
            ("-7", "-7"),
            ("9223372036854775808", "9223372036854775808"),
            ("1.10", "1.10"),
            ("-0.0", "-0.0"),
            ("1e400", "1e+400"),
            ("1E5", "1e+5"),
            ("1.732E+12", "1.732e+12"),
            ("2e-7", "2e-7"),
        ] {
            let digits = Digits::parse(text).unwrap();
            assert_eq!(digits.as_str(), written);
            assert_eq!(serde_json::from_str::<Value>(text).unwrap().to_string(), written, "as serde_json writes it");
        }
        for text in ["", "-", "007", "-01", "+5", "1.", ".5", "1e", "inf", "NaN", "0x1", " 1"] {
            assert_eq!(Digits::parse(text), None, "{text}");
        }
        assert_eq!(Digits::parse("1e999").unwrap().as_f64(), None);
    }
}
