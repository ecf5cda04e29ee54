//! What is wrong with a configuration: all of it at once.

use std::fmt;

/// One thing that is wrong, and how to mend it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The key, e.g. `delivery.retry.max_attempts`; empty where a whole file is meant.
    pub path: String,
    /// What is wrong and what to do. Never the value of a secret.
    pub message: String,
    /// Where it was set: `alertbridge.yaml:12`, or the name of an environment variable.
    pub place: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.place {
            Some(place) => write!(f, " ({place})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration, one problem a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// At least one problem.
    pub problems: Vec<Problem>,
    /// What may explain them; a sentence each.
    pub hints: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has a fault:")?,
            count => write!(f, "the configuration has {count} faults:")?,
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

impl std::error::Error for ConfigError {}
