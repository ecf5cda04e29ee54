//! The seams: what the pipeline needs of the world, as three traits that tests replace, and what may be
//! asked of it while it runs.
//!
//! The adapters are in `kafka` and `secmaster`; the pipeline knows only these.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};

use crate::domain::{
    AlertRequest, Created, DeadLetter, Destination, FailureClass, FailureReason, Found, FoundAlert, Offset, Record,
    Shape, Started, TopicPartition, WorkflowRequest,
};
use crate::offsets::{CompletedOffsets, Frontier};

/// Where records come from, and where progress is committed.
///
/// One owner, one order: events come in the order in which they happened, so a record that was read under an old
/// assignment always comes before the [`SourceEvent::Revoked`] that ended it.
pub trait RecordSource: Send {
    /// Waits for the next event. Cancel safe: dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = SourceEvent> + Send;

    /// Stops fetching from these partitions; membership and polling go on. Takes effect at once, but records that
    /// were read before may still come.
    fn pause(&mut self, partitions: &[TopicPartition]);

    /// Starts fetching again.
    fn resume(&mut self, partitions: &[TopicPartition]);

    /// Asks for these frontiers to be committed. Does not wait: each of them is answered, in a
    /// [`SourceEvent::Committed`] or a [`SourceEvent::CommitFailed`], those of one partition in the order of the calls.
    fn commit(&mut self, frontiers: Vec<Frontier>);

    /// Answers a [`SourceEvent::Revoked`]: commits these frontiers and hands the partitions back. Does not wait; no
    /// event of these partitions follows, except [`SourceEvent::Committed`] or [`SourceEvent::CommitFailed`] of
    /// these frontiers.
    fn release(&mut self, partitions: Vec<TopicPartition>, frontiers: Vec<Frontier>);

    /// Commits for the last time and leaves the group. Bounded in time.
    fn close(self, frontiers: Vec<Frontier>) -> impl Future<Output = Result<(), SourceError>> + Send;
}

/// What a source tells.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceEvent {
    /// The brokers are reached and the group is joined (perhaps with no partition).
    Joined,
    /// No broker can be reached, or the group cannot be joined; it is being tried again.
    Unavailable {
        /// What is the matter, for the operator.
        error: String,
    },
    /// Partitions are now ours. Their records follow.
    Assigned {
        /// The cluster's id, part of the instance ids.
        cluster_id: Arc<str>,
        /// Each partition and where reading begins; none where only `all` has changed.
        partitions: Vec<Start>,
        /// All partitions of the subscribed topics, whoever reads them.
        all: Vec<TopicPartition>,
    },
    /// Partitions are to be handed back: finish, then call [`RecordSource::release`].
    Revoked(Vec<TopicPartition>),
    /// Partitions are no longer ours. Nothing of them may be committed.
    Lost(Vec<TopicPartition>),
    /// Records, in the order of each partition.
    Records(Vec<Record>),
    /// Nothing below this offset is still to come: gaps (transaction markers, aborted and compacted records) are
    /// passed.
    Position(Vec<(TopicPartition, Offset)>),
    /// The end offsets of partitions, for the lag.
    EndOffsets(Vec<(TopicPartition, Offset)>),
    /// Records are gone before they were read: the partition goes on at another offset. Sent before the first
    /// record that follows.
    OutOfRange {
        /// Which partition.
        partition: TopicPartition,
        /// The offset that was to be read next.
        wanted: Offset,
        /// The offset at which reading goes on.
        resumed_at: Offset,
    },
    /// A commit has been accepted.
    Committed(Vec<Frontier>),
    /// A commit has failed; the next one makes good for it.
    CommitFailed {
        /// What was to be committed.
        frontiers: Vec<Frontier>,
        /// Why not.
        error: String,
    },
    /// The source cannot go on; the process has to end.
    Fatal(SourceError),
}

/// Where reading of a partition begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Start {
    /// The partition.
    pub partition: TopicPartition,
    /// The first offset that will be read.
    pub offset: Offset,
    /// What had settled when the partition was committed last. It may reach below that offset, where records are gone.
    pub completed: CompletedOffsets,
    /// Below this an earlier owner may have attempted what had not settled; `None` where nothing is known of it.
    pub mark: Option<Offset>,
    /// The partition's end at the assignment.
    pub end: Offset,
}

impl Start {
    /// A start of which nothing but the offset is known.
    #[must_use]
    pub fn without_memory(partition: TopicPartition, offset: Offset, end: Offset) -> Self {
        Self { partition, offset, completed: CompletedOffsets::default(), mark: None, end }
    }
}

/// Why a source cannot go on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// The configuration does not fit what the cluster holds. Exit code 2.
    #[error("{0}")]
    Configuration(String),
    /// The client is in a state that only a new process mends.
    #[error("the Kafka consumer failed for good: {0}")]
    Fatal(String),
    /// The last commit did not land within its bound: records may be delivered again.
    #[error("the last commit did not succeed: {0}")]
    LastCommit(String),
}

