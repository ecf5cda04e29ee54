//! Comparisons of one value with constants that exclude one another: `.severity == "High" and .severity == "Low"`.
//!
//! Certain, or nothing: only plain paths and few functions of them are looked at, which give one value, the same one each
//! time. All values have one order, so what `<` and its like leave is told whatever the type. For checks.

mod facts;

use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::Cmp;

use self::facts::{Constant, Fact, Test, excluded};
use super::reads::plain;
use super::truth::text;

/// Conditions with more ways to hold are not looked at.
const MOST_WAYS: usize = 64;
/// In how many comparisons together is looked for such that exclude one another.
const MOST_FACTS: usize = 64;
/// Integers beyond are not told apart.
const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;
/// Functions without arguments that give one value for one value.
const OF_ONE: [&str; 6] = ["ascii_downcase", "ascii_upcase", "floor", "length", "tostring", "type"];

/// Why a predicate never holds: the comparisons that exclude one another, in words. Where there are several ways to hold, of
/// the first.
pub(super) fn contradiction(term: &Term<&str>) -> Option<String> {
    let ways = ways(term, "", false)?;
    let mut why = None;
    for facts in &ways {
        let excluded = excluded(facts)?;
        why.get_or_insert(excluded);
    }
    why
}

/// The ways in which a condition on `of` can hold (or not hold, if `negated`), each with what is known of it then; none
/// where they are too many.
fn ways(term: &Term<&str>, of: &str, negated: bool) -> Option<Vec<Vec<Fact>>> {
    let unknown = || Some(vec![Vec::new()]);
    let fact = |fact: Option<Fact>| Some(vec![fact.into_iter().collect()]);
    match term {
        Term::BinOp(_, operator @ (BinaryOp::And | BinaryOp::Or), _) => {
            let is_and = matches!(operator, BinaryOp::And);
            let few = |ways: &[Vec<Fact>]| ways.len() <= MOST_WAYS && ways.iter().all(|way| way.len() <= MOST_FACTS);
            let mut operands = operands(term, is_and).into_iter().map(|operand| ways(operand, of, negated));
            operands.next()?.and_then(|first| {
                operands.try_fold(first, |all, more| {
                    let all = if is_and == negated { [all, more?].concat() } else { every(&all, &more?) };
                    few(&all).then_some(all)
                })
            })
        }
        Term::BinOp(left, BinaryOp::Pipe(None), right) => match &**right {
            Term::Call("not", args) if args.is_empty() => ways(left, of, !negated),
            right => match subject(left, of) {
                Some(of) => ways(right, &of, negated),
                None => unknown(),
            },
        },
        Term::Call("select", args) if !negated => match args.as_slice() {
            [condition] if of.is_empty() => ways(condition, of, false),
            _ => unknown(),
        },
        Term::Call("IN", args) => {
            let found = match args.as_slice() {
                [words] => Some((subject(&Term::Id, of), words)),
                [value, words] => Some((subject(value, of), words)),
                _ => None,
            };
            let Some((Some(of), words)) = found else { return unknown() };
            let test = constants(words).map(|words| if negated { Test::NotIn(words) } else { Test::In(words) });
            fact(test.map(|test| Fact { of, test }))
        }
        Term::BinOp(left, BinaryOp::Cmp(operator), right) => fact(comparison(left, *operator, right, of, negated)),
        _ => unknown(),
    }
}

/// What stands between a row of the same operator, which may be long.
fn operands<'t, 's>(term: &'t Term<&'s str>, is_and: bool) -> Vec<&'t Term<&'s str>> {
    let (mut first, mut others) = (term, Vec::new());
    while let Term::BinOp(left, operator, right) = first
        && (is_and && matches!(operator, BinaryOp::And) || !is_and && matches!(operator, BinaryOp::Or))
    {
        others.push(&**right);
        first = left;
    }
    others.push(first);
    others.reverse();
    others
}

/// Each way of the one with each of the other.
fn every(one: &[Vec<Fact>], other: &[Vec<Fact>]) -> Vec<Vec<Fact>> {
    let with = |one: &Vec<Fact>| other.iter().map(|other| [one.as_slice(), other].concat()).collect::<Vec<_>>();
    one.iter().flat_map(with).collect()
}

/// A comparison of a value with a constant, on whichever side that is.
fn comparison(left: &Term<&str>, operator: Cmp, right: &Term<&str>, of: &str, negated: bool) -> Option<Fact> {
    let (of, constant, turned) = match (subject(left, of), constant(right)) {
        (Some(of), Some(constant)) => (of, constant, false),
        _ => (subject(right, of)?, constant(left)?, true),
    };
    let test = match operator {
        Cmp::Eq | Cmp::Ne if matches!(operator, Cmp::Eq) != negated => Test::In(vec![constant]),
        Cmp::Eq | Cmp::Ne => Test::NotIn(vec![constant]),
        Cmp::Lt | Cmp::Le | Cmp::Gt | Cmp::Ge => {
            let strict = matches!(operator, Cmp::Lt | Cmp::Gt) != negated;
            let is_from = (matches!(operator, Cmp::Gt | Cmp::Ge) != turned) != negated;
            if is_from { Test::From(constant, strict) } else { Test::To(constant, strict) }
        }
    };
    Some(Fact { of, test })
}

/// The one value that a term gives, as jq writes it: a plain path from `of`, or from `$record`, or a function of such.
fn subject(term: &Term<&str>, of: &str) -> Option<String> {
    match term {
        Term::Call(name, args) if args.is_empty() && OF_ONE.contains(name) => {
            Some(if of.is_empty() { (*name).to_owned() } else { format!("{of} | {name}") })
        }
        Term::BinOp(left, BinaryOp::Pipe(None), right) => subject(right, &subject(left, of)?),
        term => {
            let (path, true) = plain(term)? else { return None };
            match path.as_str() {
                path if path.starts_with("$record") => Some(path.to_owned()),
                "" | "." => Some(of.to_owned()),
                // Of what a function gives, the path is another's.
                _ if of.contains('|') => None,
                path => Some(format!("{of}{path}")),
            }
        }
    }
}

fn constant(term: &Term<&str>) -> Option<Constant> {
    match term {
        Term::Str(None, parts) => text(parts).map(Constant::Text),
        Term::Num(digits) => digits.parse().ok().filter(|n: &f64| n.abs() < MAX_INTEGER).map(Constant::Number),
        Term::Neg(inner) => match constant(inner)? {
            Constant::Number(n) => Some(Constant::Number(-n)),
            _ => None,
        },
        Term::Call("null", args) if args.is_empty() => Some(Constant::Null),
        Term::Call("false", args) if args.is_empty() => Some(Constant::False),
        Term::Call("true", args) if args.is_empty() => Some(Constant::True),
        _ => None,
    }
}

/// Constants with commas between them.
fn constants(term: &Term<&str>) -> Option<Vec<Constant>> {
    match term {
        Term::BinOp(left, BinaryOp::Comma, right) => Some([constants(left)?, constants(right)?].concat()),
        term => constant(term).map(|constant| vec![constant]),
    }
}

#[cfg(test)]
mod tests;
