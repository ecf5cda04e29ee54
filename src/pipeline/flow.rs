//! Everything that is under way, without the source: decisions change it, the engine acts on what it says.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use super::budget::{Budget, FetchChange};
use super::credential_watch::CredentialWatch;
use super::delivery::{OpenDelivery, OpenRecord, RecordId};
use super::gates::Gates;
use super::guarded::Guarded;
use super::handback::Revocation;
use super::held::Held;
use super::letters::Letters;
use super::paused_route::PausedRoutes;
use super::prepare::{AlertFacts, Preparer};
use super::rates::Rates;
use super::report::Reporter;
use super::settings::PipelineSettings;
use super::timers::Timers;
use super::under_way::UnderWay;
use super::verify::{CallDone, Verify};
use super::watchdog::Watchdog;
use crate::domain::{Destination, Outcome, TopicPartition, WorkflowRequest};
use crate::offsets::{CommitSchedule, Frontier, OffsetBook};
use crate::scheduler::{DeliveryId, RouteId, Scheduler};
use crate::telemetry::{Delivery, OutcomeEvent, Telemetry};

/// The state of the pipeline. `A` and `D` are the workflow API and the dead-letter sink.
#[derive(Debug)]
pub(super) struct Flow<A, D> {
    pub(super) api: Arc<A>,
    pub(super) settings: PipelineSettings,
    pub(super) telemetry: Telemetry,
    pub(super) preparer: Preparer,
    pub(super) report: Reporter,
    pub(super) cluster_id: Arc<str>,
    pub(super) book: OffsetBook,
    pub(super) commits: CommitSchedule,
    pub(super) budget: Budget,
    pub(super) held: Held,
    pub(super) scheduler: Scheduler,
    pub(super) gates: Gates,
    pub(super) rates: Rates,
    pub(super) under_way: UnderWay,
    pub(super) rng: StdRng,
    pub(super) timers: Timers,
    /// Boxed, as deliveries are: a table that grows would hold twice their room, and for ever.
    pub(super) records: HashMap<RecordId, Box<OpenRecord>>,
    pub(super) deliveries: HashMap<DeliveryId, Box<OpenDelivery>>,
    pub(super) attempts: JoinSet<CallDone>,
    pub(super) letters: Letters<D>,
    pub(super) guarded: Guarded,
    pub(super) paused_routes: PausedRoutes,
    pub(super) credential_watch: CredentialWatch,
    pub(super) watchdog: Watchdog,
    pub(super) verify: Verify,
    pub(super) revocations: Vec<Revocation>,
    /// Set once a shutdown has begun: nothing new is begun.
    pub(super) is_draining: bool,
    pub(super) waiting_for_token_since: Option<Instant>,
    routes: HashMap<Destination, RouteId>,
    destinations: Vec<Destination>,
    last_id: u64,
}

impl<A, D> Flow<A, D> {
    pub(super) fn new(
        api: Arc<A>,
        letters: Letters<D>,
        preparer: Preparer,
        settings: PipelineSettings,
        telemetry: Telemetry,
        report: Reporter,
        now: Instant,
    ) -> Self {
        Self {
            commits: CommitSchedule::new(settings.commit_interval, now),
            budget: Budget::new(settings.budget),
            gates: Gates::new(settings.breaker),
            guarded: Guarded::new(settings.guard),
            paused_routes: PausedRoutes::new(settings.paused_route_after),
            // The bound of a call in flight is its time-out.
            watchdog: Watchdog::new(settings.revoke_timeout),
            rates: Rates::new(&settings.rates, now),
            under_way: UnderWay::new(settings.max_in_flight, settings.adaptive_concurrency),
            verify: Verify::new(&settings),
            cluster_id: Arc::from(""),
            book: OffsetBook::default(),
            credential_watch: CredentialWatch::default(),
            held: Held::default(),
            scheduler: Scheduler::new(settings.age_to_top),
            rng: StdRng::seed_from_u64(settings.seed),
            timers: Timers::default(),
            records: HashMap::new(),
            deliveries: HashMap::new(),
            attempts: JoinSet::new(),
            revocations: Vec::new(),
            is_draining: false,
            waiting_for_token_since: None,
            routes: HashMap::new(),
            destinations: Vec::new(),
            last_id: 0,
            api,
            letters,
            preparer,
            settings,
            telemetry,
            report,
        }
    }

