//! All assigned partitions: hands out claims, takes them back, and says what is to be committed.

use std::collections::HashMap;
use std::ops::Range;

use super::{AttemptMarks, Claim, CommitMetadata, CompletedOffsets, Epoch, LedgerError, PartitionLedger};
use crate::domain::{Offset, TopicPartition};

/// What is to be committed of a partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frontier {
    /// The partition.
    pub partition: TopicPartition,
    /// The next offset to read.
    pub offset: Offset,
    /// What has settled above it.
    pub completed: CompletedOffsets,
    /// No attempt was made at or above this offset; `None` where marks are not kept. See [`AttemptMarks`].
    pub mark: Option<Offset>,
    /// The assignment that it belongs to.
    pub epoch: Epoch,
}

impl Frontier {
    /// What the commit says besides its offset.
    #[must_use]
    pub fn metadata(&self) -> CommitMetadata {
        CommitMetadata { completed: self.completed.clone(), mark: self.mark }
    }
}

#[derive(Debug)]
struct Page {
    ledger: PartitionLedger,
    /// How far attempts may have gone, where that is kept.
    marks: Option<AttemptMarks>,
    /// Whether anything has settled that no commit was asked for.
    is_unasked: bool,
    /// How many commits were asked for and not answered.
    unanswered: u32,
}

/// The ledgers of all partitions that are ours now. Results of an earlier assignment are refused.
#[derive(Debug, Default)]
pub struct OffsetBook {
    pages: HashMap<TopicPartition, Page>,
    last_epoch: u64,
}

impl OffsetBook {
    /// Opens a partition's ledger for a new assignment, at the first offset that will be read. The source has committed
    /// that offset or found it committed; `completed` is what an earlier assignment had settled above it.
    pub fn assign(&mut self, partition: TopicPartition, start: Offset, completed: CompletedOffsets) {
        self.last_epoch += 1;
        let epoch = Epoch(self.last_epoch);
        let ledger = PartitionLedger::new(epoch, start, completed);
        let page = Page { ledger, marks: None, is_unasked: false, unanswered: 0 };
        drop(self.pages.insert(partition, page));
    }

    /// From now on attempts of this partition leave below an acknowledged mark only. `mark` was found with the start,
    /// `end` is the partition's end at the assignment. Says below which offset deliveries may have been attempted before.
    pub fn keep_marks(&mut self, partition: &TopicPartition, mark: Option<Offset>, end: Offset) -> Option<Offset> {
        let page = self.pages.get_mut(partition)?;
        let start = page.ledger.frontier();
        let marks = page.marks.insert(AttemptMarks::new(start, mark, end));
        Some(marks.suspects()).filter(|suspects| *suspects > start)
    }

    /// The marks of a partition; none where they are not kept.
    pub fn marks(&mut self, partition: &TopicPartition) -> Option<&mut AttemptMarks> {
        self.pages.get_mut(partition)?.marks.as_mut()
    }

    /// Whether an attempt waits for a mark that no commit under way brings.
    #[must_use]
    pub fn wants_marks(&self) -> bool {
        self.pages.values().any(|page| page.marks.as_ref().is_some_and(AttemptMarks::wants_commit))
    }

