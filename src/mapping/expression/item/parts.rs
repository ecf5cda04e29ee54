//! What is in a value: its elements, its fields, the texts in it.

use std::borrow::Cow;
use std::convert::Infallible;

use jaq_json::Val;

use super::super::budget::spend_steps;
use super::super::{json, value};
use super::{Item, Key, Node, Type};
use crate::mapping::json::{Name, Tree};

impl<'v> Item<'v> {
    /// How many elements or fields it has.
    pub(in crate::mapping) fn len(&self) -> Option<usize> {
        match &self.node {
            Node::Tree(Tree::List(items)) => Some(items.len()),
            Node::Tree(Tree::Object(object)) => Some(object.len()),
            Node::List(items) => Some(items.len()),
            Node::Object(object) => Some(object.len()),
            Node::Val(val) => match &**val {
                Val::Arr(items) => Some(items.len()),
                Val::Obj(map) => Some(map.len()),
                _ => None,
            },
            Node::Tree(_) => None,
        }
    }

    /// What stands under a key: `null` for what is missing, `None` where the value has no such parts.
    pub(in super::super) fn child(&self, key: &Key) -> Option<Self> {
        let depth = self.depth.saturating_sub(1).max(1);
        let tree = |found: Option<&'v Tree<'v>>| Some(found.map_or(Self::NULL, |tree| Self::tree(tree, depth)));
        match (&self.node, key) {
            (Node::Tree(Tree::Object(object)), Key::Name(name, _)) => tree(object.get(Name::new(name))),
            (Node::Tree(Tree::List(items)), Key::Index(i)) => tree(items.get(*i)),
            (Node::Tree(Tree::Null), _) => Some(Self::NULL),
            (Node::Val(Cow::Borrowed(val)), key) => Some(Self::borrowed(value::child(val, key)?, depth)),
            (Node::Val(Cow::Owned(val)), key) => {
                Some(Self { node: Node::Val(Cow::Owned(value::child(val, key)?.clone())), depth })
            }
            (Node::Object(object), Key::Name(name, _)) => {
                Some(object.get(Name::new(name)).map_or(Self::NULL, Self::clone))
            }
            (Node::List(items), Key::Index(i)) => Some(items.get(*i).map_or(Self::NULL, Self::clone)),
            _ => None,
        }
    }

