//! What is wrong with mapping files and settings: every fault at once, each with its place and the remedy.

use std::fmt;

use super::places::At;

/// One fault of a mapping file or of the mapping settings.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct MappingError {
    /// The file, or the section of the configuration.
    pub file: String,
    /// Where in the file, where that is known.
    pub at: Option<At>,
    /// The field's path in the file, where it is one field.
    pub field: Option<String>,
    /// The expression, where it is one.
    pub expression: Option<String>,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(at) = self.at {
            write!(f, ":{at}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}", self.problem)?;
        if let Some(expression) = &self.expression {
            write!(f, " (in `{expression}`)")?;
        }
        Ok(())
    }
}

impl MappingError {
    pub(super) fn of_file(file: &str, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), at: None, field: None, expression: None, problem: problem.into() }
    }

    pub(super) fn of_field(file: &str, field: &str, problem: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::of_file(file, problem) }
    }
}

/// "; did you mean `x`?" for the nearest of some names, or nothing.
pub(crate) fn suggestion<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let scored = names.into_iter().map(|name| (strsim::jaro_winkler(wrong, name), name));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, name)) if score > 0.8 => format!("; did you mean `{name}`?"),
        _ => String::new(),
    }
}
