//! When a token is asked for, and what is lent out meanwhile: pure, it takes `now` and says what to do.
//!
//! A token is replaced when half of its life is left, which is the time that the endpoint may be away. A failure is
//! followed by another try after a growing wait, and the token at hand goes on being lent while it lives. A token that
//! brokers refuse is replaced at once, now and then.

use std::time::Duration;

use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::resilience::Backoff;

/// Between two tries while the endpoint grants nothing: half of it at least, so that it is never asked in a burst.
const TRIES: Backoff = Backoff { initial: Duration::from_secs(2), max: Duration::from_secs(30) };

/// A token that was had for less than this is not replaced because brokers refuse it: the next would be like it.
const REFUSALS: Duration = Duration::from_secs(30);

/// For how long a token is lent at most. librdkafka asks again when four fifths of that are over (it looks each second),
/// and only then takes in another one.
const LEASE: Duration = Duration::from_secs(30);

/// How much later than a token is due librdkafka asks for it.
const FETCH: Duration = Duration::from_millis(800);

/// What is left of a token's life when it is not lent any more.
const WORTHLESS: Duration = Duration::from_secs(1);

/// A token that lives for less is as good as none: it could not be replaced in time without asking all the time.
pub(super) const SHORTEST: Duration = Duration::from_secs(10);

/// Between a token and the next question at least.
const ASKED: Duration = Duration::from_secs(5);

/// The same where the endpoint grants one token again until it ends: it is asked when half of what is left is over, and
/// half of that, down to this, and then when the token has ended.
const ASKED_AT_LAST: Duration = Duration::from_secs(1);

/// Endpoints tell lifetimes in whole seconds.
const ROUNDED: Duration = Duration::from_secs(1);

/// The token at hand, and how asking goes.
#[derive(Debug)]
pub(super) struct TokenState {
    token: Option<Held>,
    due: Instant,
    /// Failures since the last token.
    failed: u32,
    error: Option<String>,
    /// How often the endpoint has answered, or not.
    ended: u64,
    /// A question is under way,
    asking: bool,
    /// and another is to follow at once.
    again: bool,
}

#[derive(Debug)]
struct Held {
    secret: SecretString,
    since: Instant,
    until: Instant,
}

/// A token on loan.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) secret: SecretString,
    pub(super) lifetime: Duration,
}

impl TokenState {
    pub(super) fn new(now: Instant) -> Self {
        Self { token: None, due: now, failed: 0, error: None, ended: 0, asking: false, again: false }
    }

    /// When to ask.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Asks as soon as possible. Says how often asking has ended when the answer is there: a question that is under way
    /// is not it, since it was asked with what was known before.
    pub(super) fn ask_now(&mut self, now: Instant) -> u64 {
        self.again |= self.asking;
        self.due = self.due.min(now);
        self.ended + 1 + u64::from(self.asking)
    }

    /// A question is under way from now on.
    pub(super) fn asks(&mut self) {
        self.asking = true;
    }

    /// It has ended, and the next one is due then.
    fn ends(&mut self, now: Instant, due: Instant) {
        self.asking = false;
        self.due = if std::mem::take(&mut self.again) { now } else { due };
        self.ended += 1;
    }

    /// How often asking has ended.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    /// Why asking has failed last; `None`: it has not.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether this is the token at hand, granted once more with what is left of its life.
    pub(super) fn is_the_rest(&self, secret: &SecretString, lifetime: Duration, now: Instant) -> bool {
        self.token.as_ref().is_some_and(|held| {
            held.secret.expose_secret() == secret.expose_secret()
                && now < held.until
                && now + lifetime <= held.until + ROUNDED
        })
    }

    pub(super) fn granted(&mut self, secret: SecretString, lifetime: Duration, now: Instant) {
        let ends = self.token.as_ref().filter(|_| self.is_the_rest(&secret, lifetime, now)).map(|held| held.until);
        let wait = match lifetime / 2 {
            half if ends.is_none() => half.max(ASKED),
            half if half >= ASKED_AT_LAST => half,
            _ => lifetime + ROUNDED,
        };
        let until = ends.map_or(now + lifetime, |ends| ends.min(now + lifetime));
        self.token = Some(Held { secret, since: now, until });
        self.failed = 0;
        self.error = None;
        self.ends(now, now + wait);
    }

    /// Says how long it waits until it asks again.
    pub(super) fn failed(&mut self, error: String, now: Instant, rng: &mut impl Rng) -> Duration {
        self.failed = self.failed.saturating_add(1);
        let wait = TRIES.wait(self.failed, rng).max(TRIES.bound(self.failed) / 2);
        self.error = Some(error);
        self.ends(now, now + wait);
        self.due.saturating_duration_since(now)
    }

    /// Brokers do not let us in. Says whether another token is to be asked for.
    pub(super) fn refused(&mut self, now: Instant) -> bool {
        let is_old = |token: &Held| now.saturating_duration_since(token.since) >= REFUSALS;
        let asks = !self.asking && self.failed == 0 && self.token.as_ref().is_some_and(is_old);
        if asks {
            let _ends = self.ask_now(now);
        }
        asks
    }