    /// The value of an object's field; `None` where it has none.
    pub(in crate::mapping) fn field(&self, name: &str) -> Option<Self> {
        let depth = self.depth.saturating_sub(1).max(1);
        match &self.node {
            Node::Tree(Tree::Object(object)) => object.get(Name::new(name)).map(|tree| Self::tree(tree, depth)),
            Node::Object(object) => object.get(Name::new(name)).cloned(),
            Node::Val(val) => match &**val {
                Val::Obj(map) => {
                    let val = map.get(&Val::utf8_str(name.to_owned()))?;
                    Some(Self { node: Node::Val(Cow::Owned(val.clone())), depth })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Its elements, or the values of its fields, one after the other.
    ///
    /// # Errors
    /// As soon as `each` does; `None` where it has none.
    pub(in super::super) fn try_each<E>(&self, mut each: impl FnMut(Self) -> Result<(), E>) -> Option<Result<(), E>> {
        let depth = self.depth.saturating_sub(1).max(1);
        let own = |val: &Val| Self { node: Node::Val(Cow::Owned(val.clone())), depth };
        Some(match &self.node {
            Node::Tree(Tree::List(items)) => items.iter().try_for_each(|tree| each(Self::tree(tree, depth))),
            Node::Tree(Tree::Object(object)) => object.values().try_for_each(|tree| each(Self::tree(tree, depth))),
            Node::List(items) => items.iter().try_for_each(|item| each(item.clone())),
            Node::Object(object) => object.values().try_for_each(|item| each(item.clone())),
            Node::Val(Cow::Borrowed(Val::Arr(items))) => {
                items.iter().try_for_each(|val| each(Self::borrowed(val, depth)))
            }
            Node::Val(Cow::Borrowed(Val::Obj(map))) => {
                map.values().try_for_each(|val| each(Self::borrowed(val, depth)))
            }
            Node::Val(Cow::Owned(Val::Arr(items))) => items.iter().try_for_each(|val| each(own(val))),
            Node::Val(Cow::Owned(Val::Obj(map))) => map.values().try_for_each(|val| each(own(val))),
            Node::Val(_) | Node::Tree(_) => return None,
        })
    }

    /// The elements of a list.
    pub(in crate::mapping) fn elements(&self) -> Option<Vec<Self>> {
        self.first_elements(usize::MAX)
    }

    /// The first elements of a list, at most so many.
    pub(in crate::mapping) fn first_elements(&self, most: usize) -> Option<Vec<Self>> {
        if self.is_of() != Type::List {
            return None;
        }
        let most = most.min(self.len().unwrap_or_default());
        let mut first = Vec::with_capacity(most);
        let _ended: Option<Result<(), ()>> = self.try_each(|item| {
            if first.len() == most {
                return Err(());
            }
            first.push(item);
            Ok(())
        });
        Some(first)
    }

    /// The fields of an object, without what is in them.
    pub(in crate::mapping) fn fields(&self) -> Option<Vec<(Cow<'v, str>, Self)>> {
        let mut fields = Vec::with_capacity(if self.is_object() { self.len().unwrap_or_default() } else { 0 });
        self.each_field(|name, item| fields.push((name, item))).then_some(fields)
    }

    /// Shows each field of an object; tells whether it is one.
    pub(in crate::mapping) fn each_field(&self, mut see: impl FnMut(Cow<'v, str>, Self)) -> bool {
        let depth = self.depth.saturating_sub(1).max(1);
        match &self.node {
            Node::Tree(Tree::Object(object)) => {
                object.iter().for_each(|(name, tree)| see(Cow::Borrowed(&**name), Self::tree(tree, depth)));
            }
            Node::Object(object) => object.iter().for_each(|(name, item)| see(name.clone(), item.clone())),
            Node::Val(val) => match &**val {
                Val::Obj(map) => map.iter().for_each(|(name, val)| {
                    see(Cow::Owned(json::name(name)), Self { node: Node::Val(Cow::Owned(val.clone())), depth });
                }),
                _ => return false,
            },
            _ => return false,
        }
        true
    }

    /// Shows each element of a list; tells whether it is one.
    pub(in crate::mapping) fn each_element(&self, mut see: impl FnMut(Self)) -> bool {
        if self.is_of() != Type::List {
            return false;
        }
        let _all: Option<Result<(), Infallible>> = self.try_each(|item| {
            see(item);
            Ok(())
        });
        true
    }

    /// Shows each text in it, but no names.
    pub(in super::super) fn each_text(&self, see: &mut dyn FnMut(&str)) {
        fn tree(value: &Tree<'_>, see: &mut dyn FnMut(&str)) {
            spend_steps(1);
            match value {
                Tree::List(items) => items.iter().for_each(|item| tree(item, see)),
                Tree::Object(object) => object.values().for_each(|item| tree(item, see)),
                Tree::Text(text) => {
                    spend_steps(text.len() / 8);
                    see(text);
                }
                Tree::Null | Tree::Bool(_) | Tree::Number(_) => {}
            }
        }
        fn of_engine(value: &Val, see: &mut dyn FnMut(&str)) {
            spend_steps(1);
            match value {
                Val::Arr(items) => items.iter().for_each(|item| of_engine(item, see)),
                Val::Obj(map) => map.values().for_each(|item| of_engine(item, see)),
                Val::TStr(bytes) => {
                    spend_steps(bytes.len() / 8);
                    see(&String::from_utf8_lossy(bytes));
                }
                _ => {}
            }
        }
        match &self.node {
            Node::Tree(part) => tree(part, see),
            Node::Val(val) => of_engine(val, see),
            Node::List(items) => items.iter().for_each(|item| item.each_text(see)),
            Node::Object(object) => object.values().for_each(|item| item.each_text(see)),
        }
    }
}
