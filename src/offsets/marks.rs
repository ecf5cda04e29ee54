//! How far attempts may have gone, written ahead: an attempt leaves only below a mark that the broker has acknowledged,
//! so that whoever comes after a crash knows which deliveries may have been started (promise 3, in its cheaper half).
//!
//! A mark belongs to one commit. It lies above every offset whose outcome was unknown when the commit was asked for, and
//! above those that may leave until the next one is acknowledged. What had settled by then is in the same commit's
//! completed offsets, so it need not be covered.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::Offset;

/// The least room above the highest attempt: it costs a crash this many look-ups, and a quiet partition no waiting.
const LEAST_MARGIN: i64 = 32;

/// The margin in intervals of the schedule: attempts go on at their pace while commits cannot land for about ten seconds,
/// as when the coordinator's broker has died (`broker.session.timeout.ms` is 9 s by default).
const INTERVALS: i64 = 10;

/// The most: a Fatal far above the frontier moves the highest attempt by thousands, once.
const MOST_MARGIN: i64 = 4_096;

/// The marks of one partition under one assignment.
#[derive(Debug)]
pub struct AttemptMarks {
    /// The mark of the commit that was acknowledged last; after a failed one, the lower of both.
    durable: Offset,
    /// The marks of the commits that were asked for and not answered, in their order. Any of them may land.
    asked: VecDeque<Offset>,
    /// Below this an earlier assignment may have attempted what was not completed.
    suspects: Offset,
    /// Offsets with attempts that may have started something, and how many of these.
    doubtful: BTreeMap<Offset, u32>,
    /// Whether anything was attempted, allowed or not, since the last commit of the schedule.
    is_active: bool,
    /// The highest attempt, allowed or not, since the last interval without any. While attempts go on it does not fall:
    /// those of the worst alerts leap ahead, others follow far below, and the next leap shall not wait.
    highest: Option<Offset>,
    /// The same at the last commit of the schedule.
    before: Offset,
    /// The room above the highest attempt, in records: as far as it moves, and slowly less where it rests.
    margin: i64,
    /// The highest attempt that waits for its mark.
    wanted: Option<Offset>,
}

impl AttemptMarks {
    /// Begins where the assignment begins, with the mark that was found there; `end` is the partition's end at the
    /// assignment: what is written later was not attempted before.
    #[must_use]
    pub fn new(start: Offset, mark: Option<Offset>, end: Offset) -> Self {
        let durable = mark.unwrap_or(start);
        Self {
            durable,
            asked: VecDeque::new(),
            suspects: durable.min(end).max(start),
            doubtful: BTreeMap::new(),
            is_active: false,
            highest: None,
            before: start,
            margin: LEAST_MARGIN,
            wanted: None,
        }
    }

    /// Below this an earlier assignment may have attempted what was not completed.
    #[must_use]
    pub fn suspects(&self) -> Offset {
        self.suspects
    }

    /// Whether an attempt for this offset may leave now. If not, it waits for a commit with a higher mark.
    pub fn admits(&mut self, offset: Offset) -> bool {
        self.is_active = true;
        self.highest = self.highest.max(Some(offset));
        let admitted = offset < self.durable && self.asked.iter().all(|mark| offset < *mark);
        if !admitted {
            self.wanted = self.wanted.max(Some(offset));
        }
        admitted
    }

    /// An attempt whose outcome is not known yet. It counts until it is known to have started nothing, or the record
    /// has settled.
    pub fn doubt(&mut self, offset: Offset) {
        *self.doubtful.entry(offset).or_default() += 1;
    }

    /// Such an attempt has started nothing.
    pub fn clear(&mut self, offset: Offset) {
        if let Some(count) = self.doubtful.get_mut(&offset) {
            *count -= 1;
            if *count == 0 {
                let _none = self.doubtful.remove(&offset);
            }
        }
    }

    /// The record has settled.
    pub fn settle(&mut self, offset: Offset) {
        let _doubts = self.doubtful.remove(&offset);
    }

    /// Whether an attempt waits for a mark that no commit under way brings.
    #[must_use]
    pub fn wants_commit(&self) -> bool {
        self.wanted.is_some_and(|offset| offset >= self.latest())
    }

