//! One jq expression: compiled once, evaluated for each record within a bound.
//!
//! Most expressions of a mapping are plain paths (`.host.name`), or put together from few parts; they are looked up
//! and evaluated directly, with the same meaning as in jq ([`direct`]). The rest runs on jaq. Both work on a value and
//! with functions of our own ([`value`], [`natives`]), so that a hostile expression costs a [`Fault`] ([`budget`]).

mod access;
mod arithmetic;
mod budget;
mod contradiction;
mod direct;
mod document;
mod engine;
mod inspect;
mod item;
mod json;
mod natives;
mod reads;
mod regex_price;
mod roots;
mod truth;
mod value;
mod verdict;

use std::fmt;

use crate::domain::Data;
use jaq_json::Val;

pub(in crate::mapping) use self::budget::spend_bytes;
pub(crate) use self::budget::within_record;
use self::budget::{Spent, beside_record, within};
use self::direct::{Context, Stop};
pub(crate) use self::document::Document;
use self::inspect::Step;
pub(in crate::mapping) use self::item::Item;
use self::json::to_data;
pub(in crate::mapping) use self::json::to_json;
pub(crate) use self::json::{Content, from_json};
use self::value::Bounded;

pub(crate) use self::reads::reads;
pub(in crate::mapping) use self::reads::{path, quoted};
pub(in crate::mapping) use self::roots::Roots;
pub(crate) use self::truth::{certain, words_compared_with, words_ordered_with};
pub use self::verdict::Verdict;

/// Longer texts are not compiled on the caller's stack.
const SHORT_SOURCE: usize = 256;
/// The longest expression, in bytes.
const MAX_SOURCE: usize = 16 << 10;
/// The stack for compiling a long expression.
const COMPILE_STACK: usize = 64 << 20;

/// What an expression sees beside its document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Env {
    /// `$record`; null where no expression asks for it.
    pub(crate) record: Val,
    /// Minutes east of UTC for times without zone.
    pub(crate) zone_offset: i32,
}

/// Why an expression was not compiled.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ExpressionError(String);

/// Why an evaluation gave nothing. Names types, never values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(String);

impl From<Spent> for Fault {
    fn from(spent: Spent) -> Self {
        Self(spent.to_string())
    }
}

/// A compiled expression.
pub(crate) struct Expression {
    source: Box<str>,
    uses_record: bool,
    kind: Kind,
}

