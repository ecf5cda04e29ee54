//! Questions to the brokers, each one round trip for any number of partitions, each bounded in time; and the
//! conversions between librdkafka's lists and our words.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};
use regex::Regex;

use super::context::Consumer;
use crate::domain::{Offset, TopicPartition};
use crate::offsets::Frontier;

/// The longest that one question may take: the worker does not poll meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Offsets by partition.
pub(super) type Offsets = BTreeMap<TopicPartition, Offset>;

/// The partitions of a list.
pub(super) fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements().iter().map(|e| TopicPartition::new(e.topic(), e.partition())).collect()
}

/// A list of partitions and offsets. Offsets are never negative here.
pub(super) fn list<'a>(
    frontiers: impl IntoIterator<Item = (&'a TopicPartition, Offset)>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (at, offset) in frontiers {
        list.add_partition_offset(&at.topic, at.partition, ListOffset::Offset(offset.0))?;
    }
    Ok(list)
}

/// A list of partitions without offsets.
pub(super) fn bare_list<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for at in partitions {
        let _element = list.add_partition(&at.topic, at.partition);
    }
    list
}

/// The concrete offsets of a list.
fn concrete(list: &TopicPartitionList) -> KafkaResult<Offsets> {
    let mut offsets = Offsets::new();
    for element in list.elements() {
        element.error()?;
        if let ListOffset::Offset(offset) = element.offset()
            && offset >= 0
        {
            let _ = offsets.insert(TopicPartition::new(element.topic(), element.partition()), Offset(offset));
        }
    }
    Ok(offsets)
}

/// All partitions of a topic.
pub(super) fn topic_partitions(consumer: &Consumer, topic: &str) -> KafkaResult<Vec<TopicPartition>> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let found = metadata.topics().iter().find(|t| t.name() == topic);
    if let Some(error) = found.and_then(|t| t.error()) {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    Ok(found.map(|t| t.partitions().iter().map(|p| TopicPartition::new(topic, p.id())).collect()).unwrap_or_default())
}

/// All partitions of the topics that are subscribed to, whoever reads them: names, and expressions that begin with
/// `^`, which take in none of `hidden`. In order.
pub(super) fn subscribed_partitions(
    consumer: &BaseConsumer<impl ConsumerContext>,
    topics: &[String],
    hidden: &[&str],
) -> KafkaResult<Vec<TopicPartition>> {
    let is_subscribed = subscription(topics, hidden);
    let metadata = consumer.fetch_metadata(None, PATIENCE)?;
    let ours = metadata.topics().iter().filter(|topic| is_subscribed(topic.name()));
    let partitions = ours.flat_map(|t| t.partitions().iter().map(|p| TopicPartition::new(t.name(), p.id())));
    let mut all: Vec<TopicPartition> = partitions.collect();
    all.sort();
    Ok(all)
}

/// Whether a topic of this name is subscribed to.
pub(super) fn subscription(topics: &[String], hidden: &[&str]) -> impl Fn(&str) -> bool {
    let (expressions, names): (Vec<&String>, Vec<&String>) = topics.iter().partition(|topic| topic.starts_with('^'));
    // The configuration refuses what is no expression.
    let expressions: Vec<Regex> =
        expressions.into_iter().filter_map(|expression| Regex::new(expression).ok()).collect();
    move |name| {
        names.iter().any(|topic| *topic == name)
            || !hidden.contains(&name) && expressions.iter().any(|expression| expression.is_match(name))
    }
}

/// How much a commit says besides its offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Detail {
    /// What has settled above it, and how far attempts may have gone.
    Whole,
    /// How far attempts may have gone, in a few bytes.
    Mark,
}

/// A list for a commit; what is known besides the offsets goes into its metadata.
pub(super) fn commit_list(group: &str, frontiers: &[Frontier], detail: Detail) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for frontier in frontiers {
        let (partition, offset) = (&frontier.partition, frontier.offset);
        let mut element = list.add_partition(&partition.topic, partition.partition);
        element.set_offset(ListOffset::Offset(offset.0))?;
        let metadata = match detail {
            Detail::Whole => frontier.metadata().encode(group, partition, offset),
            Detail::Mark => frontier.metadata().encode_mark(group, partition, offset),
        };
        if !metadata.is_empty() {
            element.set_metadata(metadata);
        }
    }
    Ok(list)
}

/// What the group has committed of a partition.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) offset: Offset,
    /// What was written with it; empty where it is not text.
    pub(super) metadata: String,
}

