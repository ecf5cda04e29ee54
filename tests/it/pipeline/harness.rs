//! A running pipeline over fakes, and the records to feed it.

use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use alertbridge::domain::{Offset, Record, TopicPartition};
use alertbridge::mapping::{Mapper, MappingSettings};
use alertbridge::offsets::{CompletedOffsets, Frontier};
use alertbridge::pipeline::{
    AmbiguousPolicy, BudgetLimits, InstanceIdMode, Ordering, Parts, Pipeline, PipelineError, PipelineSettings,
    Preparer, RateSettings,
};
use alertbridge::ports::{GuardControl, SourceEvent, Start, WorkflowApi, guard_control};
use alertbridge::resilience::{Backoff, BreakerPolicy, GuardPolicy, RateLimit, RateScope, RetryPolicy};
use alertbridge::routing::{RouteSettings, RouteTable};
use alertbridge::telemetry::{Health, Status, Telemetry, Totals};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::fakes::{Asked, AskedHandle, FakeApi, FakeSink, FakeSource};

/// Longer than anything in a test takes; under paused time it costs nothing.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);

pub(super) fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("soc.alerts", number)
}

/// An alert with this title, at this offset of partition 0.
pub(super) fn alert(offset: i64, title: &str, severity: &str, key: Option<&str>) -> Record {
    let value = json!({"id": format!("00000000-0000-4000-8000-{offset:012}"), "title": title, "severity": severity});
    Record {
        partition: partition(0),
        offset: Offset(offset),
        timestamp_ms: Some(1_700_000_000_000),
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from(value.to_string())),
        headers: Vec::new(),
    }
}

/// Alerts `a0`, `a1`, … of medium severity without keys.
pub(super) fn alerts(offsets: std::ops::Range<i64>) -> Vec<Record> {
    offsets.map(|offset| alert(offset, &format!("a{offset}"), "Medium", None)).collect()
}

pub(super) fn settings() -> PipelineSettings {
    PipelineSettings {
        redrive_topic: "soc.alerts.redrive".into(),
        group_id: "group".into(),
        instance: "pod-0".into(),
        ordering: Ordering::Key,
        instance_id: InstanceIdMode::Record,
        max_in_flight: 8,
        budget: BudgetLimits { records: 1_000, records_per_partition: 1_000, bytes: 16 << 20 },
        adaptive_concurrency: false,
        rates: RateSettings { scope: RateScope::Process, tenant: Vec::new(), routes: Vec::new() },
        retry: RetryPolicy {
            max_attempts: 6,
            max_elapsed: Duration::from_secs(600),
            backoff: Backoff { initial: Duration::from_millis(250), max: Duration::from_secs(30) },
        },
        breaker: BreakerPolicy {
            failure_ratio: 0.5,
            window: Duration::from_secs(30),
            minimum_requests: 10,
            open_for: Duration::from_secs(1),
            max_open_for: Duration::from_secs(3),
        },
        age_to_top: Duration::from_secs(300),
        guard: GuardPolicy {
            consecutive: 100,
            ratio: 0.5,
            window: Duration::from_secs(60),
            minimum_records: 50,
            reopen_after: 10,
        },
        paused_route_after: None,
        ambiguous: AmbiguousPolicy::Retry,
        seed: 1,
        request_timeout: Duration::from_secs(20),
        commit_interval: Duration::from_secs(1),
        drain_timeout: Duration::from_secs(25),
        revoke_timeout: Duration::from_secs(20),
    }
}

/// The shipped mappings, compiled once.
static MAPPER: LazyLock<Mapper> = LazyLock::new(|| Mapper::load(&MappingSettings::default()).unwrap());

/// So many requests a second, evenly paced.
pub(super) fn each_second(requests: u32) -> RateLimit {
    let requests = NonZeroU32::new(requests).unwrap();
    RateLimit { requests, per: Duration::from_secs(1), burst: NonZeroU32::MIN }
}

pub(super) fn preparer(routes: RouteSettings) -> Preparer {
    Preparer::new(MAPPER.clone(), RouteTable::new(&routes).unwrap(), InstanceIdMode::Record)
}

