//! The value that jaq computes with: jaq's own JSON value, with a price on everything that can grow.
//!
//! Copies, iterations, constructions and comparisons spend from the [`super::budget`]. The nesting depth is carried
//! along (an upper bound), because a value that is too deep cannot even be dropped without overflowing the stack.
//!
//! `Display` names only the type: jaq writes values into its error texts, and alert content must not be in them
//! (promise 7). What jq programs see as text goes through `into_string` and `tojson` and is whole.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use jaq_core::box_iter::BoxIter;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Error, Exn, ValR, ValX};
use jaq_json::{Num, Val};

use super::budget::{MAX_DEPTH, MAX_INTEGER_BITS, Spent, spend_bytes, spend_steps, stop};

/// The price of one slot in an array or object, in bytes.
const SLOT: usize = 24;

/// A JSON value with a price.
#[derive(Debug, Default)]
pub(super) struct Bounded {
    pub(super) val: Val,
    /// At least how deep arrays and objects nest in it; 0 for a scalar.
    pub(super) depth: u16,
}

impl Bounded {
    pub(super) const fn scalar(val: Val) -> Self {
        Self { val, depth: 0 }
    }

    pub(super) fn nested(val: Val, depth: u16) -> Self {
        if depth > MAX_DEPTH {
            // Dropped here piece by piece at a depth that is still safe.
            drop(val);
            stop(Spent::Depth);
        }
        Self { val, depth }
    }

    fn child(&self, val: Val) -> Self {
        Self { val, depth: self.depth.saturating_sub(1) }
    }

    /// Spends for walking the whole value.
    pub(super) fn weigh(&self) {
        weigh(&self.val);
    }
}

/// How many slots or bytes a value has at its top.
fn breadth(val: &Val) -> usize {
    match val {
        Val::Arr(a) => a.len() * SLOT,
        Val::Obj(o) => o.len() * 2 * SLOT,
        Val::TStr(s) | Val::BStr(s) => s.len(),
        _ => 0,
    }
}

/// Spends a step for each value in a tree and for each 64 bytes of text.
pub(super) fn weigh(val: &Val) {
    match val {
        Val::Arr(a) => {
            spend_steps(1 + a.len());
            a.iter().for_each(weigh);
        }
        Val::Obj(o) => {
            spend_steps(1 + o.len());
            o.values().for_each(weigh);
        }
        Val::TStr(s) | Val::BStr(s) => spend_steps(s.len() / 64),
        _ => {}
    }
}

fn typed(error: Error<Val>) -> Error<Bounded> {
    // jaq's own message holds the values; only its first words are kept.
    let value = error.into_val();
    Error::typ(Bounded::scalar(value), "operand")
}

fn lift(result: jaq_json::ValR, depth: u16) -> ValR<Bounded> {
    result.map(|val| Bounded::nested(val, depth)).map_err(typed)
}

fn operation(l: Bounded, op: jaq_core::ops::Math, r: Bounded, depth: u16) -> ValR<Bounded> {
    let (lt, rt) = (kind(&l.val), kind(&r.val));
    op.run(l.val, r.val)
        .map(|val| {
            limit_integer(&val);
            Bounded::nested(val, depth)
        })
        .map_err(|_| Error::math(Bounded::scalar(lt), op, Bounded::scalar(rt)))
}

/// A stand-in of the same type, for messages.
fn kind(val: &Val) -> Val {
    match val {
        Val::Null => Val::Null,
        Val::Bool(_) => Val::Bool(false),
        Val::Num(_) => Val::from(0_isize),
        Val::BStr(_) | Val::TStr(_) => Val::utf8_str(""),
        Val::Arr(_) => Val::Arr(jaq_json::Rc::default()),
        Val::Obj(_) => Val::obj(jaq_json::Map::default()),
    }
}

/// The JSON type's name.
pub(super) fn type_name(val: &Val) -> &'static str {
    match val {
        Val::Null => "null",
        Val::Bool(_) => "boolean",
        Val::Num(_) => "number",
        Val::BStr(_) | Val::TStr(_) => "string",
        Val::Arr(_) => "array",
        Val::Obj(_) => "object",
    }
}

fn limit_integer(val: &Val) {
    if let Val::Num(Num::BigInt(i)) = val
        && i.bits() > MAX_INTEGER_BITS
    {
        stop(Spent::Integer);
    }
}

impl Clone for Bounded {
    fn clone(&self) -> Self {
        spend_steps(1);
        Self { val: self.val.clone(), depth: self.depth }
    }
}

impl fmt::Display for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(type_name(&self.val))
    }
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bounded {}

