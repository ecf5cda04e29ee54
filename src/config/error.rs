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
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [problem] => write!(f, "the configuration is wrong: {problem}"),
            problems => {
                write!(f, "the configuration has {} faults:", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}