enum Kind {
    Path(Vec<Step>),
    Direct(Box<direct::Term>),
    Program(Box<engine::Program>),
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When the text is not jq, or uses what mappings must not use.
    pub(crate) fn compile(source: &str) -> Result<Self, ExpressionError> {
        if source.len() > MAX_SOURCE {
            return Err(ExpressionError(format!("is longer than {MAX_SOURCE} bytes")));
        }
        if source.len() <= SHORT_SOURCE {
            return Self::compile_here(source);
        }
        // jaq's parser and compiler recurse over the text.
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("jq-compile".to_owned()).stack_size(COMPILE_STACK);
            let result =
                builder.spawn_scoped(scope, || Self::compile_here(source)).map(std::thread::ScopedJoinHandle::join);
            match result {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(ExpressionError("the expression engine failed on it".to_owned())),
                Err(e) => Err(ExpressionError(format!("no thread to compile it: {e}"))),
            }
        })
    }

    fn compile_here(source: &str) -> Result<Self, ExpressionError> {
        let found = inspect::inspect(source);
        if let Some(refused) = found.refused {
            return Err(ExpressionError(refused));
        }
        let kind = match (found.path, found.term.as_ref().and_then(direct::compile)) {
            (Some(path), _) => Kind::Path(path),
            (None, Some(term)) => Kind::Direct(Box::new(term)),
            (None, None) => Kind::Program(Box::new(engine::compile(source, &found.calls).map_err(ExpressionError)?)),
        };
        Ok(Self { source: source.into(), uses_record: found.uses_record, kind })
    }

    /// The expression as it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether it looks at `$record`.
    pub(crate) const fn uses_record(&self) -> bool {
        self.uses_record
    }

    /// The one result; `None` for `null` and `empty`.
    ///
    /// # Errors
    /// On an error, on two results, and when the evaluation costs too much.
    pub(crate) fn one(&self, input: &Document<'_>, env: &Env) -> Result<Option<Data>, Fault> {
        match &self.kind {
            Kind::Path(path) => Ok(look_up(path, input.item())?.and_then(|item| some(&item))),
            Kind::Direct(term) if term.constant().is_some() => Ok(term.constant().and_then(|item| some(&item))),
            Kind::Direct(term) => within(input.bytes(), || {
                let (mut seen, mut found) = (false, None);
                let ended = walk(term, input, env, &mut |item| {
                    if std::mem::replace(&mut seen, true) {
                        return Err(Stop::Enough);
                    }
                    found = some(&item);
                    Ok(())
                });
                match ended {
                    Ok(()) => Ok(found),
                    Err(Stop::Error(exception)) if !seen => Err(fault(exception)),
                    Err(_) => Err(several()),
                }
            })?,
            Kind::Program(program) => within(input.bytes(), || {
                let mut results = start(program, input, env);
                let Some(first) = results.next() else { return Ok(None) };
                let first = first.map_err(fault)?;
                if results.next().is_some() {
                    return Err(several());
                }
                Ok(some(&first.into()))
            })?,
        }
    }

    /// Whether the first result is neither `false` nor `null`. An error is no match.
    pub(crate) fn holds(&self, input: &Document<'_>, env: &Env) -> bool {
        match &self.kind {
            Kind::Path(path) => look_up(path, input.item()).is_ok_and(|item| item.is_some_and(|item| item.holds())),
            Kind::Direct(term) => {
                let mut holds = false;
                let ended = within(input.bytes(), || {
                    let ended = walk(term, input, env, &mut |item| {
                        holds = item.holds();
                        Err(Stop::Enough)
                    });
                    !matches!(ended, Err(Stop::Error(_)))
                });
                ended == Ok(true) && holds
            }
            Kind::Program(program) => {
                let first = within(input.bytes(), || {
                    start(program, input, env).next().map(|r| r.is_ok_and(|v| jaq_core::ValT::as_bool(&v)))
                });
                first.is_ok_and(|holds| holds == Some(true))
            }
        }
    }

    /// All results.
    ///
    /// # Errors
    /// On the first error, and when the evaluation costs too much.
    pub(crate) fn all<'v>(&'v self, input: &'v Document<'v>, env: &'v Env) -> Result<Vec<Document<'v>>, Fault> {
        match &self.kind {
            Kind::Path(path) => Ok(look_up(path, input.item())?.map(|item| input.part(item)).into_iter().collect()),
            Kind::Direct(term) => within(input.bytes(), || {
                let mut all = Vec::new();
                let ended = walk(term, input, env, &mut |item| {
                    all.push(input.part(item));
                    Ok(())
                });
                match ended {
                    Err(Stop::Error(exception)) => Err(fault(exception)),
                    Ok(()) | Err(Stop::Enough) => Ok(all),
                }
            })?,
            Kind::Program(program) => within(input.bytes(), || {
                start(program, input, env).map(|r| r.map(|item| input.part(item.into())).map_err(fault)).collect()
            })?,
        }
    }
}

/// Works on a document outside of an expression. That may make too much too, which unwinds to here and no further. Costs
/// the record's expressions nothing.
///
/// # Errors
/// When it costs what no expression may.
pub(in crate::mapping) fn guarded<T>(document: &Document<'_>, work: impl FnOnce() -> T) -> Result<T, Fault> {
    Ok(beside_record(document.bytes(), work)?)
}

fn walk<'v>(
    term: &'v direct::Term,
    input: &'v Document<'v>,
    env: &'v Env,
    out: &mut dyn FnMut(Item<'v>) -> Result<(), Stop<'v>>,
) -> Result<(), Stop<'v>> {
    term.run(Context::new(env, input), input.item(), out)
}

/// What a field takes of a result. JSON has no infinite number: there it is null, which leaves the field out.
fn some(item: &Item<'_>) -> Option<Data> {
    Some(to_data(item)).filter(|data| !matches!(data, Data::Null))
}

fn several() -> Fault {
    Fault("it gives more than one result".to_owned())
}

fn start<'a>(program: &'a engine::Program, input: &Document<'_>, env: &Env) -> jaq_core::ValXs<'a, Bounded> {
    engine::run(program, input.bounded(), env.record.clone(), env.zone_offset)
}

fn fault(exception: jaq_core::Exn<'_, Bounded>) -> Fault {
    let Ok(error) = exception.get_err() else { return Fault("it breaks out of nothing".to_owned()) };
    let text = error.to_string();
    // `error("…")`, whose text may hold content: only the type of what was raised is left of it.
    if ["null", "boolean", "number", "string", "array", "object"].contains(&text.as_str()) {
        return Fault(format!("it raises an error ({text})"));
    }
    Fault(text)
}

/// Follows a plain path: `null` for what is missing, `None` after a failed optional step.
fn look_up<'v>(path: &[Step], from: &Item<'v>) -> Result<Option<Item<'v>>, Fault> {
    let mut item = from.clone();
    for step in path {
        item = match item.child(&step.key) {
            Some(item) => item,
            None if step.optional => return Ok(None),
            None => {
                return Err(Fault(format!("cannot index {} with {}", item.is_of().name(), step.key.is_of().name())));
            }
        };
    }
    Ok(Some(item))
}

#[cfg(test)]
mod tests;