    /// Whether the mark promises more than is needed by now: nothing has left for a whole interval. `position` is the
    /// next offset to be read.
    #[must_use]
    pub fn is_loose(&self, frontier: Offset, position: Offset) -> bool {
        !self.is_active && self.wanted.is_none() && self.is_above_exact(frontier, position)
    }

    /// Whether the mark that was asked for last promises more than is needed now.
    #[must_use]
    pub fn is_above_exact(&self, frontier: Offset, position: Offset) -> bool {
        self.latest().max(frontier) > self.exact(frontier, position)
    }

    /// The mark with nothing to spare: above the highest offset with a doubt. At or below the frontier: there is none.
    #[must_use]
    pub fn exact(&self, frontier: Offset, position: Offset) -> Offset {
        let doubted = self.doubtful.last_key_value().map_or(frontier, |(offset, _)| offset.next());
        // Of what has not been read yet, nobody has looked anything up.
        let unread = if position < self.suspects { self.suspects } else { frontier };
        frontier.max(doubted).max(unread)
    }

    /// The mark for a commit that is asked for now; `is_scheduled`: not because an attempt waits.
    pub fn ask(&mut self, frontier: Offset, position: Offset, is_scheduled: bool) -> Offset {
        if is_scheduled && !std::mem::take(&mut self.is_active) && self.wanted.is_none() {
            self.highest = None;
        }
        let mut mark = self.exact(frontier, position);
        if let Some(highest) = self.highest {
            let moved = highest.0.saturating_sub(self.before.0).max(0);
            self.margin = self.margin.max(moved.saturating_mul(INTERVALS)).clamp(LEAST_MARGIN, MOST_MARGIN);
            mark = mark.max(Offset(highest.0.saturating_add(1).saturating_add(self.margin)));
            if is_scheduled {
                self.before = highest;
                self.margin -= self.margin / 4;
            }
        }
        self.asked.push_back(mark);
        mark
    }

    /// The oldest commit without an answer was acknowledged, or has failed: then it may have landed all the same.
    pub fn answered(&mut self, is_acknowledged: bool) {
        let Some(mark) = self.asked.pop_front() else { return };
        self.durable = if is_acknowledged { mark } else { self.durable.min(mark) };
        let durable = self.durable;
        self.wanted = self.wanted.filter(|offset| *offset >= durable);
    }

