//! Records come in: claimed, charged, planned.

use std::sync::Arc;
use std::time::Instant;

use super::delivery::{OpenDelivery, OpenRecord, RecordId};
use super::flow::Flow;
use super::prepare::Planned;
use super::redriven::{self, Admission};
use super::settings::Ordering;
use crate::domain::{Origin, Outcome, Record, RedriveMark, SkipReason};
use crate::offsets::{Claim, LedgerError};
use crate::ports::{DeadLetterSink, WorkflowApi};
use crate::scheduler::{DeliveryId, Lane};

impl<A: WorkflowApi, D: DeadLetterSink> Flow<A, D> {
    /// Takes records in: each gets a claim, is charged to the budgets, and becomes deliveries.
    pub(super) fn take_in(&mut self, records: Vec<Record>, now: Instant) {
        if self.is_draining {
            return;
        }
        for record in records {
            if self.held.has_records(&record.partition) {
                self.hold(record);
                continue;
            }
            match self.book.track(&record.partition, record.offset) {
                Ok(Some(claim)) => self.open(record, claim, now),
                Err(LedgerError::NoRoom(_)) => self.hold(record),
                // What is not ours any more, or was given twice, is none of our business: its owner settles it.
                // And what an earlier assignment has settled has had its outcome.
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Makes deliveries of a record that is ours to settle, and charges both to the budgets.
    pub(super) fn open(&mut self, record: Record, claim: Claim, now: Instant) {
        self.telemetry.records_consumed(1);
        let (origin, redrive, planned) = self.plan(&record);
        let bytes = record.size() + planned.iter().map(Planned::size).sum::<usize>();
        self.budget.charge(&record.partition, bytes);
        let id = RecordId(self.next_id());
        let trace_id = trace_id(&record);
        let record = Arc::new(record);
        let remaining = planned.len();
        let moved_from = redrive.is_some().then(|| Arc::new(origin.clone()));
        let open = OpenRecord { record: Arc::clone(&record), origin, redrive, claim, bytes, remaining, trace_id };
        drop(self.records.insert(id, Box::new(open)));
        let mut leads = Vec::new();
        for plan in planned {
            match plan {
                Planned::Deliver { facts, severity, request, alert } => {
                    let delivery = DeliveryId(self.next_id());
                    let route = self.route(&request, now);
                    let lane = lane(self.settings.ordering, &record);
                    let clock = self.gates.active_time(route, now);
                    self.scheduler.add(delivery, severity, route, lane, clock);
                    let open = OpenDelivery::new(id, &record, moved_from.clone(), facts, route, request, now);
                    drop(self.deliveries.insert(delivery, Box::new(open)));
                    self.suspect(delivery);
                    if let Some(alert) = alert {
                        self.create_first(delivery, alert, &mut leads, now);
                    }
                }
                Planned::Skip { facts, reason, rule_reason } => {
                    let rule_reason = rule_reason.as_deref();
                    self.tell(id, &facts, Outcome::Skipped(reason), |event| event.skip_rule_reason = rule_reason);
                    if matches!(reason, SkipReason::Rule | SkipReason::Mapping) {
                        self.guarded.skipped(now);
                    }
                    self.settle(id);
                }
                Planned::DeadLetter { facts, class, reason, error } => {
                    self.bury(id, facts, None, class, reason, error);
                }
            }
        }
    }

    /// Where a record first stood, the mark that it carries, and what is to become of it.
    fn plan(&self, record: &Record) -> (Origin, Option<RedriveMark>, Vec<Planned>) {
        let own = || record.origin(&self.cluster_id);
        match redriven::admit(record, &self.settings) {
            Admission::Refused(reason) => (own(), None, redriven::skipped(reason)),
            Admission::Whole => {
                let origin = own();
                let planned = self.preparer.plan(record, &origin, &self.telemetry);
                (origin, None, planned)
            }
            Admission::Marked(mark) => {
                let planned = self.preparer.plan_redriven(record, &mark, &self.telemetry);
                (mark.origin.clone(), Some(mark), planned)
            }
        }
    }
}

fn lane(ordering: Ordering, record: &Record) -> Option<Lane> {
    let partition = record.partition.clone();
    match ordering {
        Ordering::Key => record.key.clone().map(|key| Lane { partition, key: Some(key) }),
        Ordering::Partition => Some(Lane { partition, key: None }),
        Ordering::None => None,
    }
}

/// The trace id of a W3C `traceparent` header: `00-{32 hex digits}-{16 hex digits}-{flags}`.
fn trace_id(record: &Record) -> Option<String> {
    let header = std::str::from_utf8(record.header("traceparent")?).ok()?;
    let id = header.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_owned())
}
