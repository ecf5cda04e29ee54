//! The service's clock, as its answers' `Date` tells it: signatures are good for fifteen minutes by that clock, not ours.

use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use http::header::DATE;
use jiff::{SignedDuration, Timestamp};

use super::retry_after::http_date;

/// How far the service's clock is from ours, by the latest answer.
#[derive(Debug, Default)]
pub(super) struct ServiceClock(Mutex<Option<SignedDuration>>);

impl ServiceClock {
    /// Takes note of an answer that came at `now`. One without a date changes nothing.
    pub(super) fn note(&self, headers: &HeaderMap, now: Timestamp) {
        let date = headers.get(DATE).and_then(|date| http_date(date.to_str().ok()?.trim()));
        if let Some(date) = date {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(date.duration_since(now));
        }
    }

    /// How far it is ahead of ours; negative: behind.
    pub(super) fn ahead(&self) -> Option<SignedDuration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use jiff::{SignedDuration, Timestamp};

    use super::{DATE, ServiceClock};

    #[test]
    fn the_latest_answer_with_a_date_tells_how_far_the_clocks_are_apart() {
        let clock = ServiceClock::default();
        let now: Timestamp = "2026-02-05T02:00:00Z".parse().unwrap();
        clock.note(&HeaderMap::new(), now);
        assert_eq!(clock.ahead(), None);
        for (date, ahead) in [("Thu, 05 Feb 2026 02:16:00 GMT", 960), ("Thu, 05 Feb 2026 01:59:30 GMT", -30)] {
            clock.note(&HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))]), now);
            assert_eq!(clock.ahead(), Some(SignedDuration::from_secs(ahead)));
        }
        clock.note(&HeaderMap::from_iter([(DATE, HeaderValue::from_static("now"))]), now);
        assert_eq!(clock.ahead(), Some(SignedDuration::from_secs(-30)), "what cannot be read says nothing");
    }
}
