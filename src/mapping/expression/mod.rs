//! One jq expression: compiled once, evaluated for each record within a bound.
//!
//! Most expressions of a mapping are plain paths (`.host.name`), or put together from few parts; they are looked up
//! and evaluated directly, with the same meaning as in jq ([`direct`]). The rest runs on jaq. Both work on a value and
//! with functions of our own ([`value`], [`natives`]), so that a hostile expression costs a [`Fault`] ([`budget`]).

mod access;
mod arithmetic;
mod budget;
mod direct;
mod engine;
mod inspect;
mod natives;
mod reads;
mod regex_price;
mod truth;
mod value;
mod verdict;

use std::fmt;

use jaq_json::{Num, Val};
use serde_json::{Map, Number, Value};

pub(crate) use self::budget::within_record;
use self::budget::{Spent, spend_bytes, spend_steps, within};
use self::direct::{Context, Item, Stop};
use self::inspect::Step;
use self::value::{Bounded, type_name};

pub(crate) use self::reads::reads;
pub(in crate::mapping) use self::reads::{path, quoted};
pub(crate) use self::truth::{certain, words_compared_with, words_ordered_with};
pub use self::verdict::Verdict;

/// Longer texts are not compiled on the caller's stack.
const SHORT_SOURCE: usize = 256;
/// The longest expression, in bytes.
const MAX_SOURCE: usize = 16 << 10;
/// The stack for compiling a long expression.
const COMPILE_STACK: usize = 64 << 20;

/// A JSON document that expressions look at.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) val: Val,
    /// How deep it nests (an upper bound).
    pub(crate) depth: u16,
    /// The size of the record that it comes from, in bytes; expressions may cost more on a large one.
    pub(crate) bytes: usize,
}

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
    pub(crate) fn one(&self, input: &Document, env: &Env) -> Result<Option<Value>, Fault> {
        match &self.kind {
            Kind::Path(path) => Ok(look_up(path, &input.val)?.filter(|v| !matches!(v, Val::Null)).map(to_json)),
            Kind::Direct(term) => within(input.bytes, || {
                let (mut seen, mut found) = (false, None);
                let ended = walk(term, input, env, &mut |item| {
                    if std::mem::replace(&mut seen, true) {
                        return Err(Stop::Enough);
                    }
                    found = Some(to_json(&item.val)).filter(|v| !v.is_null());
                    Ok(())
                });
                match ended {
                    Ok(()) => Ok(found),
                    Err(Stop::Error(exception)) if !seen => Err(fault(exception)),
                    Err(_) => Err(several()),
                }
            })?,
            Kind::Program(program) => within(input.bytes, || {
                let mut results = start(program, input, env);
                let Some(first) = results.next() else { return Ok(None) };
                let first = first.map_err(fault)?;
                if results.next().is_some() {
                    return Err(several());
                }
                Ok(Some(to_json(&first.val)).filter(|v| !v.is_null()))
            })?,
        }
    }

    /// Whether the first result is neither `false` nor `null`. An error is no match.
    pub(crate) fn holds(&self, input: &Document, env: &Env) -> bool {
        match &self.kind {
            Kind::Path(path) => {
                look_up(path, &input.val).is_ok_and(|v| v.is_some_and(|v| !matches!(v, Val::Null | Val::Bool(false))))
            }
            Kind::Direct(term) => {
                let mut holds = false;
                let ended = within(input.bytes, || {
                    let ended = walk(term, input, env, &mut |item| {
                        holds = jaq_core::ValT::as_bool(&*item.val);
                        Err(Stop::Enough)
                    });
                    !matches!(ended, Err(Stop::Error(_)))
                });
                ended == Ok(true) && holds
            }
            Kind::Program(program) => {
                let first = within(input.bytes, || {
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
    pub(crate) fn all(&self, input: &Document, env: &Env) -> Result<Vec<Document>, Fault> {
        match &self.kind {
            Kind::Path(path) => {
                Ok(look_up(path, &input.val)?.map(|val| Document { val: val.clone(), ..*input }).into_iter().collect())
            }
            Kind::Direct(term) => within(input.bytes, || {
                let mut all = Vec::new();
                let ended = walk(term, input, env, &mut |item| {
                    all.push(Document { val: item.val.into_owned(), depth: item.depth, bytes: input.bytes });
                    Ok(())
                });
                match ended {
                    Err(Stop::Error(exception)) => Err(fault(exception)),
                    Ok(()) | Err(Stop::Enough) => Ok(all),
                }
            })?,
            Kind::Program(program) => within(input.bytes, || {
                let results = start(program, input, env);
                results
                    .map(|r| r.map(|b| Document { val: b.val, depth: b.depth, bytes: input.bytes }).map_err(fault))
                    .collect()
            })?,
        }
    }
}

fn walk<'t>(
    term: &'t direct::Term,
    input: &Document,
    env: &Env,
    out: &mut dyn FnMut(Item<'_>) -> Result<(), Stop<'t>>,
) -> Result<(), Stop<'t>> {
    term.run(Context::new(env), &Item::borrowed(&input.val, input.depth), out)
}

fn several() -> Fault {
    Fault("it gives more than one result".to_owned())
}

fn start<'a>(program: &'a engine::Program, input: &Document, env: &Env) -> jaq_core::ValXs<'a, Bounded> {
    let input = Bounded { val: input.val.clone(), depth: input.depth };
    engine::run(program, input, env.record.clone(), env.zone_offset)
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
fn look_up<'v>(path: &[Step], mut val: &'v Val) -> Result<Option<&'v Val>, Fault> {
    for step in path {
        val = match child(val, &step.key) {
            Some(val) => val,
            None if step.optional => return Ok(None),
            None => return Err(Fault(format!("cannot index {} with {}", type_name(val), type_name(&step.key)))),
        };
    }
    Ok(Some(val))
}

