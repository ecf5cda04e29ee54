//! CloudEvents on Kafka, structured and binary, as one shape: the structured event's object.
//!
//! Source: the CloudEvents specification 1.0, its JSON format, and its Kafka protocol binding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jaq_json::{Map, Val};

use super::super::expression::Document;
use super::super::json;
use crate::domain::Record;

/// The mapping of events with data that no format knows. It steps back where one does.
pub(in super::super) const FORMAT: &str = "cloudevents_structured";
/// A format that takes anything with a title and a severity, data of events too. Inside of an event it would hide the
/// attributes around it, so it is not looked for there.
pub(in super::super) const NOT_INSIDE: &str = "secmaster_alert";

/// What every event has.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];
/// Members of the structured form that are no attributes.
const DATA: [&str; 2] = ["data", "data_base64"];
/// Before an attribute's name in a header.
const PREFIX: &str = "ce_";

fn get<'v>(map: &'v Map, name: &'static str) -> Option<&'v Val> {
    map.get(&Val::utf8_str(name))
}

fn text(val: &Val) -> Option<&str> {
    let Val::TStr(bytes) = val else { return None };
    std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

/// A text, or a number, which some producers take for an id.
fn word(val: &Val) -> Option<String> {
    match val {
        Val::Num(number) => Some(number.to_string()),
        _ => text(val).map(str::to_owned),
    }
}

/// `{source}/{id}`, in which the last slash is the one between the two, and no `#` is behind it.
fn identity(source: &str, id: &str) -> String {
    format!("{source}/{}", id.replace('%', "%25").replace('/', "%2F").replace('#', "%23"))
}

/// An event, and where it stands: its source and id, which together are its own alone.
#[derive(Debug)]
pub(in super::super) struct CloudEvent {
    /// The structured event, with its data decoded where that was JSON in a text or in base64.
    pub(in super::super) document: Document,
    /// What is in it, where that may be a document, or a list of them.
    pub(in super::super) data: Option<Document>,
    /// `{source}/{id}`, with what is ambiguous in the id escaped; none where it has not both.
    pub(in super::super) identity: Option<String>,
}

/// Reads a document as a structured event; `None` where it is none. One that lacks an id or a source is still opened:
/// what it carries is worth no less.
pub(in super::super) fn read(document: &Document) -> Option<CloudEvent> {
    let Val::Obj(map) = &document.val else { return None };
    let [version, id, source, of_type] = REQUIRED.map(|name| get(map, name).and_then(word));
    if version.is_none() || of_type.is_none() {
        return None;
    }
    let identity = source.zip(id).map(|(source, id)| identity(&source, &id));
    let within = |val: &Val, depth: u16| Document { val: val.clone(), depth, bytes: document.bytes };
    match get(map, "data") {
        Some(val @ (Val::Obj(_) | Val::Arr(_))) => {
            let data = within(val, document.depth.saturating_sub(1));
            Some(CloudEvent { document: document.clone(), data: Some(data), identity })
        }
        data => {
            let encoded = match data {
                Some(Val::TStr(bytes)) => Some(Bytes::copy_from_slice(bytes)),
                _ => {
                    get(map, "data_base64").and_then(text).and_then(|text| STANDARD.decode(text).ok()).map(Bytes::from)
                }
            };
            let decoded = encoded.and_then(|text| json::read(&text).ok());
            let Some((val @ (Val::Obj(_) | Val::Arr(_)), depth)) = decoded else {
                return Some(CloudEvent { document: document.clone(), data: None, identity });
            };
            let data = within(&val, depth);
            let mut map = Map::clone(map);
            drop(map.shift_remove(&Val::utf8_str("data_base64")));
            drop(map.insert(Val::utf8_str("data"), val));
            let document = Document {
                val: Val::obj(map),
                depth: document.depth.max(depth.saturating_add(1)),
                bytes: document.bytes,
            };
            Some(CloudEvent { document, data: Some(data), identity })
        }
    }
}

/// The attributes of a binary event, from its headers: `ce_*` without the prefix, and `content-type` as
/// `datacontenttype`. `None` where the value is a structured event, or no event at all.
pub(in super::super) fn attributes(record: &Record) -> Option<Map> {
    if record.header("ce_specversion").is_none() || media_type(record).is_some_and(is_structured) {
        return None;
    }
    let mut map = Map::default();
    for header in &record.headers {
        let value = header.value.clone().filter(|v| std::str::from_utf8(v).is_ok());
        let (Some(name), Some(value)) = (header.name.strip_prefix(PREFIX), value) else { continue };
        if DATA.contains(&name) {
            continue;
        }
        drop(map.insert(Val::utf8_str(name.to_owned()), Val::utf8_str(value)));
    }
    if let Some(media_type) = media_type(record) {
        drop(map.insert(Val::utf8_str("datacontenttype"), Val::utf8_str(media_type.to_owned())));
    }
    REQUIRED.iter().all(|name| get(&map, name).and_then(text).is_some()).then_some(map)
}

/// A binary event as a structured one. Data that is not JSON stays the text that it is, or base64 of its bytes.
pub(in super::super) fn structured(mut attributes: Map, data: Option<Bytes>) -> Document {
    let (mut nested, bytes) = (0, data.as_ref().map_or(0, Bytes::len));
    if let Some(data) = data {
        let (name, val) = match json::read(&data) {
            Ok((val, depth)) => {
                nested = depth;
                ("data", val)
            }
            Err(_) if std::str::from_utf8(&data).is_ok() => ("data", Val::utf8_str(data)),
            Err(_) => ("data_base64", Val::utf8_str(STANDARD.encode(&data))),
        };
        drop(attributes.insert(Val::utf8_str(name), val));
    }
    Document { val: Val::obj(attributes), depth: nested + 1, bytes }
}

fn media_type(record: &Record) -> Option<&str> {
    let mut headers = record.headers.iter().rev();
    let value = headers.find(|h| h.name.eq_ignore_ascii_case("content-type"))?.value.as_ref()?;
    std::str::from_utf8(value).ok()
}

/// Whether a media type is that of a structured event, or of a batch of them.
fn is_structured(media_type: &str) -> bool {
    let prefix = "application/cloudevents";
    media_type.trim_start().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
