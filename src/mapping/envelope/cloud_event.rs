//! CloudEvents on Kafka, structured and binary, as one shape: the structured event's object.
//!
//! Source: the CloudEvents specification 1.0, its JSON format, and its Kafka protocol binding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::expression::{Document, Item};
use super::super::json::{self, Field, Object, Shape, Tree};
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

/// A text, or a number, which some producers take for an id.
fn word(item: &Item<'_>) -> Option<String> {
    match item.digits() {
        Some(digits) => Some(digits.into_owned()),
        None => item.text().filter(|text| !text.is_empty()).map(str::to_owned),
    }
}

/// `{source}/{id}`, in which the last slash is the one between the two, and no `#` is behind it.
fn identity(source: &str, id: &str) -> String {
    format!("{source}/{}", id.replace('%', "%25").replace('/', "%2F").replace('#', "%23"))
}

/// An event, and where it stands: its source and id, which together are its own alone.
#[derive(Debug)]
pub(in super::super) struct CloudEvent<'d> {
    /// The structured event, with its data decoded where that was JSON in a text or in base64.
    pub(in super::super) document: Document<'d>,
    /// What is in it, where that may be a document, or a list of them.
    pub(in super::super) data: Option<Document<'d>>,
    /// `{source}/{id}`, with what is ambiguous in the id escaped; none where it has not both.
    pub(in super::super) identity: Option<String>,
}

/// Reads a document as a structured event; `None` where it is none. One that lacks an id or a source is still opened:
/// what it carries is worth no less.
pub(in super::super) fn read<'d>(document: &Document<'d>) -> Option<CloudEvent<'d>> {
    let event = document.item();
    let [version, id, source, of_type] = REQUIRED.map(|name| event.field(name).as_ref().and_then(word));
    if version.is_none() || of_type.is_none() {
        return None;
    }
    let identity = source.zip(id).map(|(source, id)| identity(&source, &id));
    let data = event.field("data");
    if let Some(data) = &data
        && data.len().is_some()
    {
        let data = document.part(data.clone());
        return Some(CloudEvent { document: document.clone(), data: Some(data), identity });
    }
    let encoded = match data.as_ref().and_then(Item::text) {
        Some(text) => Some(text.as_bytes().to_vec()),
        None => event.field("data_base64").and_then(|text| STANDARD.decode(text.text()?).ok()),
    };
    let decoded = encoded.and_then(|text| Item::parsed(&text)).filter(|data| data.len().is_some());
    let Some(data) = decoded else {
        return Some(CloudEvent { document: document.clone(), data: None, identity });
    };
    let mut fields = event.fields()?;
    fields.retain(|(name, _)| name != "data_base64");
    fields.push(("data".into(), data.clone()));
    let document = document.part(Item::object(fields));
    Some(CloudEvent { data: Some(document.part(data)), document, identity })
}

/// The attributes of a binary event, from its headers: `ce_*` without the prefix, and `content-type` as
/// `datacontenttype`. `None` where the value is a structured event, or no event at all.
pub(in super::super) fn attributes(record: &Record) -> Option<Vec<(&str, &str)>> {
    if record.header("ce_specversion").is_none() || media_type(record).is_some_and(is_structured) {
        return None;
    }
    let mut all = Vec::new();
    for header in &record.headers {
        let value = header.value.as_ref().and_then(|value| std::str::from_utf8(value).ok());
        let (Some(name), Some(value)) = (header.name.strip_prefix(PREFIX), value) else { continue };
        if !DATA.contains(&name) {
            all.push((name, value));
        }
    }
    all.extend(media_type(record).map(|media_type| ("datacontenttype", media_type)));
    // Of a repeated one the last counts.
    let last = |wanted: &str| all.iter().rev().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    REQUIRED.iter().all(|name| last(name).is_some_and(|value| !value.is_empty())).then_some(all)
}

/// A binary event as a structured one. Data that is not JSON stays the text that it is, or
/// base64 of its bytes.
pub(in super::super) fn structured<'r>(
    attributes: Vec<(&'r str, &'r str)>,
    data: Option<&'r [u8]>,
) -> (Tree<'r>, Shape) {
    let fields = attributes.into_iter().map(|(name, value)| (name, Tree::Text(value.into())));
    let (data, depth) = match data {
        None => (None, 0),
        Some(data) => match (json::read(data), std::str::from_utf8(data)) {
            (Ok((tree, shape)), _) => (Some(("data", tree)), shape.depth),
            (Err(_), Ok(text)) => (Some(("data", Tree::Text(text.into()))), 0),
            (Err(_), Err(_)) => (Some(("data_base64", Tree::Text(STANDARD.encode(data).into()))), 0),
        },
    };
    let fields = fields.chain(data).map(|(name, value)| Field::new(name.into(), value));
    // What stands at the top of the data is below that of the event.
    (Tree::Object(Object::of(fields.collect())), Shape { depth: depth + 1, dots_below: true })
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
