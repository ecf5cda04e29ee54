//! Looks at an expression before it is compiled: functions that are refused, whether it needs `$record`, and whether
//! it is a plain path.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::{Opt, Part};
use jaq_json::Val;

use super::item::Key;

/// Functions of jq, and of jaq's own layer below them, that a mapping must not use: they read the environment, the
/// clock, the local time zone or other inputs, write somewhere, or end the process.
pub(super) const FORBIDDEN: &[&str] = &[
    "env",
    "now",
    "input",
    "inputs",
    "input_filename",
    "input_line_number",
    "debug",
    "stderr",
    "debug_empty",
    "stderr_empty",
    "halt",
    "halt_error",
    "localtime",
    "strflocaltime",
    "mktime_local",
    "get_search_list",
    "modulemeta",
    "repl",
    "limit_inputs",
];

/// One step of a plain path.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) key: Key,
    /// Whether the step is followed by `?`.
    pub(super) optional: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings<'s> {
    /// What is refused first, as a sentence.
    pub(super) refused: Option<String>,
    pub(super) uses_record: bool,
    /// The expression as a tree.
    pub(super) term: Option<Term<&'s str>>,
    /// The path, if the expression is nothing else.
    pub(super) path: Option<Vec<Step>>,
    /// Every call, by name and number of arguments.
    pub(super) calls: Vec<(String, usize)>,
}

impl Findings<'_> {
    fn refuse(&mut self, name: &str) {
        self.refused.get_or_insert_with(|| {
            format!("`{name}` is not allowed in an expression: the result may depend on nothing but the record")
        });
    }
}

/// Inspects the text of an expression. A text that does not parse has no findings; compiling it tells what is wrong.
pub(super) fn inspect(source: &str) -> Findings<'_> {
    let mut findings = Findings::default();
    if let Some(word) = source.split_whitespace().next().filter(|w| ["import", "include", "module"].contains(w)) {
        findings.refuse(word);
        return findings;
    }
    if let Some(term) = jaq_core::load::parse(source, |p| p.term()) {
        term_in(&term, &mut findings);
        findings.path = plain_path(&term);
        findings.term = Some(term);
    }
    findings
}

fn plain_path(term: &Term<&str>) -> Option<Vec<Step>> {
    match term {
        Term::Id => Some(Vec::new()),
        Term::Path(base, path) => {
            let mut steps = plain_path(base)?;
            for (part, opt) in &path.0 {
                let Part::Index(index) = part else { return None };
                let val = match index {
                    Term::Str(None, parts) => match parts.as_slice() {
                        [] => Val::utf8_str(""),
                        [StrPart::Str(text)] => Val::utf8_str((*text).to_owned()),
                        _ => return None,
                    },
                    Term::Num(digits) => Val::from(digits.parse::<isize>().ok()?),
                    _ => return None,
                };
                steps.push(Step { key: Key::of(&val)?, optional: matches!(opt, Opt::Optional) });
            }
            Some(steps)
        }
        _ => None,
    }
}

/// The functions that a definition calls.
pub(super) fn calls_of(definition: &Def<&str>) -> Vec<String> {
    let mut found = Findings::default();
    term_in(&definition.body, &mut found);
    found.calls.into_iter().map(|(name, _)| name).collect()
}

fn term_in(term: &Term<&str>, found: &mut Findings<'_>) {
    let mut go = |term: &Term<&str>| term_in(term, found);
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) => {}
        Term::Str(format, parts) => {
            for part in parts {
                if let StrPart::Term(term) = part {
                    go(term);
                }
            }
            found.calls.extend(format.map(|name| (name.to_owned(), 0)));
        }
        Term::Arr(inner) => inner.iter().for_each(|term| go(term)),
        Term::Obj(entries) => entries.iter().for_each(|(k, v)| {
            go(k);
            v.iter().for_each(&mut go);
        }),
        Term::Neg(inner) | Term::Label(_, inner) => go(inner),
        Term::BinOp(l, op, r) => {
            go(l);
            go(r);
            if let BinaryOp::Pipe(Some(pattern)) = op {
                pattern_in(pattern, found);
            }
        }
        Term::Fold(_, over, pattern, args) => {
            go(over);
            args.iter().for_each(&mut go);
            pattern_in(pattern, found);
        }
        Term::TryCatch(body, handler) => {
            go(body);
            handler.iter().for_each(|term| go(term));
        }
        Term::IfThenElse(branches, otherwise) => {
            branches.iter().for_each(|(condition, then)| {
                go(condition);
                go(then);
            });
            otherwise.iter().for_each(|term| go(term));
        }
        Term::Def(defs, body) => {
            go(body);
            defs.iter().for_each(|def| definition_in(def, found));
        }
        Term::Call(name, args) => {
            args.iter().for_each(&mut go);
            if FORBIDDEN.contains(name) {
                found.refuse(name);
            }
            found.calls.push(((*name).to_owned(), args.len()));
        }
        Term::Var(name) => match *name {
            "$record" => found.uses_record = true,
            "$ENV" | "$__prog_args" | "$ARGS" => found.refuse(name),
            _ => {}
        },
        Term::Path(base, path) => {
            go(base);
            for (part, _) in &path.0 {
                match part {
                    Part::Index(index) => go(index),
                    Part::Range(from, to) => from.iter().chain(to).for_each(&mut go),
                }
            }
        }
    }
}

/// A function that calls itself may not take filters: each call would wrap the filter of the one before, and the pile
/// that this leaves is taken down recursively, deeper than any stack.
fn definition_in(def: &Def<&str>, found: &mut Findings<'_>) {
    let before = found.calls.len();
    term_in(&def.body, found);
    let calls_itself = found.calls.iter().skip(before).any(|(name, args)| name == def.name && *args == def.args.len());
    if calls_itself && def.args.iter().any(|arg| !arg.starts_with('$')) {
        found.refused.get_or_insert_with(|| {
            format!("`{}` calls itself and takes a filter: a recursive function may take only values (`$x`)", def.name)
        });
    }
}

fn pattern_in(pattern: &Pattern<&str>, found: &mut Findings<'_>) {
    match pattern {
        Pattern::Var(name) => found.uses_record |= *name == "$record",
        Pattern::Arr(items) => items.iter().for_each(|item| pattern_in(item, found)),
        Pattern::Obj(entries) => entries.iter().for_each(|(key, item)| {
            term_in(key, found);
            pattern_in(item, found);
        }),
    }
}
