//! The value that an expression works on: a part of the record as it was read, or something that was made of it.
//!
//! Parts of the record are borrowed, and lists and objects that an expression puts together hold what they were made
//! of, so that a field costs about what it says. Only what the engine has to compute with becomes its own value
//! ([`Item::to_val`]), at a price.

mod parts;
mod types;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use jaq_core::ValT as _;
use jaq_json::{Num, Val};

use super::budget::{MAX_DEPTH, Spent, spend_bytes, spend_steps, stop};
use super::json;
use super::value::{self, Bounded, SLOT};
use crate::mapping::json::{Field, Object, Tree, read};

pub(super) use types::{Key, Type};

/// A value, and at least how deep it nests.
#[derive(Clone, Debug)]
pub(crate) struct Item<'v> {
    pub(super) node: Node<'v>,
    pub(super) depth: u16,
}

/// What a value is made of.
#[derive(Clone, Debug)]
pub(super) enum Node<'v> {
    /// A part of the record.
    Tree(&'v Tree<'v>),
    /// One of the engine's: a literal, a result, `$record`.
    Val(Cow<'v, Val>),
    /// A list that was put together here.
    List(Rc<Vec<Item<'v>>>),
    /// An object that was put together here.
    Object(Rc<Object<'v, Item<'v>>>),
}

impl From<Bounded> for Item<'_> {
    fn from(value: Bounded) -> Self {
        Self { node: Node::Val(Cow::Owned(value.val)), depth: value.depth }
    }
}

impl<'v> Item<'v> {
    pub(in crate::mapping) const NULL: Self = Self { node: Node::Val(Cow::Owned(Val::Null)), depth: 0 };

    /// A document of this depth.
    pub(in crate::mapping) const fn tree(tree: &'v Tree<'v>, depth: u16) -> Self {
        Self { node: Node::Tree(tree), depth }
    }

    pub(super) const fn borrowed(val: &'v Val, depth: u16) -> Self {
        Self { node: Node::Val(Cow::Borrowed(val)), depth }
    }

    pub(super) const fn bool(b: bool) -> Self {
        Self { node: Node::Val(Cow::Owned(Val::Bool(b))), depth: 0 }
    }

    /// What a text of JSON says; the text is not needed any longer.
    pub(in crate::mapping) fn parsed(text: &[u8]) -> Option<Self> {
        let (tree, shape) = read(text).ok()?;
        Some(Bounded::nested(json::to_val(&tree, &mut |_, _| {}), shape.depth).into())
    }

    /// A list of these values.
    pub(in crate::mapping) fn list(items: Vec<Self>) -> Self {
        let depth = items.iter().map(|item| item.depth).max().unwrap_or_default() + 1;
        Self::nested(Node::List(Rc::new(items)), depth)
    }