    fn latest(&self) -> Offset {
        self.asked.back().copied().unwrap_or(self.durable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::AttemptMarks;
    use crate::domain::Offset;

    const START: Offset = Offset(0);

    fn marks() -> AttemptMarks {
        AttemptMarks::new(START, None, START)
    }

    fn commit(marks: &mut AttemptMarks) -> Offset {
        let mark = marks.ask(START, START, true);
        marks.answered(true);
        mark
    }

    #[test]
    fn an_attempt_waits_until_a_mark_above_it_is_acknowledged() {
        let mut marks = marks();
        assert!(!marks.wants_commit());
        assert!(!marks.admits(Offset(0)));
        assert!(marks.wants_commit());
        assert_eq!(marks.ask(START, START, false), Offset(33));
        assert!(!marks.wants_commit(), "it is under way");
        assert!(!marks.admits(Offset(0)));
        marks.answered(false);
        assert!(marks.wants_commit(), "it has failed");
        assert!(!marks.admits(Offset(0)));
        let _again = marks.ask(START, START, false);
        marks.answered(true);
        assert!(marks.admits(Offset(32)) && !marks.admits(Offset(33)));
    }

    #[test]
    fn a_steady_flow_never_waits_once_it_has_begun() {
        let mut marks = marks();
        let mut waits = 0;
        for interval in 0..20_i64 {
            for offset in interval * 100..(interval + 1) * 100 {
                if !marks.admits(Offset(offset)) {
                    waits += 1;
                    let _mark = marks.ask(START, START, false);
                    marks.answered(true);
                    assert!(marks.admits(Offset(offset)));
                }
                marks.doubt(Offset(offset));
                marks.settle(Offset(offset));
            }
            let _mark = commit(&mut marks);
        }
        assert!(waits <= 3, "{waits}");
    }

    #[test]
    fn what_leaps_ahead_never_waits_once_it_has_begun_though_others_follow_far_below() {
        let mut marks = marks();
        let mut waits = 0;
        for interval in 0..40_i64 {
            // The worst alerts of what is read ahead in one interval, the rest of an older one in three.
            let leaps = interval % 4 == 0;
            let begin = if leaps { interval * 100 + 2_000 } else { interval * 100 };
            for offset in (begin..begin + 100).map(Offset) {
                if !marks.admits(offset) {
                    waits += 1;
                    let _mark = marks.ask(START, START, false);
                    marks.answered(true);
                    assert!(marks.admits(offset));
                }
            }
            let _mark = commit(&mut marks);
        }
        assert!(waits <= 2, "{waits}");
    }

    #[test]
    fn a_mark_is_exact_after_an_interval_without_attempts() {
        let mut marks = marks();
        assert!(!marks.admits(Offset(7)));
        let _mark = commit(&mut marks);
        assert!(marks.admits(Offset(7)));
        marks.doubt(Offset(7));
        let _mark = commit(&mut marks);
        assert!(marks.is_loose(START, START));
        assert_eq!(commit(&mut marks), Offset(8), "its outcome is unknown");
        assert!(!marks.is_loose(START, START));
        marks.clear(Offset(7));
        assert_eq!(marks.exact(START, START), START);
    }

    #[test]
    fn what_an_earlier_assignment_may_have_attempted_is_covered_until_it_is_read() {
        let marks = AttemptMarks::new(Offset(5), Some(Offset(50)), Offset(20));
        assert_eq!(marks.suspects(), Offset(20), "what is written later was not attempted");
        assert_eq!(marks.exact(Offset(5), Offset(10)), Offset(20));
        assert_eq!(marks.exact(Offset(5), Offset(20)), Offset(5));
        assert_eq!(AttemptMarks::new(Offset(5), None, Offset(20)).suspects(), Offset(5));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Attempt(i64),
        Clear(prop::sample::Index),
        Settle(prop::sample::Index),
        Ask(bool),
        Answer { lands: bool, is_told: bool },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0_i64..200).prop_map(Step::Attempt),
            1 => any::<prop::sample::Index>().prop_map(Step::Clear),
            3 => any::<prop::sample::Index>().prop_map(Step::Settle),
            3 => any::<bool>().prop_map(Step::Ask),
            3 => (any::<bool>(), any::<bool>()).prop_map(|(lands, told)| Step::Answer { lands, is_told: lands && told }),
        ]
    }

    proptest! {
        /// Whatever was attempted, asked, acknowledged or lost: at every moment, were the process to die in it, each
        /// offset that may have been started lies below the mark that landed, or is among what settled before it.
        #[test]
        fn what_may_have_been_started_is_covered_at_every_crash(steps in prop::collection::vec(step(), 1..200)) {
            let mut marks = marks();
            let mut open: Vec<Offset> = Vec::new();
            let mut settled: BTreeSet<Offset> = BTreeSet::new();
            let mut asked: Vec<(Offset, BTreeSet<Offset>)> = Vec::new();
            let mut landed = (START, BTreeSet::new());
            for step in steps {
                match step {
                    Step::Attempt(offset) => {
                        let offset = Offset(offset);
                        if !settled.contains(&offset) && !open.contains(&offset) && marks.admits(offset) {
                            marks.doubt(offset);
                            open.push(offset);
                        }
                    }
                    Step::Clear(which) if !open.is_empty() => marks.clear(open.swap_remove(which.index(open.len()))),
                    Step::Settle(which) if !open.is_empty() => {
                        let offset = open.swap_remove(which.index(open.len()));
                        marks.settle(offset);
                        settled.insert(offset);
                    }
                    Step::Ask(is_scheduled) => asked.push((marks.ask(START, START, is_scheduled), settled.clone())),
                    Step::Answer { lands, is_told } if !asked.is_empty() => {
                        let commit = asked.remove(0);
                        if lands {
                            landed = commit;
                        }
                        marks.answered(is_told);
                    }
                    Step::Clear(_) | Step::Settle(_) | Step::Answer { .. } => {}
                }
                // The oldest unanswered commits may have landed, too.
                for (mark, known) in asked.iter().chain([&landed]) {
                    for offset in open.iter().chain(&settled) {
                        prop_assert!(offset < mark || known.contains(offset), "{offset:?} is not below {mark:?}");
                    }
                }
            }
        }
    }
}
