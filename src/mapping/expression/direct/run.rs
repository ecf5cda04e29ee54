//! The evaluation: each term hands its results, one after the other, to whoever wants them.
//!
//! An error ends the evaluation at once. jaq's iterators can go on behind one, but nobody who takes their items does.
//! Values are parts of the document as long as nothing new is made of them.

use std::borrow::Cow;
use std::cmp::Ordering;

use jaq_core::ops::Math;
use jaq_core::{Error, Exn, ValT as _};

use super::super::budget::{spend_bytes, spend_steps};
use super::super::item::{Item, Key, Type};
use super::super::natives::Native;
use super::super::value::{Bounded, SLOT};
use super::super::{Document, Env, engine};
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

type Flow<'v> = Result<(), Stop<'v>>;
type Sink<'s, 'v> = &'s mut dyn FnMut(Item<'v>) -> Flow<'v>;

/// What a term sees beside its input. `'v` is how long the expression, the document and `$record` live.
#[derive(Clone, Copy)]
pub(in super::super) struct Context<'c, 'v> {
    env: &'v Env,
    document: &'v Document<'v>,
    bound: Option<&'c Binding<'c, 'v>>,
}

#[derive(Clone, Copy)]
struct Binding<'c, 'v> {
    number: usize,
    value: &'c Item<'v>,
    outer: Option<&'c Self>,
}

impl<'v> Context<'_, 'v> {
    pub(in super::super) const fn new(env: &'v Env, document: &'v Document<'v>) -> Self {
        Self { env, document, bound: None }
    }

    fn look_up(&self, number: usize) -> Option<Item<'v>> {
        let mut bound = self.bound;
        while let Some(binding) = bound {
            if binding.number == number {
                return Some(binding.value.clone());
            }
            bound = binding.outer;
        }
        None
    }

    /// A value as the engine computes with it.
    fn bounded(&self, item: &Item<'v>) -> Bounded {
        self.document.bounded_part(item)
    }
}

impl Term {
    /// Its one result, where that is the same whatever the input.
    pub(in super::super) fn constant(&self) -> Option<Item<'_>> {
        match self {
            Self::Const(val, depth) => Some(Item::borrowed(val, *depth)),
            _ => None,
        }
    }

    /// Hands all results for an input to `out`.
    pub(in super::super) fn run<'v>(
        &'v self,
        context: Context<'_, 'v>,
        input: &Item<'v>,
        out: Sink<'_, 'v>,
    ) -> Flow<'v> {
        spend_steps(1);
        match self {
            Self::Id => out(input.clone()),
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
                let mut items = Vec::new();
                inner.run(context, input, &mut |item| {
                    spend_steps(1);
                    spend_bytes(SLOT);
                    items.push(item);
                    Ok(())
                })?;
                out(Item::list(items))
            }
            Self::Object(entries) => object(entries, context, input, &mut Vec::with_capacity(entries.len()), out),
            Self::Text if input.bytes().is_some() => out(input.clone()),
            Self::Text => out(context.bounded(input).into_string().into()),
            Self::Type => out(Item::borrowed(input.is_of().named(), 0)),
            Self::Only(first, last) if (*first..=*last).contains(&input.is_of()) => out(input.clone()),
            Self::Only(..) => Ok(()),
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
                    if !item.holds() {
                        return Ok(());
                    }
                    any = true;
                    out(item)
                })?;
                if any { Ok(()) } else { r.run(context, input, out) }
            }
            Self::Logic(l, decides, r) => l.run(context, input, &mut |l| {
                if l.holds() == *decides {
                    return out(Item::bool(*decides));
                }
                r.run(context, input, &mut |r| out(Item::bool(r.holds())))
            }),
            Self::Math(l, op, r) => pairs(l, r, context, input, &mut |l, r| {
                if let (Math::Add, Some(l), Some(r)) = (op, l.text(), r.text()) {
                    let joined = [l, r].concat();
                    spend_steps(1 + joined.len() / 64);
                    return out(Bounded::from(joined).into());
                }
                if let (Math::Add, Type::List, Type::List) = (op, l.is_of(), r.is_of()) {
                    let copied = l.breadth() + r.breadth();
                    spend_steps(1 + copied / 64);
                    spend_bytes(copied);
                    let both = [l.elements(), r.elements()].into_iter().flatten().flatten();
                    return out(Item::list(both.collect()));
                }
                out(op.run(context.bounded(l), context.bounded(&r))?.into())
            }),
            Self::Compare(l, op, r) => {
                pairs(l, r, context, input, &mut |l, r| out(Item::bool(op.run(&l.compare(&r), &Ordering::Equal))))
            }
            Self::If(branches) => {
                let [condition, then, otherwise] = &**branches;
                condition.run(context, input, &mut |holds| {
                    let branch = if holds.holds() { then } else { otherwise };
                    branch.run(context, input, out)
                })
            }
            Self::Try(body) => match body.own(context, input, out)? {
                Some(exception) => exception.get_err().map_or_else(|other| Err(Stop::Error(other)), |_| Ok(())),
                None => Ok(()),
            },
            Self::Native(native, arguments) => {
                arguments_of(arguments, context, input, &mut Vec::with_capacity(arguments.len()), &mut |values| {
                    let zone = context.env.zone_offset;
                    match native {
                        Native::OfItems(run) => out(run(input, values, zone)?),
                        Native::OfEngine(run) => {
                            let values = values.iter().map(|value| context.bounded(value)).collect();
                            for result in engine::call(*run, context.bounded(input), values, zone) {
                                out(result.map_err(Stop::Error)?.into())?;
                            }
                            Ok(())
                        }
                    }
                })
            }
            Self::Foreign(program, arguments) => {
                arguments_of(arguments, context, input, &mut Vec::with_capacity(arguments.len()), &mut |values| {
                    let values = values.iter().map(|value| context.bounded(value)).collect();
                    let input = context.bounded(input);
                    for result in engine::run_with(program, input, values, context.env.zone_offset) {
                        out(result.map_err(Stop::Error)?.into())?;
                    }
                    Ok(())
                })
            }
        }
    }

    /// As [`Self::run`], with the term's own error apart from what `out` ends with.
    fn own<'v>(
        &'v self,
        context: Context<'_, 'v>,
        input: &Item<'v>,
        out: Sink<'_, 'v>,
    ) -> Result<Option<Exn<'v, Bounded>>, Stop<'v>> {
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
fn pairs<'v>(
    l: &'v Term,
    r: &'v Term,
    context: Context<'_, 'v>,
    input: &Item<'v>,
    out: &mut dyn FnMut(&Item<'v>, Item<'v>) -> Flow<'v>,
) -> Flow<'v> {
    match l.own(context, input, &mut |l| r.run(context, input, &mut |r| out(&l, r)))? {
        Some(exception) => r.run(context, input, &mut |_| Err(Stop::Enough)).map_err(|_| Stop::Error(exception)),
        None => Ok(()),
    }
}

