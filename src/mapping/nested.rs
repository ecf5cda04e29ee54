//! Names with dots as the nested objects that they stand for: `"host.name": "h"` is `host: {name: h}` too.
//!
//! ECS documents are written in both forms, and in a mixture. Where a mapping asks for it (`nest_dotted_keys`), its
//! expressions see the nested form of each, and the keys as they were. Linear in the record, and free for one without
//! such names.

use std::borrow::Cow;

use jaq_json::{Map, Rc, Val};

use super::expression::Document;

/// Names of more parts stay as they are.
const MAX_PARTS: usize = 8;

/// The document with nested objects for the keys with dots at its top. The key wins over what is nested already; one
/// without a value, or below what is no object, changes nothing. Of a list of one scalar, which is how some exporters
/// write every field, the scalar is taken.
pub(super) fn nested(document: &Document) -> Cow<'_, Document> {
    let Val::Obj(map) = &document.val else { return Cow::Borrowed(document) };
    let mut all: Option<Map> = None;
    for (key, value) in map.iter() {
        let Some(parts) = parts(key) else { continue };
        let value = only(value);
        if !matches!(value, Val::Null) {
            put(all.get_or_insert_with(|| Map::clone(map)), &parts, value);
        }
    }
    match all {
        // A name of eight parts lies seven deeper.
        Some(map) => {
            let depth = document.depth.saturating_add(7);
            Cow::Owned(Document { val: Val::obj(map), depth, bytes: document.bytes })
        }
        None => Cow::Borrowed(document),
    }
}

/// The parts of a name with dots.
fn parts(key: &Val) -> Option<Vec<&str>> {
    let Val::TStr(name) = key else { return None };
    if !name.contains(&b'.') {
        return None;
    }
    let parts: Vec<&str> = std::str::from_utf8(name).ok()?.splitn(MAX_PARTS + 1, '.').collect();
    (parts.len() <= MAX_PARTS && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

fn only(value: &Val) -> &Val {
    match value {
        Val::Arr(items) => match items.as_slice() {
            [one] if !matches!(one, Val::Arr(_) | Val::Obj(_)) => one,
            _ => value,
        },
        _ => value,
    }
}

fn put(map: &mut Map, parts: &[&str], value: &Val) {
    let Some((first, rest)) = parts.split_first() else { return };
    let key = Val::utf8_str((*first).to_owned());
    if rest.is_empty() {
        drop(map.insert(key, value.clone()));
        return;
    }
    let inner = map.entry(key).or_insert_with(|| Val::obj(Map::default()));
    if matches!(inner, Val::Null) {
        *inner = Val::obj(Map::default());
    }
    if let Val::Obj(inner) = inner {
        put(Rc::make_mut(inner), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::nested;
    use crate::mapping::expression::{Env, Expression, from_json};

    fn of(value: &Value) -> Value {
        let document = from_json(value);
        let nested = nested(&document);
        Expression::compile(".").unwrap().one(&nested, &Env::default()).unwrap().unwrap()
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
        assert!(matches!(nested(&from_json(&json!({"a": {"b.c": 1}}))), Cow::Borrowed(_)));
    }
}
