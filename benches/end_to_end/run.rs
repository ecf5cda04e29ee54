//! One measured run: a process reads the whole topic, and is watched from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::bare;
use super::kafka::{KafkaBroker, unique};
use super::process::Process;
use super::readers::Readers;
use super::say;
use super::target::{Stats, Target};
use super::topic::Progress;

/// How often the beginning and the end are looked for: the error of the times.
const LOOK: Duration = Duration::from_millis(5);
/// How often to say how far a run is.
const SAY: Duration = Duration::from_secs(5);
/// A run that does not get on for so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Who {
    /// `alertbridge run`.
    Bridge,
    /// The same of another build, to compare with.
    Baseline,
    /// The program of [`super::plain`].
    Plain,
    /// The loop of [`super::bare`].
    Bare,
}

impl Who {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Baseline => "baseline",
            Self::Plain => "plain program",
            Self::Bare => "bare loop",
        }
    }
}

/// What a run has cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) who: Who,
    /// From just before the first request to the last commit.
    pub(crate) seconds: f64,
    pub(crate) events_per_second: f64,
    /// User and system time of the process within these seconds.
    pub(crate) cpu_us_per_event: f64,
    /// Since the start of the process.
    pub(crate) peak_mib: f64,
}

/// What all runs share.
pub(crate) struct Bench<'a> {
    pub(crate) broker: &'a KafkaBroker,
    pub(crate) target: Target,
    pub(crate) events: usize,
    pub(crate) partitions: i32,
    pub(crate) folder: &'a Path,
    /// The program of another build.
    pub(crate) baseline: Option<PathBuf>,
}

impl Bench<'_> {
    /// Runs one of the two over all alerts, as a new consumer group, and checks that nothing is missing.
    pub(crate) async fn run(&mut self, who: Who) -> anyhow::Result<Sample> {
        self.target.reset().await?;
        let group = unique("bench");
        let progress = Progress::of(self.broker, &group, self.partitions)?;
        ensure!(progress.records() == i64::try_from(self.events)?, "the topic holds {}", progress.records());
        let mut process = self.readers(self.target.url()).start(who, &group, bare::Posts::OneBody)?;
        let sample = self.watch(who, &mut process, &progress).await;
        let sample = sample.with_context(|| format!("{}; its log is in {}", who.as_str(), self.folder.display()))?;
        let status = process.end().await?;
        if matches!(who, Who::Bridge | Who::Baseline) {
            ensure!(status.success(), "the bridge ends with {status}");
            self.check_log()?;
        }
        Ok(sample)
    }

    fn readers<'a>(&'a self, url: &'a str) -> Readers<'a> {
        let Self { broker, events, folder, baseline, .. } = self;
        Readers { broker, url, events: *events, folder, baseline: baseline.as_deref() }
    }

    async fn watch(&self, who: Who, process: &mut Process, progress: &Progress) -> anyhow::Result<Sample> {
        let begin = loop {
            let state = (Instant::now(), process.cpu_seconds()?);
            if self.target.stats().await?.accepted > 0 {
                break state;
            }
            process.ensure_running()?;
            sleep(LOOK).await;
        };
        self.until_all_arrived(who, process).await?;
        let deadline = Instant::now() + PATIENCE;
        while !progress.is_complete()? {
            ensure!(Instant::now() < deadline, "not all offsets are committed");
            sleep(LOOK).await;
        }
        let (seconds, cpu) = (begin.0.elapsed().as_secs_f64(), process.cpu_seconds()? - begin.1);
        let stats = self.target.stats().await?;
        ensure!(self.arrived(who, stats) == self.events, "{} were sent, not {}", self.arrived(who, stats), self.events);
        let (events, peak) = (as_f64(self.events), process.peak_bytes()?);
        let sample = Sample {
            who,
            seconds,
            events_per_second: events / seconds,
            cpu_us_per_event: cpu * 1e6 / events,
            peak_mib: as_f64(usize::try_from(peak)?) / (1024.0 * 1024.0),
        };
        say(&format!(
            "  {}: {:.0} events/s, {:.0} us CPU per event, {:.0} MiB at its peak, {} repeats",
            who.as_str(),
            sample.events_per_second,
            sample.cpu_us_per_event,
            sample.peak_mib,
            stats.accepted - self.events,
        ));
        Ok(sample)
    }

    async fn until_all_arrived(&self, who: Who, process: &mut Process) -> anyhow::Result<()> {
        let (mut last, mut said) = ((0, Instant::now()), Instant::now());
        loop {
            let arrived = self.arrived(who, self.target.stats().await?);
            if arrived >= self.events {
                return Ok(());
            }
            process.ensure_running()?;
            if arrived > last.0 {
                last = (arrived, Instant::now());
            } else if last.1.elapsed() > PATIENCE {
                bail!("nothing more has come after {arrived} of {}", self.events);
            }
            if said.elapsed() >= SAY {
                said = Instant::now();
                say(&format!("  {}: {arrived} of {}", who.as_str(), self.events));
            }
            // Close to the end as often as needed, and seldom before: each question costs the simulator something.
            sleep(if self.events - arrived < self.events / 20 { LOOK } else { LOOK * 20 }).await;
        }
    }

    /// Different ids; the bare loop sends one body for all.
    fn arrived(&self, who: Who, stats: Stats) -> usize {
        match who {
            Who::Bridge | Who::Baseline | Who::Plain => stats.instances,
            Who::Bare => stats.accepted,
        }
    }

    /// Every outcome has its line.
    fn check_log(&self) -> anyhow::Result<()> {
        let log = fs::read_to_string(self.folder.join("bridge.log"))?;
        let lines = log.lines().filter(|line| line.contains(r#""event":"alert.delivered""#)).count();
        ensure!(lines == self.events, "the bridge's log has {lines} outcomes, not {}", self.events);
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes far below 2^53")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}
