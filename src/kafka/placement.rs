//! Where newly assigned partitions are read from, asked of the brokers before the first record is given out.
//!
//! | what the group has committed | where a partition begins |
//! |---|---|
//! | an offset of this partition | there; if that offset is gone, at the earliest, and it is told |
//! | offsets of other partitions of the topic | at the earliest: it was added later, nothing of it may be missed |
//! | nothing of the redrive topic | at the earliest |
//! | nothing of the topic | at the earliest: the topic was added later, whatever `start_from` says |
//! | nothing at all | by `start_from`; without it the process does not start |
//!
//! **Several replicas that start at once.** Each sees "nothing at all" and could choose for itself, but the first
//! commit would make the partitions of the others look added later, and two choices of `latest` differ. So one member
//! chooses: the owner of the lowest partition, of which a generation has exactly one. It commits the start
//! of *all* partitions of all topics in one request, which the coordinator applies as one, before it reads. The others
//! ask again until they find it. If that owner does not get there in time (it died, or hangs), the next one to run out
//! of patience chooses for all: then two choices can meet, and the later commit counts. A commit of a past generation
//! is refused by the coordinator, so a member that was voted out cannot choose any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::KafkaSettings;
use super::commits::{Frontiers, bare_frontier};
use super::context::Consumer;
use super::queries::{self, Committed, Offsets};
use super::start::{self, AGES, Preview};
use crate::config::StartFrom;
use crate::domain::{Offset, TopicPartition};
use crate::offsets::{CommitMetadata, CompletedOffsets, Frontier};
use crate::ports::Start;

/// Offsets that are gone: partition, the offset wanted, the offset at which reading goes on.
pub(super) type OutOfRange = Vec<(TopicPartition, Offset, Offset)>;

/// Where to begin.
#[derive(Debug, Default)]
pub(super) struct Placement {
    /// Each new partition and the first offset to read.
    pub(super) starts: Vec<Start>,
    /// All partitions of all subscribed topics, by which the quota is divided.
    pub(super) all: Vec<TopicPartition>,
    /// The ends of the new partitions, for the lag.
    pub(super) ends: Vec<(TopicPartition, Offset)>,
    /// Offsets that were chosen here and have to be committed before the first record is read.
    pub(super) chosen: Frontiers,
    /// Partitions that go on elsewhere than where they should.
    pub(super) out_of_range: OutOfRange,
}

/// The answer to an assignment.
#[derive(Debug)]
pub(super) enum Placed {
    /// All is known.
    Ready(Placement),
    /// Another member chooses; ask again.
    Wait,
    /// Nobody said where to begin; the text is for the operator.
    Refused(String),
}

/// Finds out where these partitions begin. `impatient`: choose even if it is another member's turn.
pub(super) fn place(
    consumer: &Consumer,
    settings: &KafkaSettings,
    partitions: &[TopicPartition],
    impatient: bool,
) -> KafkaResult<Placed> {
    let hidden = [settings.dead_letter_topic.as_str()];
    let all = queries::subscribed_partitions(consumer, &settings.subscription(), &hidden)?;
    let mut placement = Placement { all, ..Placement::default() };
    let topics: BTreeSet<&Arc<str>> = partitions.iter().map(|p| &p.topic).collect();
    for topic in topics {
        let ours: Vec<TopicPartition> = partitions.iter().filter(|p| p.topic == *topic).cloned().collect();
        let mut all = queries::topic_partitions(consumer, topic)?;
        // Metadata may lag behind the group leader's.
        all.extend(ours.iter().filter(|p| !all.contains(p)).cloned().collect::<Vec<_>>());
        let committed = queries::committed(consumer, &all)?;
        if committed.is_empty() && !queries::has_any_commit(consumer, &settings.redrive_topic)? {
            // For all topics at once: a topic that has no commit later on was added later.
            return choose_for_all(consumer, settings, partitions, placement.all, impatient);
        }
        if committed.is_empty() {
            if !(impatient || owns_lowest(&all, &ours)) {
                return Ok(Placed::Wait);
            }
            if **topic != *settings.redrive_topic {
                tracing::warn!(
                    event = "kafka.topic_added",
                    topic = &**topic,
                    "a topic is new to the group: it is read from its earliest record"
                );
            }
            let ends = queries::latest(consumer, &all)?;
            placement.add_fresh(&ours, queries::earliest(consumer, &all)?, &ends);
        } else {
            let earliest = queries::earliest(consumer, &ours)?;
            let ends = queries::latest(consumer, &ours)?;
            placement.add_known(&settings.group_id, &ours, &committed, &earliest, &ends);
        }
    }
    complete(placement, partitions)
}

/// None may be left unread: where a leader has left one out of its answer, it is asked again.
fn complete(placement: Placement, partitions: &[TopicPartition]) -> KafkaResult<Placed> {
    if placement.starts.len() == partitions.len() {
        Ok(Placed::Ready(placement))
    } else {
        Err(KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownPartition))
    }
}

/// Whether the first of these partitions is ours, of which a generation has exactly one owner.
fn owns_lowest(all: &[TopicPartition], ours: &[TopicPartition]) -> bool {
    all.iter().min().is_some_and(|lowest| ours.contains(lowest))
}

