//! Whether we may read and commit, found out without doing so. (For writing see `producing`.)
//!
//! librdkafka can ask brokers for the rights themselves, but rust-rdkafka does not offer that. So each right is tried by
//! a request that a broker refuses for another reason *after* it has looked at the rights (Apache Kafka's `KafkaApis`):
//!
//! | right | request | refused for the right | refused for the other reason |
//! |---|---|---|---|
//! | describe of the group | its offsets of a topic that is not there | GROUP_AUTHORIZATION_FAILED | (it is answered: none) |
//! | read of a topic | a fetch at its end | TOPIC_AUTHORIZATION_FAILED | (it is answered: there is nothing) |
//! | read of the group, as joining and committing need it | a commit of a topic that is not there | GROUP_AUTHORIZATION_FAILED | UNKNOWN_TOPIC_OR_PARTITION, or TOPIC_AUTHORIZATION_FAILED |

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};
use tokio::time::Instant;

use super::{Asking, Probe, TIME_IS_UP};
use crate::kafka::ClientError;
use crate::kafka::by_hand::{self, Consumer};

/// A topic that nobody has.
const NO_TOPIC: &str = "alertbridge.check.there-is-no-such-topic";

/// How long one poll may take.
const POLL: Duration = Duration::from_millis(100);

/// How long the group's offsets are waited for before it is looked at what librdkafka says.
const SLICE: Duration = Duration::from_secs(1);

/// As many errors are looked at then.
const MOST_ERRORS: usize = 20;

/// Fetches at a topic's end.
pub(super) fn reading(consumer: &Consumer, topic: &str, bound: Duration) -> Probe {
    let mut at = TopicPartitionList::new();
    let assigned = at.add_partition_offset(topic, 0, ListOffset::End).and_then(|()| consumer.assign(&at));
    if let Err(error) = assigned {
        return Probe::Unclear(error.to_string());
    }
    let deadline = Instant::now() + bound;
    let probe = loop {
        match consumer.poll(POLL) {
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => break Probe::Allowed,
            Some(Err(error)) if is(&error, RDKafkaErrorCode::TopicAuthorizationFailed) => break Probe::Denied,
            Some(Err(error)) if Instant::now() >= deadline => break Probe::Unclear(error.to_string()),
            None if Instant::now() >= deadline => break Probe::Unclear("no answer".to_owned()),
            // librdkafka goes on by itself.
            Some(Err(_)) | None => {}
        }
    };
    // What is still fetched has no reader; the next assignment, if there is one, is another.
    let _failed = consumer.unassign();
    probe
}

/// What a user may do with a consumer group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct GroupRights {
    /// Describe, as reading its offsets needs it.
    pub(super) described: Probe,
    /// Read, as joining and committing need it.
    pub(super) read: Probe,
}

/// Tries a group out, with a consumer of its own: why a group has no coordinator is told once, to whoever polls then.
pub(super) fn of_group(asking: &Asking, group_id: &str) -> GroupRights {
    let consumer = || {
        if asking.is_time_up() {
            return Err(ClientError(TIME_IS_UP.to_owned()));
        }
        let mut config = Asking::consumer(&asking.settings, asking.bound)?;
        by_hand::consumer(config.set("group.id", group_id), &asking.settings)
    };
    let consumer = match consumer() {
        Ok(consumer) => consumer,
        Err(error) => {
            let unclear = Probe::Unclear(error.to_string());
            return GroupRights { described: unclear.clone(), read: unclear };
        }
    };
    let described = asking.probe(|| Ok(describing(&consumer, asking.bound)));
    // A group that may not be described has no coordinator for us, who could be asked.
    let read = if described == Probe::Denied { Probe::Denied } else { asking.probe(|| Ok(committing(&consumer))) };
    GroupRights { described, read }
}

/// Asks what the group has committed of a topic that is not there.
fn describing(consumer: &Consumer, bound: Duration) -> Probe {
    let mut at = TopicPartitionList::new();
    let _partition = at.add_partition(NO_TOPIC, 0);
    let deadline = Instant::now() + bound;
    loop {
        let error = match consumer.committed_offsets(at.clone(), SLICE) {
            Ok(_) => return Probe::Allowed,
            Err(error) => error,
        };
        // Without the right there is no coordinator, for which librdkafka goes on looking; why is told by the way.
        let told = std::iter::from_fn(|| consumer.poll(POLL)).filter_map(Result::err).take(MOST_ERRORS);
        if told.chain([error.clone()]).any(|error| is(&error, RDKafkaErrorCode::GroupAuthorizationFailed)) {
            return Probe::Denied;
        }
        if Instant::now() >= deadline {
            return Probe::Unclear(error.to_string());
        }
    }
}

/// Commits what cannot be committed.
fn committing(consumer: &Consumer) -> Probe {
    let mut at = TopicPartitionList::new();
    let committed = at
        .add_partition_offset(NO_TOPIC, 0, ListOffset::Offset(0))
        .and_then(|()| consumer.commit(&at, CommitMode::Sync));
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

pub(super) fn is(error: &KafkaError, code: RDKafkaErrorCode) -> bool {
    error.rdkafka_error_code() == Some(code)
}
