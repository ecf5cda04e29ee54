//! The options by which dead letters are chosen.

use anyhow::anyhow;
use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;

use crate::cli::Failure;
use crate::config::StartFrom;
use crate::domain::{DeadLetterClass, FailureReason, Severity};
use crate::letters::{Filter, FilterSettings};

/// Which dead letters are meant; several options narrow the choice, several values of one widen it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which dead letters")]
pub(super) struct FilterArgs {
    /// Of this class (comma separated); nothing is `stale` yet: dropping of stale alerts is not built
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(DeadLetterClass::ALL.map(DeadLetterClass::as_str)))]
    class: Vec<String>,
    /// For this reason, e.g. request_refused (comma separated; docs/failure-classes.md lists them)
    #[arg(long, value_delimiter = ',', hide_possible_values = true, value_parser = PossibleValuesParser::new(FailureReason::ALL.iter().map(|reason| reason.as_str())))]
    reason: Vec<String>,
    /// With this code of the service, e.g. SecMaster.20030025 (comma separated)
    #[arg(long, value_delimiter = ',')]
    code: Vec<String>,
    /// For this workflow (comma separated)
    #[arg(long, value_name = "WORKFLOW_ID", value_delimiter = ',')]
    workflow: Vec<String>,
    /// Of this severity (comma separated)
    #[arg(long, value_delimiter = ',', ignore_case = true, value_parser = PossibleValuesParser::new(Severity::ALL.map(Severity::as_str)))]
    severity: Vec<String>,
    /// Read as this format (comma separated)
    #[arg(long, value_delimiter = ',')]
    format: Vec<String>,
    /// Given up by this consumer group (comma separated)
    #[arg(long, value_delimiter = ',')]
    group: Vec<String>,
    /// Written at this time or later: a time with its zone, or an age such as 2h
    #[arg(long, value_name = "TIME|AGE", value_parser = moment)]
    since: Option<StartFrom>,
    /// Written before this time: likewise
    #[arg(long, value_name = "TIME|AGE", value_parser = moment)]
    until: Option<StartFrom>,
    /// For which this jq predicate holds; it sees what `list --output json` prints
    #[arg(long = "where", value_name = "JQ")]
    expression: Option<String>,
}

impl FilterArgs {
    /// Compiles them; ages count from `now`.
    pub(super) fn filter(&self, now: Timestamp) -> Result<Filter, Failure> {
        self.compile(now, self.group.clone())
    }

    /// The same, for one group alone where none is named.
    pub(super) fn filter_of_group(&self, now: Timestamp, group: &str) -> Result<Filter, Failure> {
        let groups = if self.group.is_empty() { vec![group.to_owned()] } else { self.group.clone() };
        self.compile(now, groups)
    }

    fn compile(&self, now: Timestamp, groups: Vec<String>) -> Result<Filter, Failure> {
        let settings = FilterSettings {
            classes: self.class.clone(),
            reasons: self.reason.clone(),
            codes: self.code.clone(),
            workflows: self.workflow.clone(),
            severities: self.severity.clone(),
            formats: self.format.clone(),
            groups,
            since_ms: self.since.map(|since| millisecond(since, now)),
            until_ms: self.until.map(|until| millisecond(until, now)),
            expression: self.expression.clone(),
        };
        Filter::new(settings).map_err(|error| Failure::Usage(anyhow!("--where: {error}")))
    }
}

fn millisecond(moment: StartFrom, now: Timestamp) -> i64 {
    match moment {
        StartFrom::Time(time) => time.as_millisecond(),
        StartFrom::Age(age) => {
            let age = i64::try_from(age.get().as_millis()).unwrap_or(i64::MAX);
            now.as_millisecond().saturating_sub(age)
        }
        StartFrom::Earliest => i64::MIN,
        StartFrom::Latest => now.as_millisecond(),
    }
}

fn moment(text: &str) -> Result<StartFrom, String> {
    match text.parse() {
        Ok(moment @ (StartFrom::Age(_) | StartFrom::Time(_))) => Ok(moment),
        _ => Err("write an age such as `2h`, or a time with its zone such as `2026-11-01T00:00:00Z`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{millisecond, moment};

    #[test]
    fn a_moment_is_a_time_or_an_age() {
        let at = |text: &str| moment(text).map(|m| millisecond(m, Timestamp::from_second(10_000).unwrap()));
        assert_eq!(at("1970-01-01T00:00:07Z"), Ok(7_000));
        assert_eq!(at("2h"), Ok(2_800_000));
        assert!(at("latest").is_err() && at("yesterday").is_err());
    }
}
