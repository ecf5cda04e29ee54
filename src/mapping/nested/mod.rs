//! Names with dots as the nested objects that they stand for: `"host.name": "h"` is `host: {name: h}` too.
//!
//! ECS documents are written in both forms, and in a mixture. Where a mapping asks for it (`nest_dotted_keys`), its
//! expressions see the nested form of each, and the keys as they were. Only what one of them reads is nested
//! ([`Roots`]). Linear in the record, and free for one without such names: below the top it is looked for them only where
//! the record was seen to have one ([`Document::may_have_dots_below`]).

mod growing;

use self::growing::Growing;
use super::expression::{Document, Item, Roots};

/// What has more names from the top, those with dots taken apart, stays as it is.
const MAX_PARTS: usize = 8;

/// The document with nested objects for the keys with dots in it, as far as the names in `roots` go. The key wins over
/// what is nested already, and one further out over one further in; one without a value, or below what is no object,
/// changes nothing. Of a list of one scalar, which is how some exporters write every field, the scalar is taken. The keys
/// themselves stay, with the values that they had.
pub(super) fn nested<'d>(document: &Document<'d>, roots: &Roots) -> Option<Document<'d>> {
    let below = document.may_have_dots_below();
    object(document.item(), MAX_PARTS, below, &|first| roots.has(first)).map(|item| document.part(item))
}

/// An object with what its keys with dots stand for, and those in its fields if `below`; none where nothing is to be
/// nested. `room` is how many names it may have.
fn object<'d>(item: &Item<'d>, room: usize, below: bool, wanted: &dyn Fn(&str) -> bool) -> Option<Item<'d>> {
    if room == 0 {
        return None;
    }
    let (mut changed, mut dotted) = (Vec::new(), Vec::new());
    item.each_field(|name, item| match before_dot(&name) {
        Some(first) if wanted(first) => dotted.push((name, only(item))),
        None if below && item.len().is_some() && wanted(&name) => {
            changed.extend(inner(&item, room - 1).map(|item| (name, item)));
        }
        _ => {}
    });
    dotted.retain(|(name, item)| !item.is_null() && parts(name, room).is_some());
    if changed.is_empty() && dotted.is_empty() {
        return None;
    }
    let mut all = Growing::of(item)?;
    for (name, item) in changed {
        all.set(name, item);
    }
    for (name, item) in dotted {
        let Some(parts) = parts(&name, room) else { continue };
        let nested = if below { inner(&item, room - parts.len()) } else { None };
        all.put(&parts, nested.unwrap_or(item));
    }
    Some(all.end())
}

/// The same for what stands in a field: an object, or a list with objects in it.
fn inner<'d>(item: &Item<'d>, room: usize) -> Option<Item<'d>> {
    let mut changed: Vec<(usize, Item<'d>)> = Vec::new();
    let mut place = 0;
    let is_list = item.each_element(|item| {
        changed.extend(object(&item, room, true, &|_| true).map(|item| (place, item)));
        place += 1;
    });
    if !is_list {
        return object(item, room, true, &|_| true);
    }
    if changed.is_empty() {
        return None;
    }
    let mut items = item.elements()?;
    for (place, changed) in changed {
        if let Some(item) = items.get_mut(place) {
            *item = changed;
        }
    }
    Some(Item::list(items))
}

/// What comes before a name's first dot. Names are short: byte by byte is faster than a search for long texts.
fn before_dot(name: &str) -> Option<&str> {
    name.get(..name.bytes().position(|byte| byte == b'.')?)
}

