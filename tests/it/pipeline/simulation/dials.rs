//! What a seed draws beside its schedule: how the processes are set, and what the service makes of our ids.

use std::time::Duration;

use alertbridge::domain::DeadLetterClass;
use alertbridge::pipeline::{AmbiguousPolicy, Ordering, PipelineSettings};
use alertbridge::resilience::RateScope;
use alertbridge::routing::{RouteSettings, RuleSettings};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::super::harness::{each_second, one_route, settings};
use super::super::service::Ids;

/// The same for all processes of a schedule.
#[derive(Clone, Debug)]
pub(super) struct Dials {
    /// Whether what may have been started is looked up; then nothing is started twice where the service lets us see.
    pub(super) is_verifying: bool,
    /// Whether alerts of high severity are created first.
    pub(super) creates_alerts: bool,
    /// What the service takes our ids for.
    pub(super) ids: Ids,
    pub(super) ordering: Ordering,
    /// Whether Fatal alerts start two workflows.
    pub(super) starts_two: bool,
    /// Whether partitions have long gaps, over which a commit says what has settled in runs.
    pub(super) has_long_gaps: bool,
    /// How many requests all processes together may send in a second.
    pub(super) quota: Option<u32>,
    max_in_flight: usize,
    is_adaptive: bool,
    /// Deliveries are given up after so many attempts; else never.
    max_attempts: Option<u32>,
    /// The guard closes after so many dead letters in a row; else never.
    guard: Option<u32>,
    /// Hand-overs and shutdowns cut calls in flight short.
    cuts_short: bool,
    /// What has no answer becomes a dead letter.
    buries_ambiguous: bool,
    /// Deliveries become dead letters when their target has been away for so many seconds; else never.
    target_away: Option<u64>,
}

impl Dials {
    pub(super) fn draw(rng: &mut StdRng, is_verifying: bool, creates_alerts: bool) -> Self {
        let ids = match rng.random_range(0..4) {
            0 if is_verifying => Ids::Unique,
            1 if !creates_alerts => Ids::Own,
            _ => Ids::Honour,
        };
        Self {
            is_verifying,
            creates_alerts,
            ids,
            ordering: [Ordering::Key, Ordering::Key, Ordering::Partition, Ordering::None][rng.random_range(0..4)],
            starts_two: rng.random_bool(0.5),
            has_long_gaps: rng.random_bool(0.3),
            quota: rng.random_bool(0.4).then(|| rng.random_range(2..30)),
            max_in_flight: rng.random_range(1..9),
            is_adaptive: rng.random_bool(0.5),
            max_attempts: rng.random_bool(0.4).then(|| rng.random_range(2..6)),
            guard: rng.random_bool(0.4).then(|| rng.random_range(1..5)),
            cuts_short: rng.random_bool(0.3),
            buries_ambiguous: !is_verifying && rng.random_bool(0.3),
            target_away: rng.random_bool(0.3).then(|| rng.random_range(1..30)),
        }
    }

    pub(super) fn settings(&self, seed: u64) -> PipelineSettings {
        let mut settings = settings();
        settings.seed = seed;
        settings.ambiguous = match (self.is_verifying, self.buries_ambiguous) {
            (true, _) => AmbiguousPolicy::Verify,
            (false, true) => AmbiguousPolicy::DeadLetter,
            (false, false) => AmbiguousPolicy::Retry,
        };
        settings.paused_route_after = self.target_away.map(Duration::from_secs);
        settings.ordering = self.ordering;
        settings.budget.records = 30;
        settings.budget.records_per_partition = 20;
        settings.max_in_flight = self.max_in_flight;
        settings.adaptive_concurrency = self.is_adaptive;
        settings.rates.scope = RateScope::Group;
        settings.rates.tenant = self.quota.map(each_second).into_iter().collect();
        settings.retry.max_attempts = self.max_attempts.unwrap_or(u32::MAX);
        settings.retry.max_elapsed = Duration::MAX;
        settings.guard.consecutive = self.guard.unwrap_or(1_000);
        settings.guard.minimum_records = self.guard.map_or(1_000, |limit| 2 * limit);
        settings.age_to_top = Duration::from_secs(20);
        if self.cuts_short {
            settings.revoke_timeout = Duration::from_secs(2);
            settings.drain_timeout = Duration::from_secs(3);
        }
        settings
    }

    pub(super) fn routes(&self) -> RouteSettings {
        let rule = |severity: &str, create_alert: bool| RuleSettings {
            name: severity.to_lowercase(),
            when: Some(format!(".severity == {severity:?}")),
            workflow_ids: self.workflows(severity).into_iter().map(str::to_owned).collect(),
            create_alert,
            ..RuleSettings::default()
        };
        let rules = vec![rule("High", self.creates_alerts), rule("Fatal", self.creates_alerts && self.starts_two)];
        RouteSettings { rules, ..one_route() }
    }

    /// The workflows that an alert of this severity starts.
    pub(super) fn workflows(&self, severity: &str) -> Vec<&'static str> {
        match severity {
            "High" => vec!["wf-high"],
            "Fatal" if self.starts_two => vec!["wf-one", "wf-two"],
            "Fatal" => vec!["wf-one"],
            _ => vec!["wf-default"],
        }
    }

    /// Whether a failed look-up may be given up, and with it what it was to find out.
    pub(super) fn gives_up_look_ups(&self) -> bool {
        self.max_attempts.is_some()
    }

    /// Whether there may be dead letters of this class, and of more than the records that ask for it.
    pub(super) fn buries(&self, class: DeadLetterClass) -> bool {
        match class {
            DeadLetterClass::Exhausted => self.max_attempts.is_some(),
            DeadLetterClass::Ambiguous => self.buries_ambiguous,
            DeadLetterClass::Target => self.target_away.is_some(),
            _ => false,
        }
    }

    /// Whether a workflow must never be started twice, nor an alert created twice.
    pub(super) fn allows_no_repeat(&self) -> bool {
        self.is_verifying && self.ids != Ids::Own
    }
}
