//! The evaluation: each term hands its results, one after the other, to whoever wants them.
//!
//! An error ends the evaluation at once. jaq's iterators can go on behind one, but nobody who takes their items does.
//! Values are borrowed from the document as long as nothing new is made of them.

use std::borrow::Cow;

use jaq_core::{Error, Exn, ValT as _};
use jaq_json::{Map, Val};

use super::super::budget::{spend_bytes, spend_steps};
use super::super::value::{Bounded, SLOT, breadth, kind, weigh};
use super::super::{Env, child, engine};
use super::{At, Part, Term};

/// Why an evaluation ends before its end.
pub(in super::super) enum Stop<'t> {
    /// Nobody wants more results.
    Enough,
    /// An error of jq's.
    Error(Exn<'t, Bounded>),
}

impl From<Error<Bounded>> for Stop<'_> {
    fn from(error: Error<Bounded>) -> Self {
        Self::Error(error.into())
    }
}

type Flow<'t> = Result<(), Stop<'t>>;
type Sink<'s, 't> = &'s mut dyn FnMut(Item<'_>) -> Flow<'t>;

/// A value, and at least how deep it nests.
pub(in super::super) struct Item<'v> {
    pub(in super::super) val: Cow<'v, Val>,
    pub(in super::super) depth: u16,
}

impl<'v> Item<'v> {
    pub(in super::super) const fn borrowed(val: &'v Val, depth: u16) -> Self {
        Self { val: Cow::Borrowed(val), depth }
    }

    fn see(&self) -> Item<'_> {
        Item::borrowed(&self.val, self.depth)
    }

    fn into_bounded(self) -> Bounded {
        Bounded { val: self.val.into_owned(), depth: self.depth }
    }
}

impl From<Bounded> for Item<'_> {
    fn from(value: Bounded) -> Self {
        Self { val: Cow::Owned(value.val), depth: value.depth }
    }
}

/// What a term sees beside its input.
#[derive(Clone, Copy)]
pub(in super::super) struct Context<'c> {
    env: &'c Env,
    bound: Option<&'c Binding<'c>>,
}

#[derive(Clone, Copy)]
struct Binding<'c> {
    number: usize,
    value: &'c Item<'c>,
    outer: Option<&'c Self>,
}

impl<'c> Context<'c> {
    pub(in super::super) const fn new(env: &'c Env) -> Self {
        Self { env, bound: None }
    }

    fn look_up(&self, number: usize) -> Option<Item<'c>> {
        let mut bound = self.bound;
        while let Some(binding) = bound {
            if binding.number == number {
                return Some(binding.value.see());
            }
            bound = binding.outer;
        }
        None
    }
}

