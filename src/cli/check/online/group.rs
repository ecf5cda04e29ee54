//! What the consumer group's facts mean: may it be joined, where does it begin, and how long takes what lies ahead.

use std::time::Duration;

use super::line::{Line, count, span};
use super::topics::retention;
use crate::config::RateLimit;
use crate::kafka::survey::{Group, Place, Probe, Survey, Usage};

pub(super) fn judge(survey: &Survey, group_id: &str, start_from: Option<&str>, limits: &[RateLimit]) -> Vec<Line> {
    let about = format!("group {group_id}");
    let group = &survey.group;
    let mut lines = right(group, &about);
    let places = match &group.places {
        Err(reason) => {
            let said = format!("where it stands is not known: {reason}");
            lines.push(Line::warning(&about, said, "see the brokers' log, and try again"));
            return lines;
        }
        Ok(places) => places,
    };
    if places.is_empty() {
        return lines;
    }
    if let Some(choices) = &group.choices {
        lines.push(Line::failure(&about, choices, "set kafka.start_from; it is needed once"));
        return lines;
    }
    lines.extend(places.iter().filter_map(|place| out_of_range(place, &about)));
    let ahead: i64 = places.iter().map(|place| place.latest - place.begin).sum();
    let begins = match start_from {
        Some(start_from) if !group.has_begun => format!("begins at {start_from}"),
        _ => "goes on where it has committed".to_owned(),
    };
    lines.push(drain(survey, &about, &begins, ahead, limits));
    lines
}

fn right(group: &Group, about: &str) -> Vec<Line> {
    let remedy = "allow Read of this group to the user, which Describe goes with";
    if group.described == Probe::Denied {
        return vec![Line::failure(about, "may not be described, let alone joined", remedy)];
    }
    match &group.right {
        Probe::Allowed | Probe::Done => Vec::new(),
        Probe::Denied => {
            vec![Line::failure(about, "may not be joined, nor committed for", remedy)]
        }
        Probe::Unclear(reason) => {
            let said = format!("whether it may be joined is not known: {reason}");
            vec![Line::warning(about, said, "see the brokers' log, and whether the user may Read this group")]
        }
    }
}

/// A committed offset that is not there any more.
fn out_of_range(place: &Place, about: &str) -> Option<Line> {
    let committed = place.committed?;
    if committed < place.earliest {
        let said =
            format!("{} offsets of {} were deleted before they were read", place.earliest - committed, place.partition);
        let remedy = "raise retention.ms; the daemon says so, too, and goes on at the earliest";
        return Some(Line::warning(about, said, remedy));
    }
    (committed > place.latest).then(|| {
        let said = format!("has committed {committed} of {}, which ends at {}", place.partition, place.latest);
        Line::warning(about, said, "the topic was made anew: the daemon begins at its earliest record")
    })
}

/// What lies ahead, and how long it takes at the quota.
fn drain(survey: &Survey, about: &str, begins: &str, ahead: i64, limits: &[RateLimit]) -> Line {
    let ahead = usize::try_from(ahead).unwrap_or_default();
    if ahead == 0 {
        return Line::ok(about, format!("{begins}; nothing lies ahead"));
    }
    let said = format!("{begins}; {} to read", count(ahead, "record"));
    let Some(takes) = takes(ahead, limits) else { return Line::ok(about, said) };
    let said = format!("{said}, {} at the quota if each starts one workflow", span(takes));
    let sources = survey.topics.iter().filter(|topic| topic.usage == Usage::Source);
    let shortest = sources.filter_map(|topic| retention(topic.limits.as_ref()?)).min();
    match shortest.filter(|shortest| *shortest < takes) {
        None => Line::ok(about, said),
        Some(shortest) => {
            let said =
                format!("{said}; records are kept for {}, so that some age out before they are read", span(shortest));
            Line::warning(about, said, "raise retention.ms until it is through, or begin later (kafka.start_from)")
        }
    }
}

/// How long so many requests take under the tightest limit; `None` without one.
fn takes(requests: usize, limits: &[RateLimit]) -> Option<Duration> {
    let longest = limits
        .iter()
        .map(|limit| requests as f64 * limit.per.get().as_secs_f64() / f64::from(limit.requests.max(1)))
        .fold(None, |longest: Option<f64>, seconds| Some(longest.map_or(seconds, |longest| longest.max(seconds))))?;
    Some(Duration::try_from_secs_f64(longest).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::cli::check::online::survey_of;
    use crate::config::{RateLimit, TimeSpan};
    use crate::domain::TopicPartition;
    use crate::kafka::survey::{Group, Limits, Place, Presence, Probe, Survey, Topic, Usage};

    fn group(places: &[(Option<i64>, i64, i64)]) -> Group {
        let place = |(n, (committed, earliest, latest)): (i32, &(Option<i64>, i64, i64))| Place {
            partition: TopicPartition::new("t", n),
            committed: *committed,
            earliest: *earliest,
            latest: *latest,
            begin: committed.filter(|at| (earliest..=latest).contains(&at)).unwrap_or(*earliest),
        };
        Group {
            has_begun: places.iter().any(|(committed, ..)| committed.is_some()),
            places: Ok((0..).zip(places).map(place).collect()),
            ..survey_of(Vec::new()).group
        }
    }

    fn said(group: Group) -> String {
        let limits = Limits { retention_ms: Some(24 * 3_600_000), ..Limits::default() };
        let presence = Presence::There { partitions: 2, replicas: 3, in_sync: 3, leaderless: 0 };
        let topic =
            Topic { name: "t".to_owned(), usage: Usage::Source, presence, limits: Some(limits), right: Probe::Allowed };
        let survey = Survey { group, ..survey_of(vec![topic]) };
        let limit = |requests, seconds| RateLimit { requests, per: TimeSpan::from_secs(seconds), burst: 1 };
        let lines = judge(&survey, "soc", Some("latest"), &[limit(10, 1), limit(300, 60)]);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn what_lies_ahead_is_told_with_its_time_at_the_tightest_limit() {
        insta::assert_snapshot!(said(group(&[(Some(5), 0, 5), (Some(0), 0, 600)])));
        insta::assert_snapshot!(said(group(&[(None, 7, 7)])));
        insta::assert_snapshot!(said(group(&[(Some(0), 0, 1_000_000)])));
    }

    #[test]
    fn offsets_that_are_gone_and_rights_that_lack_are_told() {
        insta::assert_snapshot!(said(group(&[(Some(3), 10, 12), (Some(30), 10, 12)])));
        let denied = Group { right: Probe::Denied, places: Err("timed out".to_owned()), ..group(&[]) };
        insta::assert_snapshot!(said(denied));
        let choices = Some("set it to one of\n  earliest: 7 records".to_owned());
        insta::assert_snapshot!(said(Group { choices, ..group(&[(None, 0, 7)]) }));
    }
}
