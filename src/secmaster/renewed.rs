//! What is fetched, shared, and replaced before it expires: IAM's tokens and temporary access keys. A single flight.
//!
//! Callers that come while one is being fetched wait for that fetch and share its end, good or bad, and for a moment
//! after a failure nobody asks again: a wrong password is tried once, not once for each waiting request. For an early
//! replacement nobody waits: what is in hand goes on being used until that is there, or until it expires.
//!
//! A fetch is a task of its own, so that one that takes longer than its caller may wait still serves the next.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::response::failure;
use crate::domain::{FailureClass, FailureReason};
use crate::ports::ApiFailure;

/// After a failed early replacement, the time to the next try.
const REPLACE_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// After a failure with nothing in hand, callers share it for this long, twice as long each time, at most
/// [`MAX_SHARED_FOR`].
const SHARED_FOR: Duration = Duration::from_secs(1);
const MAX_SHARED_FOR: Duration = Duration::from_secs(8);

/// What a fetch gives.
#[derive(Clone, Debug)]
pub(super) struct Fresh<T> {
    pub(super) what: T,
    pub(super) lifetime: Duration,
    /// It is to be replaced when so much of its life is left; not before a third of its life is over, since who gives
    /// out the same one until it is about to expire would be asked at each request.
    pub(super) margin: Duration,
}

/// One of them on loan: to be put into a request, and given back by [`Renewed::refused`] if it is not accepted.
#[derive(Clone, Debug)]
pub(super) struct Lease<T> {
    pub(super) what: T,
    replace_at: Instant,
    expires_at: Instant,
    serial: u64,
    /// A request that carried it has not been refused for it.
    is_accepted: Arc<AtomicBool>,
}

impl<T> Lease<T> {
    /// The service took a request with it.
    pub(super) fn accept(&self) {
        self.is_accepted.store(true, Ordering::Relaxed);
    }
}

/// The one in use.
#[derive(Debug)]
pub(super) struct Renewed<T> {
    /// Held while one is being fetched: the single flight.
    flight: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State<T>>,
    /// One died that had been accepted, so that a new one will probably do.
    has_died: AtomicBool,
}

#[derive(Debug)]
struct State<T> {
    lease: Option<Lease<T>>,
    /// How many fetches have ended, and how the last one failed, if it did.
    fetches: u64,
    failure: Option<ApiFailure>,
    /// How many have failed since one succeeded, and until when the last failure is shared.
    failures: u32,
    shared_until: Option<Instant>,
}

impl<T> Default for Renewed<T> {
    fn default() -> Self {
        let state = State { lease: None, fetches: 0, failure: None, failures: 0, shared_until: None };
        Self { flight: Arc::default(), state: Mutex::new(state), has_died: AtomicBool::new(false) }
    }
}

impl<T: Clone + Send + 'static> Renewed<T> {
    /// One to use; `fetch` is awaited where there is none. Cancel safe: the fetch goes on without its caller, so it must
    /// have bounds of its own.
    pub(super) async fn get(
        self: &Arc<Self>,
        fetch: impl Future<Output = Result<Fresh<T>, ApiFailure>> + Send + 'static,
    ) -> Result<Lease<T>, ApiFailure> {
        let now = Instant::now();
        let (held, fetches) = {
            let state = self.state();
            (state.lease.clone().filter(|lease| now < lease.expires_at), state.fetches)
        };
        match held {
            Some(lease) if now < lease.replace_at => Ok(lease),
            // Due: the first to come has it replaced, and all go on with it meanwhile.
            Some(lease) => {
                if let Ok(flight) = Arc::clone(&self.flight).try_lock_owned() {
                    drop(self.begin(flight, fetch));
                }
                Ok(lease)
            }
            None => {
                let flight = Arc::clone(&self.flight).lock_owned().await;
                if let Some(shared) = self.state().shared(fetches) {
                    return shared;
                }
                let broken_off = |_| {
                    let (class, reason) = (FailureClass::Credentials, FailureReason::CredentialsUnavailable);
                    Err(failure(class, reason, "the fetch was broken off".to_owned()))
                };
                self.begin(flight, fetch).await.unwrap_or_else(broken_off)
            }
        }
    }

    /// Fetches in a task of its own, which holds the flight.
    #[expect(clippy::disallowed_methods, reason = "one at a time, with bounds of its own; it outlives its caller")]
    fn begin(
        self: &Arc<Self>,
        flight: OwnedMutexGuard<()>,
        fetch: impl Future<Output = Result<Fresh<T>, ApiFailure>> + Send + 'static,
    ) -> JoinHandle<Result<Lease<T>, ApiFailure>> {
        let renewed = Arc::clone(self);
        tokio::spawn(async move {
            let _flight = flight;
            renewed.fetched(fetch.await)
        })
    }
}