impl Term {
    /// Hands all results for an input to `out`.
    pub(in super::super) fn run<'t>(&'t self, context: Context<'_>, input: &Item<'_>, out: Sink<'_, 't>) -> Flow<'t> {
        spend_steps(1);
        match self {
            Self::Id => out(input.see()),
            Self::Const(val, depth) => out(Item::borrowed(val, *depth)),
            Self::Empty => Ok(()),
            // `$record` nests two levels: itself and its headers.
            Self::Record => out(Item::borrowed(&context.env.record, 2)),
            Self::Variable(number) => context.look_up(*number).map_or(Ok(()), out),
            Self::Path(base, parts) => match &**base {
                Self::Id => follow(parts, context, input, input, out),
                base => base.run(context, input, &mut |from| follow(parts, context, input, &from, out)),
            },
            Self::Array(inner) => {
                let (mut items, mut depth) = (Vec::new(), 0);
                inner.run(context, input, &mut |item| {
                    spend_steps(1);
                    spend_bytes(SLOT);
                    depth = depth.max(item.depth);
                    items.push(item.val.into_owned());
                    Ok(())
                })?;
                out(Bounded::nested(Val::Arr(items.into()), depth + 1).into())
            }
            Self::Object(entries) => object(entries, context, input, &mut Vec::with_capacity(entries.len()), out),
            Self::Text => match &*input.val {
                Val::TStr(_) => out(input.see()),
                val => out(Bounded { val: val.clone(), depth: input.depth }.into_string().into()),
            },
            Self::Pipe(l, r) => l.run(context, input, &mut |item| r.run(context, &item, out)),
            Self::Bind(value, number, body) => value.run(context, input, &mut |value| {
                let bound = Binding { number: *number, value: &value, outer: context.bound };
                body.run(Context { bound: Some(&bound), ..context }, input, out)
            }),
            Self::Comma(l, r) => {
                l.run(context, input, out)?;
                r.run(context, input, out)
            }
            Self::Alternative(l, r) => {
                let mut any = false;
                l.run(context, input, &mut |item| {
                    if !item.val.as_bool() {
                        return Ok(());
                    }
                    any = true;
                    out(item)
                })?;
                if any { Ok(()) } else { r.run(context, input, out) }
            }
            Self::Logic(l, decides, r) => l.run(context, input, &mut |l| {
                if l.val.as_bool() == *decides {
                    return out(Bounded::from(*decides).into());
                }
                r.run(context, input, &mut |r| out(Bounded::from(r.val.as_bool()).into()))
            }),
            Self::Math(l, op, r) => pairs(l, r, context, input, &mut |l, r| {
                let l = Bounded { val: l.val.clone().into_owned(), depth: l.depth };
                out(op.run(l, r.into_bounded())?.into())
            }),
            Self::Compare(l, op, r) => pairs(l, r, context, input, &mut |l, r| {
                spend_steps(1);
                weigh(&l.val);
                weigh(&r.val);
                let order = l.val.as_ref().cmp(r.val.as_ref());
                out(Bounded::from(op.run(&order, &std::cmp::Ordering::Equal)).into())
            }),
            Self::If(branches) => {
                let [condition, then, otherwise] = &**branches;
                condition.run(context, input, &mut |holds| {
                    let branch = if holds.val.as_bool() { then } else { otherwise };
                    branch.run(context, input, out)
                })
            }
            Self::Try(body) => match body.own(context, input, out)? {
                Some(exception) => exception.get_err().map_or_else(|other| Err(Stop::Error(other)), |_| Ok(())),
                None => Ok(()),
            },
            Self::Native(native, arguments) => {
                arguments_of(arguments, context, input, &mut Vec::with_capacity(arguments.len()), &mut |values| {
                    let input = Bounded { val: input.val.clone().into_owned(), depth: input.depth };
                    for result in engine::call(*native, input, values, context.env.zone_offset) {
                        out(result.map_err(Stop::Error)?.into())?;
                    }
                    Ok(())
                })
            }
            Self::Foreign(program, arguments) => {
                arguments_of(arguments, context, input, &mut Vec::with_capacity(arguments.len()), &mut |values| {
                    let input = Bounded { val: input.val.clone().into_owned(), depth: input.depth };
                    let values = values.into_iter().collect();
                    for result in engine::run_with(program, input, values, context.env.zone_offset) {
                        out(result.map_err(Stop::Error)?.into())?;
                    }
                    Ok(())
                })
            }
        }
    }

    /// As [`Self::run`], with the term's own error apart from what `out` ends with.
    fn own<'t>(
        &'t self,
        context: Context<'_>,
        input: &Item<'_>,
        out: Sink<'_, 't>,
    ) -> Result<Option<Exn<'t, Bounded>>, Stop<'t>> {
        let mut of_out = false;
        let flow = self.run(context, input, &mut |item| out(item).inspect_err(|_| of_out = true));
        match flow {
            Err(Stop::Error(exception)) if !of_out => Ok(Some(exception)),
            flow => flow.map(|()| None),
        }
    }
}

/// All pairs of the results of two terms, the first in the outer loop. The first one's error counts only where the
/// second has results: jaq's pairs are made before they are looked at.
fn pairs<'t>(
    l: &'t Term,
    r: &'t Term,
    context: Context<'_>,
    input: &Item<'_>,
    out: &mut dyn FnMut(&Item<'_>, Item<'_>) -> Flow<'t>,
) -> Flow<'t> {
    match l.own(context, input, &mut |l| r.run(context, input, &mut |r| out(&l, r)))? {
        Some(exception) => r.run(context, input, &mut |_| Err(Stop::Enough)).map_err(|_| Stop::Error(exception)),
        None => Ok(()),
    }
}

