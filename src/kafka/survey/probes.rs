//! Whether we may read, write and commit, found out without doing so.
//!
//! librdkafka can ask brokers for the rights themselves, but rust-rdkafka does not offer that. So each right is tried by
//! a request that a broker refuses for another reason *after* it has looked at the rights (Apache Kafka's `KafkaApis`):
//!
//! | right | request | refused for the right | refused for the other reason |
//! |---|---|---|---|
//! | describe of the group | its offsets of a topic that is not there | GROUP_AUTHORIZATION_FAILED | (it is answered: none) |
//! | read of a topic | a fetch at its end | TOPIC_AUTHORIZATION_FAILED | (it is answered: there is nothing) |
//! | write to a topic | an empty record with `acks=1000` | TOPIC_AUTHORIZATION_FAILED | INVALID_REQUIRED_ACKS |
//! | read of the group, as joining and committing need it | a commit of a topic that is not there | GROUP_AUTHORIZATION_FAILED | UNKNOWN_TOPIC_OR_PARTITION, or TOPIC_AUTHORIZATION_FAILED |

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureRecord;
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};
use tokio::time::Instant;

use super::{Asking, Presence, Probe, Topic, Usage};
use crate::kafka::ClientError;

/// Brokers know 0, 1 and -1; librdkafka lets more through.
pub(super) const IMPOSSIBLE_ACKS: &str = "1000";

/// A topic that nobody has.
const NO_TOPIC: &str = "alertbridge.check.there-is-no-such-topic";

/// How long one poll may take.
const POLL: Duration = Duration::from_millis(100);

/// How long the group's offsets are waited for before it is looked at what librdkafka says.
const SLICE: Duration = Duration::from_secs(1);

/// As many errors are looked at then.
const MOST_ERRORS: usize = 20;

/// Fetches at a topic's end.
pub(super) fn reading(asking: &Asking, topic: &str) -> Probe {
    let mut at = TopicPartitionList::new();
    let assigned = at.add_partition_offset(topic, 0, ListOffset::End).and_then(|()| asking.consumer.assign(&at));
    if let Err(error) = assigned {
        return Probe::Unclear(error.to_string());
    }
    let deadline = Instant::now() + asking.bound;
    let probe = loop {
        match asking.consumer.poll(POLL) {
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => break Probe::Allowed,
            Some(Err(error)) if is(&error, RDKafkaErrorCode::TopicAuthorizationFailed) => break Probe::Denied,
            Some(Err(error)) if Instant::now() >= deadline => break Probe::Unclear(error.to_string()),
            None if Instant::now() >= deadline => break Probe::Unclear("no answer".to_owned()),
            // librdkafka goes on by itself.
            Some(Err(_)) | None => {}
        }
    };
    // What is still fetched has no reader; the next assignment, if there is one, is another.
    let _failed = asking.consumer.unassign();
    probe
}

/// Sends to the dead-letter topic what no broker writes.
pub(super) async fn writing(asking: &Asking, mut topics: Vec<Topic>) -> Result<Vec<Topic>, ClientError> {
    let producer = asking.probing_producer()?;
    for topic in &mut topics {
        let is_written = topic.usage == Usage::DeadLetter && matches!(topic.presence, Presence::There { .. });
        if !is_written {
            continue;
        }
        let record: FutureRecord<'_, (), ()> = FutureRecord::to(&topic.name).partition(0);
        topic.right = match producer.send(record, asking.bound).await {
            Ok(_) => Probe::Done,
            Err((error, _)) if is(&error, RDKafkaErrorCode::InvalidRequiredAcks) => Probe::Allowed,
            Err((error, _)) if is(&error, RDKafkaErrorCode::TopicAuthorizationFailed) => Probe::Denied,
            Err((error, _)) => Probe::Unclear(error.to_string()),
        };
    }
    Ok(topics)
}

/// Asks what the group has committed of a topic that is not there.
pub(super) fn describing(asking: &Asking) -> Probe {
    let mut at = TopicPartitionList::new();
    let _partition = at.add_partition(NO_TOPIC, 0);
    let deadline = Instant::now() + asking.bound;
    loop {
        let error = match asking.consumer.committed_offsets(at.clone(), SLICE) {
            Ok(_) => return Probe::Allowed,
            Err(error) => error,
        };
        // Without the right there is no coordinator, for which librdkafka goes on looking; why is told by the way.
        let told = std::iter::from_fn(|| asking.consumer.poll(POLL)).filter_map(Result::err).take(MOST_ERRORS);
        if told.chain([error.clone()]).any(|error| is(&error, RDKafkaErrorCode::GroupAuthorizationFailed)) {
            return Probe::Denied;
        }
        if Instant::now() >= deadline {
            return Probe::Unclear(error.to_string());
        }
    }
}

/// Commits what cannot be committed.
pub(super) fn committing(asking: &Asking) -> Probe {
    let mut at = TopicPartitionList::new();
    let committed = at
        .add_partition_offset(NO_TOPIC, 0, ListOffset::Offset(0))
        .and_then(|()| asking.consumer.commit(&at, CommitMode::Sync));
    match committed {
        // Brokers that answer for no partition at all have looked at the group, too.
        Ok(()) => Probe::Allowed,
        Err(error) => match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::TopicAuthorizationFailed,
            ) => Probe::Allowed,
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => Probe::Denied,
            _ => Probe::Unclear(error.to_string()),
        },
    }
}

fn is(error: &KafkaError, code: RDKafkaErrorCode) -> bool {
    error.rdkafka_error_code() == Some(code)
}
