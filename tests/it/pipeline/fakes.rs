//! The three seams, faked: a scripted source, API and dead-letter topic under paused time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::domain::{
    AlertRequest, DeadLetter, Destination, FailureClass, FailureReason, Found, Shape, Started, TopicPartition,
    WorkflowRequest,
};
use alertbridge::offsets::Frontier;
use alertbridge::ports::{
    ApiFailure, DeadLetterError, DeadLetterSink, RecordSource, SourceError, SourceEvent, WorkflowApi,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::alert_fakes::{AlertDesk, Creation, Shown};

/// What the pipeline asked of its source.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) committed: BTreeMap<TopicPartition, Frontier>,
    pub(super) paused: BTreeSet<TopicPartition>,
    pub(super) released: Vec<(Vec<TopicPartition>, Vec<Frontier>)>,
    pub(super) is_closed: bool,
    pub(super) commits_fail: bool,
    /// Those that fail land all the same.
    pub(super) failures_land: bool,
    pub(super) commits_hang: bool,
    /// Commits without an answer, in their order.
    pub(super) late: Vec<Vec<Frontier>>,
    /// Partitions that were made anew, which the pipeline has not been told.
    pub(super) anew: BTreeSet<TopicPartition>,
}

impl Asked {
    /// Answers a commit as it is told to.
    fn answer(&mut self, frontiers: Vec<Frontier>, to: &mpsc::UnboundedSender<SourceEvent>) {
        let fails = self.commits_fail;
        let (refused, frontiers): (Vec<_>, Vec<_>) =
            frontiers.into_iter().partition(|frontier| self.anew.contains(&frontier.partition));
        if !fails || self.failures_land {
            self.committed.extend(frontiers.iter().map(|frontier| (frontier.partition.clone(), frontier.clone())));
        }
        for (frontiers, fails) in [(refused, true), (frontiers, fails)] {
            let answer = match fails {
                _ if frontiers.is_empty() => continue,
                true => SourceEvent::CommitFailed { frontiers, error: "coordinator moved".to_owned() },
                false => SourceEvent::Committed(frontiers),
            };
            to.send(answer).unwrap();
        }
    }

    /// Answers what has had no answer.
    pub(super) fn answer_late(&mut self, to: &mpsc::UnboundedSender<SourceEvent>) {
        for frontiers in std::mem::take(&mut self.late) {
            self.answer(frontiers, to);
        }
    }

    /// A partition is another's, or another one: no commit of it lands any more.
    pub(super) fn refuse_late(&mut self, partition: &TopicPartition, to: &mpsc::UnboundedSender<SourceEvent>) {
        for frontiers in &mut self.late {
            let refused = frontiers.extract_if(.., |frontier| frontier.partition == *partition).collect::<Vec<_>>();
            if !refused.is_empty() {
                to.send(SourceEvent::CommitFailed { frontiers: refused, error: "not ours".to_owned() }).unwrap();
            }
        }
    }
}

pub(super) type AskedHandle = Arc<Mutex<Asked>>;

/// A source that tells what the test tells it.
#[derive(Debug)]
pub(super) struct FakeSource {
    pub(super) asked: AskedHandle,
    pub(super) to_self: mpsc::UnboundedSender<SourceEvent>,
    pub(super) events: mpsc::UnboundedReceiver<SourceEvent>,
}

impl FakeSource {
    pub(super) fn new() -> (Self, mpsc::UnboundedSender<SourceEvent>, AskedHandle) {
        let (to_self, events) = mpsc::unbounded_channel();
        let asked = AskedHandle::default();
        (Self { asked: Arc::clone(&asked), to_self: to_self.clone(), events }, to_self, asked)
    }
}

impl RecordSource for FakeSource {
    async fn next(&mut self) -> SourceEvent {
        let Some(event) = self.events.recv().await else { return std::future::pending().await };
        if let SourceEvent::OutOfRange { partition, .. } = &event {
            let _was_anew = self.asked.lock().unwrap().anew.remove(partition);
        }
        event
    }

    fn pause(&mut self, partitions: &[TopicPartition]) {
        self.asked.lock().unwrap().paused.extend(partitions.iter().cloned());
    }

    fn resume(&mut self, partitions: &[TopicPartition]) {
        self.asked.lock().unwrap().paused.retain(|partition| !partitions.contains(partition));
    }

    fn commit(&mut self, frontiers: Vec<Frontier>) {
        let mut asked = self.asked.lock().unwrap();
        if asked.commits_hang {
            asked.late.push(frontiers);
        } else {
            asked.answer(frontiers, &self.to_self);
        }
    }

    fn release(&mut self, partitions: Vec<TopicPartition>, frontiers: Vec<Frontier>) {
        let mut asked = self.asked.lock().unwrap();
        asked.answer_late(&self.to_self);
        asked.answer(frontiers.clone(), &self.to_self);
        asked.released.push((partitions, frontiers));
    }

    async fn close(self, frontiers: Vec<Frontier>) -> Result<(), SourceError> {
        let mut asked = self.asked.lock().unwrap();
        asked.answer_late(&self.to_self);
        asked.answer(frontiers, &self.to_self);
        asked.is_closed = true;
        if asked.commits_fail { Err(SourceError::LastCommit("coordinator moved".to_owned())) } else { Ok(()) }
    }
}

/// A request that arrived at the API.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) request: WorkflowRequest,
    pub(super) at: Instant,
}

