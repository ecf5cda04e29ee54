//! What programs read: one JSON object a line for each delivery.

use serde_json::{Value, json};

use super::Routes;
use super::input::Input;
use super::standing::Standing;
use crate::domain::{Alert, DeadLetterClass, Destination, FailureReason, RedriveMark, SkipReason};
use crate::mapping::{MapFailure, Mapped};
use crate::routing::{self, Decision};

/// What there is to say about a record.
pub(super) struct Lines {
    /// For programs: one for each delivery.
    pub(super) out: Vec<Value>,
    /// For people: what was left out, and where each error stands.
    pub(super) warnings: Vec<String>,
    /// Whether an alert's id is made of the record's place.
    pub(super) id_of_place: bool,
    /// Whether its value is not JSON.
    pub(super) not_json: bool,
}

/// The lines of a record that became this.
pub(super) fn of_record(input: &Input, mapped: Mapped, routes: Option<&Routes>) -> anyhow::Result<Lines> {
    let mut lines = Lines { out: Vec::new(), warnings: Vec::new(), id_of_place: false, not_json: false };
    if let Standing::Skipped { reason, .. } = &input.standing {
        lines.out.push(skip(None, None, reason.as_str()));
        return Ok(lines);
    }
    let mark = input.standing.mark();
    let runs = |part: u32| mark.is_none_or(|mark| mark.names_part(part));
    let mut has_part = false;
    let mut whole = |reason: SkipReason| {
        has_part = runs(0);
        has_part.then(|| skip(None, None, reason.as_str()))
    };
    match mapped {
        Mapped::Tombstone => lines.out.extend(whole(SkipReason::Tombstone)),
        Mapped::Unmatched => lines.out.extend(whole(SkipReason::Unmatched)),
        Mapped::Parts(parts) if parts.is_empty() => lines.out.extend(whole(SkipReason::EmptyBatch)),
        Mapped::Parts(parts) => {
            for part in parts.into_iter().filter(|part| runs(part.part)) {
                has_part = true;
                lines.id_of_place |= part.id_of_place;
                let at = format!("{}/{} part {}", input.record.partition, input.record.offset, part.part);
                let faults = part.faults.iter();
                lines.warnings.extend(faults.map(|fault| format!("{at}: {}: {}", fault.field, fault.message)));
                let deliveries = match &part.result {
                    Ok(alert) => alert_lines(alert, input, routes)?,
                    Err(failure) => Err(failure.clone()),
                };
                match deliveries {
                    Ok(deliveries) => lines.out.extend(deliveries),
                    Err(failure) => {
                        lines.not_json |= failure.reason == FailureReason::NotJson;
                        lines.warnings.push(format!("{at}: {failure}"));
                        lines.out.push(error(&failure));
                    }
                }
            }
        }
    }
    if let Some(mark) = mark.filter(|_| lines.out.is_empty()) {
        let failure = gone(mark, has_part);
        lines.warnings.push(format!("{}/{}: {failure}", input.record.partition, input.record.offset));
        lines.out.push(error(&failure));
    }
    Ok(lines)
}

/// An alert's deliveries, or why there are none.
fn alert_lines(
    alert: &Alert,
    input: &Input,
    routes: Option<&Routes>,
) -> anyhow::Result<Result<Vec<Value>, MapFailure>> {
    let Some(routes) = routes else {
        if let Some(reason) = &alert.skip {
            return Ok(Ok(vec![skip(Some(&alert.format), None, reason)]));
        }
        let request: Value = serde_json::from_slice(&routing::body(None, alert, None))?;
        let format = &alert.format;
        return Ok(Ok(vec![json!({
            "format": format, "route": null, "workflow_id": null, "action_instance_id": null, "request": request,
        })]));
    };
    match routes.table.decide(alert) {
        Decision::Run(destinations) => {
            let mark = input.standing.mark();
            let runs = |to: &Destination| mark.is_none_or(|mark| mark.names_workflow(&to.workflow_id));
            let deliveries = destinations.into_iter().filter(runs);
            let deliveries = deliveries
                .map(|destination| {
                    let instance = routes.instance_id.id(&input.origin, alert, &destination.workflow_id);
                    let mut created = routing::build_alert(&destination, alert);
                    let mut request = routing::build(destination, alert, instance);
                    // What is there already is not created again.
                    let known = mark.and_then(|mark| mark.created_alert_id.as_deref());
                    if let (Some(id), Some(ours)) = (known, &created) {
                        if !ours.alert_id.eq_ignore_ascii_case(id) {
                            request = routing::about(&request, id);
                        }
                        created = None;
                    }
                    let body: Value = serde_json::from_slice(&request.body)?;
                    let mut line = json!({
                        "format": alert.format,
                        "route": request.destination.route,
                        "workflow_id": request.destination.workflow_id,
                        "action_instance_id": request.action_instance_id,
                        "request": body,
                    });
                    if let Some(created) = created {
                        line["create_alert"] = serde_json::from_slice(&created.body)?;
                    }
                    Ok(line)
                })
                .collect::<anyhow::Result<_>>()?;
            Ok(Ok(deliveries))
        }
        Decision::Skip { route, reason } => Ok(Ok(vec![skip(Some(&alert.format), route.as_deref(), &reason)])),
        Decision::Unroutable => Ok(Err(MapFailure {
            class: DeadLetterClass::Unroutable,
            reason: FailureReason::NoRoute,
            message: "no rule matches and there is no default workflow".to_owned(),
        })),
    }
}

/// What a redriven record becomes whose mark nothing answers to any more.
pub(super) fn gone(mark: &RedriveMark, has_part: bool) -> MapFailure {
    MapFailure {
        class: DeadLetterClass::Unroutable,
        reason: FailureReason::NoRoute,
        message: mark.names_nothing(has_part),
    }
}

fn skip(format: Option<&str>, route: Option<&str>, reason: &str) -> Value {
    json!({"format": format, "route": route, "skip": {"reason": reason}})
}

fn error(failure: &MapFailure) -> Value {
    let (class, reason) = (failure.class.as_str(), failure.reason.as_str());
    json!({"error": {"class": class, "reason": reason, "message": failure.message}})
}
