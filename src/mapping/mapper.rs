//! The public face at work: a record in, alerts or failures out. Pure (promise 3): the same record under the same
//! mapping files gives the same result.

use std::sync::Arc;

use jaq_json::Val;

use super::check::FieldFault;
use super::compiled::{Mapping, Policy};
use super::error::MappingError;
use super::expression::{Document, Env, from_json};
use super::settings::{Fallback, Loaded, MappingSettings, load, load_text};
use super::{json, record};
use crate::domain::{Alert, DeadLetterClass, FailureReason, Origin, Record};

/// What a record became.
#[derive(Clone, Debug, PartialEq)]
pub enum Mapped {
    /// The record has no value.
    Tombstone,
    /// No mapping matched, and `on_unmatched` is to skip such records.
    Unmatched,
    /// Its parts; empty for an empty batch.
    Parts(Vec<MappedPart>),
}

/// One part of a record; a record that is not split has one, numbered 0.
#[derive(Clone, Debug, PartialEq)]
pub struct MappedPart {
    /// Its number. Numbers do not depend on how other parts fare.
    pub part: u32,
    /// The format that it was read as, once that is known.
    pub format: Option<Arc<str>>,
    /// The alert, or why there is none.
    pub result: Result<Alert, MapFailure>,
    /// Fields that did not work out; warnings where there is an alert.
    pub faults: Vec<FieldFault>,
    /// Whether the source gives no id, so that the alert's is made of the record's place.
    pub id_of_place: bool,
}

/// Why a part became no alert: a dead letter in the making.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{class}/{reason}: {message}")]
pub struct MapFailure {
    /// The dead letter's class.
    pub class: DeadLetterClass,
    /// The dead letter's reason.
    pub reason: FailureReason,
    /// What is wrong, with places and types but without content.
    pub message: String,
}

impl MapFailure {
    fn malformed(reason: FailureReason, message: impl Into<String>) -> Self {
        Self { class: DeadLetterClass::Malformed, reason, message: message.into() }
    }
}

/// All mappings in force. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Mapper {
    inner: Arc<Loaded>,
}

impl Mapper {
    /// Reads and compiles the user's mapping files and the shipped ones.
    ///
    /// # Errors
    /// All faults of all files at once.
    pub fn load(settings: &MappingSettings) -> Result<Self, Vec<MappingError>> {
        load(settings).map(|loaded| Self { inner: Arc::new(loaded) })
    }

    /// Compiles the text of one mapping file, as the only one in force; no folder is read.
    pub(super) fn of_text(settings: &MappingSettings, file: &str, text: &str) -> Result<Self, Vec<MappingError>> {
        load_text(settings, file, text).map(|loaded| Self { inner: Arc::new(loaded) })
    }

    /// A short hash over all mapping files in force.
    #[must_use]
    pub fn version(&self) -> Arc<str> {
        Arc::clone(&self.inner.version)
    }

    /// The names of the formats in force, in the order in which they are tried.
    pub fn formats(&self) -> impl Iterator<Item = &Arc<str>> {
        self.inner.mappings.iter().map(|m| &m.name)
    }

    pub(super) fn policy(&self) -> Policy {
        self.inner.policy
    }

    pub(super) fn mappings(&self) -> &[Mapping] {
        &self.inner.mappings
    }

    /// Maps a record; `origin` is where it first stood.
    #[must_use]
    pub fn map(&self, record: &Record, origin: &Origin) -> Mapped {
        self.map_with(None, record, origin, None)
    }

    /// Maps a record as one format, whatever its `match` says; `None` when there is no such format.
    #[must_use]
    pub fn map_as(&self, format: &str, record: &Record, origin: &Origin) -> Option<Mapped> {
        let mapping = self.mappings().iter().find(|m| &*m.name == format)?;
        Some(self.map_with(Some(mapping), record, origin, None))
    }

