//! What can go wrong with a delivery. One class serves retry, breaker, metrics, log and dead letter alike.

use std::fmt;

/// How an unsuccessful attempt is treated (docs/failure-classes.md).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FailureClass {
    /// Passes by itself: connect failure, 408, 5xx. Retried with backoff.
    Transient,
    /// The quota is spent: 429. A hold-off for everything that uses the quota; never counted against the delivery.
    Throttled,
    /// The service will never take this request: other 4xx. Dead letter at once.
    Rejected,
    /// No request can succeed with these credentials. All sending pauses.
    Credentials,
    /// No request of this route can succeed: wrong workspace, workflow or endpoint. The route pauses.
    Target,
    /// The request was sent and the answer is unknown; the workflow may or may not have started.
    Ambiguous,
}

impl FailureClass {
    /// All classes.
    pub const ALL: [Self; 6] =
        [Self::Transient, Self::Throttled, Self::Rejected, Self::Credentials, Self::Target, Self::Ambiguous];

    /// The label in metrics, logs and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Rejected => "rejected",
            Self::Credentials => "credentials",
            Self::Target => "target",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// Reads a label back.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == label)
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// Why something failed: the closed, documented list behind metrics labels, log fields and dead-letter headers.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum FailureReason { $($(#[$doc])* $name,)* }

        impl FailureReason {
            /// All reasons.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

reasons! {
    /// The value is not JSON.
    NotJson = "not_json",
    /// The value is JSON, but neither an object nor an array of objects.
    NotAnObject = "not_an_object",
    /// The value, or what it inflates to, is longer than `mapping.max_record_bytes`, or has too many JSON values.
    RecordTooLarge = "record_too_large",
    /// Damaged gzip, or envelopes in envelopes in envelopes.
    BadEnvelope = "bad_envelope",
    /// The record has more parts than one record may have.
    TooManyParts = "too_many_parts",
    /// No mapping's `match` holds.
    NoFormatMatched = "no_format_matched",
    /// The mapping's `split` failed, or made a part whose keys with dots cannot be nested.
    SplitFailed = "split_failed",
    /// A required field is missing.
    RequiredFieldMissing = "required_field_missing",
    /// A required field has no valid value.
    RequiredFieldInvalid = "required_field_invalid",
    /// An optional field has no valid value and `mapping.on_invalid_field` is `dead_letter`.
    OptionalFieldInvalid = "optional_field_invalid",
    /// No rule matched and there is no default workflow.
    NoRoute = "no_route",
    /// The connection could not be made; nothing was sent.
    ConnectFailed = "connect_failed",
    /// The service answered 5xx.
    ServerError = "server_error",
    /// The service answered 408.
    ServerTimeout = "server_timeout",
    /// The service says that it is being upgraded (`SecMaster.11181002`).
    UpgradeInProgress = "upgrade_in_progress",
    /// The service answered 429, or a throttling code.
    QuotaExceeded = "quota_exceeded",
    /// The service refused the request's content (4xx).
    RequestRefused = "request_refused",
    /// The service says the body is too large (413).
    RequestTooLarge = "request_too_large",
    /// The service did not accept signature or token (401, or 403 without a SecMaster code).
    CredentialsRefused = "credentials_refused",
    /// No credentials could be had: the identity service refused or did not answer.
    CredentialsUnavailable = "credentials_unavailable",
    /// The API, workspace, project or workflow does not exist there.
    TargetNotFound = "target_not_found",
    /// What answered is not the API: a redirect, or a success that is not JSON.
    NotTheApi = "not_the_api",
    /// The request was sent and no answer came in time.
    NoAnswer = "no_answer",
    /// The connection broke after the request was sent.
    ConnectionLost = "connection_lost",
    /// The service answered 2xx without the id of an instance.
    NoInstanceId = "no_instance_id",
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
