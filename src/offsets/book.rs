//! All assigned partitions: hands out claims, takes them back, and says what is to be committed.

use std::collections::HashMap;

use super::{Claim, Epoch, LedgerError, PartitionLedger};
use crate::domain::{Offset, TopicPartition};

#[derive(Debug)]
struct Page {
    ledger: PartitionLedger,
    /// The frontier of the last commit that was asked for.
    requested: Offset,
    /// The frontier of the last commit that was accepted; at first where reading began, which the source has
    /// committed or found committed.
    committed: Offset,
}

/// The ledgers of all partitions that are ours now. Results of an earlier assignment are refused.
#[derive(Debug, Default)]
pub struct OffsetBook {
    pages: HashMap<TopicPartition, Page>,
    last_epoch: u64,
}

impl OffsetBook {
    /// Opens a partition's ledger for a new assignment, at the first offset that will be read.
    pub fn assign(&mut self, partition: TopicPartition, start: Offset) -> Epoch {
        self.last_epoch += 1;
        let epoch = Epoch(self.last_epoch);
        let page = Page { ledger: PartitionLedger::new(epoch, start), requested: start, committed: start };
        drop(self.pages.insert(partition, page));
        epoch
    }

    /// Closes a partition: its claims are worth nothing from now on. Says how many records were open.
    pub fn forget(&mut self, partition: &TopicPartition) -> usize {
        self.pages.remove(partition).map_or(0, |page| page.ledger.open())
    }

    /// Whether the partition is ours.
    #[must_use]
    pub fn is_assigned(&self, partition: &TopicPartition) -> bool {
        self.pages.contains_key(partition)
    }

    /// The partitions that are ours, in no order.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.pages.keys()
    }

    /// Tracks a record and gives the claim to settle it with.
    ///
    /// # Errors
    /// [`LedgerError::Fenced`] if the partition is not ours, [`LedgerError::AlreadyRead`] if it was given before.
    pub fn track(&mut self, partition: &TopicPartition, offset: Offset) -> Result<Claim, LedgerError> {
        let page = self.pages.get_mut(partition).ok_or(LedgerError::Fenced)?;
        page.ledger.track(offset)?;
        Ok(Claim { partition: partition.clone(), offset, epoch: page.ledger.epoch() })
    }

    /// Settles a record.
    ///
    /// # Errors
    /// [`LedgerError::Fenced`] if the claim belongs to an earlier assignment: nothing of it may be committed.
    pub fn settle(&mut self, claim: &Claim) -> Result<(), LedgerError> {
        match self.pages.get_mut(&claim.partition) {
            Some(page) if page.ledger.epoch() == claim.epoch => page.ledger.settle(claim.offset).map(|_moved| ()),
            _ => Err(LedgerError::Fenced),
        }
    }

    /// Passes the gap below a read position.
    pub fn advance_to(&mut self, partition: &TopicPartition, position: Offset) {
        if let Some(page) = self.pages.get_mut(partition) {
            page.ledger.advance_to(position);
        }
    }

    /// A partition's frontier.
    #[must_use]
    pub fn frontier(&self, partition: &TopicPartition) -> Option<Offset> {
        self.pages.get(partition).map(|page| page.ledger.frontier())
    }

    /// The frontiers that moved since they were last asked to be committed; they count as asked for from now on.
    pub fn take_frontiers(&mut self) -> Vec<(TopicPartition, Offset)> {
        let mut moved = Vec::new();
        for (partition, page) in &mut self.pages {
            let frontier = page.ledger.frontier();
            if frontier > page.requested {
                page.requested = frontier;
                moved.push((partition.clone(), frontier));
            }
        }
        moved.sort();
        moved
    }

    /// The frontiers of these partitions that are not known to be committed, for the commit before they go.
    #[must_use]
    pub fn last_frontiers(&self, partitions: &[TopicPartition]) -> Vec<(TopicPartition, Offset)> {
        let unsaid = |partition: &TopicPartition| {
            let page = self.pages.get(partition)?;
            let frontier = page.ledger.frontier();
            (frontier > page.committed).then(|| (partition.clone(), frontier))
        };
        partitions.iter().filter_map(unsaid).collect()
    }

    /// Notes that a commit was accepted. One that was never asked for under this assignment belongs to an earlier one,
    /// and says nothing of this one.
    pub fn committed(&mut self, frontiers: &[(TopicPartition, Offset)]) {
        for (partition, offset) in frontiers {
            if let Some(page) = self.pages.get_mut(partition)
                && *offset <= page.requested
            {
                page.committed = page.committed.max(*offset);
            }
        }
    }

    /// Notes that a commit failed: its frontiers are to be asked for again.
    pub fn commit_failed(&mut self, frontiers: &[(TopicPartition, Offset)]) {
        for (partition, _) in frontiers {
            if let Some(page) = self.pages.get_mut(partition) {
                page.requested = page.committed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OffsetBook;
    use crate::domain::{Offset, TopicPartition};
    use crate::offsets::LedgerError;

    fn partition() -> TopicPartition {
        TopicPartition::new("soc.alerts", 0)
    }

    #[test]
    fn a_claim_of_an_earlier_assignment_never_moves_the_frontier() {
        let mut book = OffsetBook::default();
        book.assign(partition(), Offset(0));
        let stale = book.track(&partition(), Offset(0)).unwrap();
        assert_eq!(book.forget(&partition()), 1);
        assert_eq!(book.settle(&stale), Err(LedgerError::Fenced), "not ours at all");

        book.assign(partition(), Offset(0));
        let fresh = book.track(&partition(), Offset(0)).unwrap();
        assert_eq!(book.settle(&stale), Err(LedgerError::Fenced), "ours again, but another assignment");
        assert_eq!(book.frontier(&partition()), Some(Offset(0)));
        assert_eq!(book.settle(&fresh), Ok(()));
        assert_eq!(book.frontier(&partition()), Some(Offset(1)));
    }

    #[test]
    fn a_frontier_is_asked_for_once_and_again_after_a_failed_commit() {
        let mut book = OffsetBook::default();
        book.assign(partition(), Offset(5));
        assert_eq!(book.take_frontiers(), vec![], "where reading began is committed already");
        let claim = book.track(&partition(), Offset(5)).unwrap();
        book.settle(&claim).unwrap();
        let frontiers = vec![(partition(), Offset(6))];
        assert_eq!(book.take_frontiers(), frontiers);
        assert_eq!(book.take_frontiers(), vec![]);
        assert_eq!(book.last_frontiers(&[partition()]), frontiers, "not known to have landed");
        book.commit_failed(&frontiers);
        assert_eq!(book.take_frontiers(), frontiers);
        book.committed(&frontiers);
        assert_eq!(book.last_frontiers(&[partition()]), vec![]);
    }

    #[test]
    fn the_late_answer_of_an_earlier_assignment_holds_no_commit_back() {
        let mut book = OffsetBook::default();
        book.assign(partition(), Offset(0));
        let claim = book.track(&partition(), Offset(2)).unwrap();
        book.settle(&claim).unwrap();
        book.committed(&[(partition(), Offset(50))]);
        let frontiers = vec![(partition(), Offset(3))];
        assert_eq!(book.last_frontiers(&[partition()]), frontiers, "the topic was made anew: 50 is of the old one");
        book.commit_failed(&frontiers);
        assert_eq!(book.take_frontiers(), frontiers);
    }

    #[test]
    fn records_of_a_partition_that_is_not_ours_are_refused() {
        let mut book = OffsetBook::default();
        assert_eq!(book.track(&partition(), Offset(0)), Err(LedgerError::Fenced));
    }
}
