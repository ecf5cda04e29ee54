//! From a record to its deliveries: decode, map, route, serialise. Pure: the same record and configuration give the
//! same deliveries, ids and bytes for ever (promise 3).

use std::sync::Arc;

use super::budget::OF_DELIVERY;
use super::faults;
use super::redriven;
use super::settings::InstanceIdMode;
use crate::domain::{
    Alert, AlertRequest, DeadLetterClass, Destination, FailureReason, Origin, Record, RedriveMark, Severity,
    SkipReason, WorkflowRequest, is_dead_letter_copy,
};
use crate::mapping::{Mapped, MappedPart, Mapper};
use crate::routing::{self, Decision, RouteTable};
use crate::telemetry::Telemetry;

/// What is known of an alert, for logs and dead letters. No content.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AlertFacts {
    pub(super) part: u32,
    pub(super) id: Option<String>,
    pub(super) severity: Option<Severity>,
    pub(super) format: Option<Arc<str>>,
    pub(super) route: Option<Arc<str>>,
}

/// What becomes of one part of a record (or of one of its workflows).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Planned {
    Deliver { facts: AlertFacts, severity: Severity, request: WorkflowRequest, alert: Option<Arc<AlertRequest>> },
    Skip { facts: AlertFacts, reason: SkipReason, rule_reason: Option<Arc<str>> },
    DeadLetter { facts: AlertFacts, class: DeadLetterClass, reason: FailureReason, error: String },
}

impl Planned {
    /// What it adds to its record in memory, in bytes: a delivery and its requests' bodies. An alert that several
    /// deliveries share counts for each of them.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Deliver { request, alert, .. } => {
                request.body.len() + alert.as_ref().map_or(0, |alert| alert.body.len()) + OF_DELIVERY
            }
            Self::Skip { .. } | Self::DeadLetter { .. } => 0,
        }
    }

    /// What is known of the alert.
    pub(super) fn facts(&self) -> &AlertFacts {
        match self {
            Self::Deliver { facts, .. } | Self::Skip { facts, .. } | Self::DeadLetter { facts, .. } => facts,
        }
    }

    /// The instance that is asked for, if there is one.
    pub(super) fn instance_id(&self) -> Option<&str> {
        match self {
            Self::Deliver { request, .. } => request.action_instance_id.as_deref(),
            Self::Skip { .. } | Self::DeadLetter { .. } => None,
        }
    }
}

/// Maps and routes records.
#[derive(Debug)]
pub struct Preparer {
    mapper: Mapper,
    routes: RouteTable,
    instance_id: InstanceIdMode,
}

impl Preparer {
    /// Puts mappings and routes together.
    #[must_use]
    pub fn new(mapper: Mapper, routes: RouteTable, instance_id: InstanceIdMode) -> Self {
        Self { mapper, routes, instance_id }
    }

    /// The version of the mappings in force.
    #[must_use]
    pub fn mapping_version(&self) -> Arc<str> {
        self.mapper.version()
    }

    /// Everything that is to become of a record: at least one entry.
    pub(super) fn plan(&self, record: &Record, origin: &Origin, telemetry: &Telemetry) -> Vec<Planned> {
        if is_dead_letter_copy(record) {
            return redriven::skipped(SkipReason::DeadLetterCopy);
        }
        self.plan_parts(record, origin, |_| true, telemetry)
    }

    /// What is to become of what a mark names of its record.
    pub(super) fn plan_redriven(&self, record: &Record, mark: &RedriveMark, telemetry: &Telemetry) -> Vec<Planned> {
        redriven::only_marked(mark, self.plan_parts(record, &mark.origin, |part| mark.names_part(part), telemetry))
    }

    /// `runs`: the parts that count; nothing is planned, or told, of the others.
    fn plan_parts(
        &self,
        record: &Record,
        origin: &Origin,
        runs: impl Fn(u32) -> bool,
        telemetry: &Telemetry,
    ) -> Vec<Planned> {
        let skip = redriven::skipped;
        match self.mapper.map(record, origin) {
            Mapped::Tombstone => skip(SkipReason::Tombstone),
            Mapped::Unmatched => skip(SkipReason::Unmatched),
            Mapped::Parts(parts) if parts.is_empty() => skip(SkipReason::EmptyBatch),
            Mapped::Parts(parts) => {
                let of_them = parts.into_iter().filter(|part| runs(part.part));
                of_them.flat_map(|part| self.plan_part(part, record, origin, telemetry)).collect()
            }
        }
    }

    fn plan_part(&self, part: MappedPart, record: &Record, origin: &Origin, telemetry: &Telemetry) -> Vec<Planned> {
        let format = part.format.clone();
        let planned = match part.result {
            Ok(alert) => self.plan_alert(&alert, origin),
            Err(failure) => {
                let facts = AlertFacts { part: part.part, format: part.format, ..AlertFacts::default() };
                let (class, reason, error) = (failure.class, failure.reason, failure.message);
                vec![Planned::DeadLetter { facts, class, reason, error }]
            }
        };
        let format = format.as_deref().unwrap_or("none");
        faults::tell(telemetry, &part.faults, format, (record, origin, part.part), &planned);
        planned
    }

    fn plan_alert(&self, alert: &Alert, origin: &Origin) -> Vec<Planned> {
        let facts = |route: Option<Arc<str>>| AlertFacts {
            part: alert.part,
            id: Some(alert.id.clone()),
            severity: Some(alert.severity),
            format: Some(Arc::clone(&alert.format)),
            route,
        };
        match self.routes.decide(alert) {
            Decision::Run(destinations) => {
                let mut alerts: Vec<Arc<AlertRequest>> = Vec::new();
                let deliver = |destination: Destination| {
                    let id = self.instance_id.id(origin, alert, &destination.workflow_id);
                    let facts = facts(Some(Arc::clone(&destination.route)));
                    let created = alert_for(&destination, alert, &mut alerts);
                    let request = routing::build(destination, alert, id);
                    Planned::Deliver { facts, severity: alert.severity, request, alert: created }
                };
                destinations.into_iter().map(deliver).collect()
            }
            Decision::Skip { route, reason } => {
                let by = if route.is_some() { SkipReason::Rule } else { SkipReason::Mapping };
                vec![Planned::Skip { facts: facts(route), reason: by, rule_reason: Some(reason) }]
            }
            Decision::Unroutable => vec![Planned::DeadLetter {
                facts: facts(None),
                class: DeadLetterClass::Unroutable,
                reason: FailureReason::NoRoute,
                error: "no rule of `routing.rules` matches and `routing.default_workflow_id` is not set".to_owned(),
            }],
        }
    }
}

/// The alert that is to be created for this destination: one for all that are in the same workspace.
fn alert_for(to: &Destination, alert: &Alert, alerts: &mut Vec<Arc<AlertRequest>>) -> Option<Arc<AlertRequest>> {
    if !to.creates_alert {
        return None;
    }
    if let Some(shared) = alerts.iter().find(|shared| shared.destination.shares_alerts_with(to)) {
        return Some(Arc::clone(shared));
    }
    let request = Arc::new(routing::build_alert(to, alert)?);
    alerts.push(Arc::clone(&request));
    Some(request)
}