pub(super) fn one_route() -> RouteSettings {
    RouteSettings {
        default_workflow_id: Some("wf-default".into()),
        project_id: "project".into(),
        workspace_id: "workspace".into(),
        rules: Vec::new(),
    }
}

/// A pipeline that runs.
pub(super) struct Bench<A = FakeApi> {
    pub(super) source: mpsc::UnboundedSender<SourceEvent>,
    asked: AskedHandle,
    pub(super) api: Arc<A>,
    pub(super) sink: Arc<FakeSink>,
    pub(super) telemetry: Telemetry,
    pub(super) status: watch::Receiver<Status>,
    pub(super) guard: GuardControl,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), PipelineError>>,
}

impl Bench<FakeApi> {
    pub(super) fn start(api: Arc<FakeApi>) -> Self {
        Self::start_with(api, settings(), one_route())
    }
}

impl<A: WorkflowApi> Bench<A> {
    /// Starts the pipeline with partition 0 assigned from offset 0.
    pub(super) fn start_with(api: Arc<A>, settings: PipelineSettings, routes: RouteSettings) -> Self {
        let (fake, source, asked) = FakeSource::new();
        let sink = Arc::new(FakeSink::default());
        let telemetry = Telemetry::try_new().unwrap();
        let (guard, guard_requests) = guard_control();
        let (publish, status) = watch::channel(Status::new("test", std::time::SystemTime::now()));
        let pipeline = Pipeline::new(Parts {
            source: fake,
            api: Arc::clone(&api),
            dead_letters: Arc::clone(&sink),
            preparer: preparer(routes),
            settings,
            telemetry: telemetry.clone(),
            health: Health::new(),
            status: publish,
            guard_requests,
        });
        let shutdown = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "the test owns the task")]
        let running = tokio::spawn(pipeline.run(shutdown.clone()));
        let bench = Self { source, asked, api, sink, telemetry, status, guard, shutdown, running };
        bench.tell(SourceEvent::Joined);
        bench.assign(0, 0);
        bench
    }

    pub(super) fn tell(&self, event: SourceEvent) {
        self.source.send(event).unwrap();
    }

    pub(super) fn assign(&self, number: i32, start: i64) {
        self.assign_with(number, start, CompletedOffsets::default());
    }

    /// Assigns a partition of which an earlier assignment has settled something above the start.
    pub(super) fn assign_with(&self, number: i32, start: i64, completed: CompletedOffsets) {
        let offset = Offset(start);
        self.assign_start(Start { completed, ..Start::without_memory(partition(number), offset, offset) });
    }

    /// Assigns a partition as its last owner left it; `end` is the partition's end.
    pub(super) fn assign_after(&self, left: &Frontier, end: i64) {
        let Frontier { partition, offset, completed, mark, .. } = left.clone();
        // As it comes back from the broker.
        let mark = mark.filter(|mark| *mark > offset);
        self.assign_start(Start { partition, offset, completed, mark, end: Offset(end) });
    }

    pub(super) fn assign_start(&self, start: Start) {
        let all = vec![start.partition.clone()];
        self.tell(SourceEvent::Assigned { cluster_id: "cluster".into(), partitions: vec![start], all });
    }

    pub(super) fn feed(&self, records: Vec<Record>) {
        self.tell(SourceEvent::Records(records));
    }

    pub(super) fn asked<T>(&self, look: impl FnOnce(&mut Asked) -> T) -> T {
        look(&mut self.asked.lock().unwrap())
    }

    pub(super) fn committed(&self, number: i32) -> Option<i64> {
        self.asked(|asked| asked.committed.get(&partition(number)).map(|frontier| frontier.offset.0))
    }

    pub(super) fn totals(&self) -> Totals {
        self.telemetry.totals()
    }

    /// Lets the pipeline run, in steps of its own time, until something holds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "never happened: {what}");
    }

    pub(super) async fn stop(self) -> Result<(), PipelineError> {
        self.shutdown.cancel();
        self.running.await.unwrap()
    }

    /// Asks for the shutdown and keeps looking.
    pub(super) fn begin_stop(&self) {
        self.shutdown.cancel();
    }

    /// Ends the process without any ado.
    pub(super) fn crash(self) {
        self.running.abort();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.running.is_finished()
    }
}
