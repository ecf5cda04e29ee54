//! The consumer group: what it has committed, and where it would begin.

use std::collections::BTreeMap;

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::probes::{self, GroupRights};
use super::{Asking, Presence, Probe, TIME_IS_UP, Topic, Usage};
use crate::domain::TopicPartition;
use crate::kafka::{placement, queries, start};

/// Where a partition stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// Which.
    pub partition: TopicPartition,
    /// What the group has committed of it.
    pub committed: Option<i64>,
    /// The first offset that it retains.
    pub earliest: i64,
    /// The offset after its last record.
    pub latest: i64,
    /// Where the daemon would begin.
    pub begin: i64,
}

/// The group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Whether we may describe it, as reading its offsets needs it.
    pub described: Probe,
    /// Whether we may join it and commit for it.
    pub right: Probe,
    /// Whether it has committed anything, ever.
    pub has_begun: bool,
    /// The partitions of the sources; an error in words.
    pub places: Result<Vec<Place>, String>,
    /// What each choice of `kafka.start_from` would run, where it has to be made.
    pub choices: Option<String>,
}

pub(super) fn find(asking: &Asking, topics: &[Topic]) -> Group {
    let is_read = |topic: &&Topic| topic.usage == Usage::Source;
    let partitions: Vec<TopicPartition> = topics
        .iter()
        .filter(is_read)
        .filter_map(|topic| match topic.presence {
            Presence::There { partitions, .. } => Some((topic, i32::try_from(partitions).unwrap_or(i32::MAX))),
            _ => None,
        })
        .flat_map(|(topic, count)| (0..count).map(|n| TopicPartition::new(topic.name.as_str(), n)))
        .collect();
    let GroupRights { described, read: right } = probes::of_group(asking, &asking.settings.group_id);
    let is_asked = described != Probe::Denied && !partitions.is_empty();
    let mut group = Group { described, right, has_begun: false, places: Ok(Vec::new()), choices: None };
    if !is_asked {
        return group;
    }
    if asking.is_time_up() {
        group.places = Err(TIME_IS_UP.to_owned());
        return group;
    }
    match places(asking, &partitions, &mut group) {
        Ok(places) => group.places = Ok(places),
        Err(error) => group.places = Err(error.to_string()),
    }
    group
}

fn places(asking: &Asking, partitions: &[TopicPartition], group: &mut Group) -> KafkaResult<Vec<Place>> {
    let (consumer, settings) = (&asking.consumer, &asking.settings);
    let committed = queries::committed(consumer, partitions)?;
    group.has_begun = !committed.is_empty() || queries::has_any_commit(consumer, &settings.redrive_topic)?;
    let earliest = queries::earliest(consumer, partitions)?;
    let latest = queries::latest(consumer, partitions)?;
    let begins = match settings.start_from {
        _ if group.has_begun => BTreeMap::new(),
        Some(start_from) => placement::choose(consumer, settings, start_from, partitions, &latest)?,
        None => {
            let preview = placement::preview(consumer, partitions, &latest)?;
            let topic = partitions.first().map_or("", |partition| &partition.topic);
            group.choices = Some(start::describe(&settings.group_id, topic, &preview));
            BTreeMap::new()
        }
    };
    let place = |partition: &TopicPartition| {
        let (earliest, latest) = (earliest.get(partition)?.0, latest.get(partition)?.0);
        let committed = committed.get(partition).map(|committed| committed.offset.0);
        let wanted = committed.or_else(|| begins.get(partition).map(|begin| begin.0));
        let begin = wanted.filter(|wanted| (earliest..=latest).contains(wanted)).unwrap_or(earliest);
        Some(Place { partition: partition.clone(), committed, earliest, latest, begin })
    };
    let places: Option<Vec<Place>> = partitions.iter().map(place).collect();
    places.ok_or(KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset))
}
