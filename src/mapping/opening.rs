//! One record's way through the mappings: envelopes are opened, formats found, parts numbered.
//!
//! A mapping whose `match` holds for the envelope itself takes it as it is. Otherwise what is inside is looked at like
//! any document, and may be an envelope again. The numbers of parts depend on the record and the mappings alone, so
//! that the ids made of them are the same for ever (promise 3).

use std::sync::Arc;

use super::compiled::{Mapping, Policy};
use super::envelope::cloud_event::{self, CloudEvent};
use super::envelope::{MAX_BYTES_OF_PARTS, MAX_LEVELS, MAX_PARTS, elements, malformed, records, weight};
use super::expression::{Document, Env, Item, Roots, guarded};
use super::mapper::{MapFailure, MappedPart};
use super::nested::nested;
use super::settings::{Fallback, Loaded};
use crate::domain::{DeadLetterClass, FailureReason, Origin};

/// Who looks on while a record is mapped: [`super::explain`], nobody else.
pub(super) type Watch<'a> = Option<&'a dyn Fn(Seen<'_>)>;

/// What there is to see.
pub(super) enum Seen<'a> {
    /// A document whose format is looked for.
    Document(&'a Document<'a>),
    /// A part that becomes an alert; `place` is what its id is made of where it has none of its own.
    Part { mapping: &'a Mapping, document: &'a Document<'a>, part: u32, place: String },
}

/// A record under way.
pub(super) struct Run<'a> {
    loaded: &'a Loaded,
    forced: Option<&'a Mapping>,
    pub(super) watch: Watch<'a>,
    policy: Policy,
    env: &'a Env,
    origin: &'a Origin,
    parts: Vec<MappedPart>,
    next_part: u32,
    skipped: bool,
    /// What all alerts of the record take, roughly.
    bytes: usize,
}

