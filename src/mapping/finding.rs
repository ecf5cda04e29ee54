//! What `check` says of mappings and routes beside errors that keep them from loading.

use std::cmp::Ordering;
use std::fmt;

use super::places::At;

/// How much it matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// It may well be meant.
    Note,
    /// It works, and is hardly meant.
    Warning,
    /// Records would be lost to the dead-letter topic, or a test does not hold.
    Error,
}

/// Something that is hardly meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The mapping file, or the section of the configuration.
    pub file: String,
    /// Where in the file, where that is known.
    pub at: Option<At>,
    /// The field's path, or the rule's name.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    /// A warning without a place.
    #[must_use]
    pub fn warning(file: &str, field: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (problem, remedy) = (problem.into(), remedy.into());
        Self { level: Level::Warning, file: file.to_owned(), at: None, field: field.to_owned(), problem, remedy }
    }

    /// The order in which findings are told: by file and place.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let key = |f: &Self| (f.file.clone(), f.at.is_none(), f.at, f.field.clone(), f.problem.clone());
        key(self).cmp(&key(other))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(at) = self.at {
            write!(f, ":{at}")?;
        }
        let end = if self.problem.ends_with('?') { "" } else { ";" };
        write!(f, ": {}: {}{end} {}", self.field, self.problem, self.remedy)
    }
}
