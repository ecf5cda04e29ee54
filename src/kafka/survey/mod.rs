//! What the cluster holds and lets us do, for `check --online`: facts alone, judged elsewhere.
//!
//! Nothing is changed and the group is not joined. Rights are found out by requests that a broker refuses after it has
//! looked at the rights (see `probes`). Every question is bounded; one that is not answered is a fact, too.

mod group;
mod probes;
mod topics;

use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::FutureProducer;

use super::by_hand::{self, ByHand};
use super::{ClientError, KafkaSettings, client};

pub use group::{Group, Place};
pub use topics::{Limits, Presence, Topic, Usage};

/// What a probe has told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Probe {
    /// The right is there.
    Allowed,
    /// The broker says that it is not.
    Denied,
    /// It was not answered, or otherwise; in librdkafka's words.
    Unclear(String),
    /// A broker that does not know the request's limits has done what it asks for: an empty record was written.
    Done,
}

/// All that was found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// How many brokers there are.
    pub brokers: usize,
    /// The topics that matter, sources first.
    pub topics: Vec<Topic>,
    /// Whether brokers were asked what these are set to; they are not under OAUTHBEARER.
    pub limits_asked: bool,
    /// Expressions in `kafka.topics` that match no topic.
    pub matchless: Vec<String>,
    /// The consumer group.
    pub group: Group,
}

/// Looks at the cluster. Blocks a thread of the runtime's pool; each question takes `bound` at most.
///
/// # Errors
///
/// The settings make no client, or no broker answers; in words, with librdkafka's last trouble.
pub async fn survey(settings: KafkaSettings, bound: Duration) -> Result<Survey, ClientError> {
    let asking = Asking::new(settings, bound)?;
    let (asking, found) = blocking(asking, |asking| {
        let (brokers, topics, matchless) = topics::find(asking)?;
        let group = group::find(asking, &topics);
        Ok((brokers, topics, matchless, group))
    })
    .await?;
    let (brokers, mut topics, matchless, group) = found?;
    if let Some(admin) = &asking.admin {
        topics::limits(admin, asking.bound, &mut topics).await;
    }
    let topics = probes::writing(&asking, topics).await?;
    Ok(Survey { brokers, topics, limits_asked: asking.admin.is_some(), matchless, group })
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
    consumer: BaseConsumer<ByHand>,
    /// `None` under OAUTHBEARER: rust-rdkafka's client polls its own queue alone, so that it would never show a token.
    admin: Option<AdminClient<ByHand>>,
}

impl Asking {
    fn new(settings: KafkaSettings, bound: Duration) -> Result<Self, ClientError> {
        let mut config = client::consumer(&settings)?;
        // Partitions are assigned by hand, so no group is joined, and nothing is fetched but what is asked for.
        let _ = config
            .remove("group.instance.id")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "20")
            .set("socket.timeout.ms", bound.as_millis().to_string());
        let consumer = by_hand::consumer(&config, &settings)?;
        let mut config = rdkafka::ClientConfig::new();
        client::common(&mut config, &settings)?;
        let admin = settings.tokens.is_none().then(|| by_hand::create(&config, &settings)).transpose()?;
        Ok(Self { settings, bound, consumer, admin })
    }

    /// A producer whose requests no broker of Apache Kafka carries out, see `probes`.
    fn probing_producer(&self) -> Result<FutureProducer<ByHand>, ClientError> {
        let mut config = client::producer(&self.settings)?;
        let _ = config
            .set("enable.idempotence", "false")
            .set("acks", probes::IMPOSSIBLE_ACKS)
            .set("retries", "0")
            .set("message.timeout.ms", self.bound.as_millis().to_string());
        by_hand::create(&config, &self.settings)
    }

    /// What keeps the client from the brokers, if it has said so.
    fn trouble(&self) -> String {
        // Troubles are told while the client is polled.
        let _none = self.consumer.poll(Duration::from_millis(50));
        self.consumer.client().context().take_trouble().map_or_else(String::new, |trouble| format!(": {trouble}"))
    }
}
