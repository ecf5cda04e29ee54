//! Between the values of a record, of the engine, and of what is sent.

use std::borrow::Cow;

use compact_str::CompactString;
use jaq_json::{Num, Rc, Val};
use serde_json::{Number, Value};

use super::Document;
use super::budget::{spend_bytes, spend_steps};
use super::item::{Item, Node};
use crate::domain::{Data, Digits, Fields};
use crate::mapping::json::Tree;

/// An integer of more digits is kept as its text, like a decimal: computing with it is not worth its price.
const MAX_INTEGER_DIGITS: usize = 64;
/// What an element and a field take, about.
const ELEMENT: usize = 16;
const FIELD: usize = 48;

/// The value as it will be sent. Numbers keep their digits; not-a-number and infinity, which JSON lacks, become null.
pub(crate) fn to_data(item: &Item<'_>) -> Data {
    match &item.node {
        Node::Tree(tree) => of_tree(tree),
        Node::Val(val) => of_val(val),
        Node::List(items) => {
            spend_steps(1);
            Data::List(items.iter().map(to_data).collect())
        }
        Node::Object(object) => {
            spend_steps(1);
            let mut fields = Fields::with_capacity(object.len());
            object.iter().for_each(|(name, item)| fields.push(CompactString::new(name), to_data(item)));
            Data::Object(fields)
        }
    }
}

/// The same, for people and for tests.
pub(crate) fn to_json(item: &Item<'_>) -> Value {
    to_data(item).into()
}

fn of_tree(tree: &Tree<'_>) -> Data {
    spend_steps(1);
    match tree {
        Tree::Null => Data::Null,
        Tree::Bool(b) => Data::Bool(*b),
        Tree::Number(digits) => of_digits(digits),
        Tree::Text(text) => {
            // What was shared until here is a copy of its own now.
            spend_bytes(text.len());
            Data::Text(CompactString::new(text))
        }
        Tree::List(items) => Data::List(items.iter().map(of_tree).collect()),
        Tree::Object(object) => {
            let mut fields = Fields::with_capacity(object.len());
            object.iter().for_each(|(name, tree)| fields.push(CompactString::new(name), of_tree(tree)));
            Data::Object(fields)
        }
    }
}

fn of_val(val: &Val) -> Data {
    spend_steps(1);
    match val {
        Val::Null => Data::Null,
        Val::Bool(b) => Data::Bool(*b),
        Val::Num(Num::Int(i)) => i64::try_from(*i).map_or(Data::Null, |i| Data::Number(i.into())),
        Val::Num(Num::Float(f)) => Number::from_f64(*f).map_or(Data::Null, |number| of_digits(number.as_str())),
        Val::Num(number) => of_digits(&number.to_string()),
        Val::TStr(bytes) | Val::BStr(bytes) => {
            spend_bytes(bytes.len());
            Data::Text(CompactString::from_utf8_lossy(bytes))
        }
        Val::Arr(items) => Data::List(items.iter().map(of_val).collect()),
        Val::Obj(map) => {
            let mut fields = Fields::with_capacity(map.len());
            // Names that are no UTF-8 may become the same one, or one that is there.
            let mut may_repeat = false;
            for (key, val) in map.iter() {
                match key {
                    Val::TStr(bytes) if !may_repeat && let Ok(text) = std::str::from_utf8(bytes) => {
                        fields.push(text.into(), of_val(val));
                    }
                    key => {
                        may_repeat = true;
                        spend_steps(1 + fields.iter().len() / 8);
                        fields.set(&name(key), of_val(val));
                    }
                }
            }
            Data::Object(fields)
        }
    }
}

/// A number of a text, which is copied.
fn of_digits(text: &str) -> Data {
    spend_bytes(text.len());
    Digits::parse(text).map_or(Data::Null, Data::Number)
}

/// The text of a name.
pub(super) fn name(key: &Val) -> String {
    match key {
        Val::TStr(bytes) | Val::BStr(bytes) => String::from_utf8_lossy(bytes).into_owned(),
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

/// A mapped alert's content, as it is read by conditions.
pub(crate) struct Content<'c> {
    tree: Tree<'c>,
    depth: u16,
}

impl<'c> Content<'c> {
    /// A view of these fields; only its own lists are made.
    pub(crate) fn of(fields: &'c Fields) -> Self {
        let (tree, depth) = Tree::of_fields(fields);
        Self { tree, depth }
    }

    /// The whole of it.
    pub(crate) const fn document(&'c self) -> Document<'c> {
        Document::new(Item::tree(&self.tree, self.depth), 0)
    }
}
