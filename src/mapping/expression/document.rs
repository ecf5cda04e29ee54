//! What expressions look at: a record's value, or a part of it.

use std::borrow::Cow;
use std::cell::OnceCell;

use jaq_json::Val;

use super::budget::{beside_record, spend_of_record};
use super::item::{Item, Node};
use super::json::to_val;
use super::value::Bounded;
use crate::mapping::json::{Shape, Tree};

/// A JSON document.
#[derive(Clone, Debug)]
pub(crate) struct Document<'d> {
    item: Item<'d>,
    /// The size of the record that it comes from, in bytes; expressions may cost more on a large one.
    bytes: usize,
    /// Whether an object below its top may have a name with dots.
    dots_below: bool,
    /// As the engine's value, once an expression needs that.
    val: OnceCell<Val>,
}

impl<'d> Document<'d> {
    /// A value of a record of so many bytes.
    pub(in crate::mapping) const fn new(item: Item<'d>, bytes: usize) -> Self {
        Self { item, bytes, dots_below: true, val: OnceCell::new() }
    }

    /// A whole record of so many bytes, as it was read.
    pub(in crate::mapping) fn read(tree: &'d Tree<'d>, shape: Shape, bytes: usize) -> Self {
        let (item, dots_below) = (Item::tree(tree, shape.depth), shape.dots_below);
        Self { item, bytes, dots_below, val: OnceCell::new() }
    }

    /// A value that nests so deep, from a record of so many bytes.
    pub(in crate::mapping) const fn of_val(val: Val, depth: u16, bytes: usize) -> Self {
        Self::new(Item { node: Node::Val(Cow::Owned(val)), depth }, bytes)
    }

    pub(in crate::mapping) const fn item(&self) -> &Item<'d> {
        &self.item
    }

    pub(in crate::mapping) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether an object below its top may have a name with dots.
    pub(in crate::mapping) const fn may_have_dots_below(&self) -> bool {
        self.dots_below
    }

    /// A part of it, or what was made of it.
    pub(in crate::mapping) const fn part(&self, item: Item<'d>) -> Self {
        // What was made may have any names.
        let dots_below = self.dots_below || !matches!(item.node, Node::Tree(_));
        Self { item, bytes: self.bytes, dots_below, val: OnceCell::new() }
    }

    /// The same, without what it was read from; null where that takes too much. Costs the record nothing: it is for who
    /// looks on.
    pub(in crate::mapping) fn into_owned(self) -> Document<'static> {
        let depth = self.item.depth;
        let val = beside_record(self.bytes, || self.engine_val());
        Document::of_val(val.unwrap_or_default(), depth, self.bytes)
    }

    /// As the engine's value, made at most once. Of a part of the record this is linear, like reading it, so it costs
    /// the record and not the expression that happens to need it first.
    pub(super) fn engine_val(&self) -> Val {
        let make = || match &self.item.node {
            Node::Tree(tree) => to_val(tree, &mut |values, _| spend_of_record(values)),
            _ => self.item.to_val().into_owned(),
        };
        match &self.item.node {
            Node::Val(val) => Val::clone(val),
            _ => self.val.get_or_init(make).clone(),
        }
    }

    pub(super) fn bounded(&self) -> Bounded {
        Bounded { val: self.engine_val(), depth: self.item.depth }
    }

    /// A value for the engine, which may be this whole document.
    pub(super) fn bounded_part(&self, part: &Item<'d>) -> Bounded {
        let is_all = match (&self.item.node, &part.node) {
            (Node::Tree(all), Node::Tree(part)) => std::ptr::eq(*all, *part),
            (Node::Object(all), Node::Object(part)) => std::rc::Rc::ptr_eq(all, part),
            _ => false,
        };
        if is_all { self.bounded() } else { part.to_bounded() }
    }
}