    /// Closes a partition: its claims are worth nothing from now on.
    pub fn forget(&mut self, partition: &TopicPartition) {
        drop(self.pages.remove(partition));
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

    /// Tracks a record and gives the claim to settle it with; none if it has settled in an earlier assignment.
    ///
    /// # Errors
    /// [`LedgerError::Fenced`] if the partition is not ours, [`LedgerError::AlreadyRead`] if it was given before,
    /// [`LedgerError::NoRoom`] if it has to wait.
    pub fn track(&mut self, partition: &TopicPartition, offset: Offset) -> Result<Option<Claim>, LedgerError> {
        let page = self.pages.get_mut(partition).ok_or(LedgerError::Fenced)?;
        let before = page.ledger.frontier();
        let is_open = page.ledger.track(offset)?;
        page.is_unasked |= page.ledger.frontier() > before;
        Ok(is_open.then(|| Claim { partition: partition.clone(), offset, epoch: page.ledger.epoch() }))
    }

    /// Whether a partition's settled offsets would fit into a commit with a good deal more in between; true of one that is
    /// not ours.
    #[must_use]
    pub fn is_roomy(&self, partition: &TopicPartition) -> bool {
        self.pages.get(partition).is_none_or(|page| page.ledger.is_roomy())
    }

    /// Settles a record.
    ///
    /// # Errors
    /// [`LedgerError::Fenced`] if the claim belongs to an earlier assignment: nothing of it may be committed.
    pub fn settle(&mut self, claim: &Claim) -> Result<(), LedgerError> {
        match self.pages.get_mut(&claim.partition) {
            Some(page) if page.ledger.epoch() == claim.epoch => {
                let _moved = page.ledger.settle(claim.offset)?;
                page.is_unasked = true;
                if let Some(marks) = &mut page.marks {
                    marks.settle(claim.offset);
                }
                Ok(())
            }
            _ => Err(LedgerError::Fenced),
        }
    }

    /// Passes the gap below a read position.
    pub fn advance_to(&mut self, partition: &TopicPartition, position: Offset) {
        if let Some(page) = self.pages.get_mut(partition) {
            let before = page.ledger.frontier();
            page.ledger.advance_to(position);
            page.is_unasked |= page.ledger.frontier() > before;
        }
    }

    /// Passes what is gone below a position; it counts as settled. See [`PartitionLedger::pass_gone`].
    pub fn pass_gone(&mut self, partition: &TopicPartition, position: Offset) {
        if let Some(page) = self.pages.get_mut(partition) {
            page.is_unasked |= position > page.ledger.position();
            page.ledger.pass_gone(position);
        }
    }

    /// How many offsets of a range an earlier assignment had settled.
    #[must_use]
    pub fn settled_before(&self, partition: &TopicPartition, within: Range<Offset>) -> u64 {
        self.pages.get(partition).map_or(0, |page| page.ledger.settled_before(within))
    }

    /// A partition's frontier.
    #[must_use]
    pub fn frontier(&self, partition: &TopicPartition) -> Option<Offset> {
        self.pages.get(partition).map(|page| page.ledger.frontier())
    }

    /// The frontiers of partitions of which something has settled since they were last asked to be committed, or whose
    /// mark is too high by now; they count as asked for from now on.
    pub fn take_frontiers(&mut self) -> Vec<Frontier> {
        self.take(true, |page| page.is_unasked || page.is_loose())
    }

    /// The frontiers of partitions that wait for a higher mark.
    pub fn take_wanted(&mut self) -> Vec<Frontier> {
        self.take(false, |page| page.marks.as_ref().is_some_and(AttemptMarks::wants_commit))
    }

    fn take(&mut self, is_scheduled: bool, concerns: impl Fn(&Page) -> bool) -> Vec<Frontier> {
        let mut news: Vec<Frontier> = Vec::new();
        for (partition, page) in &mut self.pages {
            if concerns(page) {
                page.is_unasked = false;
                page.unanswered = page.unanswered.saturating_add(1);
                let (frontier, position) = (page.ledger.frontier(), page.ledger.position());
                let mark = page.marks.as_mut().map(|marks| marks.ask(frontier, position, is_scheduled));
                news.push(Frontier { mark, ..page.frontier(partition) });
            }
        }
        news.sort_by(|a, b| a.partition.cmp(&b.partition));
        news
    }

    /// The frontiers of these partitions that are not known to be committed, for the commit before they go.
    #[must_use]
    pub fn last_frontiers(&self, partitions: &[TopicPartition]) -> Vec<Frontier> {
        let unsaid = |partition: &TopicPartition| {
            let page = self.pages.get(partition)?;
            (page.is_unasked || page.unanswered > 0 || page.promises_too_much()).then(|| page.frontier(partition))
        };
        partitions.iter().filter_map(unsaid).collect()
    }

    /// Notes that a commit was accepted.
    pub fn committed(&mut self, frontiers: &[Frontier]) {
        for frontier in frontiers {
            if let Some(marks) = self.answered(frontier).and_then(|page| page.marks.as_mut()) {
                marks.answered(true);
            }
        }
    }

    /// Notes that a commit failed: its frontiers are to be asked for again.
    pub fn commit_failed(&mut self, frontiers: &[Frontier]) {
        for frontier in frontiers {
            if let Some(page) = self.answered(frontier) {
                page.is_unasked = true;
                if let Some(marks) = &mut page.marks {
                    marks.answered(false);
                }
            }
        }
    }

    /// The page that a commit was asked for, unless the partition has been assigned anew since.
    fn answered(&mut self, frontier: &Frontier) -> Option<&mut Page> {
        let page = self.pages.get_mut(&frontier.partition).filter(|page| page.ledger.epoch() == frontier.epoch)?;
        page.unanswered = page.unanswered.saturating_sub(1);
        Some(page)
    }
}

impl Page {
    fn frontier(&self, partition: &TopicPartition) -> Frontier {
        let (offset, completed) = (self.ledger.frontier(), self.ledger.completed());
        let mark = self.marks.as_ref().map(|marks| marks.exact(offset, self.ledger.position()));
        Frontier { partition: partition.clone(), offset, completed, mark, epoch: self.ledger.epoch() }
    }

