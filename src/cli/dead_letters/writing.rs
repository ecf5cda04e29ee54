//! The writing of a redrive: transaction by transaction, at its rate, until it is through, interrupted or refused.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::Instant;

use super::interrupt::Interrupt;
use super::reading;
use super::redrive::Plan;
use crate::cli::Failure;
use crate::cli::rate::Rate;
use crate::domain::{Record, RedriveMark};
use crate::kafka::KafkaSettings;
use crate::kafka::letters::{Outgoing, Progress, Redriver, TopicReader};
use crate::letters::Letter;

/// A transaction holds no more bytes of values than this, but for one record.
const BYTES: usize = 8 << 20;
/// Progress is said so often where there is no terminal.
const LINE: Duration = Duration::from_secs(5);

pub(super) fn run(settings: &KafkaSettings, redriver: Redriver, plan: &Plan, rate: Rate) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let mut writing = Writing {
        redriver,
        come: plan.begun.clone(),
        batch: Vec::new(),
        bytes: 0,
        written: 0,
        rate,
        started: Instant::now(),
        interrupt,
    };
    let end = writing.all(settings, plan);
    let (written, all) = (writing.written, plan.chosen.len());
    match end {
        Ok(End::Through) => {
            writeln!(io::stdout(), "{written} redriven to {}", settings.redrive_topic)?;
            Ok(())
        }
        Ok(End::Interrupted) => {
            Err(anyhow!("interrupted after {written} of {all}: the same command again goes on there").into())
        }
        Err(error) => Err(anyhow!("stopped after {written} of {all} (the same command goes on there): {error}").into()),
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Through,
    Interrupted,
}

struct Writing {
    redriver: Redriver,
    /// How far what was read has come: what the next transaction says.
    come: BTreeMap<i32, Progress>,
    batch: Vec<Outgoing>,
    bytes: usize,
    written: u64,
    rate: Rate,
    started: Instant,
    interrupt: Interrupt,
}

impl Writing {
    fn all(&mut self, settings: &KafkaSettings, plan: &Plan) -> anyhow::Result<End> {
        let mut reader = TopicReader::open(settings, &settings.dead_letter_topic)?;
        reader.read_from(plan.spans.clone())?;
        let bar = reading::bar(plan.chosen.len() as u64, "redriven");
        let mut said = Instant::now();
        while let Some(record) = reader.read()? {
            let (partition, offset) = (record.partition.partition, record.offset.0);
            if let Some(mark) = plan.chosen.get(&(partition, offset))
                && let Some(outgoing) = outgoing(record, mark)
            {
                self.bytes += outgoing.value.as_ref().map_or(0, |value| value.len());
                self.batch.push(outgoing);
            }
            if let Some(come) = self.come.get_mut(&partition) {
                come.next = offset + 1;
            }
            if self.batch.len() >= self.rate.batch() || self.bytes >= BYTES {
                if self.is_interrupted_at_pace() {
                    return Ok(End::Interrupted);
                }
                self.write()?;
                bar.set_position(self.written);
                if bar.is_hidden() && said.elapsed() >= LINE {
                    said = Instant::now();
                    writeln!(io::stderr(), "{} of {} redriven", self.written, plan.chosen.len())?;
                }
            }
        }
        if self.is_interrupted_at_pace() {
            return Ok(End::Interrupted);
        }
        for (partition, span) in &plan.spans {
            if let Some(come) = self.come.get_mut(partition) {
                come.next = span.to;
            }
        }
        self.write()?;
        bar.finish_and_clear();
        Ok(End::Through)
    }

    /// Waits until the next batch may leave; true if a signal came.
    fn is_interrupted_at_pace(&self) -> bool {
        let due = self.rate.after(self.written + self.batch.len() as u64);
        self.interrupt.within(due.saturating_sub(self.started.elapsed()))
    }

    fn write(&mut self) -> anyhow::Result<()> {
        self.redriver.write(&self.batch, &self.come)?;
        self.written += self.batch.len() as u64;
        self.batch.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// The record as it first was, under its mark.
fn outgoing(record: Record, mark: &RedriveMark) -> Option<Outgoing> {
    let letter = Letter::read(record)?;
    let headers = letter.own_headers().into_iter().chain(mark.headers()).collect();
    Some(Outgoing { key: letter.record.key, value: letter.record.value, headers })
}
