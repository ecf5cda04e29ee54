//! Names with dots as the nested objects that they stand for: `"host.name": "h"` is `host: {name: h}` too.
//!
//! ECS documents are written in both forms, and in a mixture. Where a mapping asks for it (`nest_dotted_keys`), its
//! expressions see the nested form of each, and the keys as they were. Only what one of them reads is nested
//! ([`Roots`]). Linear in the record, and free for one without such names.

use std::borrow::Cow;
use std::collections::HashMap;

use super::expression::{Document, Item, Roots};

/// Names of more parts stay as they are.
const MAX_PARTS: usize = 8;

/// The document with nested objects for the keys with dots at its top, as far as the names in `roots` go. The key wins
/// over what is nested already; one without a value, or below what is no object, changes nothing. Of a list of one
/// scalar, which is how some exporters write every field, the scalar is taken.
pub(super) fn nested<'d>(document: &Document<'d>, roots: &Roots) -> Option<Document<'d>> {
    let fields = document.item().dotted(|first| roots.has(first))?;
    let mut all = Growing::of(document.item())?;
    for (name, item) in fields {
        let item = only(item);
        let parts = parts(&name);
        if !parts.is_empty() && !item.is_null() {
            all.put(&parts, item);
        }
    }
    Some(document.part(all.end()))
}

/// The parts of a name with dots; none where they are too many, or one is empty.
fn parts(name: &str) -> Vec<&str> {
    let parts: Vec<&str> = name.splitn(MAX_PARTS + 1, '.').collect();
    if parts.len() <= MAX_PARTS && parts.iter().all(|part| !part.is_empty()) { parts } else { Vec::new() }
}

fn only(item: Item<'_>) -> Item<'_> {
    match item.elements().as_deref() {
        Some([one]) if one.len().is_none() => one.clone(),
        _ => item,
    }
}

/// An object that fields are put into.
#[derive(Default)]
struct Growing<'d> {
    fields: Vec<(Cow<'d, str>, Slot<'d>)>,
    places: HashMap<String, usize>,
}

enum Slot<'d> {
    Item(Item<'d>),
    Object(Growing<'d>),
}

impl<'d> Growing<'d> {
    /// Grows an object; `None` for any other value.
    fn of(item: &Item<'d>) -> Option<Self> {
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
            self.fields.push((name, make()));
        }
        self.fields.get_mut(place).map(|(_, slot)| slot)
    }

    fn put(&mut self, parts: &[&str], item: Item<'d>) {
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

    fn end(self) -> Item<'d> {
        let item = |slot| match slot {
            Slot::Item(item) => item,
            Slot::Object(inner) => inner.end(),
        };
        Item::object(self.fields.into_iter().map(|(name, slot)| (name, item(slot))).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::nested;
    use crate::mapping::expression::{Document, Expression, Item, Roots, from_json, to_json};
    use crate::mapping::json::read;

    /// What all expressions would see, be the document a part of a record or the engine's value.
    fn of(value: &Value) -> Value {
        let text = value.to_string();
        let (tree, depth) = read(text.as_bytes()).unwrap();
        let [result, same] = [Document::new(Item::tree(&tree, depth), text.len()), from_json(value)]
            .map(|document| to_json(nested(&document, &Roots::All).as_ref().unwrap_or(&document).item()));
        assert_eq!(result, same);
        result
    }

    fn roots(source: &str) -> Roots {
        let mut roots = Roots::none();
        roots.add(&Expression::compile(source).unwrap());
        roots
    }

    #[test]
    fn a_key_with_dots_is_nested_too_and_stays_as_it_is() {
        assert_eq!(
            of(
                &json!({"host.name": "h", "host.os.name": ["l"], "host": {"id": 7, "name": "n"}, "source": null, "source.ip": "i"})
            ),
            json!({
                "host.name": "h", "host.os.name": ["l"], "host": {"id": 7, "name": "h", "os": {"name": "l"}},
                "source": {"ip": "i"}, "source.ip": "i",
            })
        );
    }

    #[test]
    fn what_has_no_place_changes_nothing() {
        for value in [
            json!({"host": "h", "host.name": "n"}),
            json!({"a.b": null, "a": {"b": 1}}),
            json!({".": 1, "a.": 1, "..": 1, "a..b": 1}),
            json!({"a.b.c.d.e.f.g.h.i": 1}),
        ] {
            assert_eq!(of(&value), value);
        }
        let lists = json!({"a.b": [1, 2], "c.d": [{"e": 1}]});
        assert_eq!((&of(&lists)["a"]["b"], &of(&lists)["c"]["d"]), (&json!([1, 2]), &json!([{"e": 1}])));
    }

    #[test]
    fn a_document_without_such_names_is_not_copied() {
        assert!(nested(&from_json(&json!({"a": {"b.c": 1}})), &Roots::All).is_none());
    }

    #[test]
    fn what_no_expression_reads_is_not_nested() {
        let document = from_json(&json!({"kibana.alert.uuid": "u", "host.name": "h"}));
        assert!(nested(&document, &roots(".\"kibana.alert.uuid\" // .agent.name")).is_none());
        let found = nested(&document, &roots(".host.name")).unwrap();
        let expected = json!({"kibana.alert.uuid": "u", "host.name": "h", "host": {"name": "h"}});
        assert_eq!(to_json(found.item()), expected);
    }

    #[test]
    fn the_names_that_an_expression_can_see_are_known_or_all_are() {
        for (source, expected) in [
            (".a.b", &["a"][..]),
            (".b // (.a | .c) | ascii_upcase", &["a", "b"]),
            ("if .a == 1 then {x: .b, c} else [.d[].e] end", &["a", "b", "c", "d"]),
            ("(.a // [])[.b]", &["a", "b"]),
            (".a as $x | \"\\($x.b) \\(.c)\"", &["a", "c"]),
            ("1, $record.key, \"x\", ([.a] | .[0], length, keys)", &["a"]),
        ] {
            assert_eq!(roots(source), Roots::Names(expected.iter().map(|name| (*name).into()).collect()), "{source}");
        }
        for source in [".", ".[]", ".[.a]", ". as $x | .a", "keys", "has(\"a\")", "tojson", "select(.a) | .b", "[..]"] {
            assert_eq!(roots(source), Roots::All, "{source}");
        }
    }
}