    /// An object of these fields; of a repeated name the last counts.
    pub(in crate::mapping) fn object(fields: Vec<(Cow<'v, str>, Self)>) -> Self {
        let depth = fields.iter().map(|(_, item)| item.depth).max().unwrap_or_default() + 1;
        let fields = fields.into_iter().map(|(name, item)| Field::new(name, item)).collect();
        Self::nested(Node::Object(Rc::new(Object::of(fields))), depth)
    }

    fn nested(node: Node<'v>, depth: u16) -> Self {
        if depth > MAX_DEPTH {
            // Dropped here piece by piece at a depth that is still safe.
            drop(node);
            stop(Spent::Depth);
        }
        Self { node, depth }
    }

    pub(super) fn is_of(&self) -> Type {
        match &self.node {
            Node::Tree(Tree::Null) => Type::Null,
            Node::Tree(Tree::Bool(_)) => Type::Boolean,
            Node::Tree(Tree::Number(_)) => Type::Number,
            Node::Tree(Tree::Text(_)) => Type::Text,
            Node::Tree(Tree::List(_)) | Node::List(_) => Type::List,
            Node::Tree(Tree::Object(_)) | Node::Object(_) => Type::Object,
            Node::Val(val) => Type::of_val(val),
        }
    }

    /// Whether it is neither `false` nor `null`.
    pub(super) fn holds(&self) -> bool {
        match &self.node {
            Node::Tree(tree) => !matches!(tree, Tree::Null | Tree::Bool(false)),
            Node::Val(val) => val.as_bool(),
            Node::List(_) | Node::Object(_) => true,
        }
    }

    pub(in crate::mapping) fn is_null(&self) -> bool {
        self.is_of() == Type::Null
    }

    pub(in crate::mapping) fn is_object(&self) -> bool {
        self.is_of() == Type::Object
    }

    /// A text's bytes, which are UTF-8 unless the engine cut it.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match &self.node {
            Node::Tree(Tree::Text(text)) => Some(text.as_bytes()),
            Node::Val(val) => match &**val {
                Val::TStr(bytes) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// The text that it is.
    pub(in crate::mapping) fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Tree(Tree::Text(text)) => Some(text),
            _ => self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()),
        }
    }

    /// The text of the number that it is.
    pub(in crate::mapping) fn digits(&self) -> Option<Cow<'v, str>> {
        match &self.node {
            Node::Tree(Tree::Number(digits)) => Some(Cow::Borrowed(digits)),
            Node::Val(val) => match &**val {
                Val::Num(number) => Some(Cow::Owned(number.to_string())),
                _ => None,
            },
            _ => None,
        }
    }

    /// The place in a list that it stands for, where it is a whole number from 0.
    pub(super) fn place(&self) -> Option<usize> {
        match &self.node {
            Node::Tree(Tree::Number(digits)) => digits.parse().ok(),
            Node::Val(val) => match &**val {
                Val::Num(Num::Int(i)) => usize::try_from(*i).ok(),
                _ => None,
            },
            _ => None,
        }
    }

    /// Spends a step for each value in it and for each 64 bytes of text.
    pub(super) fn weigh(&self) {
        fn tree(value: &Tree<'_>) {
            match value {
                Tree::List(items) => {
                    spend_steps(1 + items.len());
                    items.iter().for_each(tree);
                }
                Tree::Object(object) => {
                    spend_steps(1 + object.len());
                    object.values().for_each(tree);
                }
                Tree::Text(text) => spend_steps(text.len() / 64),
                Tree::Null | Tree::Bool(_) | Tree::Number(_) => {}
            }
        }
        match &self.node {
            Node::Tree(part) => tree(part),
            Node::Val(val) => value::weigh(val),
            Node::List(items) => {
                spend_steps(1 + items.len());
                items.iter().for_each(Self::weigh);
            }
            Node::Object(object) => {
                spend_steps(1 + object.len());
                object.values().for_each(Self::weigh);
            }
        }
    }

    /// How many slots or bytes it has at its top.
    pub(super) fn breadth(&self) -> usize {
        match &self.node {
            Node::Val(val) => value::breadth(val),
            _ => match self.is_of() {
                Type::List => self.len().unwrap_or_default() * SLOT,
                Type::Object => self.len().unwrap_or_default() * 2 * SLOT,
                _ => self.bytes().map_or(0, <[u8]>::len),
            },
        }
    }

    /// The order of jq.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        spend_steps(1);
        match (self.bytes(), other.bytes()) {
            (Some(l), Some(r)) => {
                spend_steps((l.len() + r.len()) / 64);
                l.cmp(r)
            }
            _ => match self.is_of().cmp(&other.is_of()) {
                // What is of one type without any content is the same, and comes before what has content.
                Ordering::Equal if self.is_null() => Ordering::Equal,
                Ordering::Equal if [self.len(), other.len()].contains(&Some(0)) => self.len().cmp(&other.len()),
                Ordering::Equal => {
                    self.weigh();
                    other.weigh();
                    self.to_val().cmp(&other.to_val())
                }
                order => order,
            },
        }
    }

    /// As the engine's value. What is no value of its own yet is made, at a price.
    pub(super) fn to_val(&self) -> Cow<'v, Val> {
        match &self.node {
            Node::Val(val) => val.clone(),
            Node::Tree(tree) => Cow::Owned(json::to_val(tree, &mut charge)),
            Node::List(items) => {
                charge(1 + items.len(), items.len() * SLOT);
                Cow::Owned(Val::Arr(items.iter().map(|item| item.to_val().into_owned()).collect::<Vec<_>>().into()))
            }
            Node::Object(object) => {
                charge(1 + object.len(), object.len() * 2 * SLOT);
                let fields =
                    object.iter().map(|(name, item)| (Val::from(name.to_string()), item.to_val().into_owned()));
                Cow::Owned(Val::obj(fields.collect()))
            }
        }
    }

    pub(super) fn to_bounded(&self) -> Bounded {
        Bounded { val: self.to_val().into_owned(), depth: self.depth }
    }

    pub(super) fn into_bounded(self) -> Bounded {
        match self.node {
            Node::Val(val) => Bounded { val: val.into_owned(), depth: self.depth },
            _ => self.to_bounded(),
        }
    }
}

/// What a part of the record costs that the engine has to see. Next to its steps this is little, and a record is often
/// large while its expressions are honest.
fn charge(values: usize, bytes: usize) {
    spend_steps(1 + values / 8);
    spend_bytes(bytes);
}
