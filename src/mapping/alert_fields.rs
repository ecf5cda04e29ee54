//! The fields of the `Alert` data class as a list for people, made of the table that alerts are checked against.

use super::schema::{ALERT, Field, Kind};

/// A field of the `Alert` data class.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AlertField {
    /// Its path, such as `network_list[].src_port`.
    pub path: String,
    /// Its type, in a word or two.
    pub kind: &'static str,
    /// What it takes: bounds, or the allowed words; empty for objects, whose members follow.
    pub takes: String,
}

/// All fields, each before its members.
#[must_use]
pub fn alert_fields() -> Vec<AlertField> {
    let mut rows = Vec::new();
    list("", ALERT, &mut rows);
    rows
}

fn list(path: &str, fields: &[Field], rows: &mut Vec<AlertField>) {
    for field in fields {
        let path = format!("{path}{}", field.name);
        let (kind, takes, members): (_, _, &[Field]) = match field.kind {
            Kind::Text(most) => ("text", format!("up to {most} characters; what is longer is cut"), &[]),
            Kind::Time => {
                ("time", "as `secmaster_time` writes it; other usual spellings are rewritten".to_owned(), &[])
            }
            Kind::Int(from, to) => ("integer", format!("{from} to {to}"), &[]),
            Kind::PortText => ("port as text", "\"0\" to \"65535\"".to_owned(), &[]),
            Kind::Number(from, to) => ("number", format!("{from} to {to}"), &[]),
            Kind::Word(words) => ("word", words.join(" | "), &[]),
            Kind::Object(members) => ("object", String::new(), members),
            Kind::List(members) => ("list of objects", String::new(), members),
            Kind::Tags => ("tags", "an object of at most 50 pairs of texts".to_owned(), &[]),
            Kind::Any => ("anything", "any JSON value".to_owned(), &[]),
        };
        let below = if matches!(field.kind, Kind::List(_)) { format!("{path}[].") } else { format!("{path}.") };
        rows.push(AlertField { path, kind, takes });
        list(&below, members, rows);
    }
}
