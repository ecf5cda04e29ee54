//! What is known of one value, and whether all of it can be so.

use std::fmt;

use crate::mapping::expression::reads::quoted;

/// What is said of one value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    /// The value, as jq writes it.
    pub(super) of: String,
    pub(super) test: Test,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// It is one of these.
    In(Vec<Constant>),
    NotIn(Vec<Constant>),
    /// At least so much, and more if `true`.
    From(Constant, bool),
    /// At most so much, and less if `true`.
    To(Constant, bool),
}

/// In jq's order.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Constant {
    Null,
    False,
    True,
    Number(f64),
    Text(String),
}

/// What excludes one another among facts that are to hold together.
pub(super) fn excluded(facts: &[Fact]) -> Option<String> {
    for (i, first) in facts.iter().enumerate() {
        let same: Vec<&Fact> = facts.iter().skip(i).filter(|fact| fact.of == first.of).collect();
        let said = |facts: &[&Fact]| {
            let texts: Vec<String> = facts.iter().map(|fact| format!("`{fact}`")).collect();
            format!("{} exclude one another", texts.join(" and "))
        };
        let pair = same.iter().skip(1).map(|other| [first, *other]).find(|pair| is_empty(pair));
        match pair {
            Some(pair) => return Some(said(&pair)),
            None if same.len() > 2 && is_empty(&same) => return Some(said(&same)),
            None => {}
        }
    }
    None
}

/// Whether no value passes all these tests of one.
fn is_empty(facts: &[&Fact]) -> bool {
    let tests = || facts.iter().map(|fact| &fact.test);
    let finite = tests().find_map(|test| if let Test::In(values) = test { Some(values) } else { None });
    if let Some(values) = finite {
        return !values.iter().any(|value| tests().all(|test| test.passes(value)));
    }
    let crosses = |from: &Constant, more: bool| {
        tests().any(|test| match test {
            Test::To(to, less) => from > to || from == to && (more || *less),
            _ => false,
        })
    };
    tests().any(|test| if let Test::From(from, more) = test { crosses(from, *more) } else { false })
}

impl Test {
    fn passes(&self, value: &Constant) -> bool {
        match self {
            Self::In(values) => values.contains(value),
            Self::NotIn(values) => !values.contains(value),
            Self::From(from, more) => value > from || value == from && !more,
            Self::To(to, less) => value < to || value == to && !less,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of.as_str() {
            "" => ".".to_owned(),
            of if of.contains('|') => format!("({of})"),
            of => of.to_owned(),
        };
        let list = |values: &[Constant]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match &self.test {
            Test::In(values) if values.len() == 1 => write!(f, "{of} == {}", list(values)),
            Test::In(values) => write!(f, "IN({of}; {})", list(values)),
            Test::NotIn(values) if values.len() == 1 => write!(f, "{of} != {}", list(values)),
            Test::NotIn(values) => write!(f, "IN({of}; {}) | not", list(values)),
            Test::From(from, more) => write!(f, "{of} {} {from}", if *more { ">" } else { ">=" }),
            Test::To(to, less) => write!(f, "{of} {} {to}", if *less { "<" } else { "<=" }),
        }
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::False => f.write_str("false"),
            Self::True => f.write_str("true"),
            Self::Number(n) => write!(f, "{n}"),
            Self::Text(text) => f.write_str(&quoted(text)),
        }
    }
}
