//! One line of the answer: what is well, what is doubtful, what keeps the daemon from its work; and what to do.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// How it stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Level {
    /// Well.
    Ok,
    /// The daemon would run; something could go wrong, or is not known.
    Warning,
    /// The daemon would not deliver.
    Failure,
}

/// A line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Line {
    pub(super) level: Level,
    /// What it is about, such as `topic soc.alerts`.
    pub(super) about: String,
    /// How it stands.
    pub(super) said: String,
    /// What to do; empty where all is well.
    pub(super) remedy: String,
}

impl Line {
    pub(super) fn ok(about: &str, said: impl Into<String>) -> Self {
        Self { level: Level::Ok, about: about.to_owned(), said: said.into(), remedy: String::new() }
    }

    pub(super) fn warning(about: &str, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Warning, about: about.to_owned(), said: said.into(), remedy: remedy.into() }
    }

    pub(super) fn failure(about: &str, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Failure, about: about.to_owned(), said: said.into(), remedy: remedy.into() }
    }

    /// The line for programs. Names and words of `state` are part of the contract (docs/operations.md).
    pub(super) fn document(&self) -> Value {
        let state = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Failure => "failure",
        };
        let remedy = Some(&self.remedy).filter(|remedy| !remedy.is_empty());
        json!({"name": self.about, "state": state, "what": self.said, "remedy": remedy})
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok   ",
            Level::Warning => "warn ",
            Level::Failure => "fail ",
        };
        // What the services say may have any character in it; a line is a line.
        let text = format!("{}: {}", self.about, self.said);
        let plain: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        write!(f, "{level} {}", plain.replace('\n', "\n      "))?;
        if !self.remedy.is_empty() {
            write!(f, "\n      → {}", self.remedy)?;
        }
        Ok(())
    }
}

/// A number of things; `s` is put to more than one.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A length of time for people, in its largest unit.
pub(super) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Line, size, span};

    #[test]
    fn a_line_says_what_to_do_and_obeys_nobody() {
        assert_eq!(Line::ok("a", "well").to_string(), "ok    a: well");
        let line = Line::failure("a", "one\ntwo\u{1b}[2J", "mend it");
        assert_eq!(line.to_string(), "fail  a: one\n      two [2J\n      → mend it");
    }

    #[test]
    fn lengths_and_sizes_are_rounded_down() {
        let spans = [59, 7_199, 172_799, 604_800].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(spans, ["59 s", "119 min", "47 h", "7 days"]);
        assert_eq!([7, 1_048_588, 12 << 20].map(size), ["7 bytes", "1024 KiB", "12 MiB"]);
    }
}