/// Starts workflows, and creates the alerts that they are about.
pub trait WorkflowApi: Send + Sync + 'static {
    /// Sends one CreateWorkflowInstance request once. Not cancel safe: a dropped future leaves the outcome unknown.
    fn start(&self, request: &WorkflowRequest) -> impl Future<Output = Result<Started, ApiFailure>> + Send;

    /// Looks whether credentials that were refused have been changed since, and takes the new ones; says whether it
    /// did, once for each change. A token that worked until it was refused is a change, too: the next request has a new
    /// one; so is a clock that was wrong and has been set. Reads a small file or two at most. Asked each few seconds
    /// while they are refused.
    fn renew_credentials(&self) -> bool {
        false
    }

    /// Asks once whether an instance of this id was started. Changes nothing, and may be asked again at any time.
    fn find(
        &self,
        destination: &Destination,
        action_instance_id: &str,
    ) -> impl Future<Output = Result<Found, ApiFailure>> + Send;

    /// Sends one CreateAlert request once. Not cancel safe, as [`start`](Self::start).
    fn create_alert(&self, request: &AlertRequest) -> impl Future<Output = Result<Created, ApiFailure>> + Send;

    /// Asks once whether the workspace has an alert of this id. Changes nothing, and may be asked again at any time.
    fn find_alert(
        &self,
        place: &Destination,
        alert_id: &str,
    ) -> impl Future<Output = Result<FoundAlert, ApiFailure>> + Send;

    /// When the credentials in use expire, where that is known: of several, the first of those that cannot be renewed.
    fn credentials_expire_at(&self) -> Option<SystemTime> {
        None
    }

    /// Whether credentials cannot be fetched: the last try has failed, and another one will come, or it was a moment ago.
    fn is_renewal_failing(&self) -> bool {
        false
    }

    /// By how many seconds this machine's clock is ahead of the service's (negative: behind), as of the last answer;
    /// `None` before there was one that told.
    fn clock_skew_seconds(&self) -> Option<i64> {
        None
    }
}

/// An attempt that did not confirm a start, already classified.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct ApiFailure {
    /// How to treat it.
    pub class: FailureClass,
    /// What it was.
    pub reason: FailureReason,
    /// The HTTP status, if there was an answer.
    pub http_status: Option<u16>,
    /// The service's own code.
    pub error_code: Option<String>,
    /// The answer's `X-Request-Id`.
    pub request_id: Option<String>,
    /// The service's message or an excerpt, without secrets, at most a few hundred characters.
    pub message: String,
    /// How long the service asks us to wait (`Retry-After`, or the throttle text's period).
    pub retry_after: Option<Duration>,
}

/// Writes dead letters.
pub trait DeadLetterSink: Send + Sync + 'static {
    /// Writes one dead letter; resolves when the broker has acknowledged it. On an error nothing may be assumed to be
    /// written; the caller tries again.
    fn publish(&self, letter: &DeadLetter) -> impl Future<Output = Result<Shape, DeadLetterError>> + Send;
}

/// Why a dead letter was not written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DeadLetterError {
    /// The brokers do not take it now; the text says why.
    #[error("the dead-letter topic did not take the record: {0}")]
    Unavailable(String),
}

/// The dead-letter guard as somebody has opened it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GuardOpened {
    /// How many dead letters it held, which go now.
    pub released: usize,
    /// For how long it was closed.
    pub held_for: Duration,
}

/// A request to open the dead-letter guard, to be answered.
#[derive(Debug)]
pub struct GuardRequest(oneshot::Sender<Option<GuardOpened>>);

impl GuardRequest {
    /// Answers it; `None` where the guard was not closed.
    pub fn answer(self, opened: Option<GuardOpened>) {
        // Who asked may have gone meanwhile.
        let _gone = self.0.send(opened);
    }
}

/// Opens the dead-letter guard of a pipeline. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GuardControl(mpsc::Sender<GuardRequest>);

/// The pipeline's end of [`GuardControl`].
#[derive(Debug)]
pub struct GuardRequests(mpsc::Receiver<GuardRequest>);

/// The pipeline does not answer: it has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the pipeline has ended")]
pub struct PipelineEnded;

/// The two ends through which the dead-letter guard is opened.
#[must_use]
pub fn guard_control() -> (GuardControl, GuardRequests) {
    let (control, requests) = mpsc::channel(1);
    (GuardControl(control), GuardRequests(requests))
}

impl GuardControl {
    /// Opens the guard; `None` where it was not closed.
    ///
    /// # Errors
    /// The pipeline has ended.
    pub async fn open(&self) -> Result<Option<GuardOpened>, PipelineEnded> {
        let (answer, answered) = oneshot::channel();
        self.0.send(GuardRequest(answer)).await.map_err(|_| PipelineEnded)?;
        answered.await.map_err(|_| PipelineEnded)
    }
}

impl GuardRequests {
    /// The next request; waits for ever where nobody can ask any more. Cancel safe.
    pub async fn next(&mut self) -> GuardRequest {
        match self.0.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }
}
