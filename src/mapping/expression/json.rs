//! Between the values of a record, of the engine, and of what is sent.

use std::borrow::Cow;

use jaq_json::{Num, Rc, Val};
use serde_json::{Map, Number, Value};

use super::Document;
use super::budget::{spend_bytes, spend_steps};
use super::item::{Item, Node};
use crate::mapping::json::Tree;

/// An integer of more digits is kept as its text, like a decimal: computing with it is not worth its price.
const MAX_INTEGER_DIGITS: usize = 64;
/// What an element and a field take, about.
const ELEMENT: usize = 16;
const FIELD: usize = 48;

/// The value as it will be sent. Numbers keep their digits; not-a-number and infinity, which JSON lacks, become null.
pub(crate) fn to_json(item: &Item<'_>) -> Value {
    match &item.node {
        Node::Tree(tree) => tree_to_json(tree),
        Node::Val(val) => val_to_json(val),
        Node::List(items) => {
            spend_steps(1);
            Value::Array(items.iter().map(to_json).collect())
        }
        Node::Object(object) => {
            spend_steps(1);
            let mut map = Map::with_capacity(object.len());
            map.extend(object.iter().map(|(name, item)| (name.to_string(), to_json(item))));
            Value::Object(map)
        }
    }
}

fn tree_to_json(tree: &Tree<'_>) -> Value {
    spend_steps(1);
    match tree {
        Tree::Null => Value::Null,
        Tree::Bool(b) => Value::Bool(*b),
        Tree::Number(digits) => digits.parse().map_or(Value::Null, Value::Number),
        Tree::Text(text) => {
            // What was shared until here is a copy of its own now.
            spend_bytes(text.len());
            Value::String(text.to_string())
        }
        Tree::List(items) => Value::Array(items.iter().map(tree_to_json).collect()),
        Tree::Object(object) => {
            let mut map = Map::with_capacity(object.len());
            map.extend(object.iter().map(|(name, tree)| (name.to_string(), tree_to_json(tree))));
            Value::Object(map)
        }
    }
}

fn val_to_json(val: &Val) -> Value {
    spend_steps(1);
    match val {
        Val::Null => Value::Null,
        Val::Bool(b) => Value::Bool(*b),
        Val::Num(Num::Int(i)) => Value::from(*i),
        Val::Num(Num::Float(f)) => Number::from_f64(*f).map_or(Value::Null, Value::Number),
        Val::Num(number) => number.to_string().parse().map_or(Value::Null, Value::Number),
        Val::TStr(bytes) | Val::BStr(bytes) => {
            spend_bytes(bytes.len());
            Value::String(owned(bytes))
        }
        Val::Arr(items) => Value::Array(items.iter().map(val_to_json).collect()),
        Val::Obj(map) => Value::Object(map.iter().map(|(k, v)| (name(k), val_to_json(v))).collect::<Map<_, _>>()),
    }
}

/// Nearly always it is UTF-8, which is found out faster than where it is not.
fn owned(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), ToOwned::to_owned)
}

/// The text of a name.
pub(super) fn name(key: &Val) -> String {
    match key {
        Val::TStr(bytes) | Val::BStr(bytes) => owned(bytes),
        key => key.to_string(),
    }
}

/// A part of a record as the engine's value; tells `spend` how many values and bytes are made.
pub(super) fn to_val(tree: &Tree<'_>, spend: &mut impl FnMut(usize, usize)) -> Val {
    match tree {
        Tree::Null => Val::Null,
        Tree::Bool(b) => Val::Bool(*b),
        Tree::Number(digits) => Val::Num(number(digits)),
        Tree::Text(text) => {
            spend(0, text.len());
            Val::utf8_str(text.to_string())
        }
        Tree::List(items) => {
            spend(items.len(), items.len() * ELEMENT);
            Val::Arr(items.iter().map(|item| to_val(item, spend)).collect::<Vec<_>>().into())
        }
        Tree::Object(object) => {
            spend(object.len(), object.len() * FIELD);
            let field =
                |(name, tree): (&Cow<'_, str>, &Tree<'_>)| (Val::utf8_str(name.to_string()), to_val(tree, spend));
            Val::obj(object.iter().map(field).collect())
        }
    }
}

fn number(digits: &str) -> Num {
    let is_integer = digits.trim_start_matches('-').len() <= MAX_INTEGER_DIGITS && !digits.contains(['.', 'e', 'E']);
    let integer = if is_integer { Num::from_str_radix(digits, 10) } else { None };
    integer.unwrap_or_else(|| Num::Dec(Rc::new(digits.to_owned())))
}

/// The document of a JSON value, for what is not read from bytes (a mapped alert, a test's input).
pub(crate) fn from_json(value: &Value) -> Document<'static> {
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
    Document::of_val(val, deepest + 1, 0)
}