/// What a document was taken out of.
#[derive(Clone, Copy)]
pub(super) struct Around<'e> {
    /// How many envelopes are around it.
    level: u8,
    /// Whether one of them is an event.
    in_event: bool,
    /// The innermost event that has both: `{source}/{id}`, and the number of its first part.
    event: Option<(&'e str, u32)>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        loaded: &'a Loaded,
        forced: Option<&'a Mapping>,
        policy: Policy,
        env: &'a Env,
        origin: &'a Origin,
    ) -> Self {
        Self {
            loaded,
            forced,
            watch: None,
            policy,
            env,
            origin,
            parts: Vec::new(),
            next_part: 0,
            skipped: false,
            bytes: 0,
        }
    }

    /// The parts, and whether some were skipped because no format matched.
    ///
    /// # Errors
    /// When there are more than a record may have, or when they are too large.
    pub(super) fn end(self) -> Result<(Vec<MappedPart>, bool), MapFailure> {
        if self.next_part > MAX_PARTS {
            let message = format!("the record has more than {MAX_PARTS} parts");
            return Err(malformed(FailureReason::TooManyParts, message));
        }
        if self.bytes > MAX_BYTES_OF_PARTS {
            let message = format!("the record makes alerts of more than {} MiB", MAX_BYTES_OF_PARTS >> 20);
            return Err(malformed(FailureReason::TooManyParts, message));
        }
        Ok((self.parts, self.skipped))
    }

    const fn is_over(&self) -> bool {
        self.next_part > MAX_PARTS || self.bytes > MAX_BYTES_OF_PARTS
    }

    /// Maps a record's value: a document, or an array of them.
    pub(super) fn value(&mut self, value: &Document<'_>) {
        let around = Around { level: 0, in_event: false, event: None };
        match elements(value.item()) {
            Some(items) => self.each(items, value, around),
            None => self.open(value, false, around),
        }
    }

    fn open(&mut self, document: &Document<'_>, split: bool, around: Around<'_>) {
        if self.is_over() {
            return;
        }
        if !document.item().is_object() {
            let message = "an element of the array is no object";
            return self.fail(None, malformed(FailureReason::NotAnObject, message));
        }
        if around.level > MAX_LEVELS {
            let message = format!("envelopes nest more than {MAX_LEVELS} deep");
            return self.fail(None, malformed(FailureReason::BadEnvelope, message));
        }
        self.see(Seen::Document(document));
        let mapping = self.find(document, around);
        let inside = Around { level: around.level + 1, ..around };
        if mapping.is_none_or(|m| &*m.name == cloud_event::FORMAT)
            && let Some(event) = cloud_event::read(document)
        {
            return self.event(&event, split, inside);
        }
        if mapping.is_none()
            && let Some(items) = records(document.item())
        {
            return self.each(items, document, inside);
        }
        self.take(mapping, document, split, around);
    }

    /// An event: what is in it, where a format knows that; else the event itself.
    fn event(&mut self, event: &CloudEvent<'_>, split: bool, inside: Around<'_>) {
        let known_by = event.identity.as_deref().map(|identity| (identity, self.next_part)).or(inside.event);
        let within = Around { in_event: true, event: known_by, ..inside };
        if let Some(data) = &event.data {
            match data.item().elements() {
                Some(items) if items.iter().any(|item| self.knows(&data.part(item.clone()), within)) => {
                    return self.each(items, data, within);
                }
                None if data.item().is_object() && self.knows(data, within) => return self.open(data, split, within),
                _ => {}
            }
        }
        self.see(Seen::Document(&event.document));
        let mapping = self.find(&event.document, within);
        self.take(mapping, &event.document, split, within);
    }

    fn see(&self, seen: Seen<'_>) {
        if let Some(watch) = self.watch {
            watch(seen);
        }
    }

    fn each<'d>(&mut self, items: Vec<Item<'d>>, of: &Document<'d>, around: Around<'_>) {
        items.into_iter().for_each(|item| self.open(&of.part(item), true, around));
    }

    /// The mapping whose `match` holds: the first, or the one that was asked for.
    fn find(&self, document: &Document<'_>, around: Around<'_>) -> Option<&'a Mapping> {
        let holds = |m: &&Mapping| m.matches.holds(document, self.env);
        match self.forced {
            Some(mapping) => Some(mapping).filter(holds),
            None => {
                let mut all =
                    self.loaded.mappings.iter().filter(|m| !around.in_event || &*m.name != cloud_event::NOT_INSIDE);
                all.find(holds)
            }
        }
    }

    /// Whether data of an event is a document that a format knows, or an envelope.
    fn knows(&self, data: &Document<'_>, around: Around<'_>) -> bool {
        records(data.item()).is_some() || self.find(data, around).is_some() || self.knows_event(data, around)
    }

    /// Whether data is an event that is an alert, or holds what is one.
    fn knows_event(&self, data: &Document<'_>, around: Around<'_>) -> bool {
        let Some(event) = cloud_event::read(data) else { return false };
        let deeper = Around { level: around.level + 1, ..around };
        event.identity.is_some()
            || around.level <= MAX_LEVELS
                && event.data.is_some_and(|data| match data.item().elements() {
                    Some(items) => items.into_iter().any(|item| self.knows(&data.part(item), deeper)),
                    None => self.knows(&data, deeper),
                })
    }

    /// Maps a document that is to be opened no further.
    fn take(&mut self, mapping: Option<&'a Mapping>, document: &Document<'_>, split: bool, around: Around<'_>) {
        let loaded = self.loaded;
        let fall_back = || match &loaded.on_unmatched {
            Fallback::Mapping(index) => loaded.mappings.get(*index),
            Fallback::DeadLetter | Fallback::Skip => None,
        };
        if let Some(mapping) = mapping.or(self.forced).or_else(fall_back) {
            return self.mapped(mapping, document, split, around.event);
        }
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
        self.fail(None, failure);
    }

    /// Maps a document with a mapping: one part, or as many as its `split` gives.
    pub(super) fn mapped(
        &mut self,
        mapping: &Mapping,
        document: &Document<'_>,
        split: bool,
        event: Option<(&str, u32)>,
    ) {
        let Some(parts) = &mapping.split else { return self.alert(mapping, document, split, event) };
        match parts.all(document, self.env) {
            Ok(parts) => parts.into_iter().for_each(|part| self.alert(mapping, &part, true, event)),
            Err(fault) => {
                let message = format!("split: {fault} (in `{}`)", parts.source());
                self.fail(Some(mapping), malformed(FailureReason::SplitFailed, message));
            }
        }
    }

    fn alert(&mut self, mapping: &Mapping, document: &Document<'_>, split: bool, event: Option<(&str, u32)>) {
        if self.is_over() {
            return;
        }
        // Who looks on may look at everything.
        let roots = mapping.nested.as_ref().map(|read| if self.watch.is_some() { &Roots::All } else { read });
        let nested = match roots.map(|roots| guarded(document, || nested(document, roots))).transpose() {
            Ok(nested) => nested.flatten(),
            Err(fault) => {
                let message = format!("keys with dots: {fault}");
                return self.fail(Some(mapping), malformed(FailureReason::SplitFailed, message));
            }
        };
        let document = nested.as_ref().unwrap_or(document);
        let part = self.next_part;
        let origin = self.origin;
        // An event is the same one wherever it stands, so its place is better than the record's.
        let place = || match event {
            Some((identity, first)) if part > first => format!("{identity}#{}", part - first),
            Some((identity, _)) => identity.to_owned(),
            None => {
                let of_record = format!("{}/{}", origin.partition, origin.offset);
                if split { format!("{of_record}/{part}") } else { of_record }
            }
        };
        if self.watch.is_some() {
            self.see(Seen::Part { mapping, document, part, place: place() });
        }
        let mut id_of_place = false;
        let position = || {
            id_of_place = event.is_none();
            place()
        };
        let mut faults = Vec::new();
        let result = mapping.map(document, self.env, self.policy, part, position, &mut faults);
        if let Ok(alert) = &result {
            self.bytes += alert.content.iter().map(|(_, value)| weight(value)).sum::<usize>();
        }
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
