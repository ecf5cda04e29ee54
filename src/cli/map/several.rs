//! A file that holds several JSON values, taken as the one record that `map` takes it for: how to say it otherwise.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// What to do about a text that is no JSON because it holds more than one object or list; nothing for any other.
pub(super) fn advice(text: &[u8]) -> Option<&'static str> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines = text.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let is_value = |line: &[u8]| begins_one(line) && serde_json::from_slice::<IgnoredAny>(line).is_ok();
    match (lines.next(), lines.next()) {
        (Some(first), Some(second)) if is_value(first) && begins_one(second) => {
            Some("it holds several lines of JSON: with --lines each line is a record of its own")
        }
        _ if is_several(text) => Some(
            "it holds several JSON values: put each into a file of its own, or on a line of its own (`jq -c . FILE`) \
             and give --lines",
        ),
        _ => None,
    }
}

fn begins_one(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Whether a whole value is followed by the beginning of another one.
fn is_several(text: &[u8]) -> bool {
    let mut values = Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    let is_first = begins_one(text) && values.next().is_some_and(|value| value.is_ok());
    is_first && text.get(values.byte_offset()..).is_some_and(begins_one)
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn lines_of_json_are_told_from_values_over_several_lines_and_from_what_is_neither() {
        let says = |text: &str, what: &str| advice(text.as_bytes()).is_some_and(|advice| advice.contains(what));
        for lines in ["{}\n{}", "\u{feff}{\"a\":1}\r\n\r\n{\"a\":2}\r\n", "[1]\n{\"cut off"] {
            assert!(says(lines, "with --lines"), "{lines}");
        }
        for several in ["{\n\"a\": 1\n}\n{\n\"a\": 2\n}", "{} {}", "[\n]\n["] {
            assert!(says(several, "several JSON values"), "{several}");
        }
        for neither in ["", "{}", "{\n}", "{\"a\": 1", "not json\nat all", "1\n2", "{} x", "{}\nx", "<1>CEF:0|\n{}\n{}"]
        {
            assert_eq!(advice(neither.as_bytes()), None, "{neither}");
        }
    }
}