/// The start of a group that has never committed anything.
fn choose_for_all(
    consumer: &Consumer,
    settings: &KafkaSettings,
    ours: &[TopicPartition],
    mut all: Vec<TopicPartition>,
    impatient: bool,
) -> KafkaResult<Placed> {
    // Metadata may lag behind the group leader's.
    all.extend(ours.iter().filter(|p| !all.contains(p)).cloned().collect::<Vec<_>>());
    if !(impatient || owns_lowest(&all, ours)) {
        return Ok(Placed::Wait);
    }
    let ends = queries::latest(consumer, &all)?;
    let Some(start_from) = settings.start_from else {
        let topic = all.iter().map(|p| &p.topic).filter(|topic| ***topic != *settings.redrive_topic).min();
        let of_topic: Vec<_> = all.iter().filter(|p| Some(&p.topic) == topic).cloned().collect();
        let preview = preview(consumer, &of_topic, &ends)?;
        let topic = topic.map_or("", |topic| topic);
        return Ok(Placed::Refused(start::describe(&settings.group_id, topic, &preview)));
    };
    let chosen = choose(consumer, settings, start_from, &all, &ends)?;
    let mut placement = Placement { all, ..Placement::default() };
    placement.add_fresh(ours, chosen, &ends);
    complete(placement, ours)
}

impl Placement {
    fn add_fresh(&mut self, ours: &[TopicPartition], chosen: Offsets, ends: &Offsets) {
        let of = |offsets: &Offsets, p: &TopicPartition| offsets.get(p).map(|offset| (p.clone(), *offset));
        let start = |p: &TopicPartition| {
            let (offset, end) = (*chosen.get(p)?, *ends.get(p)?);
            Some(Start::without_memory(p.clone(), offset, end))
        };
        self.starts.extend(ours.iter().filter_map(start));
        self.ends.extend(ours.iter().filter_map(|p| of(ends, p)));
        self.chosen.extend(chosen.into_iter().map(bare_frontier));
    }

    fn add_known(
        &mut self,
        group: &str,
        ours: &[TopicPartition],
        committed: &BTreeMap<TopicPartition, Committed>,
        earliest: &Offsets,
        ends: &Offsets,
    ) {
        for p in ours {
            let (Some(&first), Some(&end)) = (earliest.get(p), ends.get(p)) else { continue };
            let mut found = CommitMetadata::default();
            let resume = match committed.get(p) {
                Some(&Committed { offset: wanted, ref metadata }) => {
                    let resume = start::resume(wanted, first, end);
                    if resume.out_of_range {
                        self.out_of_range.push((p.clone(), wanted, resume.offset));
                    }
                    // What was committed above the end is of the topic's former self.
                    if wanted <= end {
                        found = read_metadata(metadata, group, p, wanted, end);
                    }
                    resume
                }
                None => start::Resume { offset: first, out_of_range: true },
            };
            let CommitMetadata { completed, mark } = found;
            let mark = mark.filter(|mark| *mark > resume.offset);
            if resume.out_of_range {
                // What is known of what is left has to outlive a crash before the first commit.
                let left = CompletedOffsets::default().followed_by(&completed, resume.offset);
                let bare = bare_frontier((p.clone(), resume.offset));
                self.chosen.push(Frontier { completed: left, mark, ..bare });
            }
            self.starts.push(Start { partition: p.clone(), offset: resume.offset, completed, mark, end });
            self.ends.push((p.clone(), end));
        }
    }
}

/// What was committed besides an offset. What is not understood is dropped: repeats are safe, skips are not.
fn read_metadata(metadata: &str, group: &str, partition: &TopicPartition, base: Offset, end: Offset) -> CommitMetadata {
    if metadata.is_empty() {
        return CommitMetadata::default();
    }
    CommitMetadata::decode(metadata, group, partition, base, end).unwrap_or_else(|error| {
        tracing::warn!(
            event = "kafka.commit_metadata_dropped",
            topic = &*partition.topic,
            partition = partition.partition,
            %error,
            "a commit's metadata is not believed; what it said was delivered is delivered again"
        );
        CommitMetadata::default()
    })
}

/// The starts that a choice gives; those of the redrive topic are the earliest: its marks say what they are for, and
/// nothing of it may be missed.
pub(super) fn choose(
    consumer: &BaseConsumer<impl ConsumerContext>,
    settings: &KafkaSettings,
    start_from: StartFrom,
    all: &[TopicPartition],
    ends: &Offsets,
) -> KafkaResult<Offsets> {
    let now = jiff::Timestamp::now().as_millisecond();
    let mut starts = match (start_from, start::time_ms(start_from, now)) {
        (StartFrom::Latest, _) => ends.clone(),
        (_, Some(time)) => {
            let mut starts = ends.clone();
            starts.extend(queries::at_time(consumer, all, time)?);
            starts
        }
        (_, None) => queries::earliest(consumer, all)?,
    };
    let redriven: Vec<_> = all.iter().filter(|p| *p.topic == *settings.redrive_topic).cloned().collect();
    starts.extend(queries::earliest(consumer, &redriven)?);
    Ok(starts)
}

/// What each choice would run.
pub(super) fn preview(
    consumer: &BaseConsumer<impl ConsumerContext>,
    all: &[TopicPartition],
    ends: &Offsets,
) -> KafkaResult<Preview> {
    let now = jiff::Timestamp::now().as_millisecond();
    let span = |starts: &Offsets| -> i64 {
        let ends = all.iter().filter_map(|p| Some((p, ends.get(p)?)));
        ends.map(|(p, end)| starts.get(p).map_or(0, |first| (end.0 - first.0).max(0))).sum()
    };
    let mut by_age = [0; AGES.len()];
    for (count, (_, age)) in by_age.iter_mut().zip(AGES) {
        *count = span(&queries::at_time(consumer, all, now - start::milliseconds(age))?);
    }
    Ok(Preview { all: span(&queries::earliest(consumer, all)?), by_age })
}
