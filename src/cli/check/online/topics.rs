//! What the topics' facts mean.

use std::time::Duration;

use super::line::{Line, count, size, span};
use crate::kafka::survey::{Limits, Presence, Probe, Survey, Topic, Usage};

/// Room that a dead letter needs beside its record: our headers, the report of all attempts among them.
const HEADROOM: u64 = 64 * 1024;

/// A dead letter should lie for as long as a team may be away.
const LETTERS_LIE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the topics are held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands {
    /// How long an outage of SecMaster may last without a loss.
    pub(super) outage_budget: Duration,
    /// The longest record that is mapped, in bytes.
    pub(super) max_record_bytes: u64,
}

pub(super) fn judge(survey: &Survey, demands: Demands) -> Vec<Line> {
    let mut lines: Vec<Line> = survey
        .matchless
        .iter()
        .map(|expression| {
            let remedy = "mend the expression, or create the topics; they are found within a minute of that";
            Line::warning("kafka.topics", format!("`{expression}` matches no topic that may be seen"), remedy)
        })
        .collect();
    let sources = survey.topics.iter().filter(|topic| topic.usage == Usage::Source);
    let longest = sources.filter_map(|topic| topic.limits.as_ref()?.max_message_bytes).max();
    for topic in &survey.topics {
        let about = format!("topic {}", topic.name);
        let mut said = Vec::new();
        match topic.presence {
            Presence::There { .. } => there(topic, longest, demands, &mut said),
            _ => said.push(absent(topic, &about)),
        }
        if said.is_empty() {
            said.push(Line::ok(&about, well(topic)));
        }
        lines.append(&mut said);
    }
    lines
}

/// A topic that is not there for us.
fn absent(topic: &Topic, about: &str) -> Line {
    let (operations, what) = match topic.usage {
        Usage::Source => ("Read and Describe", "alerts are read from it"),
        Usage::DeadLetter => ("Write and Describe", "dead letters are written to it, and nothing commits past them"),
        Usage::Redrive => ("Read and Describe", "without it dead letters cannot be redriven; the daemon runs"),
    };
    let line = match &topic.presence {
        Presence::Denied => Line::failure(
            about,
            format!("may not be described; {what}"),
            format!("allow {operations} of this topic to the user"),
        ),
        Presence::Unclear(reason) => Line::failure(about, format!("{reason}; {what}"), "see the brokers' log"),
        _ => Line::failure(
            about,
            format!("is not there, or hidden from this user; {what}"),
            format!("create it, and allow {operations} of it"),
        ),
    };
    match topic.usage {
        Usage::Redrive => Line { level: super::line::Level::Warning, ..line },
        _ => line,
    }
}

/// What is wrong with a topic that is there.
fn there(topic: &Topic, longest: Option<u64>, demands: Demands, lines: &mut Vec<Line>) {
    let about = &format!("topic {}", topic.name);
    right(topic, about, lines);
    copies(topic, about, lines);
    let Some(limits) = &topic.limits else {
        let remedy = "allow DescribeConfigs of it to the user of this check, or compare max.message.bytes, retention.ms \
                      and cleanup.policy by hand";
        lines.push(Line::warning(about, "what it is set to is not known", remedy));
        return;
    };
    match topic.usage {
        Usage::Source => source(limits, about, demands, lines),
        Usage::DeadLetter => dead_letters(limits, about, longest, lines),
        Usage::Redrive => {}
    }
}

fn right(topic: &Topic, about: &str, lines: &mut Vec<Line>) {
    let (operation, verb) = if topic.usage == Usage::DeadLetter { ("Write", "written") } else { ("Read", "read") };
    match &topic.right {
        Probe::Allowed => {}
        Probe::Denied => {
            let remedy = format!("allow {operation} of this topic to the user");
            lines.push(Line::failure(about, format!("may not be {verb}"), remedy));
        }
        Probe::Unclear(reason) => {
            let remedy = format!("see the brokers' log, and whether the user may {operation}");
            lines.push(Line::warning(about, format!("whether it may be {verb} is not known: {reason}"), remedy));
        }
        Probe::Done => {
            let said = "may be written; but the brokers carry out what Apache Kafka refuses, so that an empty record of \
                        this check stands in it";
            lines.push(Line::warning(about, said, "pass over it: `dead-letters` does so, too"));
        }
    }
}

