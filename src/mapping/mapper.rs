//! The public face at work: a record in, alerts or failures out. Pure (promise 3): the same record under the same
//! mapping files gives the same result.

use std::sync::Arc;

use bytes::Bytes;
use jaq_json::Val;

use super::check::FieldFault;
use super::compiled::{Mapping, Policy};
use super::error::MappingError;
use super::expression::{Document, Env, from_json, within_record};
use super::json::Tree;
use super::opening::{Run, Watch};
use super::settings::{Loaded, MappingSettings, load, load_text};
use super::{envelope, record};
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
        let whole = |failure| {
            let (result, faults) = (Err(failure), Vec::new());
            Mapped::Parts(vec![MappedPart { part: 0, format: None, result, faults, id_of_place: false }])
        };
        let event = envelope::cloud_event::attributes(record);
        let text = match &record.value {
            Some(value) => Some(envelope::text(value, self.inner.max_record_bytes)),
            None if event.is_some() => None,
            None => return Mapped::Tombstone,
        };
        let text = match text {
            Some(Err(failure)) => return whole(failure),
            Some(Ok(text)) => Some(text),
            None => None,
        };
        let (tree, shape) = match (event, &text) {
            (Some(attributes), text) => envelope::cloud_event::structured(attributes, text.as_deref()),
            (None, Some(text)) => match envelope::document(text) {
                Ok(read) => read,
                Err(failure) => return whole(failure),
            },
            (None, None) => return Mapped::Tombstone,
        };
        if !matches!(tree, Tree::Object(_) | Tree::List(_)) {
            let message = "the value is JSON, but no object";
            return whole(envelope::malformed(FailureReason::NotAnObject, message));
        }
        let document = Document::read(&tree, shape, text.as_ref().map_or(0, Bytes::len));
        let policy = self.inner.policy;
        let env = Env {
            record: if self.inner.uses_record { record::value(record, origin) } else { Val::Null },
            zone_offset: policy.zone_offset,
        };
        let mut run = Run::new(&self.inner, forced, policy, &env, origin);
        run.watch = watch;
        within_record(document.bytes(), || run.value(&document));
        match run.end() {
            Ok((parts, true)) if parts.is_empty() => Mapped::Unmatched,
            Ok((parts, _)) => Mapped::Parts(parts),
            Err(failure) => whole(failure),
        }
    }

    /// The policy under which the tests inside a mapping file hold: a shipped one's were written for the defaults.
    fn policy_of_tests(&self, mapping: &Mapping) -> Policy {
        if mapping.shipped { Policy::default() } else { self.inner.policy }
    }

    /// Maps a JSON value as one format, for the tests inside mapping files.
    pub(super) fn map_value(&self, mapping: &Mapping, value: &serde_json::Value, origin: &Origin) -> Vec<MappedPart> {
        let policy = self.policy_of_tests(mapping);
        let env = Env { record: record::value(&record::of_test(origin), origin), zone_offset: policy.zone_offset };
        let mut run = Run::new(&self.inner, Some(mapping), policy, &env, origin);
        run.mapped(mapping, &from_json(value), false, None);
        run.end().map(|(parts, _)| parts).unwrap_or_default()
    }

    /// Whether a mapping's `match` holds for a value, for the tests inside mapping files.
    pub(super) fn matches(&self, mapping: &Mapping, value: &serde_json::Value, origin: &Origin) -> bool {
        let record = record::value(&record::of_test(origin), origin);
        let env = Env { record, zone_offset: self.policy_of_tests(mapping).zone_offset };
        mapping.matches.holds(&from_json(value), &env)
    }
}