impl<T: Clone> Renewed<T> {
    /// Leaves what was fetched, or the failure, to those who wait. The caller holds the flight.
    fn fetched(&self, result: Result<Fresh<T>, ApiFailure>) -> Result<Lease<T>, ApiFailure> {
        let mut state = self.state();
        state.fetches += 1;
        let now = Instant::now();
        match result {
            Ok(Fresh { what, lifetime, margin }) => {
                let lease = Lease {
                    what,
                    replace_at: now + lifetime.saturating_sub(margin).max(lifetime / 3),
                    expires_at: now + lifetime,
                    serial: state.fetches,
                    is_accepted: Arc::default(),
                };
                (state.failure, state.failures, state.shared_until) = (None, 0, None);
                state.lease = Some(lease.clone());
                Ok(lease)
            }
            Err(failure) => {
                state.failure = Some(failure.clone());
                let shared_for = SHARED_FOR.saturating_mul(1_u32.checked_shl(state.failures).unwrap_or(u32::MAX));
                state.shared_until = Some(now + shared_for.min(MAX_SHARED_FOR));
                state.failures = state.failures.saturating_add(1);
                if let Some(lease) = &mut state.lease {
                    lease.replace_at = now + REPLACE_AGAIN_AFTER;
                }
                Err(failure)
            }
        }
    }

    /// The service did not accept this one: it is not given out again. Says whether it would have been.
    pub(super) fn refused(&self, lease: &Lease<T>) -> bool {
        let was_held = self.state().lease.take_if(|held| held.serial == lease.serial).is_some();
        if was_held && lease.is_accepted.load(Ordering::Relaxed) {
            self.has_died.store(true, Ordering::Relaxed);
        }
        was_held
    }

    /// Whether one that had been accepted was refused since this was asked last.
    pub(super) fn takes_new(&self) -> bool {
        self.has_died.swap(false, Ordering::Relaxed)
    }

    /// What made the last fetch fail may be mended: the next caller fetches.
    pub(super) fn ask_again(&self) {
        let mut state = self.state();
        (state.failures, state.shared_until) = (0, None);
    }

