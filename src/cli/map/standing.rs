//! Dead letters and redriven records: what of them the daemon would run, so that `map` shows that and no more.

use super::MapArgs;
use crate::config::Config;
use crate::domain::{Origin, Record, RedriveMark, SkipReason, is_dead_letter_copy};
use crate::letters::Letter;

/// The topic of a record that the command line gives none.
pub(super) const NO_TOPIC: &str = "stdin";

/// What a record's topic and headers say of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// An alert as any: all of it runs.
    Whole,
    /// What the mark names runs, under the place where the record first stood.
    Redriven { mark: RedriveMark, note: String },
    /// Nothing runs.
    Skipped { reason: SkipReason, note: String },
}

/// What the daemon tells a record's standing by.
pub(super) struct Topics<'a> {
    redrive: &'a str,
    dead_letters: &'a str,
    group: &'a str,
}

impl<'a> Topics<'a> {
    pub(super) fn of(config: &'a Config) -> Self {
        Self {
            redrive: &config.kafka.redrive_topic,
            dead_letters: &config.kafka.dead_letter_topic,
            group: &config.kafka.group_id,
        }
    }

    /// What becomes of a record. On the redrive topic its mark counts, and on an alert topic a dead letter is skipped.
    /// One of the dead-letter topic, or of none, is taken as a redrive would write it.
    pub(super) fn standing(&self, record: &Record) -> Standing {
        let topic = &*record.partition.topic;
        if topic == self.redrive {
            return match RedriveMark::read(record) {
                Some(mark) if *mark.group == *self.group => redriven(mark),
                Some(mark) => skipped(
                    SkipReason::RedriveGroup,
                    format!("it is marked for the consumer group {}, and this one is {}", mark.group, self.group),
                ),
                None => skipped(SkipReason::RedriveMark, "it stands on the redrive topic without a mark".to_owned()),
            };
        }
        if !is_dead_letter_copy(record) {
            return Standing::Whole;
        }
        if topic != self.dead_letters && topic != NO_TOPIC {
            let note = "it carries the headers of a dead letter, and of such nothing runs on an alert topic".to_owned();
            return skipped(SkipReason::DeadLetterCopy, note);
        }
        if let Some(mark) = RedriveMark::read(record) {
            return redriven(mark);
        }
        match Letter::read(record.clone()) {
            Some(letter) if letter.is_stub() => {
                let note = "it is a dead letter whose value was left out, so no redrive takes it".to_owned();
                skipped(SkipReason::DeadLetterCopy, note)
            }
            Some(letter) => {
                let mark = letter.mark(false);
                let note = format!(
                    "a dead letter: what a redrive runs is {}; on an alert topic it is skipped ({})",
                    named(&mark),
                    SkipReason::DeadLetterCopy.as_str()
                );
                Standing::Redriven { mark, note }
            }
            None => {
                let note = "its headers are a dead letter's, and do not say where it first stood".to_owned();
                skipped(SkipReason::DeadLetterCopy, note)
            }
        }
    }
}

impl Standing {
    pub(super) const fn mark(&self) -> Option<&RedriveMark> {
        match self {
            Self::Redriven { mark, .. } => Some(mark),
            _ => None,
        }
    }

    /// What there is to say to people.
    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::Redriven { note, .. } | Self::Skipped { note, .. } => Some(note),
            Self::Whole => None,
        }
    }

    /// The place that ids are made of.
    pub(super) fn origin(&self, own: Origin) -> Origin {
        self.mark().map_or(own, |mark| mark.origin.clone())
    }
}

/// Whether the record's place is known, so that ids made of it are the daemon's.
pub(super) fn has_place(args: &MapArgs, standing: &Standing) -> bool {
    args.offset.is_some() || args.from.is_some() || standing.mark().is_some()
}

fn redriven(mark: RedriveMark) -> Standing {
    let note = format!("redriven: only what its mark names runs, {}", named(&mark));
    Standing::Redriven { mark, note }
}

const fn skipped(reason: SkipReason, note: String) -> Standing {
    Standing::Skipped { reason, note }
}

fn named(mark: &RedriveMark) -> String {
    let part = mark.part.map_or_else(|| "all parts".to_owned(), |part| format!("part {part}"));
    let workflow = mark.workflow_id.as_deref().map_or_else(String::new, |id| format!(" for the workflow {id}"));
    let Origin { partition, offset, .. } = &mark.origin;
    format!("{part} of {partition}/{offset}{workflow}")
}
