//! What ends the worker's wait: records, commands, answers from other threads, and room for records. Without it each of
//! these would wait for the end of a poll.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One bell that many ring and one hears. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Wake(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Wake {
    /// Ends the wait that is going on, or else the next one.
    pub(super) fn ring(&self) {
        let mut rung = self.rung();
        if !std::mem::replace(&mut *rung, true) {
            self.0.heard.notify_one();
        }
    }

    /// Waits until it is rung, at most for `bound`. What rang before has been heard then: look at everything afterwards.
    pub(super) fn wait(&self, bound: Duration) {
        let waited = self.0.heard.wait_timeout_while(self.rung(), bound, |rung| !*rung);
        let (mut rung, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }

    fn rung(&self) -> MutexGuard<'_, bool> {
        // Nobody can panic while holding it, and a flag has no broken state.
        self.0.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::Wake;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_ring_ends_the_wait_that_is_going_on_or_else_the_next_one() {
        let wake = Wake::default();
        wake.ring();
        wake.ring();
        wake.wait(LONG);
        let ringer = wake.clone();
        let other = thread::spawn(move || ringer.ring());
        wake.wait(LONG);
        other.join().unwrap();
    }

    #[test]
    fn what_was_heard_does_not_end_another_wait() {
        let wake = Wake::default();
        wake.ring();
        wake.wait(LONG);
        wake.wait(Duration::ZERO);
        assert!(!*wake.rung(), "nothing rings by itself");
    }
}
