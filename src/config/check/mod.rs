//! What the schema cannot say: values that do not fit one another, and what `run` cannot do without.
//!
//! Every message says what to do.

mod credentials;
mod delivery;
mod kafka;
mod routing;
mod secmaster;
mod server;

use std::fs::File;
use std::path::Path;

use super::error::Problem;
use super::{Config, Purpose};
use crate::domain::is_uuid;

/// Everything that is wrong between the keys.
pub(super) fn problems(config: &Config, purpose: Purpose) -> Vec<Problem> {
    let mut faults = Faults { purpose, problems: Vec::new() };
    kafka::check(&config.kafka, &mut faults);
    secmaster::check(&config.secmaster, &mut faults);
    delivery::check(config, &mut faults);
    routing::check(config, &mut faults);
    server::check(&config.server, &mut faults);
    faults.problems
}

/// What is allowed, but probably not meant.
pub(super) fn hints(config: &Config, purpose: Purpose) -> Vec<String> {
    match purpose {
        Purpose::Offline => return Vec::new(),
        Purpose::Call => return secmaster::hint(&config.secmaster).into_iter().collect(),
        Purpose::Run => {}
    }
    let hints = [
        kafka::hint(&config.kafka),
        secmaster::hint(&config.secmaster),
        delivery::hint(config),
        routing::hint(&config.routing),
        server::hint(&config.server),
    ];
    hints.into_iter().flatten().collect()
}

/// The problems found so far.
struct Faults {
    purpose: Purpose,
    problems: Vec<Problem>,
}

impl Faults {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), message: message.into(), place: None });
    }

    /// Something that must hold whatever the purpose is.
    fn unless(&mut self, holds: bool, path: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.add(path, message());
        }
    }

    /// Something that only delivering and other calls need.
    fn needed(&mut self, given: bool, path: &str, message: impl FnOnce() -> String) {
        let is_needed = match self.purpose {
            Purpose::Run => true,
            Purpose::Call => path != "secmaster.workspace_id",
            Purpose::Offline => false,
        };
        if is_needed {
            self.unless(given, path, message);
        }
    }

    /// A file that has to be there.
    fn file(&mut self, path: &str, file: Option<&Path>) {
        if let (Purpose::Run | Purpose::Call, Some(file)) = (self.purpose, file)
            && let Err(error) = File::open(file)
        {
            self.add(path, format!("`{path}`: cannot read `{}`: {error}", file.display()));
        }
    }

    /// A workflow's id: whatever the service may have given out. One that is no UUID gets a warning
    /// ([`crate::routing::lint_ids`]).
    fn workflow(&mut self, path: &str, id: &str) {
        let fits = !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic() && !b"/\\{}".contains(&b));
        self.unless(fits, path, || {
            format!("`{path}`: `{id}` is not a workflow's id, which looks like `909494e3-558e-46b6-a9eb-07a8e18ca62f`")
        });
    }

    /// An id of SecMaster: a UUID, with dashes or without.
    fn uuid(&mut self, path: &str, id: &str) {
        self.unless(is_uuid(id), path, || {
            format!(
                "`{path}`: `{id}` is not an id of SecMaster, which looks like `909494e3-558e-46b6-a9eb-07a8e18ca62f`"
            )
        });
    }

    /// An IAM project's id.
    fn project(&mut self, path: &str, id: &str) {
        let fits = (32..=36).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        self.unless(fits, path, || {
            format!("`{path}`: `{id}` is not a project's id, which has 32 to 36 letters and digits (not its name)")
        });
    }
}
