//! Records of the redrive topic: only what their mark names runs, only in the group it names, under the ids of the
//! place where the record first stood (promises 1 and 3).

use std::sync::Arc;

use super::prepare::{AlertFacts, Planned};
use super::settings::PipelineSettings;
use crate::domain::{DeadLetterClass, FailureReason, Record, RedriveMark, SkipReason};

/// What a record's place and mark say of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Admission {
    /// Not of the redrive topic: all of it runs.
    Whole,
    /// Only what the mark names runs.
    Marked(RedriveMark),
    /// Nothing runs.
    Refused(SkipReason),
}

/// A mark counts in the redrive topic only: whoever may write alerts must not be able to choose their ids.
pub(super) fn admit(record: &Record, settings: &PipelineSettings) -> Admission {
    if *record.partition.topic != *settings.redrive_topic {
        return Admission::Whole;
    }
    match RedriveMark::read(record) {
        Some(mark) if *mark.group == *settings.group_id => Admission::Marked(mark),
        Some(_) => Admission::Refused(SkipReason::RedriveGroup),
        None => Admission::Refused(SkipReason::RedriveMark),
    }
}

/// What the mark names of everything that the record would become. Where mappings or routes have nothing of that kind
/// any more, a dead letter says so: nothing gets lost silently.
pub(super) fn only_marked(mark: &RedriveMark, planned: Vec<Planned>) -> Vec<Planned> {
    let mut of_part = planned;
    of_part.retain(|plan| mark.names_part(plan.facts().part));
    let has_part = !of_part.is_empty();
    of_part.retain(|plan| match plan {
        Planned::Deliver { request, .. } => mark.names_workflow(&request.destination.workflow_id),
        _ => true,
    });
    if of_part.is_empty() {
        of_part.push(gone(mark, has_part));
    }
    of_part
}

fn gone(mark: &RedriveMark, has_part: bool) -> Planned {
    let part = mark.part.unwrap_or_default();
    let error = mark.names_nothing(has_part);
    let facts = AlertFacts { part, ..AlertFacts::default() };
    Planned::DeadLetter { facts, class: DeadLetterClass::Unroutable, reason: FailureReason::NoRoute, error }
}

/// A record of which nothing runs.
pub(super) fn skipped(reason: SkipReason) -> Vec<Planned> {
    vec![Planned::Skip { facts: AlertFacts::default(), reason, rule_reason: None }]
}

/// The workflow that a dead letter names where there was no delivery.
pub(super) fn marked_workflow(mark: Option<&RedriveMark>) -> Option<Arc<str>> {
    mark.and_then(|mark| mark.workflow_id.clone())
}

/// The alert that was created when the record failed before, likewise.
pub(super) fn created_alert(mark: Option<&RedriveMark>) -> Option<String> {
    mark.and_then(|mark| mark.created_alert_id.as_deref()).map(str::to_owned)
}
