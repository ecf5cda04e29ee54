//! The dead-letter topic, letter by letter, with a bar on a terminal.

use std::collections::HashSet;
use std::io::{self, IsTerminal};

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};

use crate::app;
use crate::cli::Failure;
use crate::cli::config::ConfigFiles;
use crate::config::{Config, Purpose};
use crate::kafka::letters::TopicReader;
use crate::kafka::{ClientError, KafkaSettings};
use crate::letters::{Filter, Letter};

/// The cluster of the configuration.
pub(super) fn settings(files: &ConfigFiles) -> Result<(Config, KafkaSettings), Failure> {
    let config = files.load(Purpose::Offline)?.config;
    let settings = app::kafka_settings(&config)?;
    Ok((config, settings))
}

/// What the brokers answered or did not, and who says more about it.
pub(super) fn refused(error: &ClientError) -> anyhow::Error {
    anyhow!("{error} (`alertbridge check --online` says more)")
}

/// A bar on a terminal, nothing elsewhere. `what` says what is counted.
pub(super) fn bar(length: u64, what: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:40.cyan} {pos}/{len} {msg}  {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}

/// Gives each letter of the topic that the filter admits, once, though a crash may have written it twice.
///
/// Says how many repeats and how many records of others there were.
pub(super) fn each(
    settings: &KafkaSettings,
    filter: &Filter,
    mut take: impl FnMut(Letter) -> Result<(), Failure>,
) -> Result<Others, Failure> {
    let topic = &settings.dead_letter_topic;
    let mut reader = TopicReader::open(settings, topic).map_err(|error| refused(&error))?;
    let spans = reader.spans().clone();
    reader.read_from(spans).map_err(|error| anyhow!(error))?;
    let bar = bar(reader.progress().0, "offsets read");
    let mut seen = HashSet::new();
    let mut others = Others::default();
    while let Some(record) = reader.read().map_err(|error| anyhow!(error))? {
        bar.set_position(reader.progress().1);
        let Some(letter) = Letter::read(record) else {
            others.foreign += 1;
            continue;
        };
        if !filter.admits(&letter) {
            continue;
        }
        if seen.insert(letter.identity()) {
            bar.suspend(|| take(letter))?;
        } else {
            others.repeats += 1;
        }
    }
    bar.finish_and_clear();
    Ok(others)
}

/// What was read besides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Others {
    /// Letters that say what another one had said.
    pub(super) repeats: u64,
    /// Records that are no dead letters of alertbridge.
    pub(super) foreign: u64,
}

impl Others {
    /// What people are told of it, if there is anything to tell.
    pub(super) fn remark(self) -> Option<String> {
        let Self { repeats, foreign } = self;
        (repeats + foreign > 0).then(|| {
            format!("left out: {repeats} written twice by a crash, {foreign} that are no dead letters of alertbridge")
        })
    }
}
