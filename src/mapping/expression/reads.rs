//! Which parts of a document an expression looks at: the plain paths in it that begin at the document or at `$record`.
//!
//! For people and for checks, so a best effort: behind a pipe, where the input is another, only `$record` is looked for,
//! and computed paths are left out.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::path::Part;

use super::inspect;

/// Functions whose arguments see the function's own input.
const SAME_INPUT: &[&str] = &["select", "first", "last", "has", "any", "all", "error", "isempty", "limit", "IN"];

/// The paths, as jq writes them, each once, in their order: `.a."b.c"[0]`, `$record.key`.
pub(crate) fn reads(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(term) = inspect::inspect(source).term {
        collect(&term, &mut found);
    }
    found
}

/// A plain path of names, as jq writes it.
pub(in crate::mapping) fn path<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        text.push('.');
        push_name(&mut text, name);
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

fn push_name(text: &mut String, name: &str) {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if plain {
        text.push_str(name);
    } else {
        text.push_str(&quoted(name));
    }
}

/// A text as jq and JSON write it. A backslash before a parenthesis cannot come about: a backslash is doubled.
pub(in crate::mapping) fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in serde_json::Value::from(text).to_string().chars() {
        // What YAML takes for a line's end, or not at all.
        if matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            quoted.push(c);
        }
    }
    quoted
}

fn collect(term: &Term<&str>, found: &mut Vec<String>) {
    match term {
        Term::Path(base, parts) => {
            if let Some((text, whole)) = plain(term) {
                if !matches!(text.as_str(), "" | ".") && !found.contains(&text) {
                    found.push(text);
                }
                if whole {
                    return;
                }
            } else {
                collect(base, found);
            }
            for (part, _) in &parts.0 {
                match part {
                    Part::Index(index) => collect(index, found),
                    Part::Range(from, to) => from.iter().chain(to).for_each(|term| collect(term, found)),
                }
            }
        }
        Term::Str(_, parts) => parts.iter().for_each(|part| {
            if let StrPart::Term(term) = part {
                collect(term, found);
            }
        }),
        Term::Arr(inner) => inner.iter().for_each(|term| collect(term, found)),
        Term::Obj(entries) => entries.iter().for_each(|(key, value)| match (key, value) {
            // `{name}` is `{name: .name}`.
            (Term::Str(None, parts), None) => {
                if let [StrPart::Str(name)] = parts.as_slice() {
                    let text = path([*name]);
                    if !found.contains(&text) {
                        found.push(text);
                    }
                }
            }
            (key, value) => {
                collect(key, found);
                value.iter().for_each(|term| collect(term, found));
            }
        }),
        Term::Neg(inner) | Term::Label(_, inner) | Term::Def(_, inner) => collect(inner, found),
        // Behind a plain pipe the input is another; behind a binding it is the same.
        Term::BinOp(left, BinaryOp::Pipe(None), right) => {
            collect(left, found);
            if matches!(**left, Term::Id) {
                collect(right, found);
            } else {
                // `$record` is the same everywhere.
                let mut behind = Vec::new();
                collect(right, &mut behind);
                behind.retain(|path| path.starts_with("$record") && !found.contains(path));
                found.append(&mut behind);
            }
        }
        Term::BinOp(left, _, right) => {
            collect(left, found);
            collect(right, found);
        }
        Term::Fold(_, over, ..) => collect(over, found),
        Term::TryCatch(body, _) => collect(body, found),
        Term::IfThenElse(branches, otherwise) => {
            branches.iter().for_each(|(condition, then)| {
                collect(condition, found);
                collect(then, found);
            });
            otherwise.iter().for_each(|term| collect(term, found));
        }
        Term::Call(name, args) if SAME_INPUT.contains(name) => args.iter().for_each(|term| collect(term, found)),
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Call(..) | Term::Var(_) => {}
    }
}

/// The plain beginning of a path, and whether that is all of it.
pub(super) fn plain(term: &Term<&str>) -> Option<(String, bool)> {
    match term {
        Term::Id => Some((String::new(), true)),
        Term::Var("$record") => Some(("$record".to_owned(), true)),
        Term::Path(base, path) => {
            let (mut text, true) = plain(base)? else { return plain(base) };
            for (part, _) in &path.0 {
                let Part::Index(index) = part else { return Some((text, false)) };
                match index {
                    Term::Str(None, parts) => match parts.as_slice() {
                        [StrPart::Str(name)] => {
                            text.push('.');
                            push_name(&mut text, name);
                        }
                        _ => return Some((text, false)),
                    },
                    Term::Num(digits) => {
                        text.push_str(if text.is_empty() { ".[" } else { "[" });
                        text.push_str(digits);
                        text.push(']');
                    }
                    _ => return Some((text, false)),
                }
            }
            Some((if text.is_empty() { ".".to_owned() } else { text }, true))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{path, reads};

    #[test]
    fn the_paths_that_begin_at_the_document_are_found() {
        for (source, expected) in [
            (".a.b", &[".a.b"][..]),
            ("._time | secmaster_time", &["._time"]),
            (".\"x.y\" // .[\"z\"].a[0] // \"d\"", &[".\"x.y\"", ".z.a[0]"]),
            ("if .a then [.b[]?.c] else {d, e: .f} end", &[".a", ".b", ".d", ".f"]),
            (".a as $x | .b | .c", &[".a", ".b"]),
            ("\"\\(.rule), \\($record.key)\"", &[".rule", "$record.key"]),
            ("select(.a == 1) | .b", &[".a"]),
            ("(.a // [])[0].b", &[".a"]),
            (". | .a", &[".a"]),
            (".a[] | {b, c: $record.key} | .d", &[".a", "$record.key"]),
            (".", &[]),
            ("\"x\"", &[]),
        ] {
            assert_eq!(reads(source), expected, "{source}");
        }
    }

    #[test]
    fn a_path_of_names_is_quoted_where_jq_needs_it() {
        assert_eq!(path(["a", "b.c", "0", "\u{e9}\"\\("]), ".a.\"b.c\".\"0\".\"\u{e9}\\\"\\\\(\"");
        assert_eq!(path([]), ".");
    }
}
