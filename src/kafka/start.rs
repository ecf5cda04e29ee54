//! Where a partition is read from: the decisions alone, without Kafka.

use std::time::Duration;

use crate::config::StartFrom;
use crate::domain::Offset;

/// A committed offset against what the partition holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Resume {
    /// Where reading goes on.
    pub(super) offset: Offset,
    /// What was to be read is gone: aged out, deleted, or the topic was made anew.
    pub(super) out_of_range: bool,
}

/// Goes on at `wanted`, or at the earliest record if that offset is not there any more.
pub(super) fn resume(wanted: Offset, earliest: Offset, latest: Offset) -> Resume {
    let out_of_range = wanted < earliest || wanted > latest;
    Resume { offset: if out_of_range { earliest } else { wanted }, out_of_range }
}

/// The time that a choice stands for, in milliseconds since the epoch; `None` for the two ends.
pub(super) fn time_ms(start_from: StartFrom, now_ms: i64) -> Option<i64> {
    match start_from {
        StartFrom::Earliest | StartFrom::Latest => None,
        StartFrom::Age(age) => Some(now_ms.saturating_sub(milliseconds(age.get()))),
        StartFrom::Time(time) => Some(time.as_millisecond()),
    }
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Ages that are offered to an operator who has not yet said where to begin, youngest first.
pub(super) const AGES: [(&str, Duration); 6] = [
    ("1h", Duration::from_secs(3600)),
    ("6h", Duration::from_secs(6 * 3600)),
    ("24h", Duration::from_secs(24 * 3600)),
    ("72h", Duration::from_secs(72 * 3600)),
    ("168h", Duration::from_secs(168 * 3600)),
    ("720h", Duration::from_secs(720 * 3600)),
];

/// What each choice would run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preview {
    /// Offsets from the earliest to the latest.
    pub(super) all: i64,
    /// Offsets not older than each of [`AGES`].
    pub(super) by_age: [i64; AGES.len()],
}

/// Says to the operator what each choice would run. Offsets are counted, so the numbers are upper bounds: transaction
/// markers and compacted records are among them.
pub(super) fn describe(group: &str, topic: &str, preview: &Preview) -> String {
    let mut text = format!(
        "the group {group} has never committed an offset of the topic {topic}, so it has to be told once where to \
         begin. Set kafka.start_from to one of\n  earliest: {}",
        records(preview.all),
    );
    if preview.all > 0 {
        let within = preview.by_age.iter().position(|count| *count == preview.all);
        text += &match within.and_then(|at| AGES.get(at)) {
            Some((age, _)) => format!(", none older than {age}"),
            None => format!(", the oldest more than {} old", AGES[AGES.len() - 1].0),
        };
    }
    let mut above = preview.all;
    for ((age, _), count) in AGES.iter().zip(preview.by_age).rev() {
        if count < above {
            text += &format!("\n  {age}: {}", records(count));
            above = count;
        }
    }
    text.push_str("\n  latest: only what is written from now on\n  a time such as 2026-01-31T08:00:00Z");
    text
}

fn records(count: i64) -> String {
    match count {
        0 => "no record".to_owned(),
        1 => "1 record".to_owned(),
        n => format!("{n} records"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TimeSpan;

    #[test]
    fn a_committed_offset_is_gone_on_from_while_the_partition_holds_it() {
        let at = |wanted| resume(Offset(wanted), Offset(10), Offset(20));
        assert_eq!(at(10), Resume { offset: Offset(10), out_of_range: false });
        assert_eq!(at(20), Resume { offset: Offset(20), out_of_range: false });
        assert_eq!(at(9), Resume { offset: Offset(10), out_of_range: true }, "aged out");
        assert_eq!(at(21), Resume { offset: Offset(10), out_of_range: true }, "the topic was made anew");
    }

    #[test]
    fn an_age_counts_back_from_now_and_a_time_stands_for_itself() {
        assert_eq!(time_ms(StartFrom::Age(TimeSpan::from_secs(2)), 5_000), Some(3_000));
        assert_eq!(time_ms(StartFrom::Time(jiff::Timestamp::UNIX_EPOCH), 5_000), Some(0));
        assert_eq!(time_ms(StartFrom::Latest, 5_000), None);
    }

    #[test]
    fn the_operator_reads_what_each_choice_would_run() {
        let preview = Preview { all: 12_345, by_age: [0, 3, 120, 120, 12_345, 12_345] };
        insta::assert_snapshot!(describe("soc", "soc.alerts", &preview));
        let empty = Preview { all: 0, by_age: [0; AGES.len()] };
        insta::assert_snapshot!(describe("soc", "soc.alerts", &empty));
    }
}
