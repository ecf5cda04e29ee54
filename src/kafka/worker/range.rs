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
use crate::ports::SourceEvent;

impl Worker {
    /// Looks for offsets that are gone, if there is a sign of it.
    pub(super) fn advance_range(&mut self, now: Instant) {
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
    pub(super) fn made_anew(&mut self, topics: &[Arc<str>]) {
        if !topics.is_empty() {
            self.watch.anew.extend(self.owned.keys().filter(|p| topics.contains(&p.topic)).cloned());
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
        let mut begun_anew = Vec::new();
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
                        begun_anew.push(bare_frontier((p.clone(), offset)));
                    }
                    gone.push((p.clone(), wanted, offset));
                }
            }
        }
        // Told first: an assignment that fails is tried again, and then nothing is out of range any more.
        // Where nothing had been read, nothing has changed.
        for (partition, wanted, resumed_at) in gone.into_iter().filter(|(_, wanted, at)| wanted != at) {
            self.tell(SourceEvent::OutOfRange { partition, wanted, resumed_at });
        }
        if !begun_anew.is_empty() {
            // Else a topic made anew and still empty would, at the next start, be gone on from in its middle.
            let id = self.commits.push(begun_anew, None);
            let _new = self.own_commits.insert(id);
        }
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
