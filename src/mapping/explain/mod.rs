//! Why a record became what it did: the formats that were tried, and each field with its expression and what that read.
//!
//! Explaining maps the record as ever and looks on; what is shown in addition is evaluated once more from the same
//! compiled mapping, so that it costs the daemon nothing. Shows content: for the person who asked, never for a log.

mod fields;
mod near;
mod remedy;

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::compiled::Mapping;
use super::expression::{Document, Env, Verdict};
use super::mapper::{Mapped, Mapper};
use super::opening::Seen;
use super::record;
use super::severity::Rule;
use crate::domain::{Data, Origin, Record, Severity, alert_id, alert_name};

/// What a record became, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What it became.
    pub mapped: Mapped,
    /// Its documents: the record's value, or the elements of the array that it is.
    pub documents: Vec<DocumentTrace>,
}

/// How a document's format was found, and what its parts became.
#[derive(Clone, Debug)]
pub struct DocumentTrace {
    /// The formats in the order in which they were tried; the last one is the format if it holds.
    pub tried: Vec<Tried>,
    /// The jq that gave the parts, where the format splits its documents.
    pub split: Option<String>,
    /// Its parts that were mapped.
    pub parts: Vec<PartTrace>,
}

/// A format that was tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Its name.
    pub format: Arc<str>,
    /// Its `match`.
    pub expression: String,
    /// How that came out.
    pub verdict: Verdict,
    /// Of a `match` of several parts that does not hold: how many of them do, and the first that does not.
    pub failed: Option<(usize, String)>,
}

/// What became of the fields of a part.
#[derive(Clone, Debug)]
pub struct PartTrace {
    /// The part's number, as in [`super::MappedPart`].
    pub part: u32,
    /// The format that it was read as.
    pub format: Arc<str>,
    /// The fields in the mapping's order.
    pub fields: Vec<FieldTrace>,
    /// What its id is made of.
    pub id: IdTrace,
    /// How its severity was found.
    pub severity: SeverityTrace,
    /// The mapping's `skip.when` and how it came out, where it has one.
    pub skip: Option<(String, Verdict)>,
}