/// What stands under a name or a number from 0: `null` for what is missing, `None` where the value has no such parts.
fn child<'v>(val: &'v Val, key: &Val) -> Option<&'v Val> {
    match (val, key) {
        (Val::Null, _) => Some(&Val::Null),
        (Val::Obj(map), key @ Val::TStr(_)) => Some(map.get(key).unwrap_or(&Val::Null)),
        (Val::Arr(items), Val::Num(Num::Int(i))) => {
            Some(usize::try_from(*i).ok().and_then(|i| items.get(i)).unwrap_or(&Val::Null))
        }
        _ => None,
    }
}

/// The value as it will be sent. Numbers keep their digits; not-a-number and infinity, which JSON lacks, become null.
pub(crate) fn to_json(val: &Val) -> Value {
    spend_steps(1);
    match val {
        Val::Null => Value::Null,
        Val::Bool(b) => Value::Bool(*b),
        Val::Num(Num::Int(i)) => Value::from(*i),
        Val::Num(Num::Float(f)) => Number::from_f64(*f).map_or(Value::Null, Value::Number),
        Val::Num(number) => number.to_string().parse().map_or(Value::Null, Value::Number),
        Val::TStr(bytes) | Val::BStr(bytes) => {
            // What was shared until here is a copy of its own now.
            spend_bytes(bytes.len());
            Value::String(owned(bytes))
        }
        Val::Arr(items) => Value::Array(items.iter().map(to_json).collect()),
        Val::Obj(map) => Value::Object(map.iter().map(|(k, v)| (name(k), to_json(v))).collect::<Map<_, _>>()),
    }
}

/// Nearly always it is UTF-8, which is found out faster than where it is not.
fn owned(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), ToOwned::to_owned)
}

fn name(key: &Val) -> String {
    match key {
        Val::TStr(bytes) | Val::BStr(bytes) => owned(bytes),
        key => key.to_string(),
    }
}

/// The engine's value of a JSON value, for what is not read from bytes (a mapped alert, a test's input).
pub(crate) fn from_json(value: &Value) -> Document {
    fn convert(value: &Value, depth: u16, deepest: &mut u16) -> Val {
        *deepest = depth.max(*deepest);
        match value {
            Value::Null => Val::Null,
            Value::Bool(b) => Val::Bool(*b),
            Value::Number(n) => <Val as jaq_core::ValT>::from_num(&n.to_string()).unwrap_or_default(),
            Value::String(s) => Val::utf8_str(s.clone()),
            Value::Array(items) => items.iter().map(|item| convert(item, depth.saturating_add(1), deepest)).collect(),
            Value::Object(map) => Val::obj(
                map.iter()
                    .map(|(k, v)| (Val::utf8_str(k.clone()), convert(v, depth.saturating_add(1), deepest)))
                    .collect(),
            ),
        }
    }
    let mut deepest = 0;
    let val = convert(value, 0, &mut deepest);
    Document { val, depth: deepest + 1, bytes: 0 }
}

#[cfg(test)]
mod tests;