    /// When the one in use expires.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        let expires_at = self.state().lease.as_ref()?.expires_at;
        Some(SystemTime::now() + expires_at.saturating_duration_since(Instant::now()))
    }

    /// Whether the last fetch has failed.
    pub(super) fn is_failing(&self) -> bool {
        self.state().failure.is_some()
    }

    /// A panic while the lock is held leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> State<T> {
    /// How a fetch ended that was under way, if one has ended since, or has failed a moment ago.
    fn shared(&self, fetches: u64) -> Option<Result<Lease<T>, ApiFailure>> {
        let now = Instant::now();
        let is_shared = self.fetches != fetches || self.shared_until.is_some_and(|until| now < until);
        match (&self.lease, &self.failure) {
            (Some(lease), _) if now < lease.expires_at => Some(Ok(lease.clone())),
            (_, Some(failure)) if is_shared => Some(Err(failure.clone())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::{Fresh, Renewed};
    use crate::domain::{FailureClass, FailureReason};
    use crate::ports::ApiFailure;
    use crate::secmaster::response::failure;

    const LIFETIME: Duration = Duration::from_secs(3_600);

    fn fresh(what: u32) -> Result<Fresh<u32>, ApiFailure> {
        Ok(Fresh { what, lifetime: LIFETIME, margin: LIFETIME / 3 })
    }

    fn away() -> Result<Fresh<u32>, ApiFailure> {
        Err(failure(FailureClass::Credentials, FailureReason::CredentialsUnavailable, "away".to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_replaced_before_it_expires_and_used_on_where_that_fails() {
        let renewed = Arc::new(Renewed::default());
        assert_eq!(renewed.get(async { fresh(1) }).await.unwrap().what, 1);
        tokio::time::advance(LIFETIME * 2 / 3 - Duration::from_secs(1)).await;
        assert_eq!(renewed.get(async { fresh(2) }).await.unwrap().what, 1, "not due");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(renewed.get(async { away() }).await.unwrap().what, 1, "still good");
        tokio::task::yield_now().await;
        assert_eq!(renewed.get(async { fresh(3) }).await.unwrap().what, 1, "not asked again at once");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(renewed.get(async { fresh(4) }).await.unwrap().what, 1, "nobody waits");
        tokio::task::yield_now().await;
        assert_eq!(renewed.get(async { fresh(5) }).await.unwrap().what, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_an_early_replacement_however_long_it_takes() {
        let renewed = Arc::new(Renewed::default());
        let _first = renewed.get(async { fresh(1) }).await.unwrap();
        tokio::time::advance(LIFETIME * 2 / 3 + Duration::from_secs(1)).await;
        let begun = tokio::time::Instant::now();
        let slow = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            fresh(2)
        };
        assert_eq!(renewed.get(slow).await.unwrap().what, 1);
        assert_eq!(renewed.get(async { fresh(3) }).await.unwrap().what, 1, "one is under way");
        assert_eq!(begun.elapsed(), Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert_eq!(renewed.get(async { fresh(4) }).await.unwrap().what, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_goes_on_without_its_caller_and_serves_the_next() {
        let renewed = Arc::new(Renewed::default());
        let slow = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            fresh(1)
        };
        assert!(tokio::time::timeout(Duration::from_secs(20), renewed.get(slow)).await.is_err());
        let begun = tokio::time::Instant::now();
        assert_eq!(renewed.get(async { fresh(2) }).await.unwrap().what, 1);
        assert_eq!(begun.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_given_out_again_with_little_life_left_is_not_fetched_for_each_request() {
        let renewed = Arc::new(Renewed::default());
        let asked = Arc::new(AtomicU32::new(0));
        for _ in 0..100 {
            let asked = Arc::clone(&asked);
            let fetch = async move {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok(Fresh { what: 1, lifetime: Duration::from_secs(90), margin: Duration::from_secs(2_400) })
            };
            let _lease = renewed.get(fetch).await.unwrap();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_for_a_moment_that_grows_to_eight_seconds() {
        let renewed = Arc::new(Renewed::<u32>::default());
        let asked = Arc::new(AtomicU32::new(0));
        let mut asked_at = Vec::new();
        for second in 0..30 {
            let (before, counted) = (asked.load(Ordering::Relaxed), Arc::clone(&asked));
            let fetch = async move {
                counted.fetch_add(1, Ordering::Relaxed);
                away()
            };
            assert!(renewed.get(fetch).await.is_err());
            if asked.load(Ordering::Relaxed) > before {
                asked_at.push(second);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(asked_at, [0, 1, 3, 7, 15, 23]);
        renewed.ask_again();
        assert_eq!(renewed.get(async { fresh(1) }).await.unwrap().what, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn only_one_that_had_been_accepted_counts_as_died_and_it_does_so_once() {
        let renewed = Arc::new(Renewed::default());
        let first = renewed.get(async { fresh(1) }).await.unwrap();
        assert!(renewed.refused(&first));
        assert!(!renewed.takes_new(), "it never worked");
        let second = renewed.get(async { fresh(2) }).await.unwrap();
        second.accept();
        assert!(!renewed.refused(&first), "long given back");
        assert!(renewed.refused(&second));
        assert!(renewed.takes_new());
        assert!(!renewed.takes_new());
    }
}
