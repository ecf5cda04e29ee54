//! What can be said of a predicate without any document: that it always or never holds, or compares a thing with what
//! it can never be. For checks; what is not seen here is not wrong.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::Cmp;
use jaq_core::path::Part;

use super::contradiction::contradiction;
use super::inspect;

/// The names that jq's `type` gives.
const TYPES: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];

/// What is certain of a predicate.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Certain {
    /// Whether it holds, whatever the document is.
    pub(crate) holds: Option<bool>,
    /// Whether it assigns (`.a = "x"`) where a comparison was meant.
    pub(crate) assigns: bool,
    /// The words that `type` is compared with and never gives.
    pub(crate) impossible_types: Vec<String>,
    /// Which comparisons exclude one another, where it never holds because of such; as words for people.
    pub(crate) excluded: Option<String>,
}

/// Looks at a predicate.
pub(crate) fn certain(source: &str) -> Certain {
    let Some(term) = inspect::inspect(source).term else { return Certain::default() };
    let mut impossible_types = Vec::new();
    compared(&term, &|term| ends_in_type(term), &mut |word| {
        if !TYPES.contains(&word) {
            impossible_types.push(word.to_owned());
        }
    });
    // An assignment gives the document, which is never false.
    let whole = matches!(&term, Term::BinOp(_, BinaryOp::Assign, _));
    let holds = if whole { Some(true) } else { holds(&term) };
    let excluded = if holds.is_none() { contradiction(&term) } else { None };
    let holds = if excluded.is_some() { Some(false) } else { holds };
    Certain { holds, assigns: assigns(&term), impossible_types, excluded }
}

/// The words that a top-level field, such as `.severity`, is compared with.
pub(crate) fn words_compared_with(source: &str, field: &str) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(term) = inspect::inspect(source).term {
        compared(&term, &|term| is_field(term, field), &mut |word| words.push(word.to_owned()));
    }
    words
}

/// The texts that a top-level field is compared with by order (`<`, `>=`), which is that of the letters.
pub(crate) fn words_ordered_with(source: &str, field: &str) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(term) = inspect::inspect(source).term {
        let by_order = |compared: &Cmp| !matches!(compared, Cmp::Eq | Cmp::Ne);
        comparisons(&term, &by_order, &|term| is_field(term, field), &mut |word| words.push(word.to_owned()));
    }
    words
}

/// Whether it assigns with `=` where it decides.
fn assigns(term: &Term<&str>) -> bool {
    match term {
        Term::BinOp(_, BinaryOp::Assign, _) => true,
        Term::BinOp(left, BinaryOp::And | BinaryOp::Or, right) => assigns(left) || assigns(right),
        Term::BinOp(left, BinaryOp::Pipe(None), right) => {
            matches!(&**right, Term::Call("not", _)) && assigns(left) || assigns(right)
        }
        _ => false,
    }
}