impl Call {
    /// The alert's title, by which tests tell requests apart.
    pub(super) fn title(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.request.body).unwrap();
        body["playbook_context"]["data_object"]["content"]["title"].as_str().unwrap().to_owned()
    }
}

pub(super) type Answer = Result<Started, ApiFailure>;
pub(super) type Listed = Result<Found, ApiFailure>;
type Script = Box<dyn Fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;
type FindScript = Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = Listed> + Send>> + Send + Sync>;

/// An API that answers as the test's script says.
pub(super) struct FakeApi {
    script: Script,
    find: FindScript,
    calls: Mutex<Vec<Call>>,
    /// The secret's file has been changed and not read since.
    pub(super) is_file_changed: AtomicBool,
    looked_up: Mutex<Vec<String>>,
    pub(super) alerts: AlertDesk,
}

impl fmt::Debug for FakeApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeApi").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl FakeApi {
    pub(super) fn new<F, Fut>(script: F) -> Arc<Self>
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        Self::with_find(script, |_| async { Ok(Found::Absent) })
    }

    /// The same, and what it answers when it is asked for an instance.
    pub(super) fn with_find<F, Fut, G, Gut>(script: F, find: G) -> Arc<Self>
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
        G: Fn(String) -> Gut + Send + Sync + 'static,
        Gut: Future<Output = Listed> + Send + 'static,
    {
        Arc::new(Self {
            script: Box::new(move |call| Box::pin(script(call))),
            find: Box::new(move |id| Box::pin(find(id))),
            calls: Mutex::default(),
            looked_up: Mutex::default(),
            is_file_changed: AtomicBool::new(false),
            alerts: AlertDesk::default(),
        })
    }

    /// The same API with this desk for alerts.
    pub(super) fn with_alerts(mut self: Arc<Self>, alerts: AlertDesk) -> Arc<Self> {
        Arc::get_mut(&mut self).unwrap().alerts = alerts;
        self
    }

    /// The instances that were asked for.
    pub(super) fn looked_up(&self) -> Vec<String> {
        self.looked_up.lock().unwrap().clone()
    }

    /// An API that confirms everything after ten milliseconds.
    pub(super) fn that_works() -> Arc<Self> {
        Self::new(|call| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            started(&call.request)
        })
    }

    /// An API that refuses the alert of this title and confirms the others.
    pub(super) fn that_refuses(title: &'static str) -> Arc<Self> {
        Self::new(move |call| async move {
            if call.title() == title {
                failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400))
            } else {
                started(&call.request)
            }
        })
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(super) fn titles(&self) -> Vec<String> {
        self.calls().iter().map(Call::title).collect()
    }
}

impl WorkflowApi for FakeApi {
    fn renew_credentials(&self) -> bool {
        self.is_file_changed.swap(false, Ordering::Relaxed)
    }

    async fn start(&self, request: &WorkflowRequest) -> Answer {
        let call = Call { request: request.clone(), at: Instant::now() };
        self.calls.lock().unwrap().push(call.clone());
        (self.script)(call).await
    }

    async fn find(&self, _: &Destination, action_instance_id: &str) -> Listed {
        self.looked_up.lock().unwrap().push(action_instance_id.to_owned());
        (self.find)(action_instance_id.to_owned()).await
    }

    async fn create_alert(&self, request: &AlertRequest) -> Creation {
        self.alerts.create(request).await
    }

    async fn find_alert(&self, _: &Destination, alert_id: &str) -> Shown {
        self.alerts.find(alert_id).await
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a script's answer")]
pub(super) fn started(request: &WorkflowRequest) -> Answer {
    Ok(Started {
        action_instance_id: request.action_instance_id.clone().unwrap_or_else(|| "theirs".to_owned()),
        http_status: 200,
        request_id: None,
    })
}

pub(super) fn failed(class: FailureClass, reason: FailureReason, http_status: Option<u16>) -> Answer {
    Err(ApiFailure {
        class,
        reason,
        http_status,
        error_code: None,
        request_id: Some("req-1".to_owned()),
        message: "scripted".to_owned(),
        retry_after: None,
    })
}

pub(super) fn unavailable() -> Answer {
    failed(FailureClass::Transient, FailureReason::ServerError, Some(503))
}

/// A dead-letter topic that can be away.
#[derive(Debug, Default)]
pub(super) struct FakeSink {
    pub(super) is_away: AtomicBool,
    /// It writes, and says that it has not.
    pub(super) hides: AtomicBool,
    /// How many milliseconds it takes besides.
    pub(super) takes: AtomicU64,
    letters: Mutex<Vec<DeadLetter>>,
}

impl FakeSink {
    pub(super) fn letters(&self) -> Vec<DeadLetter> {
        self.letters.lock().unwrap().clone()
    }
}

impl DeadLetterSink for FakeSink {
    async fn publish(&self, letter: &DeadLetter) -> Result<Shape, DeadLetterError> {
        tokio::time::sleep(Duration::from_millis(5 + self.takes.load(Ordering::Relaxed))).await;
        if self.is_away.load(Ordering::Relaxed) {
            return Err(DeadLetterError::Unavailable("no leader".to_owned()));
        }
        self.letters.lock().unwrap().push(letter.clone());
        if self.hides.load(Ordering::Relaxed) {
            return Err(DeadLetterError::Unavailable("the answer was lost".to_owned()));
        }
        Ok(Shape::Full)
    }
}
