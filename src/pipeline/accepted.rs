//! Whose the trouble is when credentials are refused with a 403: everybody's, or one route's alone (promise 4: what is
//! concerned pauses, and no more).
//!
//! The gateway says no to a caller without rights in a project, or to a project that is locked, in the words in which it
//! says no to the caller as such. So a 403 is a route's own where others have been accepted since the credentials were
//! found to be good, and it has not: then its target pauses, and not the process. A 401 is never.

use std::time::Instant;

use super::verdicts::Verdict;
use crate::domain::FailureClass;
use crate::ports::ApiFailure;
use crate::scheduler::RouteId;

/// What an answer tells of the credentials and a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    /// They were good for what was asked.
    Accepted,
    /// A probe has not shown that.
    NotAccepted,
    /// Neither: it left before they were refused, or they are good for reading, which says nothing of starting.
    Nothing,
}

impl Told {
    /// What an attempt tells that left then; `closed` is when the credentials were refused, as far as was known before.
    pub(super) fn by_attempt(verdict: Verdict, sent_at: Instant, closed: Option<Instant>) -> Self {
        match verdict {
            Verdict::Fine => Self::Accepted,
            _ if closed.is_none_or(|closed| sent_at > closed) => Self::NotAccepted,
            _ => Self::Nothing,
        }
    }
}

/// Which routes the credentials have been good for.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// When the credentials were found to be good; `None` while they are not.
    since: Option<Instant>,
    routes: Vec<OfRoute>,
}

#[derive(Clone, Copy, Debug, Default)]
struct OfRoute {
    /// When they were good for it last.
    at: Option<Instant>,
    /// How many of its probes have not found them good since they were not.
    in_vain: u32,
}

impl Accepted {
    /// Whether a failure says that the credentials are refused to this route alone.
    pub(super) fn is_of_route(&self, route: RouteId, failure: &ApiFailure, sent_at: Instant) -> bool {
        let is_forbidden = failure.class == FailureClass::Credentials && failure.http_status == Some(403);
        let has_been_accepted = |since| self.of(route).at.is_some_and(|at| at >= since);
        is_forbidden && self.since.is_some_and(|since| sent_at >= since && !has_been_accepted(since))
    }

    /// How many of a route's probes were in vain since the credentials are refused: the next one is another's.
    pub(super) fn in_vain(&self, route: RouteId) -> u32 {
        self.of(route).in_vain
    }

    /// Notes what an answer has told of a route, and whether the credentials are known to be good with it.
    pub(super) fn answered(&mut self, route: RouteId, told: Told, are_good: bool, now: Instant) {
        if self.routes.len() <= route.0 {
            self.routes.resize_with(route.0 + 1, OfRoute::default);
        }
        match (are_good, self.since) {
            (true, None) => {
                self.since = Some(now);
                self.routes.iter_mut().for_each(|of| of.in_vain = 0);
            }
            (false, Some(_)) => self.since = None,
            _ => {}
        }
        let Some(of) = self.routes.get_mut(route.0) else { return };
        match told {
            Told::Accepted => of.at = Some(now),
            Told::NotAccepted if !are_good => of.in_vain = of.in_vain.saturating_add(1),
            Told::NotAccepted | Told::Nothing => {}
        }
    }

    fn of(&self, route: RouteId) -> OfRoute {
        self.routes.get(route.0).copied().unwrap_or_default()
    }
}
