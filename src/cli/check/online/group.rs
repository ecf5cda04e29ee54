//! What the consumer group's facts mean: may it be joined, where does it begin, and how long takes what lies ahead.

use std::time::Duration;

use super::line::{Line, span};
use super::topics::retention;
use crate::config::RateLimit;
use crate::kafka::survey::{Group, Place, Probe, Survey, Usage};

pub(super) fn judge(survey: &Survey, group_id: &str, start_from: Option<&str>, limits: &[RateLimit]) -> Vec<Line> {
    let about = format!("group {group_id}");
    let group = &survey.group;
    let mut lines = right(group, &about);
    let places = match (&group.places, &group.described) {
        (_, Probe::Denied) => {
            lines.push(Line::failure(&about, "may not be described", "allow Read and Describe of this group to the user"));
            return lines;
        }
        (Err(reason), _) => {
            let said = format!("where it stands is not known: {reason}");
            lines.push(Line::warning(&about, said, "see the brokers' log, and try again"));
            return lines;
        }
        (Ok(places), _) => places,
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
    match &group.right {
        Probe::Allowed | Probe::Done => Vec::new(),
        Probe::Denied => {
            let remedy = "allow Read and Describe of this group to the user";
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
        let said = format!("{} records of {} were deleted before they were read", place.earliest - committed, place.partition);
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
    let said = format!("{begins}; {ahead} records lie ahead");
    let Some(takes) = takes(ahead, limits) else { return Line::ok(about, said) };
    let said = format!("{said}, {} at the quota if each starts one workflow", span(takes));
    let sources = survey.topics.iter().filter(|topic| topic.usage == Usage::Source);
    let shortest = sources.filter_map(|topic| retention(topic.limits.as_ref()?)).min();
    match shortest.filter(|shortest| *shortest < takes) {
        None => Line::ok(about, said),
        Some(shortest) => {
            let said = format!("{said}; records are kept for {}, so that some age out before they are read", span(shortest));
            Line::warning(about, said, "raise retention.ms until it is through, or begin later (kafka.start_from)")
        }
    }
}

/// How long so many requests take under the tightest limit; `None` without one.
fn takes(requests: i64, limits: &[RateLimit]) -> Option<Duration> {
    let longest = limits
        .iter()
        .map(|limit| requests.max(0) as f64 * limit.per.get().as_secs_f64() / f64::from(limit.requests.max(1)))
        .fold(None, |longest: Option<f64>, seconds| Some(longest.map_or(seconds, |longest| longest.max(seconds))))?;
    Some(Duration::try_from_secs_f64(longest).unwrap_or(Duration::MAX))
}