    pub(super) fn map_with(
        &self,
        forced: Option<&Mapping>,
        record: &Record,
        origin: &Origin,
        watch: Watch<'_>,
    ) -> Mapped {
        let Some(value) = &record.value else { return Mapped::Tombstone };
        let whole = |failure| {
            let (result, faults) = (Err(failure), Vec::new());
            Mapped::Parts(vec![MappedPart { part: 0, format: None, result, faults, id_of_place: false }])
        };
        let limit = self.inner.max_record_bytes;
        if value.len() > limit {
            let message = format!("the value has {} bytes, {limit} are allowed", value.len());
            return whole(MapFailure::malformed(FailureReason::RecordTooLarge, message));
        }
        let text = match value.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => value.slice_ref(rest),
            None => value.clone(),
        };
        let (val, depth) = match json::read(&text) {
            Ok(read) => read,
            Err(error) => return whole(MapFailure::malformed(FailureReason::NotJson, error.to_string())),
        };
        let policy = self.inner.policy;
        let mut run = Run {
            loaded: &self.inner,
            forced,
            watch,
            policy,
            env: Env {
                record: if self.inner.uses_record { record::value(record, origin) } else { Val::Null },
                zone_offset: policy.zone_offset,
            },
            origin,
            parts: Vec::new(),
            next_part: 0,
            skipped: false,
        };
        let bytes = text.len();
        match val {
            Val::Obj(_) => run.document(&Document { val, depth, bytes }, false),
            Val::Arr(items) => {
                items.iter().for_each(|item| run.document(&Document { val: item.clone(), depth, bytes }, true))
            }
            _ => return whole(MapFailure::malformed(FailureReason::NotAnObject, "the value is JSON, but no object")),
        }
        if run.parts.is_empty() && run.skipped { Mapped::Unmatched } else { Mapped::Parts(run.parts) }
    }

    /// The policy under which the tests inside a mapping file hold: a shipped one's were written for the defaults.
    fn policy_of_tests(&self, mapping: &Mapping) -> Policy {
        if mapping.shipped { Policy::default() } else { self.inner.policy }
    }

    /// Maps a JSON value as one format, for the tests inside mapping files.
    pub(super) fn map_value(&self, mapping: &Mapping, value: &serde_json::Value, origin: &Origin) -> Vec<MappedPart> {
        let policy = self.policy_of_tests(mapping);
        let mut run = Run {
            loaded: &self.inner,
            forced: Some(mapping),
            watch: None,
            policy,
            env: Env { record: record::value(&record::of_test(origin), origin), zone_offset: policy.zone_offset },
            origin,
            parts: Vec::new(),
            next_part: 0,
            skipped: false,
        };
        run.document(&from_json(value), false);
        run.parts
    }

    /// Whether a mapping's `match` holds for a value, for the tests inside mapping files.
    pub(super) fn matches(&self, mapping: &Mapping, value: &serde_json::Value, origin: &Origin) -> bool {
        let record = record::value(&record::of_test(origin), origin);
        let env = Env { record, zone_offset: self.policy_of_tests(mapping).zone_offset };
        mapping.matches.holds(&from_json(value), &env)
    }
}

/// Who looks on while a record is mapped: [`super::explain`], nobody else.
pub(super) type Watch<'a> = Option<&'a dyn Fn(Seen<'_>)>;

/// What there is to see.
pub(super) enum Seen<'a> {
    /// A document whose format is looked for.
    Document(&'a Document),
    /// A part that becomes an alert; `place` is what its id is made of where it has none of its own.
    Part { mapping: &'a Mapping, document: &'a Document, part: u32, place: String },
}

/// One record's way through the mappings.
struct Run<'a> {
    loaded: &'a Loaded,
    forced: Option<&'a Mapping>,
    watch: Watch<'a>,
    policy: Policy,
    env: Env,
    origin: &'a Origin,
    parts: Vec<MappedPart>,
    next_part: u32,
    skipped: bool,
}

impl Run<'_> {
    /// Maps one document: the record's value, or an element of the array that it is.
    fn document(&mut self, document: &Document, in_array: bool) {
        if !matches!(document.val, Val::Obj(_)) {
            let failure = MapFailure::malformed(FailureReason::NotAnObject, "an element of the array is no object");
            return self.fail(None, failure);
        }
        if let Some(watch) = self.watch {
            watch(Seen::Document(document));
        }
        let loaded = self.loaded;
        let detect = || loaded.mappings.iter().find(|m| m.matches.holds(document, &self.env));
        let fall_back = || match &loaded.on_unmatched {
            Fallback::Mapping(index) => loaded.mappings.get(*index),
            Fallback::DeadLetter | Fallback::Skip => None,
        };
        let Some(mapping) = self.forced.or_else(detect).or_else(fall_back) else {
            if matches!(loaded.on_unmatched, Fallback::Skip) {
                self.skipped = true;
                // The number is spent, so that the numbers of the other parts do not depend on this one.
                self.next_part += 1;
                return;
            }
            let failure = MapFailure {
                class: DeadLetterClass::Unmapped,
                reason: FailureReason::NoFormatMatched,
                message: format!("none of the {} formats matches", loaded.mappings.len()),
            };
            return self.fail(None, failure);
        };
        let Some(split) = &mapping.split else { return self.alert(mapping, document, in_array) };
        match split.all(document, &self.env) {
            Ok(parts) => parts.iter().for_each(|part| self.alert(mapping, part, true)),
            Err(fault) => {
                let message = format!("split: {fault} (in `{}`)", split.source());
                let failure = MapFailure::malformed(FailureReason::SplitFailed, message);
                self.fail(Some(mapping), failure);
            }
        }
    }

    fn alert(&mut self, mapping: &Mapping, document: &Document, split: bool) {
        let part = self.next_part;
        let origin = self.origin;
        let place = || {
            let of_record = format!("{}/{}", origin.partition, origin.offset);
            if split { format!("{of_record}/{part}") } else { of_record }
        };
        if let Some(watch) = self.watch {
            watch(Seen::Part { mapping, document, part, place: place() });
        }
        let mut id_of_place = false;
        let position = || {
            id_of_place = true;
            place()
        };
        let mut faults = Vec::new();
        let result = mapping.map(document, &self.env, self.policy, part, position, &mut faults);
        self.push(MappedPart { part, format: Some(Arc::clone(&mapping.name)), result, faults, id_of_place });
    }

    fn fail(&mut self, mapping: Option<&Mapping>, failure: MapFailure) {
        let format = mapping.map(|m| Arc::clone(&m.name));
        let (result, faults) = (Err(failure), Vec::new());
        self.push(MappedPart { part: self.next_part, format, result, faults, id_of_place: false });
    }

    fn push(&mut self, part: MappedPart) {
        self.parts.push(part);
        self.next_part += 1;
    }
}