fn holds(term: &Term<&str>) -> Option<bool> {
    match term {
        Term::Num(_) | Term::Arr(_) => Some(true),
        Term::Str(None, parts) if text(parts).is_some() => Some(true),
        Term::Call("true", args) if args.is_empty() => Some(true),
        Term::Call("false" | "null" | "empty", args) if args.is_empty() => Some(false),
        Term::BinOp(left, operator, right) => match operator {
            BinaryOp::And => match (holds(left), holds(right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            BinaryOp::Or => match (holds(left), holds(right)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            BinaryOp::Pipe(None) => match &**right {
                Term::Call("not", args) if args.is_empty() => holds(left).map(|holds| !holds),
                right => holds(right),
            },
            BinaryOp::Cmp(compared) => {
                let (left, right) = (scalar(left)?, scalar(right)?);
                match compared {
                    Cmp::Eq => Some(left == right),
                    Cmp::Ne => Some(left != right),
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// A constant, in words that are equal only where the constants are.
fn scalar(term: &Term<&str>) -> Option<String> {
    match term {
        Term::Num(digits) => Some(format!("n{digits}")),
        Term::Str(None, parts) => text(parts).map(|text| format!("s{text}")),
        Term::Call(name @ ("true" | "false" | "null"), args) if args.is_empty() => Some((*name).to_owned()),
        _ => None,
    }
}

/// A text without anything computed in it.
pub(super) fn text(parts: &[StrPart<&str, Term<&str>>]) -> Option<String> {
    let part = |part: &StrPart<&str, Term<&str>>| match part {
        StrPart::Str(text) => Some((*text).to_owned()),
        StrPart::Char(c) => Some(c.to_string()),
        StrPart::Term(_) => None,
    };
    parts.iter().map(part).collect()
}

/// The constant texts that terms of a kind are compared with by `==` or `!=`, anywhere.
fn compared(term: &Term<&str>, of_kind: &dyn Fn(&Term<&str>) -> bool, found: &mut dyn FnMut(&str)) {
    comparisons(term, &|compared| matches!(compared, Cmp::Eq | Cmp::Ne), of_kind, found);
}

fn comparisons(
    term: &Term<&str>,
    operators: &dyn Fn(&Cmp) -> bool,
    of_kind: &dyn Fn(&Term<&str>) -> bool,
    found: &mut dyn FnMut(&str),
) {
    match term {
        Term::BinOp(left, BinaryOp::Cmp(compared), right) if operators(compared) => {
            for (one, other) in [(left, right), (right, left)] {
                if of_kind(one) {
                    texts(other, found);
                }
            }
        }
        // `IN(.severity; "High", "Fatal")`, and behind a pipe `IN("High", "Fatal")`
        Term::Call("IN", args) if operators(&Cmp::Eq) => match args.as_slice() {
            [words] if of_kind(&Term::Id) => texts(words, found),
            [one, words] if of_kind(one) => texts(words, found),
            _ => {}
        },
        Term::Call("select", args) => args.iter().for_each(|term| comparisons(term, operators, of_kind, found)),
        Term::BinOp(left, BinaryOp::And | BinaryOp::Or, right) => {
            comparisons(left, operators, of_kind, found);
            comparisons(right, operators, of_kind, found);
        }
        Term::BinOp(left, BinaryOp::Pipe(None), right) if matches!(**right, Term::Call("not", _)) => {
            comparisons(left, operators, of_kind, found);
        }
        // `.severity | . == "High" or . == "Fatal"`
        Term::BinOp(left, BinaryOp::Pipe(None), right) if of_kind(left) => {
            comparisons(right, operators, &|term| matches!(term, Term::Id), found);
        }
        // `.a | type == "text"`: behind a pipe, `type` is `type`, and a path another one.
        Term::BinOp(_, BinaryOp::Pipe(None), right) if of_kind(&Term::Call("type", Vec::new())) => {
            comparisons(right, operators, of_kind, found);
        }
        _ => {}
    }
}

/// The constant texts that a term gives: one, or several with commas between them.
fn texts(term: &Term<&str>, found: &mut dyn FnMut(&str)) {
    match term {
        Term::Str(None, parts) => text(parts).iter().for_each(|text| found(text)),
        Term::BinOp(left, BinaryOp::Comma, right) => {
            texts(left, found);
            texts(right, found);
        }
        _ => {}
    }
}

fn ends_in_type(term: &Term<&str>) -> bool {
    match term {
        Term::Call("type", args) => args.is_empty(),
        Term::BinOp(_, BinaryOp::Pipe(_), right) => ends_in_type(right),
        _ => false,
    }
}

fn is_field(term: &Term<&str>, field: &str) -> bool {
    let Term::Path(base, path) = term else { return false };
    matches!(**base, Term::Id)
        && matches!(path.0.as_slice(), [(Part::Index(Term::Str(None, parts)), _)] if text(parts).as_deref() == Some(field))
}

#[cfg(test)]
mod tests {
    use super::{certain, words_compared_with, words_ordered_with};

    #[test]
    fn what_always_or_never_holds_is_seen() {
        for (source, expected) in [
            ("true", Some(true)),
            ("false", Some(false)),
            (".a and false", Some(false)),
            (".a == \"x\" or \"y\"", Some(true)),
            ("(.a | not) and null", Some(false)),
            ("true | not", Some(false)),
            ("\"a\" == \"b\"", Some(false)),
            ("1 == 1", Some(true)),
            (".a == \"x\"", None),
            ("has(\"a\")", None),
            (".a and true", None),
            ("\"\\(.a)\" == \"x\"", None),
        ] {
            assert_eq!(certain(source).holds, expected, "{source}");
        }
    }

    #[test]
    fn an_assignment_and_a_type_that_there_is_not_are_seen() {
        assert!(certain(".vendor = \"acme\"").assigns);
        assert_eq!(certain("(.a | type) == \"text\" and .b").impossible_types, ["text"]);
        assert!(certain("(.a | type) == \"string\"").impossible_types.is_empty());
    }

    #[test]
    fn an_order_of_words_and_an_assignment_inside_are_seen() {
        let source = ".a and (.severity >= \"Medium\" or (\"Low\" < .severity | not)) or .severity == \"High\"";
        assert_eq!(words_ordered_with(source, "severity"), ["Medium", "Low"]);
        assert!(words_ordered_with(".n > 3 or .severity == \"High\"", "severity").is_empty());
        assert!(certain("(.a = 1) and .b").assigns && certain("(.a = 1) and .b").holds.is_none());
        assert_eq!(words_compared_with(".severity | . == \"a\" or . != \"b\"", "severity"), ["a", "b"]);
    }

    #[test]
    fn the_words_that_a_field_is_compared_with_are_found() {
        let source = ".severity == \"High\" or (\"critical\" == .severity and .a.severity == \"x\")";
        assert_eq!(words_compared_with(source, "severity"), ["High", "critical"]);
        for source in [
            ".severity | IN(\"a\", \"b\")",
            "IN(.severity; \"a\", \"b\") | not",
            ".severity == (\"a\", \"b\") and IN(.other; \"c\") and IN(\"d\")",
            "select(.x and .severity != \"a\" and (\"b\" == .severity))",
        ] {
            assert_eq!(words_compared_with(source, "severity"), ["a", "b"], "{source}");
            assert!(words_ordered_with(source, "severity").is_empty());
        }
        assert_eq!(
            certain(".x and (.a | .b | type == \"text\" or (type | IN(\"list\")))").impossible_types,
            ["text", "list"]
        );
    }
}
