//! What is fuzzed. Whatever the input, there is a result: no panic, no hang, memory bounded; and the same input gives
//! the same result (promise 3). The crate's own tests run these over the seeds in `fuzz/corpus`.

use std::sync::LazyLock;

use bytes::Bytes;

use crate::domain::{Data, Header, Offset, Origin, Record, TopicPartition};
use crate::mapping::{Document, Env, Expression, Mapped, Mapper, MappingSettings, from_json};
use crate::routing::{Decision, RouteSettings, RouteTable, build};

fn record_of(value: Option<Bytes>, headers: Vec<Header>) -> Record {
    Record {
        partition: TopicPartition::new("soc.alerts", 3),
        offset: Offset(42),
        timestamp_ms: Some(1_795_169_046_000),
        key: Some(Bytes::from_static(b"host-1")),
        value,
        headers,
    }
}

fn origin() -> Origin {
    record_of(None, Vec::new()).origin(&"cluster".into())
}

/// From a record to its requests. The input is headers, one `name: value` a line, an empty line, and the value; without
/// an empty line there is no value.
///
/// # Panics
/// Where a promise is broken.
pub(crate) fn record(data: &[u8]) {
    static MAPPER: LazyLock<Option<Mapper>> = LazyLock::new(|| Mapper::load(&MappingSettings::default()).ok());
    static ROUTES: LazyLock<Option<RouteTable>> = LazyLock::new(|| {
        let settings = RouteSettings { default_workflow_id: Some("workflow".to_owned()), ..RouteSettings::default() };
        RouteTable::new(&settings).ok()
    });
    let (Some(mapper), Some(routes)) = (&*MAPPER, &*ROUTES) else { panic!("the shipped mappings load") };
    let (mut headers, mut rest) = (Vec::new(), data);
    let value = loop {
        let Some(end) = rest.iter().position(|b| *b == b'\n') else { break None };
        let (line, behind) = (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default());
        if line.is_empty() {
            break Some(Bytes::copy_from_slice(behind));
        }
        let colon = line.windows(2).position(|window| window == b": ").unwrap_or(line.len());
        let value = line.get(colon + 2..).map(Bytes::copy_from_slice);
        let name = line.get(..colon).unwrap_or_default();
        headers.push(Header { name: String::from_utf8_lossy(name).into_owned(), value });
        rest = behind;
    };
    let record = record_of(value, headers);
    let mapped = mapper.map(&record, &origin());
    assert_eq!(mapped, mapper.map(&record, &origin()), "a pure function of the record");
    let Mapped::Parts(parts) = mapped else { return };
    assert!(parts.is_sorted_by(|a, b| a.part < b.part), "each part has a number of its own");
    for alert in parts.into_iter().filter_map(|part| part.result.ok()) {
        if let Decision::Run(destinations) = routes.decide(&alert) {
            for destination in destinations {
                let request = build(destination, &alert, None);
                assert!(serde_json::from_slice::<serde_json::Value>(&request.body).is_ok(), "the body is JSON");
            }
        }
    }
}

/// A document that has something for everybody.
fn document() -> Document<'static> {
    from_json(&serde_json::json!({
        "a": "text", "b": [1, 2.5, "x", null, true, {"c": "2026-11-20T08:14:52Z"}], "c": {"a": {"b": "T1059.001"}},
        "n": 9_007_199_254_740_993_u64, "s": "a,b;c", "j": "{\"k\":[1]}", "u": "\u{e9}\u{1f600}", "": {},
    }))
}

/// From a mapping file's text to what it makes of a document.
///
/// # Panics
/// Where a promise is broken.
pub(crate) fn mapping_file(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let maps = || crate::mapping::fuzzing::load_and_map(text, &document());
        assert_eq!(maps(), maps(), "a pure function of file and document");
    }
}

/// From an expression's text to its results.
///
/// # Panics
/// Where a promise is broken.
pub(crate) fn expression(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let Ok(expression) = Expression::compile(source) else { return };
    let (document, env) = (document(), Env { zone_offset: 480, ..Env::default() });
    let one = expression.one(&document, &env);
    assert_eq!(one, expression.one(&document, &env), "a pure function of the document");
    let all = expression.all(&document, &env);
    let holds = expression.holds(&document, &env);
    if let (Ok(Some(one)), Ok(all)) = (&one, &all) {
        assert!(all.len() == 1, "one result is one of one");
        assert_eq!(holds, *one != Data::Bool(false), "what holds is neither false nor null");
    }
    if let Ok(Some(value)) = one {
        assert!(serde_json::Value::from(value).to_string().len() < 64 << 20, "what is made is bounded");
    }
}

#[cfg(test)]
#[path = "corpus.rs"]
mod corpus;
