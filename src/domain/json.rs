//! Compact JSON text of what is sent. Writing it cannot fail, so that no request leaves without its whole body
//! (promise 3). The bytes are those that serde_json writes, but for `-0`, which is `0`.

use super::{Data, Fields};

/// Writes a text in quotes, escaped.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for run in text.as_bytes().split_inclusive(|byte| is_escaped(*byte)) {
        match run.split_last() {
            Some((last, plain)) if is_escaped(*last) => {
                out.extend_from_slice(plain);
                write_escaped(*last, out);
            }
            _ => out.extend_from_slice(run),
        }
    }
    out.push(b'"');
}

impl Data {
    /// Writes the value.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            // The one whole number that has two texts: bodies have always had the shorter one.
            Self::Number(digits) if digits.as_str() == "-0" => out.push(b'0'),
            Self::Number(digits) => out.extend_from_slice(digits.as_str().as_bytes()),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    separate(place, out);
                    item.write_json(out);
                }
                out.push(b']');
            }
            Self::Object(fields) => fields.write_json(out),
        }
    }
}

impl Fields {
    /// Writes the object.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (name, value)) in self.iter().enumerate() {
            separate(place, out);
            write_text(name, out);
            out.push(b':');
            value.write_json(out);
        }
        out.push(b'}');
    }
}

fn separate(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

const fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

fn write_escaped(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        control => {
            let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(control >> 4), digit(control & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Data, write_text};
    use crate::domain::Digits;

    fn written(data: &Data) -> String {
        let mut out = Vec::new();
        data.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_character_is_escaped_as_serde_json_does() {
        for text in (0..=0x0250).chain([0xd7ff, 0xe000, 0xfffd, 0x1f600]).filter_map(char::from_u32) {
            let mut out = Vec::new();
            write_text(&format!("a{text}{text}b"), &mut out);
            assert_eq!(out, serde_json::to_vec(&format!("a{text}{text}b")).unwrap(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_written_with_their_digits() {
        for (text, as_written) in [
            ("0", "0"),
            ("-0", "0"),
            ("-7", "-7"),
            ("9223372036854775808", "9223372036854775808"),
            ("1.10", "1.10"),
            ("-0.0", "-0.0"),
            ("1E5", "1e+5"),
        ] {
            assert_eq!(written(&Data::Number(Digits::parse(text).unwrap())), as_written);
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<Option<bool>>().prop_map(|b| json!(b)),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_serde_json_writes(value in values()) {
            let data = Data::from(value.clone());
            prop_assert_eq!(written(&data), value.to_string());
            prop_assert_eq!(data.is_nothing(), matches!(value.to_string().as_str(), "null" | "{}" | "[]"));
            prop_assert_eq!(Value::from(data), value);
        }
    }
}