    /// The token at hand, while it lives; until the next one should be there. One that is shown to a broker with little
    /// life left has to be followed by another within that, and brokers do not let clients authenticate anew within a
    /// second (`SaslServerAuthenticator.reauthenticate`).
    pub(super) fn lease(&self, now: Instant) -> Option<Lease> {
        let Held { secret, until, .. } = self.token.as_ref()?;
        let left = until.saturating_duration_since(now);
        let until_due = self.due.checked_duration_since(now).map_or(LEASE, |wait| (wait + FETCH) * 5 / 4);
        (left > WORTHLESS).then(|| Lease { secret: secret.clone(), lifetime: left.min(until_due).min(LEASE) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_lent_in_short_terms_and_replaced_before_it_ends() {
        let start = Instant::now();
        let mut state = TokenState::new(start);
        assert!(state.due() <= start && state.lease(start).is_none());
        state.granted("t".into(), Duration::from_secs(400), start);
        assert_eq!(state.due(), at(start, 200));
        assert_eq!(state.lease(start).unwrap().lifetime, LEASE);
        assert_eq!(state.lease(at(start, 196)).unwrap().lifetime, Duration::from_secs(6), "asked for again in 4.8 s");
        assert_eq!(state.lease(at(start, 390)).unwrap().lifetime, Duration::from_secs(10));
        assert!(state.lease(at(start, 399)).is_none());
    }

    #[test]
    fn an_endpoint_that_is_away_is_asked_ever_more_rarely_and_the_token_at_hand_is_lent_on() {
        let start = Instant::now();
        let mut state = TokenState::new(start);
        state.granted("t".into(), Duration::from_secs(400), start);
        let mut now = state.due();
        assert_eq!(now, at(start, 200));
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(state.failed("away".to_owned(), now, &mut rand::rng()));
            now = state.due();
        }
        assert!(waits[0] >= Duration::from_secs(1) && waits[0] <= Duration::from_secs(2), "{waits:?}");
        assert!(waits[7] >= Duration::from_secs(15) && waits[7] <= Duration::from_secs(30), "{waits:?}");
        assert!(state.lease(at(start, 350)).is_some());
        assert_eq!(state.error(), Some("away"));
        state.granted("u".into(), Duration::from_secs(400), now);
        assert_eq!((state.error(), state.ended()), (None, 10));
    }

    #[test]
    fn an_endpoint_that_grants_one_token_until_it_ends_is_asked_a_few_times_and_once_it_has_ended() {
        let start = Instant::now();
        let (mut state, until) = (TokenState::new(start), at(start, 100));
        let mut asked = Vec::new();
        state.granted("t".into(), until - start, start);
        while state.due() < until {
            let now = state.due();
            asked.push((now - start).as_secs());
            assert!(state.is_the_rest(&"t".into(), until - now, now) && state.lease(now).is_some(), "{asked:?}");
            state.granted("t".into(), until - now, now);
        }
        assert_eq!(asked, [50, 75, 87, 93, 96, 98]);
        assert!(state.due() <= until + ROUNDED);
    }

    #[test]
    fn another_token_or_the_same_that_goes_on_living_for_moments_is_not_what_is_left_of_the_one_at_hand() {
        let start = Instant::now();
        let mut state = TokenState::new(start);
        let (moments, token, now) = (Duration::from_secs(3), SecretString::from("t"), at(start, 99));
        assert!(!state.is_the_rest(&token, moments, start), "there is none");
        state.granted("t".into(), Duration::from_secs(100), start);
        assert!(state.is_the_rest(&token, Duration::from_millis(1_500), now));
        assert!(!state.is_the_rest(&token, moments, now), "it would go on for ever");
        assert!(!state.is_the_rest(&"u".into(), Duration::from_millis(500), now));
        assert!(!state.is_the_rest(&token, Duration::from_millis(500), at(start, 100)), "it has ended");
        state.granted("u".into(), moments, now);
        assert_eq!(state.due(), at(start, 104), "not in a burst");
    }

    #[test]
    fn who_asks_while_a_question_is_under_way_waits_for_another_that_follows_at_once() {
        let start = Instant::now();
        let mut state = TokenState::new(start);
        assert_eq!(state.ask_now(start), 1);
        state.asks();
        assert!(!state.refused(at(start, 40)));
        assert_eq!(state.ask_now(start), 2);
        state.granted("t".into(), Duration::from_secs(400), at(start, 1));
        assert_eq!((state.ended(), state.due()), (1, at(start, 1)));
        state.asks();
        assert_eq!(state.ask_now(start), 3);
        assert_eq!(state.failed("away".to_owned(), at(start, 2), &mut rand::rng()), Duration::ZERO);
        state.asks();
        state.granted("u".into(), Duration::from_secs(400), at(start, 3));
        assert_eq!((state.ended(), state.due()), (3, at(start, 203)), "once");
    }

    #[test]
    fn a_refused_token_is_replaced_unless_it_is_new_or_asking_fails() {
        let start = Instant::now();
        let mut state = TokenState::new(start);
        assert!(!state.refused(start), "there is none");
        state.granted("t".into(), Duration::from_secs(4_000), start);
        assert!(!state.refused(at(start, 29)));
        assert!(state.refused(at(start, 30)));
        assert_eq!(state.due(), at(start, 30));
        let _wait = state.failed("away".to_owned(), at(start, 31), &mut rand::rng());
        assert!(!state.refused(at(start, 32)), "the wait is not cut short");
    }
}
