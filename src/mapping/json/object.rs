//! The fields of an object, in the order of their first appearance; of a repeated name the last value counts.
//!
//! A field is looked up by going through all of them, which is faster than hashing as long as they are few. Of an object
//! with more there is an index, so that a look-up in a hostile record costs no more than one in a hash map would.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The most fields without an index.
const FEW: usize = 48;

/// An object with values of any kind.
#[derive(Clone, Debug)]
pub(in crate::mapping) struct Object<'d, V> {
    fields: Vec<Field<'d, V>>,
    /// Of more than [`FEW`] fields: their places, sorted by name.
    index: Option<Box<Index>>,
}

#[derive(Clone, Debug)]
struct Index(Vec<u32>);

/// A field of an object.
#[derive(Clone, Debug)]
pub(in crate::mapping) struct Field<'d, V> {
    tag: u32,
    name: Cow<'d, str>,
    value: V,
}

impl<'d, V> Field<'d, V> {
    pub(in crate::mapping) fn new(name: Cow<'d, str>, value: V) -> Self {
        Self { tag: tag(&name), name, value }
    }
}

impl<V> Default for Object<'_, V> {
    fn default() -> Self {
        Self { fields: Vec::new(), index: None }
    }
}

impl<'d, V> Object<'d, V> {
    /// An object of these fields, of which some may have the same name.
    pub(in crate::mapping) fn of(fields: Vec<Field<'d, V>>) -> Self {
        if fields.len() > FEW { Self::indexed(fields) } else { Self::few(fields) }
    }

    fn few(mut fields: Vec<Field<'d, V>>) -> Self {
        // Most names differ in six bits of their tags from all before them.
        let (mut seen, mut at) = (0_u64, 0);
        while let Some(field) = fields.get(at) {
            let bit = 1 << (field.tag >> 26);
            let earlier = if seen & bit == 0 { None } else { fields.iter().take(at).position(|other| other.is(field)) };
            seen |= bit;
            match earlier {
                Some(earlier) => {
                    let last = fields.remove(at);
                    if let Some(field) = fields.get_mut(earlier) {
                        field.value = last.value;
                    }
                }
                None => at += 1,
            }
        }
        Self { fields, index: None }
    }

    fn indexed(fields: Vec<Field<'d, V>>) -> Self {
        let mut places: Vec<usize> = (0..fields.len()).collect();
        let name = |place: &usize| fields.get(*place).map(|field| &*field.name);
        // Stable: of a repeated name the first place comes first.
        places.sort_by(|a, b| name(a).cmp(&name(b)));
        // What becomes of each field: the place that its value takes, where that is another's.
        let mut taken: Vec<Option<usize>> = vec![None; fields.len()];
        let mut first: Option<usize> = None;
        for place in &places {
            match first {
                Some(first) if name(&first) == name(place) => {
                    if let Some(slot) = taken.get_mut(*place) {
                        *slot = Some(first);
                    }
                }
                _ => first = Some(*place),
            }
        }
        let mut kept: Vec<Field<'d, V>> = Vec::with_capacity(fields.len());
        let mut moved: Vec<usize> = Vec::with_capacity(fields.len());
        for (field, taken) in fields.into_iter().zip(taken) {
            let to = taken.and_then(|first| moved.get(first).copied());
            moved.push(to.unwrap_or(kept.len()));
            match to.and_then(|to| kept.get_mut(to)) {
                Some(first) => first.value = field.value,
                None => kept.push(field),
            }
        }
        let mut order: Vec<u32> = places.iter().filter_map(|place| u32::try_from(*moved.get(*place)?).ok()).collect();
        order.dedup();
        Self { fields: kept, index: Some(Box::new(Index(order))) }
    }

    pub(in crate::mapping) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The value of a field.
    pub(in crate::mapping) fn get(&self, name: Name<'_>) -> Option<&V> {
        let found = match &self.index {
            None => self.fields.iter().find(|field| field.tag == name.tag && field.name == name.text),
            Some(index) => {
                let at = |place: &u32| self.fields.get(usize::try_from(*place).ok()?);
                let order = |place: &u32| at(place).map_or(Ordering::Less, |field| (*field.name).cmp(name.text));
                index.0.binary_search_by(order).ok().and_then(|found| at(index.0.get(found)?))
            }
        };
        found.map(|field| &field.value)
    }

    /// Names and values, in their order.
    pub(in crate::mapping) fn iter(&self) -> impl ExactSizeIterator<Item = (&Cow<'d, str>, &V)> {
        self.fields.iter().map(|field| (&field.name, &field.value))
    }

    /// The values, in their order.
    pub(in crate::mapping) fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.fields.iter().map(|field| &field.value)
    }
}

impl<V> Field<'_, V> {
    fn is(&self, other: &Self) -> bool {
        self.tag == other.tag && self.name == other.name
    }
}

/// A name to look up.
#[derive(Clone, Copy, Debug)]
pub(in crate::mapping) struct Name<'n> {
    text: &'n str,
    tag: u32,
}

impl<'n> Name<'n> {
    pub(in crate::mapping) const fn new(text: &'n str) -> Self {
        Self { text, tag: tag(text) }
    }
}

/// A number that is nearly always another one for another name. Whoever makes names with the same one makes look-ups
/// compare up to [`FEW`] names, no more.
const fn tag(name: &str) -> u32 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (mut words, mut rest) = name.as_bytes().as_chunks::<8>();
    let mut hash = name.len() as u64;
    while let [word, others @ ..] = words {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(SPREAD);
        words = others;
    }
    let mut last = 0_u64;
    while let [byte, others @ ..] = rest {
        last = last << 8 | *byte as u64;
        rest = others;
    }
    hash = (hash.rotate_left(23) ^ last).wrapping_mul(SPREAD);
    let [a, b, c, d, ..] = hash.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::{FEW, Field, Name, Object};

    fn object(names: &[String]) -> Object<'_, usize> {
        Object::of(names.iter().enumerate().map(|(i, name)| Field::new(Cow::from(name.as_str()), i)).collect())
    }

    proptest! {
        #[test]
        fn a_field_is_at_its_first_place_with_its_last_value(
            names in prop::collection::vec("[a-c]{0,2}|[a-z]{3,20}", 0..3 * FEW),
        ) {
            let object = object(&names);
            let mut expected: Vec<(&str, usize)> = Vec::new();
            for (i, name) in names.iter().enumerate() {
                match expected.iter_mut().find(|(known, _)| known == name) {
                    Some((_, value)) => *value = i,
                    None => expected.push((name, i)),
                }
            }
            for (name, value) in &expected {
                prop_assert_eq!(object.get(Name::new(name)), Some(value));
            }
            prop_assert_eq!(object.get(Name::new("A")), None);
            let all: Vec<_> = object.iter().map(|(name, value)| (&**name, *value)).collect();
            prop_assert_eq!(all, expected);
        }
    }

    #[test]
    fn names_that_differ_in_one_byte_have_different_tags() {
        let names = ["", "a", "b", "aa", "host.name", "host.nama", "kibana.alert.uuid", "\0", "\0\0"];
        for (i, name) in names.iter().enumerate() {
            for other in names.iter().skip(i + 1) {
                assert_ne!(super::tag(name), super::tag(other), "{name} {other}");
            }
        }
    }
}
