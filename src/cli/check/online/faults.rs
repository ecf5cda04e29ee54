//! What is wrong before anybody is asked, for programs: standard output is a list then, too.

use anyhow::Error;
use serde_json::Value;

use super::line::Line;
use crate::cli::output::{Output, document};
use crate::config::{ConfigError, Problem};

/// What a fault is about that no key of the configuration is known for.
const CONFIGURATION: &str = "configuration";

/// Prints faults of mappings, routes and clients.
pub(in crate::cli::check) fn print_faults(faults: &[String], output: Output) -> anyhow::Result<()> {
    print(faults.iter().map(|fault| Line::failure(CONFIGURATION, fault, "mend it, and check again")), output)
}

/// Prints why the check could not begin: each fault of the configuration by its key.
pub(in crate::cli::check) fn print_error(error: &Error, output: Output) -> anyhow::Result<()> {
    match error.downcast_ref::<ConfigError>() {
        Some(error) => print(lines(error).into_iter(), output),
        None => print_faults(&[format!("{error:#}")], output),
    }
}

fn lines(error: &ConfigError) -> Vec<Line> {
    let line = |problem: &Problem| {
        let about = if problem.path.is_empty() { CONFIGURATION } else { &problem.path };
        let place = problem.place.as_ref().map_or_else(String::new, |place| format!(" in {place}"));
        Line::failure(about, &problem.message, format!("mend it{place}, and check again"))
    };
    error.problems.iter().map(line).collect()
}

fn print(lines: impl Iterator<Item = Line>, output: Output) -> anyhow::Result<()> {
    let lines: Value = lines.map(|line| line.document()).collect();
    document(output, &lines)
}
