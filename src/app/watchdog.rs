//! Ends the process from inside when a loop does not come round: a plain thread, since what is stuck may be the runtime.
//!
//! It counts its own looks, not the clock: a process that was stopped or a machine that slept is not taken for stuck.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::telemetry::{Heart, Telemetry};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// The pipeline's loop comes round each second at least. Twice what `/livez` allows.
pub(super) const PIPELINE_LOOKS: u32 = 120;

/// The Kafka thread makes calls that are bounded by seconds each, but one for each partition. Twice the time after which
/// Kafka itself takes a member for dead that does not poll.
pub(super) const KAFKA_LOOKS: u32 = 600;

/// What may hold up the line that says why: a standard output that nobody reads may be what is stuck.
const LINE: Duration = Duration::from_secs(2);

/// A loop that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    name: &'static str,
    heart: Heart,
    /// After so many looks without a beat it is stuck.
    patience: u32,
    seen: u64,
    looks: u32,
}

impl Watched {
    pub(super) fn new(name: &'static str, heart: Heart, patience: u32) -> Self {
        Self { name, seen: heart.beats(), heart, patience, looks: 0 }
    }

    /// Says whether it is stuck.
    fn look(&mut self) -> bool {
        let beats = self.heart.beats();
        self.looks = if beats == self.seen { self.looks.saturating_add(1) } else { 0 };
        self.seen = beats;
        self.looks > self.patience
    }
}

/// Watches until the process ends.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn start(watched: Vec<Watched>, telemetry: Telemetry) -> std::io::Result<()> {
    let watch = move || {
        let stuck = watch(watched, LOOK);
        say(telemetry, stuck);
        // Nothing is drained: what is stuck would hold that up, too. What was in flight comes again.
        std::process::exit(1);
    };
    thread::Builder::new().name("watchdog".to_owned()).spawn(watch).map(drop)
}

/// Looks until something is stuck; says what.
#[expect(clippy::disallowed_methods, reason = "a thread of its own, on which nothing else waits")]
fn watch(mut watched: Vec<Watched>, look: Duration) -> &'static str {
    loop {
        thread::sleep(look);
        if let Some(stuck) = watched.iter_mut().find_map(|watched| watched.look().then_some(watched.name)) {
            return stuck;
        }
    }
}

fn say(telemetry: Telemetry, stuck: &'static str) {
    let (written, is_written) = channel::<()>();
    let line = move || {
        telemetry.stalled(&format!("{stuck} does not come round"));
        drop(written);
    };
    if let Ok(_detached) = thread::Builder::new().spawn(line) {
        // Nothing is ever sent: the end of the line drops the sender.
        let _written = is_written.recv_timeout(LINE);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Heart, Watched, watch};

    #[test]
    fn a_loop_that_beats_between_two_looks_is_alive_and_one_that_rests_for_too_long_is_stuck() {
        let heart = Heart::default();
        let mut watched = Watched::new("the loop", heart.clone(), 3);
        for _ in 0..10 {
            assert!(!watched.look() && !watched.look() && !watched.look());
            heart.beat();
        }
        assert!(!watched.look() && !watched.look() && !watched.look() && !watched.look());
        assert!(watched.look());
    }

    #[test]
    fn the_one_that_is_stuck_is_named() {
        let (dead, alive) = (Heart::default(), Heart::default());
        let watched = vec![Watched::new("alive", alive, u32::MAX), Watched::new("dead", dead, 2)];
        assert_eq!(watch(watched, Duration::from_millis(1)), "dead");
    }
}