impl PartialOrd for Bounded {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bounded {
    fn cmp(&self, other: &Self) -> Ordering {
        spend_steps(1);
        self.weigh();
        other.weigh();
        self.val.cmp(&other.val)
    }
}

impl From<bool> for Bounded {
    fn from(b: bool) -> Self {
        Self::scalar(Val::from(b))
    }
}

impl From<isize> for Bounded {
    fn from(i: isize) -> Self {
        Self::scalar(Val::from(i))
    }
}

impl From<usize> for Bounded {
    fn from(i: usize) -> Self {
        Self::scalar(Val::from(i))
    }
}

impl From<f64> for Bounded {
    fn from(f: f64) -> Self {
        Self::scalar(Val::from(f))
    }
}

impl From<String> for Bounded {
    fn from(s: String) -> Self {
        spend_bytes(s.len());
        Self::scalar(Val::from(s))
    }
}

impl From<Range<Self>> for Bounded {
    fn from(r: Range<Self>) -> Self {
        let depth = |b: &Option<Self>| b.as_ref().map_or(0, |b| b.depth);
        let depth = depth(&r.start).max(depth(&r.end)) + 1;
        Self::nested(Val::from(r.start.map(|b| b.val)..r.end.map(|b| b.val)), depth)
    }
}

impl FromIterator<Self> for Bounded {
    fn from_iter<I: IntoIterator<Item = Self>>(iter: I) -> Self {
        let mut depth = 0;
        let items = iter.into_iter().map(|item| {
            spend_steps(1);
            spend_bytes(SLOT);
            depth = depth.max(item.depth);
            item.val
        });
        let val = items.collect();
        Self::nested(val, depth + 1)
    }
}

impl Add for Bounded {
    type Output = ValR<Self>;
    fn add(self, r: Self) -> Self::Output {
        spend_bytes(breadth(&self.val) / 4 + breadth(&r.val));
        spend_steps(1 + (breadth(&self.val) + breadth(&r.val)) / 64);
        let depth = self.depth.max(r.depth);
        operation(self, jaq_core::ops::Math::Add, r, depth)
    }
}

impl Sub for Bounded {
    type Output = ValR<Self>;
    fn sub(self, r: Self) -> Self::Output {
        self.weigh();
        r.weigh();
        let depth = self.depth;
        operation(self, jaq_core::ops::Math::Sub, r, depth)
    }
}

impl Mul for Bounded {
    type Output = ValR<Self>;
    fn mul(self, r: Self) -> Self::Output {
        let text = |v: &Val| if let Val::TStr(s) | Val::BStr(s) = v { Some(s.len()) } else { None };
        let times = |v: &Val| match v {
            Val::Num(Num::Int(i)) => usize::try_from(*i).unwrap_or(0),
            Val::Num(Num::BigInt(_)) => usize::MAX,
            _ => 1,
        };
        match (text(&self.val), text(&r.val)) {
            (Some(len), None) => spend_bytes(len.saturating_mul(times(&r.val))),
            (None, Some(len)) => spend_bytes(len.saturating_mul(times(&self.val))),
            _ => {
                // Objects are merged.
                spend_bytes(breadth(&self.val));
                spend_bytes(breadth(&r.val));
                self.weigh();
                r.weigh();
            }
        }
        let depth = self.depth.max(r.depth);
        operation(self, jaq_core::ops::Math::Mul, r, depth)
    }
}

impl Div for Bounded {
    type Output = ValR<Self>;
    fn div(self, r: Self) -> Self::Output {
        // Splitting text makes at most one slot a byte.
        spend_bytes(breadth(&self.val).saturating_mul(2));
        operation(self, jaq_core::ops::Math::Div, r, 1)
    }
}

impl Rem for Bounded {
    type Output = ValR<Self>;
    fn rem(self, r: Self) -> Self::Output {
        operation(self, jaq_core::ops::Math::Rem, r, 0)
    }
}

impl Neg for Bounded {
    type Output = ValR<Self>;
    fn neg(self) -> Self::Output {
        lift(-self.val, 0)
    }
}

/// Runs one of jaq's update operations, whose closures are over its own value, with ours. A macro, because the
/// iterator that the closure returns has no name.
macro_rules! update {
    ($value:ident, $f:ident, |$val:ident, $inner:ident| $run:expr) => {{
        spend_steps(1);
        spend_bytes(breadth(&$value.val));
        let below = $value.depth.saturating_sub(1);
        let depth = Cell::new(below);
        // An exception cannot pass through jaq's operation as it is (another type); it waits here.
        let failed: Cell<Option<Exn<'a, Self>>> = Cell::new(None);
        let $inner = |child: Val| {
            $f(Self { val: child, depth: below }).map(|result| match result {
                Ok(y) => {
                    depth.set(depth.get().max(y.depth));
                    spend_bytes(SLOT);
                    Ok(y.val)
                }
                Err(e) => {
                    failed.set(Some(e));
                    Err(Exn::from(Error::new(Val::Null)))
                }
            })
        };
        let of = kind(&$value.val);
        let $val = $value.val;
        let result: ValX<'_, Val> = $run;
        match (result, failed.take()) {
            (_, Some(exn)) => Err(exn),
            (Ok(val), None) => Ok(Self::nested(val, depth.get() + 1)),
            (Err(_), None) => Err(Exn::from(Error::typ(Self::scalar(of), "something with this part"))),
        }
    }};
}

impl jaq_core::ValT for Bounded {
    fn from_num(n: &str) -> ValR<Self> {
        lift(Val::from_num(n), 0)
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(iter: I) -> ValR<Self> {
        let mut depth = 0;
        let entries = iter.into_iter().map(|(k, v)| {
            spend_steps(1);
            spend_bytes(2 * SLOT);
            if !matches!(k.val, Val::TStr(_)) {
                return Err(Error::typ(k, "name in an object (string)"));
            }
            depth = depth.max(v.depth);
            Ok((k.val, v.val))
        });
        let map = entries.collect::<ValR<jaq_json::Map, Self>>()?;
        Ok(Self::nested(Val::obj(map), depth + 1))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        spend_steps(1 + breadth(&self.val) / SLOT);
        spend_bytes(breadth(&self.val));
        if !matches!(self.val, Val::Arr(_) | Val::Obj(_)) {
            return jaq_core::box_iter::box_once(Err(Error::typ(self, "iterable (array or object)")));
        }
        let depth = self.depth.saturating_sub(1);
        Box::new(self.val.key_values().filter_map(move |pair| {
            let (k, v) = pair.ok()?;
            spend_steps(1);
            Some(Ok((Self { val: k, depth }, Self { val: v, depth })))
        }))
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        spend_steps(1 + breadth(&self.val) / SLOT);
        spend_bytes(breadth(&self.val));
        if !matches!(self.val, Val::Arr(_) | Val::Obj(_)) {
            return jaq_core::box_iter::box_once(Err(Error::typ(self, "iterable (array or object)")));
        }
        let depth = self.depth.saturating_sub(1);
        Box::new(self.val.values().filter_map(move |v| {
            spend_steps(1);
            Some(Ok(Self { val: v.ok()?, depth }))
        }))
    }

    fn index(self, index: &Self) -> ValR<Self> {
        spend_steps(1);
        if matches!(index.val, Val::Arr(_) | Val::Obj(_)) {
            self.weigh();
            spend_bytes(breadth(&self.val));
        }
        let of = kind(&self.val);
        let depth = self.depth;
        if matches!(of, Val::Obj(_)) && !matches!(index.val, Val::TStr(_)) {
            // jaq has objects with names of any type; jq and JSON have not.
            return Err(Error::index(Self::scalar(of), Self::scalar(kind(&index.val))));
        }
        match self.val.index(&index.val) {
            // The indices of a part of an array are a new array.
            Ok(val) => Ok(Self { val, depth: depth.saturating_sub(1).max(1) }),
            Err(_) => Err(Error::index(Self::scalar(of), Self::scalar(kind(&index.val)))),
        }
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        spend_steps(1 + breadth(&self.val) / SLOT);
        spend_bytes(breadth(&self.val));
        let of = kind(&self.val);
        let depth = self.depth;
        let range = range.start.map(|b| &b.val)..range.end.map(|b| &b.val);
        match jaq_core::ValT::range(self.val, range) {
            Ok(val) => Ok(Self { val, depth }),
            Err(_) => Err(Error::typ(Self::scalar(of), "array or string with integer bounds")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(self, opt: Opt, f: impl Fn(Self) -> I) -> ValX<'a, Self> {
        update!(self, f, |val, f2| val.map_values(opt, f2))
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        update!(self, f, |val, f2| val.map_index(&index.val, opt, f2))
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let range = range.start.map(|b| &b.val)..range.end.map(|b| &b.val);
        update!(self, f, |val, f2| val.map_range(range, opt, f2))
    }

    fn as_bool(&self) -> bool {
        self.val.as_bool()
    }

    fn into_string(self) -> Self {
        match self.val {
            Val::BStr(_) | Val::TStr(_) => Self { val: self.val.into_string(), depth: 0 },
            val => json_text(&val),
        }
    }
}

/// A value as JSON text.
pub(super) fn json_text(val: &Val) -> Bounded {
    weigh(val);
    Bounded::from(val.to_string())
}

impl jaq_std::ValT for Bounded {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        let Val::Arr(items) = &self.val else { return Err(self) };
        spend_steps(items.len());
        spend_bytes(items.len() * SLOT);
        Ok(items.iter().map(|v| self.child(v.clone())).collect())
    }

    fn is_int(&self) -> bool {
        self.val.is_int()
    }

    fn as_isize(&self) -> Option<isize> {
        self.val.as_isize()
    }

    fn as_f64(&self) -> Option<f64> {
        self.val.as_f64()
    }

    fn is_utf8_str(&self) -> bool {
        self.val.is_utf8_str()
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        spend_steps(1);
        jaq_std::ValT::as_bytes(&self.val)
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::scalar(self.val.as_sub_str(sub))
    }

    fn from_utf8_bytes(b: impl AsRef<[u8]> + Send + 'static) -> Self {
        spend_bytes(b.as_ref().len());
        Self::scalar(Val::from_utf8_bytes(b))
    }
}