/// The parts of a name with dots; none where they are too many, or one is empty.
fn parts(name: &str, most: usize) -> Option<Vec<&str>> {
    let parts: Vec<&str> = name.splitn(most + 1, '.').collect();
    (parts.len() <= most && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

fn only(item: Item<'_>) -> Item<'_> {
    match item.first_elements(2).as_deref() {
        Some([one]) if one.len().is_none() => one.clone(),
        _ => item,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::nested;
    use crate::mapping::expression::{Document, Env, Expression, Roots, from_json, guarded, to_json};
    use crate::mapping::json::read;

    /// What all expressions would see, be the document a part of a record or the engine's value.
    fn of(value: &Value) -> Value {
        let text = value.to_string();
        let (tree, shape) = read(text.as_bytes()).unwrap();
        let [result, same] = [Document::read(&tree, shape, text.len()), from_json(value)]
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
    fn a_key_with_dots_below_the_top_is_nested_too_wherever_it_stands() {
        assert_eq!(
            of(&json!({
                "kibana": {"alert.severity": "high", "alert": {"rule.name": ["r"], "rule": {"id": 1}}},
                "threat": [{"tactic.name": "t"}, 7, {"technique": [{"id.x": 1}]}],
                "host.os": {"kernel.name": "k"},
            })),
            json!({
                "kibana": {
                    "alert.severity": "high",
                    "alert": {"rule.name": ["r"], "rule": {"id": 1, "name": "r"}, "severity": "high"},
                },
                "threat": [
                    {"tactic.name": "t", "tactic": {"name": "t"}},
                    7,
                    {"technique": [{"id.x": 1, "id": {"x": 1}}]},
                ],
                "host.os": {"kernel.name": "k"},
                "host": {"os": {"kernel.name": "k", "kernel": {"name": "k"}}},
            })
        );
    }

    #[test]
    fn a_key_with_dots_wins_below_the_top_as_it_does_there_and_one_further_out_over_one_further_in() {
        let severity = |value: &Value| of(value)["kibana"]["alert"]["severity"].clone();
        for (expected, value) in [
            (1, json!({"kibana": {"alert.severity": 1, "alert": {"severity": 2}}})),
            (1, json!({"kibana.alert.severity": 1, "kibana": {"alert.severity": 2, "alert": {"severity": 3}}})),
            (1, json!({"kibana": {"alert.severity": 2}, "kibana.alert": {"severity": 1}})),
            (2, json!({"kibana": {"alert.severity": null, "alert": {"severity": 2}}})),
        ] {
            assert_eq!(severity(&value), expected, "{value}");
        }
        let text = json!({"kibana": {"alert.severity": 1, "alert": "a"}});
        assert_eq!(of(&text), text, "below what is no object");
    }

    #[test]
    fn what_has_more_names_from_the_top_than_eight_stays_as_it_is() {
        let at = |names: &[&str], inner: Value| names.iter().rfold(inner, |inner, name| json!({ *name: inner }));
        let seven = ["a", "b", "c", "d", "e", "f"];
        let fits = of(&at(&seven, json!({"g.h": 1})));
        assert_eq!(fits, at(&seven, json!({"g.h": 1, "g": {"h": 1}})));
        for value in
            [at(&seven, json!({"g.h.i": 1})), at(&seven, json!({"g": {"h.i": 1}})), json!({"a": [[{"b.c": 1}]]})]
        {
            assert_eq!(of(&value), value);
        }
        let long = json!({"a.b.c.d.e.f.g": {"h.i": 1}});
        assert_eq!(of(&long)["a"]["b"]["c"]["d"]["e"]["f"]["g"], json!({"h.i": 1}));
    }

    #[test]
    fn keys_that_repeat_themselves_at_every_depth_make_a_little_more_and_no_flood() {
        let value = (0..90).fold(json!(1), |inner, _| json!({"a.b": inner, "a": [{"b.c": 1}]}));
        let made = of(&value).to_string().len();
        assert!(made < 10 * value.to_string().len(), "{made}");
    }

    #[test]
    fn what_would_be_too_much_is_a_fault() {
        let list = vec![json!({"a.b.c.d.e.f": 1}); 60_000];
        let text = json!({ "x": list }).to_string();
        let (tree, shape) = read(text.as_bytes()).unwrap();
        let document = Document::read(&tree, shape, text.len());
        let fault = guarded(&document, || nested(&document, &Roots::All).is_some()).unwrap_err();
        assert!(fault.to_string().contains("too much data"), "{fault}");
    }

    #[test]
    fn a_document_without_such_names_is_not_copied() {
        assert!(nested(&from_json(&json!({"a": {"b": [{"c": 1}]}})), &Roots::All).is_none());
        let below = from_json(&json!({"a": {"b.c": 1}}));
        assert!(nested(&below, &roots(".b")).is_none() && nested(&below, &roots(".a.b.c")).is_some());
    }

    #[test]
    fn what_a_split_has_made_is_looked_at_whatever_the_record_was() {
        let text = r#"{"parts": [{"x": "y"}]}"#;
        let (tree, shape) = read(text.as_bytes()).unwrap();
        let record = Document::read(&tree, shape, text.len());
        let split = Expression::compile(r#".parts[] | {host: {"os.name": .x}}"#).unwrap();
        let env = Env::default();
        let parts = split.all(&record, &env).unwrap();
        let found = nested(&parts[0], &roots(".host.os.name")).unwrap();
        assert_eq!(to_json(found.item())["host"]["os"]["name"], "y");
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
