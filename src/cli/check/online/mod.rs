//! `check --online`: what `run` would meet. Kafka and SecMaster are asked, each as far as it answers; nothing of the user's
//! is changed in either, and the consumer group is not joined. (What brokers may keep of it: `kafka::survey`.)

mod alerts;
mod class;
mod faults;
mod group;
mod line;
mod producing;
mod secmaster;
mod topics;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::ProgressBar;

pub(super) use self::faults::{print_error, print_faults};
use self::line::{Level, Line, count};
use self::secmaster::Subject;
use self::topics::Demands;
use crate::app;
use crate::cli::Failure;
use crate::cli::output::{Output, document};
use crate::config::{Config, TimeSpan};
use crate::kafka::survey::{self, Survey};

/// How long each question to Kafka may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long Kafka is asked things that can be left out.
const QUESTIONS: Duration = Duration::from_secs(45);
/// How long all of Kafka may take; more than the last question before that ends, and its clients.
const ALL_OF_KAFKA: Duration = Duration::from_secs(90);
/// How long all of SecMaster may, whose calls are bounded by `secmaster.request_timeout` each.
const ALL_OF_SECMASTER: Duration = Duration::from_secs(180);

/// Asks, and prints a line for each thing. Exit code 1 for a failure, or a warning where those are denied.
pub(super) fn execute(
    config: &Config,
    outage_budget: TimeSpan,
    deny_warnings: bool,
    output: Output,
) -> Result<(), Failure> {
    let (mapper, kafka) = (app::load_mapper(config)?, app::kafka_settings(config)?);
    let subject =
        Subject { client: app::secmaster(config)?, destinations: app::destinations(config), given: mapper.given() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let spinner = spinner();
    let (kafka, secmaster) = runtime.block_on(async {
        let kafka = tokio::time::timeout(ALL_OF_KAFKA, survey::survey(kafka, PATIENCE, QUESTIONS));
        let secmaster = tokio::time::timeout(ALL_OF_SECMASTER, secmaster::ask(&subject, config));
        tokio::join!(kafka, secmaster)
    });
    spinner.finish_and_clear();
    let mut lines = match kafka {
        Ok(Ok(survey)) => judge(&survey, config, outage_budget),
        Ok(Err(error)) => vec![unreachable(&error.to_string())],
        Err(_) => vec![unreachable(&format!("not all was answered within {} s", ALL_OF_KAFKA.as_secs()))],
    };
    lines.extend(secmaster.unwrap_or_else(|_| {
        let said = format!("not all was answered within {} s", ALL_OF_SECMASTER.as_secs());
        vec![Line::failure("secmaster", said, "check the way there, and again")]
    }));
    let of = |level: Level| lines.iter().filter(|line| line.level == level).count();
    let (well, warnings, failures) = (of(Level::Ok), of(Level::Warning), of(Level::Failure));
    if output == Output::Table {
        let mut out = io::stdout().lock();
        for line in &lines {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "online: {well} ok, {}, {}", count(warnings, "warning"), count(failures, "failure"))?;
    } else {
        document(output, &lines.iter().map(Line::document).collect())?;
    }
    // A question that nobody answers must not hold the end of the process.
    runtime.shutdown_background();
    if failures > 0 || (deny_warnings && warnings > 0) { Err(Failure::Reported) } else { Ok(()) }
}

fn unreachable(reason: &str) -> Line {
    let remedy = "check kafka.bootstrap_servers and security, and the way there; topics and rights were not looked at";
    Line::failure("kafka", reason, remedy)
}

/// What was found in Kafka, line by line.
fn judge(survey: &Survey, config: &Config, outage_budget: TimeSpan) -> Vec<Line> {
    let mut lines = vec![Line::ok("kafka", count(survey.brokers, "broker"))];
    let demands = Demands {
        outage_budget: outage_budget.get().max(config.delivery.drain_timeout.get()),
        max_record_bytes: config.mapping.max_record_bytes.get(),
    };
    lines.extend(topics::judge(survey, demands));
    lines.extend(producing::judge(survey, &config.kafka.dead_letter_topic, &config.kafka.redrive_topic));
    let start_from = config.kafka.start_from.map(|start_from| start_from.to_string());
    lines.extend(group::judge(survey, &config.kafka.group_id, start_from.as_deref(), &config.delivery.rate_limits));
    lines
}

/// Shows on a terminal that something is going on.
fn spinner() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message("asking Kafka and SecMaster");
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// What is found of these topics where everything is well and a group has not begun.
#[cfg(test)]
fn survey_of(topics: Vec<survey::Topic>) -> Survey {
    use crate::kafka::survey::{Group, Probe};
    let (described, right) = (Probe::Allowed, Probe::Allowed);
    let group = Group { described, right, has_begun: false, places: Ok(Vec::new()), choices: None };
    Survey { brokers: 3, topics, matchless: Vec::new(), group, idempotent: Probe::Allowed, redrive: None }
}
