//! The value that jaq computes with: jaq's own JSON value, with a price on everything that can grow.
//!
//! Copies, iterations, constructions and comparisons spend from the [`super::budget`]. The nesting depth is carried
//! along (an upper bound), because a value that is too deep cannot even be dropped without overflowing the stack.
//!
//! `Display` names only the type: jaq writes values into its error texts, and alert content must not be in them
//! (promise 7). What jq programs see as text goes through `into_string` and `tojson` and is whole.

use std::cmp::Ordering;
use std::fmt;

use jaq_core::val::Range;
use jaq_core::{Error, ValR};
use jaq_json::Val;

use super::budget::{MAX_DEPTH, Spent, spend_bytes, spend_steps, stop};
use super::item::Key;

/// The price of one slot in an array or object, in bytes.
pub(super) const SLOT: usize = 24;

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

    pub(super) fn child(&self, val: Val) -> Self {
        Self { val, depth: self.depth.saturating_sub(1) }
    }

    /// Spends for walking the whole value.
    pub(super) fn weigh(&self) {
        weigh(&self.val);
    }
}

/// How many slots or bytes a value has at its top.
pub(super) fn breadth(val: &Val) -> usize {
    match val {
        Val::Arr(a) => a.len() * SLOT,
        Val::Obj(o) => o.len() * 2 * SLOT,
        Val::TStr(s) | Val::BStr(s) => s.len(),
        _ => 0,
    }
}

/// What stands under a key: `null` for what is missing, `None` where the value has no such parts.
pub(super) fn child<'v>(val: &'v Val, key: &Key) -> Option<&'v Val> {
    match (val, key) {
        (Val::Null, _) => Some(&Val::Null),
        (Val::Obj(map), Key::Name(_, name)) => Some(map.get(name).unwrap_or(&Val::Null)),
        (Val::Arr(items), Key::Index(i)) => Some(items.get(*i).unwrap_or(&Val::Null)),
        _ => None,
    }
}

/// How much of it is copied when it is changed: nothing where nobody else holds it, which is the rule in a `reduce`.
pub(super) fn copied(val: &Val) -> usize {
    let alone = match val {
        Val::Arr(a) => jaq_json::Rc::strong_count(a) == 1,
        Val::Obj(o) => jaq_json::Rc::strong_count(o) == 1,
        Val::TStr(s) | Val::BStr(s) => s.is_unique(),
        _ => true,
    };
    if alone { 0 } else { breadth(val) }
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

pub(super) fn lift(result: jaq_json::ValR, depth: u16) -> ValR<Bounded> {
    result.map(|val| Bounded::nested(val, depth)).map_err(typed)
}

/// A stand-in of the same type, for messages.
pub(super) fn kind(val: &Val) -> Val {
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

/// Spends for the texts of a value, which are written character by character.
fn spell(val: &Val) {
    match val {
        Val::TStr(s) | Val::BStr(s) => {
            spend_steps(s.len() / 12);
            spend_bytes(s.len());
        }
        Val::Arr(a) => a.iter().for_each(spell),
        Val::Obj(o) => o.iter().for_each(|(k, v)| {
            spell(k);
            spell(v);
        }),
        _ => {}
    }
}

/// A value as JSON text.
pub(super) fn json_text(val: &Val) -> Bounded {
    weigh(val);
    spell(val);
    Bounded::from(val.to_string())
}
