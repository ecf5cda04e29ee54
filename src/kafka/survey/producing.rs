//! Whether we may write, found out without doing so, as in `probes`: each right is tried by a request that a broker
//! refuses for another reason *after* it has looked at the rights (Apache Kafka's `KafkaApis` and `TransactionCoordinator`).
//!
//! | right | request | refused for the right | refused for the other reason |
//! |---|---|---|---|
//! | write to a topic | an empty record with `acks=1000` | TOPIC_AUTHORIZATION_FAILED | INVALID_REQUIRED_ACKS |
//! | write as a transactional id | its producer id, with a time-out of 24 days | TRANSACTIONAL_ID_AUTHORIZATION_FAILED | INVALID_TRANSACTION_TIMEOUT |
//! | idempotent writes | a producer id | CLUSTER_AUTHORIZATION_FAILED | (it is given: a number that nobody else gets) |
//!
//! The question for a transactional id is for the coordinator of transactions. Brokers whose cluster never had one make
//! their own topic for it, so it is asked only where the user may write to the redrive topic, and would cause that anyway.
//!
//! What stays of it with the brokers: that producer id is used up, as at every start of the daemon. Those that do not know
//! the limits keep what they were sent ([`Probe::Done`]): an empty dead letter, and the transactional id of the check,
//! until it ages out.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, FutureProducer, FutureRecord, Producer as _};
use tokio::time::Instant;

use super::probes::{is, of_group, reading};
use super::{Asking, Presence, Probe, TIME_IS_UP, Topic, Usage};
use crate::kafka::by_hand::{self, ByHand};
use crate::kafka::letters::REDRIVE_IDS;
use crate::kafka::{ClientError, client};

/// Brokers know 0, 1 and -1; librdkafka lets more through.
const IMPOSSIBLE_ACKS: &str = "1000";

/// Longer than brokers let a transaction be open (`transaction.max.timeout.ms`, a quarter of an hour): 24 days.
const IMPOSSIBLE_TIMEOUT_MS: &str = "2147483647";

/// How often librdkafka tells whether it has a producer id.
const STATISTICS_MS: &str = "100";

/// Why nothing is sent to the redrive topic, where the dead-letter topic took the record.
const CARRIED_OUT: &str = "not asked: the brokers carry out what Apache Kafka refuses";

/// Why nothing is sent to the redrive topic, where the dead-letter topic did not answer so far.
const NOT_SHOWN: &str =
    "not asked: the dead-letter topic has not shown that the brokers refuse the record of this check";

/// What `dead-letters redrive` needs of the user who runs it. The daemon itself does not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redrive {
    /// Write to the redrive topic. Unless it is allowed the others are not asked for.
    pub written: Probe,
    /// Read of the dead-letter topic.
    pub read: Probe,
    /// Read of groups whose ids begin with [`REDRIVE_IDS`].
    pub group: Probe,
    /// Write as transactional ids that begin so.
    pub transactional_id: Probe,
}

/// Sends to the topics that are written to what no broker writes. Gives the right to write to the redrive topic.
pub(super) async fn writing(asking: &Asking, topics: &mut [Topic]) -> Option<Probe> {
    let producer = refused(asking).and_then(|config| by_hand::create(&config, &asking.settings));
    let ask = async |topic: &str| match &producer {
        _ if asking.is_time_up() => Probe::Unclear(TIME_IS_UP.to_owned()),
        Ok(producer) => written(producer, topic, asking.bound).await,
        Err(error) => Probe::Unclear(error.to_string()),
    };
    let (mut letters, mut redrive) = (None, None);
    for topic in topics.iter_mut().filter(|topic| matches!(topic.presence, Presence::There { .. })) {
        match topic.usage {
            Usage::Source => {}
            Usage::DeadLetter => {
                topic.right = ask(&topic.name).await;
                letters = Some(topic.right.clone());
            }
            // The daemon would read what were written here: only brokers that are known to refuse it are asked.
            Usage::Redrive => {
                redrive = match &letters {
                    Some(Probe::Allowed) => Some(ask(&topic.name).await),
                    Some(Probe::Done) => Some(Probe::Unclear(CARRIED_OUT.to_owned())),
                    Some(Probe::Denied | Probe::Unclear(_)) => Some(Probe::Unclear(NOT_SHOWN.to_owned())),
                    // Without the dead letters there is nothing to redrive.
                    None => None,
                };
            }
        }
    }
    redrive
}

