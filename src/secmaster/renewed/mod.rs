//! What is fetched, shared, and replaced before it expires: IAM's tokens and temporary access keys. A single flight.
//!
//! Callers that come while one is being fetched wait for that fetch and share its end, good or bad, and for a moment
//! after a failure nobody asks again: a wrong password is tried once, not once for each waiting request. For an early
//! replacement nobody waits: what is in hand goes on being used until that is there, or until it expires. One that has
//! failed is tried again without being asked for, so that whether it is failing is never an old story.
//!
//! A fetch is a task of its own, so that one that takes longer than its caller may wait still serves the next.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::response::failure;
use crate::domain::{FailureClass, FailureReason};
use crate::ports::ApiFailure;

/// After a failed early replacement, the time to the next try, where whoever gives them out is away.
const REPLACE_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The same after a refusal: IAM locks a user for a quarter of an hour after five wrong passwords within one, and then
/// the right one would not help either.
const REFUSED_AGAIN_AFTER: Duration = Duration::from_secs(310);

/// With nothing in hand, a failure says for so long that fetching fails: while an alert waits, the next try is earlier.
const FAILURE_HOLDS_FOR: Duration = Duration::from_secs(120);

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
    failed_at: Option<Instant>,
    /// How many have failed since one succeeded, and until when the last failure is shared.
    failures: u32,
    shared_until: Option<Instant>,
}

impl<T> Default for Renewed<T> {
    fn default() -> Self {
        let state = State { lease: None, fetches: 0, failure: None, failed_at: None, failures: 0, shared_until: None };
        Self { flight: Arc::default(), state: Mutex::new(state), has_died: AtomicBool::new(false) }
    }
}

impl<T: Clone + Send + 'static> Renewed<T> {
    /// One to use; `fetch` is awaited where there is none. Cancel safe: the fetch goes on without its caller, so it must
    /// have bounds of its own. It is not made again once the owner is gone: who we are may have changed.
    pub(super) async fn get<O: Send + Sync + 'static, F>(
        self: &Arc<Self>,
        owner: &Arc<O>,
        fetch: impl Fn(Arc<O>) -> F + Send + 'static,
    ) -> Result<Lease<T>, ApiFailure>
    where
        F: Future<Output = Result<Fresh<T>, ApiFailure>> + Send + 'static,
    {
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
                    self.replace(flight, Arc::downgrade(owner), fetch);
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
                self.begin(flight, fetch(Arc::clone(owner))).await.unwrap_or_else(broken_off)
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

    /// Replaces the one in hand, in a task of its own: tries until one is there, the one in hand expires or is given
    /// back, the owner is gone, or somebody else tries. The flight is free between the tries.
    #[expect(clippy::disallowed_methods, reason = "it ends with the life of what it replaces, and outlives its caller")]
    fn replace<O: Send + Sync + 'static, F>(
        self: &Arc<Self>,
        mut flight: OwnedMutexGuard<()>,
        owner: Weak<O>,
        fetch: impl Fn(Arc<O>) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<Fresh<T>, ApiFailure>> + Send + 'static,
    {
        let renewed = Arc::clone(self);
        drop(tokio::spawn(async move {
            while let Some(owner) = owner.upgrade() {
                let is_there = renewed.fetched(fetch(owner).await).is_ok();
                drop(flight);
                if is_there {
                    return;
                }
                let Some(due_at) = renewed.due_at() else { return };
                tokio::time::sleep_until(due_at).await;
                let Ok(next) = Arc::clone(&renewed.flight).try_lock_owned() else { return };
                if renewed.due_at().is_none_or(|due_at| Instant::now() < due_at) {
                    return;
                }
                flight = next;
            }
        }));
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
                (state.failure, state.failed_at) = (None, None);
                (state.failures, state.shared_until) = (0, None);
                state.lease = Some(lease.clone());
                Ok(lease)
            }
            Err(failure) => {
                (state.failure, state.failed_at) = (Some(failure.clone()), Some(now));
                let shared_for = SHARED_FOR.saturating_mul(1_u32.checked_shl(state.failures).unwrap_or(u32::MAX));
                state.shared_until = Some(now + shared_for.min(MAX_SHARED_FOR));
                state.failures = state.failures.saturating_add(1);
                if let Some(lease) = &mut state.lease {
                    // Who is away says how soon to come back.
                    let is_away = failure.retry_after.is_some();
                    lease.replace_at = now + if is_away { REPLACE_AGAIN_AFTER } else { REFUSED_AGAIN_AFTER };
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

    /// When the one in hand expires, or has expired.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        let (expires_at, now) = (self.state().lease.as_ref()?.expires_at, Instant::now());
        let left = expires_at.saturating_duration_since(now);
        SystemTime::now().checked_add(left)?.checked_sub(now.saturating_duration_since(expires_at))
    }

    /// Whether fetching fails: the last try has, and there will be another one, or it was a moment ago. What has expired
    /// while nobody needs it is not tried again.
    pub(super) fn is_failing(&self) -> bool {
        let (state, now) = (self.state(), Instant::now());
        let is_tried_again = state.lease.as_ref().is_some_and(|lease| now < lease.expires_at);
        state.failed_at.is_some_and(|at| is_tried_again || now < at + FAILURE_HOLDS_FOR)
    }

    /// When the one in hand is to be replaced, if it lives.
    fn due_at(&self) -> Option<Instant> {
        self.state().lease.as_ref().filter(|lease| Instant::now() < lease.expires_at).map(|lease| lease.replace_at)
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
mod tests;
