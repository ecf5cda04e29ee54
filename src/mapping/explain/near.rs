//! Which part of a `match` did not hold, where the parts can be told apart.

use crate::mapping::expression::{Document, Env, Expression};

/// The parts of a predicate that hold, counted, and the first that does not; `None` where it is no plain `and`.
pub(super) fn failed_part(source: &str, document: &Document<'_>, env: &Env) -> Option<(usize, String)> {
    let parts = conjuncts(source)?;
    let holds = |part: &&str| Expression::compile(part).is_ok_and(|part| part.holds(document, env));
    let failed = parts.iter().find(|part| !holds(part))?;
    Some((parts.iter().filter(|part| holds(part)).count(), (*failed).to_owned()))
}

/// The operands of `and` at the top of a predicate.
fn conjuncts(source: &str) -> Option<Vec<&str>> {
    let (mut depth, mut quoted, mut escaped, mut from) = (0_i32, false, false, 0);
    let mut parts = Vec::new();
    for (at, c) in source.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            // These bind less than `and`: what is between is no operand of it.
            '|' | ',' | ';' | '#' if depth == 0 => return None,
            _ if depth == 0 => {
                let rest = source.get(at..)?;
                if rest.starts_with(" or ") || rest.starts_with("//") || rest.starts_with(" as ") {
                    return None;
                }
                if rest.starts_with(" and ") {
                    parts.push(source.get(from..at)?.trim());
                    from = at + 5;
                }
            }
            _ => {}
        }
    }
    parts.push(source.get(from..)?.trim());
    (parts.len() > 1).then_some(parts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{conjuncts, failed_part};
    use crate::mapping::expression::{Env, from_json};

    #[test]
    fn the_first_part_that_does_not_hold_is_told() {
        let document = from_json(&json!({"a": 1, "b": "x and y"}));
        let of = |source: &str| failed_part(source, &document, &Env::default());
        assert_eq!(of(".a == 1 and (.c | type) == \"number\""), Some((1, "(.c | type) == \"number\"".to_owned())));
        assert_eq!(of(".b == \"x and z\" and .a == 1"), Some((1, ".b == \"x and z\"".to_owned())));
        assert_eq!(of(".a == 1 and .b"), None, "all hold");
    }

    #[test]
    fn only_a_plain_and_is_taken_apart() {
        for source in [".a", ".a and .b or .c", ".a | .b and .c", ".a // .b and .c"] {
            assert_eq!(conjuncts(source), None, "{source}");
        }
        assert_eq!(conjuncts("(.a and .b) and .c"), Some(vec!["(.a and .b)", ".c"]));
    }
}
