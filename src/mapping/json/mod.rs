//! Reads JSON text into a [`Tree`], without copying the texts in it.
//!
//! Strict RFC 8259, with these answers where the RFC leaves a choice: of a repeated name the last value,
//! a lone surrogate becomes U+FFFD, integers of any size and decimals keep their digits. Nesting is bounded, so that
//! a depth bomb costs an error. So is the number of values: one that takes two bytes in a text takes some hundred in
//! memory. An error names line and column and never the content (promise 7).

mod object;
mod reader;
mod tree;

pub(super) use object::{Field, Name, Object};
pub(super) use tree::Tree;

/// How deep arrays and objects may nest. What is made of a record is wrapped, and has to be read again by SecMaster and
/// by programs whose limit is 127, as serde_json's is.
pub(super) const MAX_NESTING: u16 = 100;

/// How many values a text may have, all in one another counted. A large record of honest alerts has one for each 25
/// bytes or more; one of the largest size with this many still makes an alert that fits.
pub(super) const MAX_VALUES: usize = 500_000;
const TOO_MANY_VALUES: &str = "more than 500000 values";

/// Why a text is not JSON, or more of it than is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} at line {line}, column {column}")]
pub(super) struct JsonError {
    problem: &'static str,
    /// Counted from 1.
    line: usize,
    /// Counted from 1, in bytes.
    column: usize,
}

impl JsonError {
    /// Whether the text has more values than are read.
    pub(super) fn is_of_size(&self) -> bool {
        self.problem == TOO_MANY_VALUES
    }
}

/// What is known of all values of a text together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Shape {
    /// How deep arrays and objects nest.
    pub(super) depth: u16,
    /// Whether an object below the outermost array or object has a name with dots.
    pub(super) dots_below: bool,
}

/// Reads a whole text as one value.
pub(super) fn read(text: &[u8]) -> Result<(Tree<'_>, Shape), JsonError> {
    reader::Reader::read(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_NESTING, MAX_VALUES, read};
    use crate::mapping::expression::{Item, to_json};

    fn text(json: &str) -> String {
        to_json(&Item::tree(&read(json.as_bytes()).unwrap().0, 0)).to_string()
    }

    #[test]
    fn numbers_keep_their_digits() {
        for n in ["9007199254740993", "123456789012345678901234567890", "-0.0", "1.10", "73.0", "1e+400"] {
            assert_eq!(text(n), n, "{n}");
        }
        assert_eq!(text("-0"), "0");
    }

    #[test]
    fn of_a_repeated_name_the_last_value_counts() {
        assert_eq!(text(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn a_lone_surrogate_becomes_the_replacement_character() {
        assert_eq!(text(r#""\ud83d\ude00 \ud800 \udc00 \ud800\u0041""#), "\"\u{1f600} \u{fffd} \u{fffd} \u{fffd}A\"");
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place_and_without_its_content() {
        for bad in ["", "{", "{\"a\" 1}", "[1,]", "01", "1.", "tru", "\"\\x\"", "\"a", "{\"a\":1}x", "nan", "\u{1}"] {
            let e = read(bad.as_bytes()).unwrap_err();
            assert!(e.to_string().contains("line 1, column "), "{bad}: {e}");
        }
        let e = read(b"{\"secret\":\n  \"s3cr3t\",\n x}").unwrap_err();
        assert_eq!(e.to_string(), "expected a name in quotation marks at line 3, column 2");
        let e = read(b"\"\xff\"").unwrap_err();
        assert_eq!(e.to_string(), "text that is not UTF-8 at line 1, column 2");
    }

    #[test]
    fn a_depth_bomb_costs_an_error() {
        let bomb = "[".repeat(10_000_000);
        assert!(read(bomb.as_bytes()).unwrap_err().to_string().starts_with("nested too deeply"));
        let deep = usize::from(MAX_NESTING);
        let fits = "[".repeat(deep) + &"]".repeat(deep);
        assert_eq!(read(fits.as_bytes()).unwrap().1.depth, MAX_NESTING);
    }

    #[test]
    fn names_with_dots_below_the_top_are_seen_and_values_with_dots_are_none() {
        for (text, expected) in [
            (r#"{"a":{"b.c":1}}"#, true),
            (r#"{"a":[{"b":1},{"b\u002ec":1}]}"#, true),
            (r#"[{"a.b":1}]"#, true),
            (r#"{"a.b":{"c":"1.2","d":3.4},"e":["x.y"]}"#, false),
            (r#""a.b""#, false),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap().1.dots_below, expected, "{text}");
        }
    }

    #[test]
    fn a_text_of_too_many_values_costs_an_error() {
        let list = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
        assert!(read(list(MAX_VALUES).as_bytes()).is_ok());
        let e = read(list(MAX_VALUES + 1).as_bytes()).unwrap_err();
        assert!(
            e.is_of_size() && e.to_string().starts_with(&format!("more than {MAX_VALUES} values at line 1")),
            "{e}"
        );
        let objects = format!("[{}{{}}]", "{\"a\":[]},".repeat(MAX_VALUES / 2));
        assert!(read(objects.as_bytes()).unwrap_err().is_of_size());
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_as_the_same_value(value in crate::mapping::testing::json()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&self::text(&text)).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_an_answer_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop(read(&bytes));
        }
    }
}