    /// Takes a delivery out of everything that it waits in.
    pub(super) fn remove_delivery(&mut self, id: DeliveryId) -> Option<Box<OpenDelivery>> {
        self.scheduler.remove(id);
        self.verify.unpark(id);
        let mut removed = self.deliveries.remove(&id)?;
        self.hand_alert_on(&mut removed);
        Some(removed)
    }

    /// Ends one delivery of a record. When it was the last one, the record settles.
    pub(super) fn settle(&mut self, id: RecordId) {
        let Some(open) = self.records.get_mut(&id) else { return };
        open.remaining = open.remaining.saturating_sub(1);
        if open.remaining == 0
            && let Some(open) = self.records.remove(&id)
        {
            self.budget.give_back(&open.record.partition, open.bytes);
            // A fenced claim is refused here: results of an old assignment never commit.
            if self.book.settle(&open.claim).is_ok() {
                self.commits.completed();
            }
        }
    }

    /// Writes the one line and counts the one outcome of a delivery.
    pub(super) fn tell<'a>(
        &'a self,
        id: RecordId,
        facts: &'a AlertFacts,
        outcome: Outcome,
        complete: impl FnOnce(&mut OutcomeEvent<'a>),
    ) {
        let Some(open) = self.records.get(&id) else { return };
        let mut event = OutcomeEvent {
            outcome,
            partition: &open.record.partition,
            offset: open.record.offset,
            origin: open.moved_from(),
            part: facts.part,
            alert_id: facts.id.as_deref(),
            created_alert_id: None,
            severity: facts.severity,
            format: facts.format.as_deref(),
            route: facts.route.as_deref(),
            workflow_id: None,
            action_instance_id: None,
            requested_instance_id: None,
            attempts: 0,
            http_status: None,
            error_code: None,
            request_id: None,
            skip_rule_reason: None,
            confirmed_by: None,
            error: None,
            age_ms: age_ms(open.first_appended_ms()),
            duration_ms: None,
            trace_id: open.trace_id.as_deref(),
        };
        complete(&mut event);
        self.telemetry.outcome(&event);
    }

    /// Which fetching is to be paused or resumed now.
    pub(super) fn fetch_change(&mut self) -> FetchChange {
        let is_held = |partition: &TopicPartition| self.held.contains(partition) || self.guarded.holds(partition);
        let any_is_held = !self.held.is_empty() || self.guarded.holds_any();
        self.budget.changes(self.book.partitions(), any_is_held, is_held)
    }

    /// The frontiers to commit now, if it is time.
    pub(super) fn due_commits(&mut self, now: Instant) -> Vec<Frontier> {
        if self.commits.take_due(now) {
            self.book.take_frontiers()
        } else if self.verify.may_ask_for_marks(now) {
            self.book.take_wanted()
        } else {
            Vec::new()
        }
    }

    pub(super) fn destination(&self, route: RouteId) -> Option<&Destination> {
        self.destinations.get(route.0)
    }

    /// Which delivery something is said of.
    pub(super) fn describe(&self, id: DeliveryId) -> Option<Delivery<'_>> {
        let delivery = self.deliveries.get(&id)?;
        let to = &delivery.request.destination;
        Some(Delivery {
            partition: &delivery.partition,
            offset: delivery.offset,
            origin: delivery.moved_from.as_deref(),
            part: delivery.facts.part,
            alert_id: delivery.facts.id.as_deref(),
            route: Some(&to.route),
            workflow_id: Some(&to.workflow_id),
            requested_instance_id: delivery.request.action_instance_id.as_deref(),
        })
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn route(&mut self, request: &WorkflowRequest, now: Instant) -> RouteId {
        self.route_to(&request.destination, now)
    }

    pub(super) fn route_to(&mut self, destination: &Destination, now: Instant) -> RouteId {
        if let Some(route) = self.routes.get(destination) {
            return *route;
        }
        let route = self.gates.add_route(now);
        self.rates.add_route(&destination.route);
        self.destinations.push(destination.clone());
        let _none = self.routes.insert(destination.clone(), route);
        route
    }
}

/// The workflow of a destination; none where it is about the alerts of a route.
pub(super) fn workflow_of(to: &Destination) -> Option<&str> {
    Some(&*to.workflow_id).filter(|id| !id.is_empty())
}

/// The time since a record was written, in milliseconds.
pub(super) fn age_ms(timestamp_ms: Option<i64>) -> Option<i64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Some(i64::try_from(now.as_millis()).unwrap_or(i64::MAX).saturating_sub(timestamp_ms?).max(0))
}
