//! The demo's live display: a bar on a terminal, plain lines otherwise.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::telemetry::{Status, Totals};

/// How often a plain line is written.
const LINE: Duration = Duration::from_secs(1);

/// What the demo shows while it runs.
#[derive(Debug)]
pub(super) struct Display {
    bar: Option<ProgressBar>,
    records: u64,
    started: Instant,
    last_line: Option<Instant>,
}

impl Display {
    #[expect(clippy::disallowed_methods, reason = "for the eye, not for the pipeline")]
    pub(super) fn new(records: usize) -> Self {
        let records = records as u64;
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(records);
            if let Ok(style) = ProgressStyle::with_template("{bar:40.cyan} {pos}/{len} records  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        let display = Self { bar, records, started: Instant::now(), last_line: None };
        display.say(&format!("{records} records are on the topic; the bridge starts"));
        display
    }

    #[expect(clippy::disallowed_methods, reason = "for the eye, not for the pipeline")]
    pub(super) fn update(&mut self, totals: &Totals, status: &Status) {
        let Totals { delivered, skipped, dead_lettered, .. } = totals;
        let state = serde_json::to_value(status.state).ok().and_then(|state| state.as_str().map(str::to_owned));
        let state = state.unwrap_or_default();
        let text = format!("{delivered} delivered, {skipped} skipped, {dead_lettered} dead letters  [{state}]");
        let ended = delivered + skipped + dead_lettered;
        match &self.bar {
            Some(bar) => {
                bar.set_position(ended);
                bar.set_message(text);
            }
            None if self.last_line.is_none_or(|at| at.elapsed() >= LINE) => {
                self.last_line = Some(Instant::now());
                self.say(&format!("{ended}/{} records: {text}", self.records));
            }
            None => {}
        }
    }

    /// Writes a line beside the bar.
    pub(super) fn say(&self, text: &str) {
        let line = format!("{:5.1} s  {text}", self.started.elapsed().as_secs_f64());
        match &self.bar {
            Some(bar) => bar.println(line),
            // A display that cannot be written to changes nothing about the demo.
            None => drop(writeln!(io::stderr(), "{line}")),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