/// Follows the steps of a path from `from`; computed steps see `input`.
fn follow<'v>(
    parts: &'v [Part],
    context: Context<'_, 'v>,
    input: &Item<'v>,
    from: &Item<'v>,
    out: Sink<'_, 'v>,
) -> Flow<'v> {
    let Some((part, rest)) = parts.split_first() else { return out(from.clone()) };
    let failed = |error: Error<Bounded>| if part.optional { Ok(()) } else { Err(error.into()) };
    match &part.at {
        At::Key(key) => match from.child(key) {
            Some(child) if rest.is_empty() => out(child),
            Some(child) => follow(rest, context, input, &child, out),
            None => failed(Error::index(from.is_of().example(), key.is_of().example())),
        },
        At::Computed(key) => key.run(context, input, &mut |key| {
            spend_steps(1 + key.breadth() / 32);
            let found = match (from.is_of(), key.text()) {
                (Type::Object, Some(name)) => Some(from.field(name).unwrap_or(Item::NULL)),
                (Type::Null, Some(_)) => Some(Item::NULL),
                (Type::List, None) => key.place().and_then(|place| from.child(&Key::Index(place))),
                _ => None,
            };
            if let Some(found) = found {
                return follow(rest, context, input, &found, out);
            }
            match context.bounded(from).index(&context.bounded(&key)) {
                Ok(found) => follow(rest, context, input, &found.into(), out),
                Err(error) => failed(error),
            }
        }),
        At::Each => {
            spend_steps(1 + from.breadth() / SLOT);
            let each = from.try_each(|item| follow(rest, context, input, &item, out));
            each.unwrap_or_else(|| failed(Error::typ(from.is_of().example(), "iterable (array or object)")))
        }
    }
}

/// jq makes an object the sum of objects of one field, so that the errors of a field count as those of [`pairs`].
fn object<'v>(
    entries: &'v [(Box<str>, Term)],
    context: Context<'_, 'v>,
    input: &Item<'v>,
    fields: &mut Vec<(Cow<'v, str>, Item<'v>)>,
    out: Sink<'_, 'v>,
) -> Flow<'v> {
    let Some(((name, term), rest)) = entries.split_first() else {
        spend_steps(fields.len());
        spend_bytes(fields.len() * 2 * SLOT);
        return out(Item::object(fields.clone()));
    };
    let failed = term.own(context, input, &mut |value| {
        fields.push((Cow::Borrowed(name), value));
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
fn arguments_of<'v>(
    arguments: &'v [Term],
    context: Context<'_, 'v>,
    input: &Item<'v>,
    values: &mut Vec<Item<'v>>,
    call: &mut dyn FnMut(&[Item<'v>]) -> Flow<'v>,
) -> Flow<'v> {
    let Some((argument, rest)) = arguments.split_first() else { return call(values) };
    argument.run(context, input, &mut |value| {
        values.push(value);
        let flow = arguments_of(rest, context, input, values, call);
        let _done = values.pop();
        flow
    })
}
