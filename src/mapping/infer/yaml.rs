//! Draft files as text: JSON values in YAML's flow style, expressions in single quotes.

use serde_json::Value;

use crate::mapping::expression::quoted;

/// How wide a line may be before a value is laid out over several.
const WIDTH: usize = 110;

/// An expression as a YAML text.
pub(super) fn expression(source: &str) -> String {
    format!("'{}'", source.replace('\'', "''"))
}

/// A remark on one line.
pub(super) fn remark(text: &str) -> String {
    let mut text: String =
        text.chars().map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c }).collect();
    text.retain(|c| !matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}'));
    format!("# {text}")
}

/// A value that begins at some indentation, over several lines where it is long.
pub(super) fn value(value: &Value, indent: usize) -> String {
    let mut text = String::new();
    write(&mut text, value, indent);
    text
}

fn write(text: &mut String, value: &Value, indent: usize) {
    let flat = flat(value);
    if flat.len() + indent <= WIDTH {
        text.push_str(&flat);
        return;
    }
    let pad = " ".repeat(indent + 2);
    match value {
        Value::Array(items) => {
            text.push_str("[\n");
            for (i, item) in items.iter().enumerate() {
                text.push_str(&pad);
                write(text, item, indent + 2);
                text.push_str(if i + 1 < items.len() { ",\n" } else { "\n" });
            }
            text.push_str(&format!("{}]", " ".repeat(indent)));
        }
        Value::Object(fields) => {
            text.push_str("{\n");
            for (i, (name, value)) in fields.iter().enumerate() {
                text.push_str(&format!("{pad}{}: ", quoted(name)));
                write(text, value, indent + 2);
                text.push_str(if i + 1 < fields.len() { ",\n" } else { "\n" });
            }
            text.push_str(&format!("{}}}", " ".repeat(indent)));
        }
        _ => text.push_str(&flat),
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{}: {}", quoted(name), flat(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