async fn written(producer: &FutureProducer<ByHand>, topic: &str, bound: Duration) -> Probe {
    let record: FutureRecord<'_, (), ()> = FutureRecord::to(topic).partition(0);
    match producer.send(record, bound).await {
        Ok(_) => Probe::Done,
        Err((error, _)) if is(&error, RDKafkaErrorCode::InvalidRequiredAcks) => Probe::Allowed,
        Err((error, _)) if is(&error, RDKafkaErrorCode::TopicAuthorizationFailed) => Probe::Denied,
        Err((error, _)) => Probe::Unclear(error.to_string()),
    }
}

/// A producer whose records no broker of Apache Kafka writes.
fn refused(asking: &Asking) -> Result<ClientConfig, ClientError> {
    let mut config = client::producer(&asking.settings)?;
    let _ = config
        .set("enable.idempotence", "false")
        .set("acks", IMPOSSIBLE_ACKS)
        .set("retries", "0")
        .set("message.timeout.ms", asking.bound.as_millis().to_string());
    Ok(config)
}

/// Gets a producer id, as every start of the daemon does.
pub(super) fn idempotence(asking: &Asking) -> Probe {
    asking.probe(|| producer_id(asking))
}

fn producer_id(asking: &Asking) -> Result<Probe, ClientError> {
    let mut config = client::producer(&asking.settings)?;
    let _ = config.set("statistics.interval.ms", STATISTICS_MS);
    let producer: BaseProducer<ByHand> = by_hand::create(&config, &asking.settings)?;
    let deadline = Instant::now() + asking.bound;
    loop {
        producer.poll(Duration::from_millis(100));
        match producer.client().fatal_error() {
            Some((RDKafkaErrorCode::ClusterAuthorizationFailed, _)) => return Ok(Probe::Denied),
            Some((code, _)) => return Ok(Probe::Unclear(code.to_string())),
            None if producer.client().context().has_producer_id() => return Ok(Probe::Allowed),
            None if Instant::now() >= deadline => return Ok(Probe::Unclear("no answer".to_owned())),
            None => {}
        }
    }
}

/// Finds out the rest of what a redrive needs.
pub(super) fn redriving(asking: &Asking, written: Probe) -> Redrive {
    let unasked = || Probe::Unclear("not asked".to_owned());
    if written != Probe::Allowed {
        return Redrive { written, read: unasked(), group: unasked(), transactional_id: unasked() };
    }
    let id = format!("{REDRIVE_IDS}{}.check", asking.settings.group_id);
    let topic = &asking.settings.dead_letter_topic;
    let read = asking.probe(|| Ok(reading(&asking.consumer, topic, asking.bound)));
    let group = of_group(asking, &id).read;
    let transactional_id = asking.probe(|| transactional_id(asking, &id));
    Redrive { written, read, group, transactional_id }
}

fn transactional_id(asking: &Asking, id: &str) -> Result<Probe, ClientError> {
    let mut config = client::producer(&asking.settings)?;
    let _ = config.set("transactional.id", id).set("transaction.timeout.ms", IMPOSSIBLE_TIMEOUT_MS);
    let producer = by_hand::producer(&config, &asking.settings)?;
    Ok(match producer.init_transactions(asking.bound) {
        Ok(()) => Probe::Done,
        Err(error) if is(&error, RDKafkaErrorCode::InvalidTransactionTimeout) => Probe::Allowed,
        Err(error) if is(&error, RDKafkaErrorCode::TransactionalIdAuthorizationFailed) => Probe::Denied,
        Err(error) => Probe::Unclear(error.to_string()),
    })
}
