//! How a predicate came out, for people: [`Expression::holds`] with the reason.

use std::fmt;

use super::{Document, Env, Expression, Fault};

/// How a predicate came out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// Its first result is `false`.
    False,
    /// Its first result is `null`.
    Null,
    /// It gives no result.
    Nothing,
    /// It fails, which is no match; types and never values.
    Fails(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("true"),
            Self::False => f.write_str("false"),
            Self::Null => f.write_str("null"),
            Self::Nothing => f.write_str("no result"),
            Self::Fails(why) => f.write_str(why),
        }
    }
}

impl Expression {
    /// How the predicate comes out. Costs two evaluations where it does not hold.
    pub(crate) fn verdict(&self, input: &Document<'_>, env: &Env) -> Verdict {
        if self.holds(input, env) {
            return Verdict::Holds;
        }
        match self.all(input, env) {
            Err(Fault(why)) => Verdict::Fails(why),
            Ok(results) => match results.first().map(Document::item) {
                None => Verdict::Nothing,
                Some(first) if first.is_null() => Verdict::Null,
                Some(first) if !first.holds() => Verdict::False,
                // `holds` looked at the same first result; it can only have spent its budget.
                Some(other) => Verdict::Fails(format!("it costs too much ({})", other.is_of().name())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Verdict;
    use crate::mapping::expression::{Env, Expression, from_json};

    #[test]
    fn a_predicate_says_why_it_does_not_hold() {
        let verdict = |source: &str| {
            Expression::compile(source).unwrap().verdict(&from_json(&json!({"a": "x"})), &Env::default())
        };
        assert_eq!(verdict(".a == \"x\""), Verdict::Holds);
        assert_eq!(verdict("has(\"b\")"), Verdict::False);
        assert_eq!(verdict(".b"), Verdict::Null);
        assert_eq!(verdict(".b[]?"), Verdict::Nothing);
        assert_eq!(verdict(".a.b == 1").to_string(), "cannot index string with string");
    }
}
