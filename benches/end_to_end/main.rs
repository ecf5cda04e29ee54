//! The bridge from Kafka to SecMaster, side by side with a bare loop that reads and posts and does nothing else.
//!
//! Apache Kafka, the simulator, the bridge and the bare loop are processes of their own; this one only watches. See
//! docs/performance.md. `ALERTBRIDGE_BENCH_EVENTS` and `ALERTBRIDGE_BENCH_ROUNDS` make it shorter or longer,
//! `ALERTBRIDGE_BENCH_PARTITIONS` gives the topic more or fewer of them; `ALERTBRIDGE_BENCH_RATE` lets alerts come one by
//! one and measures how late they arrive;
//! `ALERTBRIDGE_BENCH_BASELINE` names the program of another build, to compare with in the same run.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod alerts;
mod bare;
#[path = "../../tests/it/support/kafka.rs"]
#[expect(clippy::unwrap_used, dead_code, reason = "written for the tests, which use more of it")]
mod kafka;
#[path = "../../tests/it/support/node.rs"]
#[expect(clippy::unwrap_used, reason = "written for the tests")]
mod node;
mod plain;
mod process;
mod readers;
mod report;
mod run;
#[path = "../../tests/it/support/security.rs"]
#[expect(clippy::unwrap_used, reason = "written for the tests")]
mod security;
mod steady;
mod target;
mod topic;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};

use self::kafka::KafkaBroker;
use self::run::{Bench, Who};
use self::target::Target;

/// The daemon's, so that all who are compared allocate alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The program, built like this bench.
const BRIDGE: &str = env!("CARGO_BIN_EXE_alertbridge");
/// The topic's partitions, unless `ALERTBRIDGE_BENCH_PARTITIONS` says otherwise.
const PARTITIONS: usize = 6;
/// Requests under way at once.
const IN_FLIGHT: usize = 64;

const EVENTS: usize = 100_000;
const ROUNDS: usize = 3;

fn main() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| anyhow!("rustls is set up already"))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--bare", task] => bare::child(task),
        _ if arguments.iter().any(|argument| argument == "--bench") => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure())
        }
        _ => {
            say("not measured: run `cargo bench --bench end_to_end`");
            Ok(())
        }
    }
}

async fn measure() -> anyhow::Result<()> {
    let (events, rounds) = (number("ALERTBRIDGE_BENCH_EVENTS", EVENTS)?, number("ALERTBRIDGE_BENCH_ROUNDS", ROUNDS)?);
    let folder = folder();
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let partitions = i32::try_from(number("ALERTBRIDGE_BENCH_PARTITIONS", PARTITIONS)?)?;
    let baseline = std::env::var_os("ALERTBRIDGE_BENCH_BASELINE").map(PathBuf::from);
    let rate = number("ALERTBRIDGE_BENCH_RATE", 0)?;
    if rate > 0 {
        say(&format!("end to end: {rate} alerts a second"));
        return steady::measure(rate, partitions, baseline, &folder).await;
    }
    say("end to end: starting Apache Kafka");
    let broker = KafkaBroker::start();
    say(&format!("  writing {events} alerts of {} bytes ({})", alerts::BYTES, alerts::FORMAT));
    topic::write(&broker, events, partitions).await?;
    let mut order: Vec<Who> = [Who::Bridge]
        .into_iter()
        .chain(baseline.as_ref().map(|_| Who::Baseline))
        .chain([Who::Plain, Who::Bare])
        .collect();
    let mut bench = Bench { broker: &broker, target: Target::start()?, events, partitions, folder: &folder, baseline };
    let mut samples = Vec::new();
    for round in 1..=rounds {
        say(&format!("round {round} of {rounds}"));
        // Whoever comes first finds another machine than who comes second: they take turns.
        let mut of_round = Vec::new();
        for who in &order {
            of_round.push(bench.run(*who).await?);
        }
        samples.push(of_round);
        order.reverse();
    }
    report::write(events, partitions, &samples, &folder)
}

/// Where logs and figures go: `target/bench`.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from).join("bench")
}

fn number(variable: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable}: not a number: {text:?}")),
        Err(_) => Ok(default),
    }
}

/// An HTTP client as the bridge's: one pool, connections kept.
fn http_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .http1_only()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .pool_idle_timeout(Duration::from_secs(20))
        .tcp_keepalive(Duration::from_secs(15))
}

/// One line of progress.
fn say(line: &str) {
    println!("{line}");
}