/// How many brokers may fail.
fn copies(topic: &Topic, about: &str, lines: &mut Vec<Line>) {
    let Presence::There { replicas, in_sync, leaderless, .. } = topic.presence else { return };
    let needed = topic.limits.as_ref().and_then(|limits| limits.min_in_sync);
    let is_written = topic.usage == Usage::DeadLetter;
    if leaderless > 0 {
        let remedy = "bring the brokers back that hold them";
        lines.push(Line::failure(about, format!("{leaderless} of its partitions have no leader"), remedy));
    } else if let Some(needed) = needed.filter(|needed| is_written && in_sync < *needed) {
        let said = format!("takes no record now: {in_sync} copies are in step, and min.insync.replicas is {needed}");
        lines.push(Line::failure(about, said, "bring the missing brokers back"));
    } else if in_sync < replicas {
        let said = format!("{in_sync} of {replicas} copies are in step");
        lines.push(Line::warning(about, said, "see why the other brokers lag behind"));
    }
    if replicas == 1 {
        let remedy = "give it a replication factor of 3";
        lines.push(Line::warning(about, "has one copy: what is on a broker is away with it", remedy));
    } else if is_written && needed == Some(1) {
        let said = "min.insync.replicas is 1: a dead letter that is acknowledged may be on one broker only";
        lines.push(Line::warning(about, said, "set it to 2"));
    } else if is_written && needed.is_some_and(|needed| needed >= replicas) {
        let said = format!(
            "min.insync.replicas is {replicas}, of {replicas} copies: it takes nothing while one broker is away"
        );
        lines.push(Line::warning(about, said, "lower it by one, or add a copy"));
    }
}

fn source(limits: &Limits, about: &str, demands: Demands, lines: &mut Vec<Line>) {
    let budget = demands.outage_budget;
    if let Some(retention) = retention(limits).filter(|retention| *retention < budget) {
        let (retention, budget) = (span(retention), span(budget));
        let said =
            format!("keeps records for {retention}: what waits longer, in an outage, is lost (budget: {budget})");
        lines.push(Line::warning(about, said, "raise retention.ms, or name a smaller --outage-budget"));
    }
    if let Some(bytes) = limits.retention_bytes.and_then(|bytes| u64::try_from(bytes).ok()) {
        let said = format!("keeps {} of a partition: how long that lasts in an outage depends on traffic", size(bytes));
        lines.push(Line::warning(about, said, "set retention.bytes to -1, or see that it holds the outage budget"));
    }
    if limits.compacts {
        let said = "is compacted: of two alerts with one key the first may be gone before it is read";
        lines.push(Line::warning(about, said, "set cleanup.policy to delete"));
    }
    if let Some(longest) = limits.max_message_bytes.filter(|longest| *longest > demands.max_record_bytes) {
        let (longest, most) = (size(longest), size(demands.max_record_bytes));
        let said =
            format!("takes records up to {longest}; those above mapping.max_record_bytes ({most}) become dead letters");
        lines.push(Line::warning(about, said, "lower max.message.bytes, or raise mapping.max_record_bytes"));
    }
}

fn dead_letters(limits: &Limits, about: &str, longest: Option<u64>, lines: &mut Vec<Line>) {
    if let (Some(takes), Some(longest)) = (limits.max_message_bytes, longest) {
        let wanted = longest.saturating_add(HEADROOM);
        if takes < wanted {
            let said = format!(
                "takes records up to {takes} bytes, and alerts have up to {longest}: a large one's dead letter, with its \
                 headers, would be written without its report or its value"
            );
            lines.push(Line::warning(about, said, format!("set max.message.bytes to {wanted} or more")));
        }
    }
    if let Some(retention) = retention(limits).filter(|retention| *retention < LETTERS_LIE) {
        let said = format!("keeps dead letters for {} only", span(retention));
        lines.push(Line::warning(about, said, "raise retention.ms: what nobody has looked at by then is gone"));
    }
    if limits.compacts {
        let said = "is compacted: letters of one key replace one another, and those without a key are refused";
        lines.push(Line::failure(about, said, "set cleanup.policy to delete"));
    }
}