/// What became of one field of the mapping.
#[derive(Clone, Debug, Default)]
pub struct FieldTrace {
    /// Its path, such as `network_list[0].src_port`.
    pub field: String,
    /// Its expression; none where it is a constant.
    pub expression: Option<String>,
    /// What the expression looked at, by path.
    pub reads: Vec<(String, Value)>,
    /// What the expression gave; none for `null` and nothing.
    pub result: Option<Value>,
    /// What is sent of it; none where it is left out.
    pub sent: Option<Value>,
    /// Whether a time without zone took `mapping.default_time_zone`.
    pub default_zone: bool,
    /// What is wrong with it, each with what to do where that is known.
    pub faults: Vec<(String, Option<&'static str>)>,
}

/// What an alert's id is made of.
#[derive(Clone, Debug)]
pub struct IdTrace {
    /// The id.
    pub id: String,
    /// The source's own id.
    pub source: Option<String>,
    /// The text that it is the UUIDv5 of, in the URL namespace; none where the source's id is a UUID and is kept.
    pub name: Option<String>,
}

/// How an alert's severity was found.
#[derive(Clone, Debug)]
pub struct SeverityTrace {
    /// The severity.
    pub severity: Severity,
    /// The source's own value.
    pub source: Option<Value>,
    /// The rule, in words.
    pub rule: String,
}

/// What was seen while the record was mapped.
enum Note {
    Document(Document<'static>),
    Part { format: Arc<str>, document: Document<'static>, part: u32, place: String },
}

impl Mapper {
    /// Maps a record and explains it; as one format where that is named, and `None` where there is no such format.
    #[must_use]
    pub fn explain(&self, format: Option<&str>, record: &Record, origin: &Origin) -> Option<Explanation> {
        let forced = match format {
            Some(name) => Some(self.mappings().iter().find(|m| &*m.name == name)?),
            None => None,
        };
        let notes = RefCell::new(Vec::new());
        let watch = |seen: Seen<'_>| {
            notes.borrow_mut().push(match seen {
                Seen::Document(document) => Note::Document(document.clone().into_owned()),
                Seen::Part { mapping, document, part, place } => Note::Part {
                    format: Arc::clone(&mapping.name),
                    document: document.clone().into_owned(),
                    part,
                    place,
                },
            });
        };
        let mapped = self.map_with(forced, record, origin, Some(&watch));
        // Evaluated afterwards, so that it spends nothing of what mapping the record may cost.
        let env = Env { record: record::value(record, origin), zone_offset: self.policy().zone_offset };
        let mut documents: Vec<DocumentTrace> = Vec::new();
        for note in notes.into_inner() {
            match note {
                Note::Document(document) => documents.push(self.detection(&document, &env)),
                Note::Part { format, document, part, place } => {
                    let mapping = self.mappings().iter().find(|mapping| mapping.name == format);
                    if let (Some(mapping), Some(of)) = (mapping, documents.last_mut()) {
                        of.split = mapping.split.as_ref().map(|split| split.source().to_owned());
                        of.parts.push(self.part(mapping, &document, &env, part, &place));
                    }
                }
            }
        }
        Some(Explanation { mapped, documents })
    }

    fn detection(&self, document: &Document<'_>, env: &Env) -> DocumentTrace {
        let mut tried = Vec::new();
        if document.item().is_object() {
            for mapping in self.mappings() {
                let verdict = mapping.matches.verdict(document, env);
                let holds = verdict == Verdict::Holds;
                let expression = mapping.matches.source().to_owned();
                let failed = if holds { None } else { near::failed_part(&expression, document, env) };
                tried.push(Tried { format: Arc::clone(&mapping.name), expression, verdict, failed });
                if holds {
                    break;
                }
            }
        }
        DocumentTrace { tried, split: None, parts: Vec::new() }
    }

    fn part(&self, mapping: &Mapping, document: &Document<'_>, env: &Env, part: u32, position: &str) -> PartTrace {
        let policy = self.policy();
        let fields = fields::trace(mapping, document, env, policy);
        let result = |name: &str| {
            let field = fields.iter().find(|field| field.field == name);
            field.and_then(|field| field.result.clone()).filter(|value| !Data::from(value.clone()).is_nothing())
        };
        let source_id = match result("id") {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let id = id(&mapping.name, source_id, position);
        let mut severity = severity(mapping, result("severity"), policy.default_severity);
        let failed = fields.iter().any(|field| field.field == "severity" && !field.faults.is_empty());
        if failed && severity.source.is_none() {
            severity.rule = severity.rule.replace("the source gives none", "the expression failed");
        }
        let skip = mapping.skip.as_ref().map(|(when, _)| (when.source().to_owned(), when.verdict(document, env)));
        PartTrace { part, format: Arc::clone(&mapping.name), fields, id, severity, skip }
    }
}

fn id(format: &str, source: Option<String>, position: &str) -> IdTrace {
    let text = source.as_deref().unwrap_or(position);
    let id = alert_id(format, text).to_string();
    let name = (!id.eq_ignore_ascii_case(text)).then(|| alert_name(format, text));
    IdTrace { id, source, name }
}

fn severity(mapping: &Mapping, source: Option<Value>, otherwise: Severity) -> SeverityTrace {
    let data = source.clone().map(Data::from);
    let known = data.as_ref().and_then(|value| mapping.severity.rule(value));
    let (rule, severity) = match (known, mapping.severity.own_default()) {
        (Some((Rule::Word(word), severity)), _) => (format!("severity.words.{word}"), severity),
        (Some((Rule::OwnWord, severity)), _) => ("one of the Alert's own words".to_owned(), severity),
        (Some((Rule::Band(from), severity)), _) => (format!("severity.bands, from {from}"), severity),
        (None, own) => {
            let whose = if own.is_some() { "severity.default" } else { "mapping.default_severity" };
            let why = if source.is_some() { "no word and no band knows it" } else { "the source gives none" };
            (format!("{why}: {whose}"), own.unwrap_or(otherwise))
        }
    };
    SeverityTrace { severity, source, rule }
}

#[cfg(test)]
mod tests;
