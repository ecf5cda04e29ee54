//! What the simulator remembers: instances, counts, raw requests.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::answer::Refusal;
use super::run::{Course, Run};
use super::world::World;

/// The code with which a second instance of one id is refused. Invented here: what the service answers is not known.
const INSTANCE_EXISTS: &str = "SecMaster.20048998";

/// The window of [`Stats::max_requests_per_second`].
const SECOND: Duration = Duration::from_secs(1);

/// An instance that was created.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// The id that the caller asked for, if it did.
    pub requested_id: Option<String>,
    /// The project in the path.
    pub project_id: String,
    /// The workspace in the path.
    pub workspace_id: String,
    /// The workflow in the path.
    pub workflow_id: String,
    /// The data object's content; null in lean mode.
    pub content: Value,
    /// When the first request for it came, RFC 3339.
    pub received_at: String,
    /// How many requests asked for it.
    pub requests: u64,
    /// How often it was started: once, unless ids are honoured and it was asked for again.
    pub runs: u64,
    /// How its run goes. Kept apart where instances are written.
    #[serde(skip)]
    pub(super) run: Run,
}

/// Counts since the start or the last reset.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Stats {
    /// Requests to SecMaster, all told.
    pub requests: u64,
    /// Requests answered 200, repeats among them.
    pub accepted: u64,
    /// Instances.
    pub instances: u64,
    /// How often instances were started, all told: each accepted request starts one.
    pub runs: u64,
    /// Accepted requests for an instance that was there already: runs beyond each instance's first.
    pub duplicates: u64,
    /// Other answers of SecMaster, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Requests that were left without a whole answer: hung, reset, cut in half.
    pub unanswered: u64,
    /// Requests for tokens.
    pub token_requests: u64,
    /// Tokens given out.
    pub tokens_issued: u64,
    /// Requests to those who give out temporary keys, each call of several counted.
    pub key_requests: u64,
    /// Temporary keys given out.
    pub keys_issued: u64,
    /// The most requests to SecMaster in any window of one second.
    pub max_requests_per_second: u64,
}

/// A request as it came, credentials included: this is a test tool.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CapturedRequest {
    /// The method.
    pub method: String,
    /// Path and query as in the request line.
    pub target: String,
    /// Names (lower case) and values in their order.
    pub headers: Vec<(String, String)>,
    /// The body, base64.
    pub body_base64: String,
}

/// A request to SecMaster, for who watches. One that is not answered is told, too.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When it had come whole.
    pub at: Instant,
    /// Its body; empty where it was too large.
    pub body: Bytes,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Store {
    instances: Vec<Instance>,
    by_id: HashMap<String, usize>,
    pub(super) stats: Stats,
    last_second: VecDeque<Instant>,
    captured: VecDeque<CapturedRequest>,
    pub(super) world: World,
    /// Something changed that a state file holds.
    pub(super) is_changed: bool,
}

impl Store {
    /// With this world and these instances.
    pub(super) fn with(world: World, instances: Vec<Instance>) -> Self {
        let by_id = instances.iter().enumerate().map(|(at, instance)| (instance.id.clone(), at)).collect();
        let stats = Stats { instances: instances.len() as u64, ..Stats::default() };
        Self { instances, by_id, stats, world, ..Self::default() }
    }

    /// A request to SecMaster has come.
    pub(super) fn arrived(&mut self) {
        let now = Instant::now();
        self.stats.requests += 1;
        while self.last_second.front().is_some_and(|at| now.duration_since(*at) >= SECOND) {
            let _oldest = self.last_second.pop_front();
        }
        self.last_second.push_back(now);
        self.stats.max_requests_per_second = self.stats.max_requests_per_second.max(self.last_second.len() as u64);
    }

    /// Keeps a raw request, at most `limit` of them.
    pub(super) fn capture(&mut self, request: CapturedRequest, limit: usize) {
        self.captured.push_back(request);
        while self.captured.len() > limit {
            let _oldest = self.captured.pop_front();
        }
    }

    /// Starts an instance, for the first time or once more. Where ids are `unique`, the second time is refused.
    pub(super) fn create(&mut self, instance: Instance, are_unique: bool) -> Result<(), Refusal> {
        match self.by_id.get(&instance.id).and_then(|index| self.instances.get_mut(*index)) {
            Some(existing) => {
                existing.requests += 1;
                if are_unique {
                    return Err(Refusal::new(400, INSTANCE_EXISTS, "The workflow instance already exists."));
                }
                existing.runs += 1;
                self.stats.duplicates += 1;
            }
            None => {
                let _previous = self.by_id.insert(instance.id.clone(), self.instances.len());
                self.instances.push(instance);
                self.stats.instances += 1;
            }
        }
        self.stats.accepted += 1;
        self.stats.runs += 1;
        self.is_changed = true;
        Ok(())
    }

    /// The instance of this id.
    pub(super) fn instance(&self, id: &str) -> Option<&Instance> {
        self.by_id.get(id).and_then(|index| self.instances.get(*index))
    }

    /// The same, to be changed.
    pub(super) fn instance_mut(&mut self, id: &str) -> Option<&mut Instance> {
        self.is_changed = true;
        self.by_id.get(id).and_then(|index| self.instances.get_mut(*index))
    }

    /// An answer other than 200.
    pub(super) fn refused(&mut self, status: u16) {
        *self.stats.refused.entry(status).or_default() += 1;
    }

    pub(super) fn instances(&self) -> &[Instance] {
        &self.instances
    }

    pub(super) fn captured(&self) -> impl ExactSizeIterator<Item = &CapturedRequest> {
        self.captured.iter()
    }
}

impl Instance {
    /// An instance that is asked for now for the first time.
    pub(super) fn new(
        id: String,
        requested_id: Option<String>,
        ids: [String; 3],
        content: Value,
        course: Course,
    ) -> Self {
        let [project_id, workspace_id, workflow_id] = ids;
        let now = Timestamp::now();
        let (received_at, run) = (now.to_string(), Run::begin(course, now));
        Self {
            run,
            id,
            requested_id,
            project_id,
            workspace_id,
            workflow_id,
            content,
            received_at,
            requests: 1,
            runs: 1,
        }
    }
}