/// How long a topic keeps records; `None`: for ever, or that is not known.
pub(super) fn retention(limits: &Limits) -> Option<Duration> {
    limits.retention_ms.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis)
}

fn well(topic: &Topic) -> String {
    let Presence::There { partitions, replicas, .. } = topic.presence else { return String::new() };
    let verb = if topic.usage == Usage::DeadLetter { "written" } else { "read" };
    let mut said = format!("may be {verb}; {}, {replicas} copies", count(partitions, "partition"));
    if let Some(limits) = &topic.limits {
        let kept = retention(limits).map_or_else(|| "for ever".to_owned(), span);
        said += &format!(", kept {kept}");
        if let Some(bytes) = limits.max_message_bytes {
            said += &format!(", records up to {}", size(bytes));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Demands, judge};
    use crate::cli::check::online::survey_of;
    use crate::kafka::survey::{Limits, Presence, Probe, Topic, Usage};

    const DAY: i64 = 24 * 3_600_000;

    fn topic(usage: Usage, presence: Presence, limits: Limits) -> Topic {
        Topic { name: "t".to_owned(), usage, presence, limits: Some(limits), right: Probe::Allowed }
    }

    const fn there(replicas: usize, in_sync: usize) -> Presence {
        Presence::There { partitions: 6, replicas, in_sync, leaderless: 0 }
    }

    fn limits(days: i64, bytes: u64) -> Limits {
        Limits {
            max_message_bytes: Some(bytes),
            retention_ms: Some(days * DAY),
            retention_bytes: Some(-1),
            min_in_sync: Some(2),
            compacts: false,
        }
    }

    const DEMANDS: Demands = Demands { outage_budget: Duration::from_secs(3 * 24 * 3_600), max_record_bytes: 12 << 20 };

    fn said(topics: Vec<Topic>) -> String {
        judge(&survey_of(topics), DEMANDS).iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn topics_that_fit_one_another_have_a_line_each() {
        let source = topic(Usage::Source, there(3, 3), limits(7, 1_048_588));
        let letters = topic(Usage::DeadLetter, there(3, 3), limits(30, 1_200_000));
        let ever = Limits { retention_ms: Some(-1), ..limits(0, 1_048_588) };
        insta::assert_snapshot!(said(vec![source, letters, topic(Usage::Redrive, there(3, 3), ever)]));
    }

    #[test]
    fn a_source_that_may_lose_alerts_is_told() {
        let tight = Limits { retention_bytes: Some(1 << 30), compacts: true, ..limits(1, 20 << 20) };
        insta::assert_snapshot!(said(vec![topic(Usage::Source, there(3, 2), tight)]));
    }

    #[test]
    fn a_dead_letter_topic_that_may_refuse_or_lose_letters_is_told() {
        let source = topic(Usage::Source, there(3, 3), limits(7, 1_048_588));
        let compacted = Limits { compacts: true, ..limits(1, 1_048_588) };
        let one = Limits { min_in_sync: Some(1), ..limits(30, 1_200_000) };
        let all = Limits { min_in_sync: Some(3), ..limits(30, 1_200_000) };
        let letters = |presence, limits| topic(Usage::DeadLetter, presence, limits);
        let leaderless = Presence::There { partitions: 2, replicas: 3, in_sync: 0, leaderless: 1 };
        insta::assert_snapshot!(said(vec![
            source,
            letters(there(3, 1), compacted),
            letters(there(3, 3), one),
            letters(there(3, 3), all.clone()),
            letters(leaderless, all),
        ]));
    }
}
