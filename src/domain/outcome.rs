//! How a delivery ends: exactly one outcome each (promise 1).

use std::fmt;

use super::{DeadLetterClass, FailureReason};

/// The four ways in which a delivery ends.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum OutcomeKind {
    /// SecMaster confirmed the workflow instance.
    Delivered,
    /// Not to be sent, on purpose.
    Skipped,
    /// Written to the dead-letter topic and acknowledged.
    DeadLettered,
    /// Given up because of a shutdown or a lost partition: it comes again.
    Abandoned,
}

impl OutcomeKind {
    /// The label in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Skipped => "skipped",
            Self::DeadLettered => "dead_lettered",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Why a record or alert is not sent on purpose.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SkipReason {
    /// The record has no value.
    Tombstone,
    /// A rule says `skip`; the rule's own words are in the log line.
    Rule,
    /// The format's mapping says `skip`; its own words are in the log line.
    Mapping,
    /// The record holds no part (an empty batch).
    EmptyBatch,
    /// No mapping matched and `mapping.on_unmatched` is `skip`.
    Unmatched,
    /// The record is a copy of a dead letter without a redrive mark.
    DeadLetterCopy,
    /// The record stands on the redrive topic without a mark that can be understood.
    RedriveMark,
    /// Its redrive mark names another consumer group.
    RedriveGroup,
}

impl SkipReason {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::Tombstone,
        Self::Rule,
        Self::Mapping,
        Self::EmptyBatch,
        Self::Unmatched,
        Self::DeadLetterCopy,
        Self::RedriveMark,
        Self::RedriveGroup,
    ];

    /// The label in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::Rule => "rule",
            Self::Mapping => "mapping",
            Self::EmptyBatch => "empty_batch",
            Self::Unmatched => "unmatched",
            Self::DeadLetterCopy => "dead_letter_copy",
            Self::RedriveMark => "redrive_mark",
            Self::RedriveGroup => "redrive_group",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An outcome with its reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// See [`OutcomeKind::Delivered`].
    Delivered,
    /// See [`OutcomeKind::Skipped`].
    Skipped(SkipReason),
    /// See [`OutcomeKind::DeadLettered`].
    DeadLettered(DeadLetterClass, FailureReason),
    /// See [`OutcomeKind::Abandoned`].
    Abandoned,
}
