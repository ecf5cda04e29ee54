//! An object that fields are put into, by the parts of their names.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::mapping::expression::{Item, spend_bytes};

/// What a field takes here, as far as it is charged. What expressions may make allows an honest record this for each of its
/// values.
const FIELD: usize = 64;

/// An object that fields are put into.
#[derive(Default)]
pub(super) struct Growing<'d> {
    fields: Vec<(Cow<'d, str>, Slot<'d>)>,
    places: HashMap<String, usize>,
}

enum Slot<'d> {
    Item(Item<'d>),
    Object(Growing<'d>),
}

impl<'d> Growing<'d> {
    /// Grows an object; `None` for any other value.
    pub(super) fn of(item: &Item<'d>) -> Option<Self> {
        let mut all = Self::default();
        for (name, item) in item.fields()? {
            all.slot(name, || Slot::Item(item));
        }
        Some(all)
    }

    /// The slot of a name, which is made if there is none.
    fn slot(&mut self, name: Cow<'d, str>, make: impl FnOnce() -> Slot<'d>) -> Option<&mut Slot<'d>> {
        let end = self.fields.len();
        let place = *self.places.entry(name.to_string()).or_insert(end);
        if place == end {
            spend_bytes(FIELD);
            self.fields.push((name, make()));
        }
        self.fields.get_mut(place).map(|(_, slot)| slot)
    }

    /// Puts a value in the place of a field's.
    pub(super) fn set(&mut self, name: Cow<'d, str>, item: Item<'d>) {
        if let Some(slot) = self.slot(name, || Slot::Item(Item::NULL)) {
            *slot = Slot::Item(item);
        }
    }

    /// Puts a value where these parts of a name say, unless that is below what is no object.
    pub(super) fn put(&mut self, parts: &[&str], item: Item<'d>) {
        let Some((first, rest)) = parts.split_first() else { return };
        let name = Cow::Owned((*first).to_owned());
        let Some(slot) = self.slot(name, || Slot::Object(Self::default())) else { return };
        if rest.is_empty() {
            *slot = Slot::Item(item);
            return;
        }
        if let Slot::Item(there) = slot {
            let grown = if there.is_null() { Some(Self::default()) } else { Self::of(there) };
            let Some(grown) = grown else { return };
            *slot = Slot::Object(grown);
        }
        if let Slot::Object(inner) = slot {
            inner.put(rest, item);
        }
    }

    /// All of it as one value.
    pub(super) fn end(self) -> Item<'d> {
        let item = |slot| match slot {
            Slot::Item(item) => item,
            Slot::Object(inner) => inner.end(),
        };
        Item::object(self.fields.into_iter().map(|(name, slot)| (name, item(slot))).collect())
    }
}