/// Follows the steps of a path from `from`; computed steps see `input`.
fn follow<'t>(
    parts: &'t [Part],
    context: Context<'_>,
    input: &Item<'_>,
    from: &Item<'_>,
    out: Sink<'_, 't>,
) -> Flow<'t> {
    let Some((part, rest)) = parts.split_first() else { return out(from.see()) };
    let depth = from.depth.saturating_sub(1).max(1);
    let failed = |error: Error<Bounded>| if part.optional { Ok(()) } else { Err(error.into()) };
    match &part.at {
        At::Key(key) => match child(&from.val, key) {
            Some(val) => follow(rest, context, input, &Item::borrowed(val, depth), out),
            None => failed(Error::index(Bounded::scalar(kind(&from.val)), Bounded::scalar(kind(key)))),
        },
        At::Computed(key) => key.run(context, input, &mut |key| {
            spend_steps(1 + breadth(&key.val) / 32);
            if let (Val::Obj(_) | Val::Null, Val::TStr(_)) = (&*from.val, &*key.val) {
                let val = child(&from.val, &key.val).unwrap_or(&Val::Null);
                return follow(rest, context, input, &Item::borrowed(val, depth), out);
            }
            let of = Bounded { val: from.val.clone().into_owned(), depth: from.depth };
            match of.index(&key.into_bounded()) {
                Ok(found) => follow(rest, context, input, &found.into(), out),
                Err(error) => failed(error),
            }
        }),
        At::Each => {
            spend_steps(1 + breadth(&from.val) / SLOT);
            let mut go = |val: &Val| follow(rest, context, input, &Item::borrowed(val, depth), out);
            match &*from.val {
                Val::Arr(items) => items.iter().try_for_each(go),
                Val::Obj(map) => map.values().try_for_each(&mut go),
                other => failed(Error::typ(Bounded::scalar(kind(other)), "iterable (array or object)")),
            }
        }
    }
}

/// jq makes an object the sum of objects of one field, so that the errors of a field count as those of [`pairs`].
fn object<'t>(
    entries: &'t [(Val, Term)],
    context: Context<'_>,
    input: &Item<'_>,
    fields: &mut Vec<(Val, Bounded)>,
    out: Sink<'_, 't>,
) -> Flow<'t> {
    let Some(((name, term), rest)) = entries.split_first() else {
        spend_steps(fields.len());
        spend_bytes(fields.len() * 2 * SLOT);
        let depth = fields.iter().map(|(_, value)| value.depth).max().unwrap_or_default() + 1;
        let map = fields.iter().map(|(name, value)| (name.clone(), value.val.clone())).collect::<Map>();
        return out(Bounded::nested(Val::obj(map), depth).into());
    };
    let failed = term.own(context, input, &mut |value| {
        fields.push((name.clone(), value.into_bounded()));
        let flow = object(rest, context, input, fields, out);
        let _done = fields.pop();
        flow
    })?;
    match failed {
        Some(exception) => {
            let others = object(rest, context, input, fields, &mut |_| Err(Stop::Enough));
            others.map_err(|_| Stop::Error(exception))
        }
        None => Ok(()),
    }
}

/// All combinations of the values of arguments, the first in the outer loop.
fn arguments_of<'t>(
    arguments: &'t [Term],
    context: Context<'_>,
    input: &Item<'_>,
    values: &mut Vec<Bounded>,
    call: &mut dyn FnMut(Vec<Bounded>) -> Flow<'t>,
) -> Flow<'t> {
    let Some((argument, rest)) = arguments.split_first() else { return call(values.clone()) };
    argument.run(context, input, &mut |value| {
        values.push(value.into_bounded());
        let flow = arguments_of(rest, context, input, values, call);
        let _done = values.pop();
        flow
    })
}
