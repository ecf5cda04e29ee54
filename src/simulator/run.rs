//! How a workflow instance goes on: it runs for a while, finishes or fails, and may be retried or terminated.
//!
//! Nothing moves by itself: a state is what the clock makes of the times that were set when it began.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Refusal;
use super::faults::FailingRuns;

/// The code for what an instance's state does not allow. Invented here: what the service answers is not known.
const WRONG_STATE: &str = "SecMaster.20048996";

/// How long an end takes, once it is asked for.
const TERMINATING: Duration = Duration::from_millis(20);

/// One run of an instance, the last.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Run {
    #[serde(with = "millis")]
    pub(super) began: Timestamp,
    /// When it is over; the end of time: never.
    #[serde(with = "millis")]
    pub(super) ends: Timestamp,
    fails: bool,
    /// How often it was begun again.
    pub(super) retries: u64,
    is_terminated: bool,
    /// The playbook that set it off.
    pub(super) playbook_id: Option<String>,
}

/// How the runs that begin now go.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    /// How long; none: for ever.
    pub(super) lasts: Option<Duration>,
    /// How many runs of an instance fail before one does not.
    pub(super) failures: u64,
}

/// Which runs go how.
#[derive(Clone, Debug, Default)]
pub(super) struct Courses {
    pub(super) lasts: Option<Duration>,
    pub(super) failing: Option<FailingRuns>,
}

impl Courses {
    /// How a run on this content goes.
    pub(super) fn of(&self, content: &Value) -> Course {
        let title = content.get("title").and_then(Value::as_str).unwrap_or_default();
        let failing = self.failing.as_ref().filter(|failing| title.contains(&failing.title_contains));
        Course { lasts: self.lasts, failures: failing.map_or(0, |failing| failing.times.unwrap_or(u64::MAX)) }
    }
}

impl Run {
    pub(super) fn begin(course: Course, now: Timestamp) -> Self {
        let fails = course.failures > 0;
        let ends = course.lasts.and_then(|lasts| now.checked_add(lasts).ok()).unwrap_or(Timestamp::MAX);
        Self { began: now, ends, fails, ..Self::default() }
    }

    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match (self.has_ended(now), self.is_terminated) {
            (true, true) => "TERMINATED",
            (false, true) => "TERMINATING",
            (true, false) if self.fails => "FAILED",
            (true, false) => "FINISHED",
            (false, false) if self.retries > 0 => "RETRYING",
            (false, false) => "RUNNING",
        }
    }

    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        self.ends <= now
    }

    /// Whether it may be begun again: what failed or was terminated may.
    pub(super) fn judge_retry(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.status(now) {
            "FAILED" | "TERMINATED" => Ok(()),
            other => Err(Refusal::new(400, WRONG_STATE, format!("The instance cannot be retried: it is {other}."))),
        }
    }

    pub(super) fn retry(&mut self, course: Course, now: Timestamp) {
        let retries = self.retries + 1;
        let playbook_id = self.playbook_id.take();
        *self = Self { retries, playbook_id, fails: course.failures > retries, ..Self::begin(course, now) };
    }

    pub(super) fn terminate(&mut self, now: Timestamp) -> Result<(), Refusal> {
        match self.status(now) {
            "RUNNING" | "RETRYING" => {
                self.is_terminated = true;
                self.ends = now.checked_add(TERMINATING).unwrap_or(now);
                Ok(())
            }
            other => Err(Refusal::new(400, WRONG_STATE, format!("The instance cannot be terminated: it is {other}."))),
        }
    }
}

/// A time as the service writes it: local time, a literal `Z`, and the offset.
pub(super) fn service_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ+0000").to_string()
}

/// Times in the state file, in milliseconds since the epoch.
pub(super) mod millis {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        at.as_millisecond().serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        // The end of time in milliseconds is a little before it.
        Ok(Timestamp::from_millisecond(i64::deserialize(deserializer)?).unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Course, Run, service_time};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_run_fails_as_often_as_it_should_and_is_retried_once_it_has_ended() {
        let begin = Timestamp::UNIX_EPOCH;
        let course = Course { lasts: Some(SECOND), failures: 1 };
        let mut run = Run::begin(course, begin);
        assert_eq!((run.status(begin), run.status(begin + SECOND)), ("RUNNING", "FAILED"));
        assert!(run.judge_retry(begin).unwrap_err().message.contains("RUNNING"));
        run.judge_retry(begin + SECOND).unwrap();
        run.retry(course, begin + SECOND);
        assert_eq!((run.status(begin + SECOND), run.status(begin + 2 * SECOND)), ("RETRYING", "FINISHED"));
        assert_eq!(run.retries, 1);
        assert!(run.judge_retry(begin + 2 * SECOND).is_err(), "it has succeeded");
    }

    #[test]
    fn only_what_runs_is_terminated() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut run = Run::begin(Course::default(), begin);
        run.terminate(begin).unwrap();
        assert_eq!((run.status(begin), run.status(begin + SECOND)), ("TERMINATING", "TERMINATED"));
        assert!(run.terminate(begin + SECOND).unwrap_err().message.contains("TERMINATED"));
    }

    #[test]
    fn times_are_in_the_services_form() {
        assert_eq!(service_time(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z+0000");
    }
}
