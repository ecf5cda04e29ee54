//! Whether the process lives and is ready, as the probes ask it.
//!
//! Liveness says that the pipeline's loop comes round, not that anything is delivered: a target outage restarts
//! nobody. Readiness says that the group is joined and no shutdown has begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Beats each time that a loop comes round. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Heart(Arc<AtomicU64>);

impl Heart {
    /// The loop has come round.
    pub fn beat(&self) {
        let _before = self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has come round.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Shared between the loop that beats and the server that tells. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    start: Instant,
    heart: Heart,
    /// Milliseconds from `start` to the last beat.
    last_beat: AtomicU64,
    ready: AtomicBool,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Alive as of now, not ready.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            start: Instant::now(),
            heart: Heart::default(),
            last_beat: AtomicU64::new(0),
            ready: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The loop has come round.
    pub fn beat(&self) {
        self.inner.heart.beat();
        let since = Instant::now().saturating_duration_since(self.inner.start);
        self.inner.last_beat.store(u64::try_from(since.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The same beats, for who watches them without a clock.
    #[must_use]
    pub fn heart(&self) -> Heart {
        self.inner.heart.clone()
    }

    /// Whether the loop has come round within `limit` before `now`.
    #[must_use]
    pub fn is_live(&self, now: Instant, limit: Duration) -> bool {
        let last = Duration::from_millis(self.inner.last_beat.load(Ordering::Relaxed));
        now.saturating_duration_since(self.inner.start).saturating_sub(last) <= limit
    }

    /// Says whether the process takes part: group joined, not shutting down.
    pub fn set_ready(&self, ready: bool) {
        self.inner.ready.store(ready, Ordering::Relaxed);
    }

    /// Whether the process takes part.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.inner.ready.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::Health;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_stands_still_is_dead_after_the_limit_and_alive_after_the_next_beat() {
        let health = Health::new();
        advance(Duration::from_secs(30)).await;
        assert!(health.is_live(Instant::now(), LIMIT), "a process that starts has the limit, too");
        advance(Duration::from_secs(1)).await;
        assert!(!health.is_live(Instant::now(), LIMIT));
        health.beat();
        assert!(health.is_live(Instant::now(), LIMIT));
    }

    #[tokio::test]
    async fn a_process_is_not_ready_until_it_is_said() {
        let health = Health::new();
        let loops = health.clone();
        assert!(!health.is_ready());
        loops.set_ready(true);
        assert!(health.is_ready());
    }
}
