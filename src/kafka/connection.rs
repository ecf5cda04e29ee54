//! The consumer with the threads that serve it, made together, and where others find the one of the moment.

use std::fmt;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use tokio::time::Instant;

use super::committer::Committer;
use super::context::{Consumer, Report, Reporter, SourceContext};
use super::questions::Questions;
use super::wake::Wake;
use super::{ClientError, KafkaSettings, client};

/// A consumer, not subscribed yet, and what serves it. What is reported of one consumer never mixes with another's.
pub(super) struct Connection {
    pub(super) consumer: Arc<Consumer>,
    pub(super) committer: Committer,
    pub(super) questions: Questions,
    pub(super) reports: Receiver<Report>,
}

impl Connection {
    /// Makes them. Reaches no broker.
    pub(super) fn open(settings: &KafkaSettings, wake: &Wake) -> Result<Self, ClientError> {
        let (report, reports) = channel();
        let reporter = Reporter::new(report, wake.clone());
        let context = SourceContext::new(reporter.clone(), settings.tokens.clone());
        let mut consumer: Consumer =
            client::consumer(settings)?.create_with_context(context).map_err(|error| client::refused(&error))?;
        let ringer = wake.clone();
        consumer.set_nonempty_callback(move || ringer.ring());
        let consumer = Arc::new(consumer);
        let committer = Committer::start(&consumer, settings.group_id.clone(), reporter.clone())?;
        let questions = Questions::start(&consumer, reporter)?;
        Ok(Self { consumer, committer, questions, reports })
    }
}

/// Asks for a place in the group.
pub(super) fn subscribe(consumer: &Consumer, settings: &KafkaSettings) -> KafkaResult<()> {
    let topics = settings.subscription();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    consumer.subscribe(&topics)
}

/// The consumer of the moment, as long as the worker keeps it alive: dropping it may block, which only the worker's
/// thread may do. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(super) struct Current(Arc<Mutex<Weak<Consumer>>>);

impl Current {
    pub(super) fn new(consumer: &Arc<Consumer>) -> Self {
        Self(Arc::new(Mutex::new(Arc::downgrade(consumer))))
    }

    /// `None` once it is gone.
    pub(super) fn get(&self) -> Option<Arc<Consumer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Another one has taken its place.
    pub(super) fn set(&self, consumer: &Arc<Consumer>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(consumer);
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Consumer")
    }
}

/// Settings that a new consumer is to be made of. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    settings: Option<Box<KafkaSettings>>,
    /// Not to be taken before.
    not_before: Option<Instant>,
    /// Some were taken, and no consumer that was made of them has taken over yet.
    is_under_way: bool,
}

impl Wanted {
    /// The last to ask is the one that is heard.
    pub(super) fn ask(&self, settings: KafkaSettings) {
        let mut asked = self.asked();
        (asked.settings, asked.not_before) = (Some(Box::new(settings)), None);
    }

    /// What is asked for, once.
    pub(super) fn take(&self, now: Instant) -> Option<Box<KafkaSettings>> {
        let mut asked = self.asked();
        if asked.not_before.is_some_and(|at| now < at) {
            return None;
        }
        let taken = asked.settings.take();
        asked.is_under_way |= taken.is_some();
        taken
    }

    /// No consumer can be made of what was taken: it is asked for again then, unless others are asked for meanwhile.
    pub(super) fn put_back(&self, settings: Box<KafkaSettings>, then: Instant) {
        let mut asked = self.asked();
        if asked.settings.is_none() {
            (asked.settings, asked.not_before) = (Some(settings), Some(then));
        }
    }

    /// The consumer that was made of what was taken has taken over.
    pub(super) fn done(&self) {
        self.asked().is_under_way = false;
    }

    /// Whether another consumer is to take over, which knows only the settings that were asked for last.
    pub(super) fn is_pending(&self) -> bool {
        let asked = self.asked();
        asked.is_under_way || asked.settings.is_some()
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
