//! How many requests are under way, and how many may be: the adaptive limit within `max_in_flight`.
//!
//! Probes are outside of the adaptive limit: they neither count for it nor wait behind it. Else requests that hang in
//! an outage would hold back those that find its end.

use std::time::Instant;

use crate::domain::FailureClass;
use crate::ports::ApiFailure;
use crate::resilience::ConcurrencyLimit;

/// The count and the limit.
#[derive(Debug)]
pub(super) struct UnderWay {
    max: usize,
    /// `None`: `max_in_flight` alone holds.
    limit: Option<ConcurrencyLimit>,
    /// Requests under way that are no probes.
    requests: usize,
}

impl UnderWay {
    pub(super) fn new(max: usize, is_adaptive: bool) -> Self {
        Self { max, limit: is_adaptive.then(|| ConcurrencyLimit::new(max)), requests: 0 }
    }

    /// Whether nothing but probes may leave.
    pub(super) fn is_crowded(&self) -> bool {
        self.limit.as_ref().is_some_and(|limit| self.requests >= limit.get())
    }

    /// The limit in force.
    pub(super) fn limit(&self) -> usize {
        self.limit.as_ref().map_or(self.max, ConcurrencyLimit::get)
    }

    /// A request leaves.
    pub(super) fn sent(&mut self, is_probe: bool) {
        if !is_probe {
            self.requests += 1;
            if let Some(limit) = &mut self.limit {
                limit.sent(self.requests);
            }
        }
    }

    /// A request has ended: `None` is a confirmed start. What says nothing about how much the service can take (the
    /// quota, credentials, a target that is not there) does not count.
    pub(super) fn answered(&mut self, is_probe: bool, failure: Option<&ApiFailure>, sent_at: Instant, now: Instant) {
        if is_probe {
            return;
        }
        self.requests = self.requests.saturating_sub(1);
        let failed = match failure {
            None => false,
            Some(failure) => match failure.class {
                FailureClass::Transient => true,
                FailureClass::Ambiguous => failure.http_status.is_none(),
                FailureClass::Rejected => false,
                FailureClass::Throttled | FailureClass::Credentials | FailureClass::Target => return,
            },
        };
        if let Some(limit) = &mut self.limit {
            limit.answered(failed, sent_at, now);
        }
    }
}
