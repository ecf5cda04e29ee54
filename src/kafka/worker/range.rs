//! Offsets that are gone: because records were deleted before they were read, or because their topic was deleted and
//! made anew, whose records are others under the same offsets.

use std::sync::Arc;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use tokio::time::Instant;

use super::Worker;
use super::watch::PROBE;
use crate::domain::{Offset, TopicPartition};
use crate::kafka::commits::bare_frontier;
use crate::kafka::placement::OutOfRange;
use crate::kafka::{queries, start};
use crate::offsets::Frontier;
use crate::ports::SourceEvent;

impl Worker {
    /// Looks for offsets that are gone, if there is a sign of it.
    pub(super) fn advance_range(&mut self, now: Instant) {
        if self.watch.begin_again.take_if(|at| now >= *at).is_some() {
            self.commit_begins();
        }
        if self.watch.range.is_some_and(|at| now >= at) && self.rebalance.is_none() {
            self.watch.range = match self.mend_range() {
                Ok(()) => None,
                Err(error) => {
                    self.unavailable(format!("offsets cannot be read: {error}"));
                    Some(now + PROBE)
                }
            };
        }
    }

    /// These topics were deleted and made anew: what they hold is read from its beginning.
    /// As long as it is not committed where they begin, they look as if they were made once more.
    pub(super) fn made_anew(&mut self, topics: &[Arc<str>]) {
        let is_begun = |topic: &Arc<str>| self.watch.begins.keys().any(|p| p.topic == *topic);
        let topics: Vec<_> = topics.iter().filter(|topic| !is_begun(topic)).collect();
        if !topics.is_empty() {
            self.watch.anew.extend(self.owned.keys().filter(|p| topics.contains(&&p.topic)).cloned());
            self.watch.check_range();
        }
    }

    /// Whether a partition is of a topic that was made anew and has not been gone back in yet.
    pub(super) fn is_anew(&self, partition: &TopicPartition) -> bool {
        self.watch.anew.contains(partition)
    }

    /// A partition is handed back, lost, or assigned: what was known of its topic is past.
    pub(super) fn forget_anew(&mut self, partition: &TopicPartition) {
        let _was_anew = self.watch.anew.remove(partition);
        let _was_begun = self.watch.begins.remove(partition);
    }

    /// Commits where topics made anew begin. Else one that is still empty would, at the next start, be gone on from in
    /// its middle.
    fn commit_begins(&mut self) {
        let begins = self.watch.begins.iter();
        let begins: Vec<_> = begins.map(|(p, offset)| bare_frontier((p.clone(), *offset))).collect();
        if !begins.is_empty() {
            let id = self.commits.push(begins, None);
            let _new = self.own_commits.insert(id);
        }
    }

    /// Such a commit has its answer. One that failed is repeated.
    pub(super) fn begin_answered(&mut self, frontiers: &[Frontier], is_committed: bool) {
        if is_committed {
            for frontier in frontiers {
                let _begun = self.watch.begins.remove(&frontier.partition);
            }
        } else if !self.watch.begins.is_empty() {
            self.watch.begin_again = Some(Instant::now() + PROBE);
        }
    }

    /// Looks at all partitions, since the error does not name its own, and assigns them anew: those that are out of
    /// range at their earliest offset, the others where they were (librdkafka has stopped fetching the one in error,
    /// and does not let it be sought).
    fn mend_range(&mut self) -> KafkaResult<()> {
        let ours: Vec<_> = self.owned.keys().cloned().collect();
        if ours.is_empty() {
            self.watch.anew.clear();
            return Ok(());
        }
        let earliest = queries::earliest(&self.consumer, &ours)?;
        let latest = queries::latest(&self.consumer, &ours)?;
        let mut gone = OutOfRange::new();
        // A commit that the pipeline asks for before it has been told may be of the topic's former self.
        self.outbox.epoch += 1;
        for (p, owned) in &mut self.owned {
            if let (Some(&first), Some(&end)) = (earliest.get(p), latest.get(p)) {
                let wanted = Offset(owned.next);
                let resume = start::resume(wanted, first, end);
                let is_anew = self.watch.anew.contains(p);
                if resume.out_of_range || is_anew {
                    let offset = if is_anew { first } else { resume.offset };
                    owned.next = offset.0;
                    // Further on, what was read is still worth settling: the pipeline commits it, with all that it
                    // knows, and passes what is gone.
                    if is_anew || offset < wanted {
                        owned.epoch = self.outbox.epoch;
                        let _before = self.watch.begins.insert(p.clone(), offset);
                    }
                    gone.push((p.clone(), wanted, offset));
                }
            }
        }
        // Told first: an assignment that fails is tried again, and then nothing is out of range any more.
        // Where nothing had been read, nothing has changed.
        for (partition, wanted, resumed_at) in gone.into_iter().filter(|(_, wanted, at)| wanted != at) {
            // Each with a number of its own: a commit that is asked for between two of these events knows of the first
            // only, and what it says of the second's partition is of the topic's former self.
            if self.watch.begins.contains_key(&partition)
                && let Some(owned) = self.owned.get_mut(&partition)
            {
                self.outbox.epoch += 1;
                owned.epoch = self.outbox.epoch;
            }
            self.tell(SourceEvent::OutOfRange { partition, wanted, resumed_at });
        }
        self.commit_begins();
        self.watch.anew.clear();
        let list = queries::list(self.owned.iter().map(|(p, owned)| (p, Offset(owned.next))))?;
        if self.is_cooperative() {
            self.consumer.incremental_unassign(&list)?;
            self.consumer.incremental_assign(&list)?;
        } else {
            self.consumer.assign(&list)?;
        }
        Ok(())
    }
}