/// What the group has committed; partitions without a commit are absent.
pub(super) fn committed(
    consumer: &BaseConsumer<impl ConsumerContext>,
    partitions: &[TopicPartition],
) -> KafkaResult<BTreeMap<TopicPartition, Committed>> {
    let list = consumer.committed_offsets(bare_list(partitions), PATIENCE)?;
    let mut committed = BTreeMap::new();
    for (partition, offset) in concrete(&list)? {
        let element = list.find_partition(&partition.topic, partition.partition);
        // rust-rdkafka 0.39 panics where the metadata is not UTF-8, which another tool may have written.
        let metadata = catch_unwind(AssertUnwindSafe(|| element.map(|e| e.metadata().to_owned())));
        let metadata = metadata.ok().flatten().unwrap_or_default();
        let _none = committed.insert(partition, Committed { offset, metadata });
    }
    Ok(committed)
}

/// Topics of these partitions, all of which are being read, that were deleted and made anew meanwhile.
///
/// A topic that was made anew may already hold more than we have read of the old one: librdkafka then reads on in its
/// middle (a FIXME in `rd_kafka_topic_metadata_update0`), and what lies below is lost. The group's coordinator tells: it
/// drops a topic's offsets with the topic, and nothing else drops them while members are subscribed, whereas every
/// partition that is read has an offset, committed at the latest before it was.
pub(super) fn topics_made_anew(consumer: &Consumer, partitions: &[TopicPartition]) -> KafkaResult<BTreeSet<Arc<str>>> {
    if partitions.is_empty() {
        return Ok(BTreeSet::new());
    }
    let committed = committed(consumer, partitions)?;
    Ok(partitions.iter().filter(|p| !committed.contains_key(*p)).map(|p| Arc::clone(&p.topic)).collect())
}

/// Whether the group has committed anything in any topic that we may see; the one that is read in any case does not count.
pub(super) fn has_any_commit(consumer: &BaseConsumer<impl ConsumerContext>, but: &str) -> KafkaResult<bool> {
    let metadata = consumer.fetch_metadata(None, PATIENCE)?;
    let mut all = TopicPartitionList::new();
    for topic in metadata.topics().iter().filter(|topic| topic.name() != but) {
        for partition in topic.partitions() {
            let _element = all.add_partition(topic.name(), partition.id());
        }
    }
    if all.count() == 0 {
        return Ok(false);
    }
    let list = consumer.committed_offsets(all, PATIENCE)?;
    Ok(list.elements().iter().any(|e| matches!(e.offset(), ListOffset::Offset(offset) if offset >= 0)))
}

/// The first offset that each partition retains.
pub(super) fn earliest(
    consumer: &BaseConsumer<impl ConsumerContext>,
    partitions: &[TopicPartition],
) -> KafkaResult<Offsets> {
    at(consumer, partitions, ListOffset::Beginning)
}

/// The offset after the last record that can be read now: the last stable offset, since open transactions are waited
/// for.
pub(super) fn latest(
    consumer: &BaseConsumer<impl ConsumerContext>,
    partitions: &[TopicPartition],
) -> KafkaResult<Offsets> {
    at(consumer, partitions, ListOffset::End)
}

/// The first record at or after a time (milliseconds since the epoch); absent where there is none.
pub(super) fn at_time(
    consumer: &BaseConsumer<impl ConsumerContext>,
    partitions: &[TopicPartition],
    time_ms: i64,
) -> KafkaResult<Offsets> {
    at(consumer, partitions, ListOffset::Offset(time_ms.max(0)))
}

/// One ListOffsets request to each leader. The protocol's special times -2 (earliest) and -1 (latest) are librdkafka's
/// constants for the logical offsets, so this asks for all partitions at once what `fetch_watermarks` asks one by one.
fn at(
    consumer: &BaseConsumer<impl ConsumerContext>,
    partitions: &[TopicPartition],
    what: ListOffset,
) -> KafkaResult<Offsets> {
    if partitions.is_empty() {
        return Ok(Offsets::new());
    }
    let mut list = bare_list(partitions);
    list.set_all_offsets(what)?;
    concrete(&consumer.offsets_for_times(list, PATIENCE)?)
}

#[cfg(test)]
mod tests {
    use super::subscription;

    #[test]
    fn names_and_expressions_choose_topics_and_expressions_never_our_own() {
        let topics = ["soc.alerts".to_owned(), r"^soc\.edr\.".to_owned()];
        let is_subscribed = subscription(&topics, &["soc.edr.dead-letter"]);
        let names = ["soc.alerts", "soc.alerts.2", "soc.edr.a", "soc.edr.dead-letter", "x.soc.edr.a"];
        assert_eq!(names.map(is_subscribed), [true, false, true, false, false]);
    }
}