    /// Whether a mark that was committed is higher than it has to be.
    fn promises_too_much(&self) -> bool {
        let (frontier, position) = (self.ledger.frontier(), self.ledger.position());
        self.marks.as_ref().is_some_and(|marks| marks.is_above_exact(frontier, position))
    }

    fn is_loose(&self) -> bool {
        let is_loose = |marks: &AttemptMarks| marks.is_loose(self.ledger.frontier(), self.ledger.position());
        self.marks.as_ref().is_some_and(is_loose)
    }
}

#[cfg(test)]
mod tests {
    use super::{Frontier, OffsetBook};
    use crate::domain::{Offset, TopicPartition};
    use crate::offsets::{Claim, CompletedOffsets, LedgerError};

    fn partition() -> TopicPartition {
        TopicPartition::new("soc.alerts", 0)
    }

    fn book(start: i64) -> OffsetBook {
        let mut book = OffsetBook::default();
        book.assign(partition(), Offset(start), CompletedOffsets::default());
        book
    }

    fn track(book: &mut OffsetBook, offset: i64) -> Claim {
        book.track(&partition(), Offset(offset)).unwrap().unwrap()
    }

    fn offsets(frontiers: &[Frontier]) -> Vec<i64> {
        frontiers.iter().map(|frontier| frontier.offset.0).collect()
    }

    #[test]
    fn a_claim_of_an_earlier_assignment_never_moves_the_frontier() {
        let mut book = book(0);
        let stale = track(&mut book, 0);
        book.forget(&partition());
        assert_eq!(book.settle(&stale), Err(LedgerError::Fenced), "not ours at all");

        book.assign(partition(), Offset(0), CompletedOffsets::default());
        let fresh = track(&mut book, 0);
        assert_eq!(book.settle(&stale), Err(LedgerError::Fenced), "ours again, but another assignment");
        assert_eq!(book.frontier(&partition()), Some(Offset(0)));
        assert_eq!(book.settle(&fresh), Ok(()));
        assert_eq!(book.frontier(&partition()), Some(Offset(1)));
    }

    #[test]
    fn a_frontier_is_asked_for_once_and_again_after_a_failed_commit() {
        let mut book = book(5);
        assert_eq!(book.take_frontiers(), vec![], "where reading began is committed already");
        let claim = track(&mut book, 5);
        book.settle(&claim).unwrap();
        let frontiers = book.take_frontiers();
        assert_eq!(offsets(&frontiers), [6]);
        assert_eq!(book.take_frontiers(), vec![]);
        assert_eq!(book.last_frontiers(&[partition()]), frontiers, "not known to have landed");
        book.commit_failed(&frontiers);
        assert_eq!(book.take_frontiers(), frontiers);
        book.committed(&frontiers);
        assert_eq!(book.last_frontiers(&[partition()]), vec![]);
    }

    #[test]
    fn the_answer_to_an_old_assignments_commit_says_nothing_of_the_new_one() {
        let mut book = book(0);
        let claim = track(&mut book, 0);
        book.settle(&claim).unwrap();
        let old = book.take_frontiers();
        book.assign(partition(), Offset(0), CompletedOffsets::default());
        let claim = track(&mut book, 0);
        book.settle(&claim).unwrap();
        let asked = book.take_frontiers();
        book.committed(&old);
        assert_eq!(book.last_frontiers(&[partition()]), asked, "still unanswered");
    }

    #[test]
    fn what_settles_above_the_frontier_is_said_and_not_open_in_the_next_assignment() {
        let mut book = book(0);
        let claims: Vec<Claim> = (0..4).map(|offset| track(&mut book, offset)).collect();
        book.settle(&claims[2]).unwrap();
        let frontiers = book.take_frontiers();
        assert_eq!(offsets(&frontiers), [0]);
        let completed = CompletedOffsets::from_sorted([Offset(2)]);
        assert_eq!(frontiers[0].completed, completed);

        book.assign(partition(), Offset(0), completed);
        assert!(book.track(&partition(), Offset(0)).unwrap().is_some());
        assert!(book.track(&partition(), Offset(1)).unwrap().is_some());
        assert_eq!(book.track(&partition(), Offset(2)), Ok(None));
    }

    #[test]
    fn records_of_a_partition_that_is_not_ours_are_refused() {
        assert_eq!(OffsetBook::default().track(&partition(), Offset(0)), Err(LedgerError::Fenced));
    }
}
