//! The five severities of SecMaster's Alert data class.

use std::fmt;

/// An alert's severity, ordered from least to worst.
///
/// The words are those of the Alert data class (SDK model `Alert.severity`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// For information.
    Tips,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// The worst.
    Fatal,
}

impl Severity {
    /// All severities, least first.
    pub const ALL: [Self; 5] = [Self::Tips, Self::Low, Self::Medium, Self::High, Self::Fatal];

    /// The word that the API takes; also the label in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tips => "Tips",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Fatal => "Fatal",
        }
    }

    /// Reads one of the Alert's own words, whatever its case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Severity;

    #[test]
    fn fatal_is_the_worst_and_tips_the_least() {
        assert!(Severity::Fatal > Severity::High && Severity::High > Severity::Medium);
        assert!(Severity::Medium > Severity::Low && Severity::Low > Severity::Tips);
    }

    #[test]
    fn words_are_read_in_any_case_and_nothing_else_is() {
        assert_eq!(Severity::from_word("fAtAl"), Some(Severity::Fatal));
        assert_eq!(Severity::from_word("critical"), None);
    }
}
