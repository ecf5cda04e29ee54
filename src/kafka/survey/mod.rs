//! What the cluster holds and lets us do, for `check --online`: facts alone, judged elsewhere.
//!
//! Nothing of the user's is changed and the group is not joined; what brokers may keep of it, `producing` says. Rights are
//! found out by requests that a broker refuses after it has looked at the rights (see `probes` and `producing`). Every
//! question is bounded; one that is not answered, or not asked any more since time is up, is a fact, too.

mod group;
mod probes;
mod producing;
mod topics;

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::time::Instant;

use super::by_hand::{self, ByHand};
use super::{ClientError, KafkaSettings, client};

pub use group::{Group, Place};
pub use producing::Redrive;
pub use topics::{Limits, Presence, Topic, Usage};

/// Why a question was not asked.
const TIME_IS_UP: &str = "not asked: time is up";

/// What a probe has told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Probe {
    /// The right is there.
    Allowed,
    /// The broker says that it is not.
    Denied,
    /// It was not answered, or otherwise; in librdkafka's words.
    Unclear(String),
    /// A broker that does not know the request's limits has done what it asks for: an empty record was written, or a
    /// transactional id registered.
    Done,
}

/// All that was found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// How many brokers there are.
    pub brokers: usize,
    /// The topics that matter, sources first.
    pub topics: Vec<Topic>,
    /// Expressions in `kafka.topics` that match no topic.
    pub matchless: Vec<String>,
    /// The consumer group.
    pub group: Group,
    /// Whether a producer may be idempotent, as the one of dead letters is.
    pub idempotent: Probe,
    /// Whether this user may redrive; `None` where a topic that it needs is not there.
    pub redrive: Option<Redrive>,
}

/// Looks at the cluster. Blocks a thread of the runtime's pool; each question takes `bound` at most, and once `budget` is
/// spent only which topics there are is asked.
///
/// # Errors
///
/// The settings make no client, or no broker answers; in words, with librdkafka's last trouble. What fails later is told
/// as [`Probe::Unclear`], or in words where it belongs.
pub async fn survey(settings: KafkaSettings, bound: Duration, budget: Duration) -> Result<Survey, ClientError> {
    let asking = Asking::new(settings, bound, budget)?;
    let (asking, found) = blocking(asking, |asking| {
        let (brokers, topics, matchless) = topics::find(asking)?;
        let group = group::find(asking, &topics);
        Ok((brokers, topics, matchless, group))
    })
    .await?;
    let (brokers, mut topics, matchless, group) = found?;
    topics::limits(&asking, &mut topics).await;
    let redrive_written = producing::writing(&asking, &mut topics).await;
    let (_, (idempotent, redrive)) = blocking(asking, |asking| {
        let idempotent = producing::idempotence(asking);
        // Its last question may take all of its bound where brokers cannot make their topic for transactions.
        (idempotent, redrive_written.map(|written| producing::redriving(asking, written)))
    })
    .await?;
    Ok(Survey { brokers, topics, matchless, group, idempotent, redrive })
}

/// Runs on the pool for blocking work.
async fn blocking<T: Send + 'static>(
    asking: Asking,
    ask: impl FnOnce(&Asking) -> T + Send + 'static,
) -> Result<(Asking, T), ClientError> {
    let task = tokio::task::spawn_blocking(move || {
        let found = ask(&asking);
        (asking, found)
    });
    task.await.map_err(|error| ClientError(format!("the questions to Kafka ended: {error}")))
}

/// The clients, and how long each question may take.
struct Asking {
    settings: KafkaSettings,
    bound: Duration,
    /// When nothing more is asked that can be left out.
    until: Instant,
    consumer: BaseConsumer<ByHand>,
    admin: AdminClient<ByHand>,
}

impl Asking {
    fn new(settings: KafkaSettings, bound: Duration, budget: Duration) -> Result<Self, ClientError> {
        let until = Instant::now() + budget;
        let consumer = by_hand::consumer(&Self::consumer(&settings, bound)?, &settings)?;
        let mut config = ClientConfig::new();
        client::common(&mut config, &settings)?;
        let admin = by_hand::create(&config, &settings)?;
        Ok(Self { settings, bound, until, consumer, admin })
    }

    /// Whether a question that can be left out has to be.
    fn is_time_up(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Asks while there is time. What keeps it from being asked is an answer, too.
    fn probe(&self, ask: impl FnOnce() -> Result<Probe, ClientError>) -> Probe {
        if self.is_time_up() {
            return Probe::Unclear(TIME_IS_UP.to_owned());
        }
        ask().unwrap_or_else(|error| Probe::Unclear(error.to_string()))
    }

    /// Partitions are assigned by hand, so no group is joined, and nothing is fetched but what is asked for, the end of
    /// the dead-letter topic included.
    fn consumer(settings: &KafkaSettings, bound: Duration) -> Result<ClientConfig, ClientError> {
        let mut config = client::consumer(settings)?;
        let _ = config
            .remove("group.instance.id")
            .remove("topic.blacklist")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "20")
            .set("socket.timeout.ms", bound.as_millis().to_string());
        Ok(config)
    }

    /// What keeps the client from the brokers, if it has said so.
    fn trouble(&self) -> String {
        // Troubles are told while the client is polled.
        let _none = self.consumer.poll(Duration::from_millis(50));
        self.consumer.client().context().take_trouble().map_or_else(String::new, |trouble| format!(": {trouble}"))
    }
}
