//! What of the dead letters a redrive writes: each thing once, and nothing in a loop.

use std::collections::HashSet;

use uuid::Uuid;

use super::Letter;
use crate::domain::{Record, RedriveMark};

/// The operator's choices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Policy {
    /// A letter that has been redriven so often is not redriven again.
    pub max_redrives: u32,
    /// Leave out the workflow of the marks, so that what the routes choose now runs.
    pub any_workflow: bool,
    /// As many letters at most; the rest is left for the next time.
    pub limit: Option<u64>,
}

/// What becomes of a letter that the filter admits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is written, under this mark.
    Redrive(RedriveMark),
    /// An earlier run of the same redrive has passed it.
    Passed,
    /// A crash has made it twice of one failure, or it stands on the redrive topic already.
    Repeated,
    /// It has been redriven as often as is allowed.
    TooOften,
    /// Its value had to be left out when it was written.
    WithoutValue,
    /// The limit of this run is reached.
    LeftOver,
}

/// Decides letter by letter, in the order in which they are read.
#[derive(Debug)]
pub struct Planner {
    policy: Policy,
    seen: HashSet<Uuid>,
    chosen: u64,
}

impl Planner {
    /// Begins with nothing seen.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, seen: HashSet::new(), chosen: 0 }
    }

    /// Notes a record that stands on the redrive topic: what it asks for is not asked for again.
    pub fn stands(&mut self, redriven: &Record) {
        if let Some(mark) = RedriveMark::read(redriven) {
            let _new = self.seen.insert(mark.identity());
        }
    }

    /// Decides on a letter; `passed`: it stands below what an earlier run has dealt with.
    pub fn decide(&mut self, letter: &Letter, passed: bool) -> Verdict {
        let mark = letter.mark(self.policy.any_workflow);
        if passed {
            let _new = self.seen.insert(mark.identity());
            return Verdict::Passed;
        }
        if letter.is_stub() {
            return Verdict::WithoutValue;
        }
        if letter.redrive_count() >= self.policy.max_redrives {
            return Verdict::TooOften;
        }
        if self.policy.limit.is_some_and(|limit| self.chosen >= limit) {
            return Verdict::LeftOver;
        }
        if !self.seen.insert(mark.identity()) {
            return Verdict::Repeated;
        }
        self.chosen += 1;
        Verdict::Redrive(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeadLetter, Shape};
    use crate::letters::testing;

    const POLICY: Policy = Policy { max_redrives: 3, any_workflow: false, limit: None };

    fn letter(written: &DeadLetter, at: i64) -> Letter {
        Letter::read(testing::on_topic(written, at, Shape::Full)).unwrap()
    }

    #[test]
    fn each_failure_is_redriven_once_however_often_it_was_written() {
        let mut planner = Planner::new(POLICY);
        let written = testing::dead_letter(1);
        assert!(matches!(planner.decide(&letter(&written, 0), false), Verdict::Redrive(_)));
        assert_eq!(planner.decide(&letter(&written, 1), false), Verdict::Repeated);
        assert!(matches!(planner.decide(&letter(&testing::dead_letter(2), 2), false), Verdict::Redrive(_)));
    }

    #[test]
    fn what_stands_on_the_redrive_topic_is_not_written_again_and_what_has_failed_since_is() {
        let mut planner = Planner::new(POLICY);
        let mut written = testing::dead_letter(1);
        let first = letter(&written, 0);
        planner.stands(&Record { headers: first.mark(false).headers(), ..first.record.clone() });
        assert_eq!(planner.decide(&first, false), Verdict::Repeated);
        written.redrive_count = 1;
        let Verdict::Redrive(mark) = planner.decide(&letter(&written, 1), false) else { panic!("it failed again") };
        assert_eq!(mark.count, 2);
    }

    #[test]
    fn the_loop_guard_holds_what_has_been_redriven_too_often() {
        let mut planner = Planner::new(POLICY);
        let mut written = testing::dead_letter(1);
        written.redrive_count = 3;
        assert_eq!(planner.decide(&letter(&written, 0), false), Verdict::TooOften);
        let mut forced = Planner::new(Policy { max_redrives: u32::MAX, ..POLICY });
        assert!(matches!(forced.decide(&letter(&written, 0), false), Verdict::Redrive(_)));
    }

    #[test]
    fn what_an_earlier_run_passed_is_not_chosen_nor_are_its_repeats() {
        let mut planner = Planner::new(POLICY);
        let written = testing::dead_letter(1);
        assert_eq!(planner.decide(&letter(&written, 0), true), Verdict::Passed);
        assert_eq!(planner.decide(&letter(&written, 1), false), Verdict::Repeated);
    }

    #[test]
    fn a_letter_without_its_value_and_what_is_beyond_the_limit_stay() {
        let mut planner = Planner::new(Policy { limit: Some(1), ..POLICY });
        let stub = Letter::read(testing::on_topic(&testing::dead_letter(1), 0, Shape::Stub)).unwrap();
        assert_eq!(planner.decide(&stub, false), Verdict::WithoutValue);
        assert!(matches!(planner.decide(&letter(&testing::dead_letter(2), 1), false), Verdict::Redrive(_)));
        assert_eq!(planner.decide(&letter(&testing::dead_letter(3), 2), false), Verdict::LeftOver);
    }
}
