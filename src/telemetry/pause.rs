//! Why nothing moves, as closed lists: the labels of `paused` and `circuit_breaker_state`, and the words of `/status`.

use std::fmt;

/// Why sending or fetching stands still on purpose. Waiting for one of these is not a stall.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PauseReason {
    /// SecMaster or IAM does not accept the credentials.
    Credentials,
    /// The API, workspace or workflow of a route does not exist there.
    Target,
    /// A circuit breaker is open.
    CircuitBreaker,
    /// The service asked us to wait.
    HoldOff,
    /// The dead-letter topic takes no records.
    DeadLetterTopic,
    /// So many dead letters that the guard holds them.
    DeadLetterGuard,
    /// The buffer is full.
    Budget,
}

impl PauseReason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::Credentials,
        Self::Target,
        Self::CircuitBreaker,
        Self::HoldOff,
        Self::DeadLetterTopic,
        Self::DeadLetterGuard,
        Self::Budget,
    ];

    /// The label in metrics, logs and `/status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Target => "target",
            Self::CircuitBreaker => "circuit_breaker",
            Self::HoldOff => "hold_off",
            Self::DeadLetterTopic => "dead_letter_topic",
            Self::DeadLetterGuard => "dead_letter_guard",
            Self::Budget => "budget",
        }
    }

    /// Whether it lasts until somebody mends something. The others pass by themselves.
    #[must_use]
    pub const fn needs_an_operator(self) -> bool {
        matches!(self, Self::Credentials | Self::Target | Self::DeadLetterTopic | Self::DeadLetterGuard)
    }
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A circuit breaker's state, as metrics and `/status` show it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum BreakerState {
    /// Requests flow.
    Closed,
    /// Requests are refused.
    Open,
    /// One probe is let through.
    HalfOpen,
}

impl BreakerState {
    /// The word in logs and `/status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }

    /// The value of `circuit_breaker_state`.
    #[must_use]
    pub const fn as_gauge(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Open => 1,
            Self::HalfOpen => 2,
        }
    }
}
