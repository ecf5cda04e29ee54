//! Alerts that come one by one, evenly paced: how long each takes from its producer to the service.
//!
//! The simulator runs in this process and tells of each arrival; the readers are processes of their own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alertbridge::simulator::{Arrival, Simulator, SimulatorSettings};
use anyhow::{Context, anyhow, ensure};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::bare::Posts;
use super::kafka::{KafkaBroker, unique};
use super::readers::Readers;
use super::run::{Who, as_f64};
use super::topic::{self, ALERTS};
use super::{alerts, say};

/// How long alerts are sent.
const SECONDS: usize = 20;
/// The first of them are not counted: connections are made and code is loaded.
const WARM_UP: usize = 2;
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends `rate` alerts a second past each of them in turn, and says how late they come.
pub(crate) async fn measure(
    rate: usize,
    partitions: i32,
    baseline: Option<PathBuf>,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut figures = serde_json::Map::new();
    for who in [Who::Bridge].into_iter().chain(baseline.as_ref().map(|_| Who::Baseline)).chain([Who::Bare]) {
        let broker = KafkaBroker::start();
        topic::create(&broker, partitions).await;
        let (observer, mut arrivals) = unbounded_channel();
        let settings = SimulatorSettings { lean: true, verify: false, observer: Some(observer), ..Default::default() };
        let simulator = Simulator::start(settings).await?;
        let events = rate * SECONDS + 1;
        let readers = Readers { broker: &broker, url: &simulator.url(), events, folder, baseline: baseline.as_deref() };
        let process = readers.start(who, &unique("steady"), Posts::TheRecord)?;
        let producer: FutureProducer = broker.client().set("linger.ms", "0").set("log_level", "3").create()?;
        // Number 0 tells that somebody reads.
        let _sent = send(&producer, 0, partitions)?;
        let _first = timeout(PATIENCE, arrivals.recv()).await.context("nothing arrives")?;
        let cpu = process.cpu_seconds()?;
        let late = paced(&producer, &mut arrivals, rate, partitions).await?;
        let cpu = (process.cpu_seconds()? - cpu) * 1e6 / as_f64(rate * SECONDS);
        let status = process.end().await?;
        ensure!(status.success() || who == Who::Bare, "the bridge ends with {status}");
        let of = |share: usize| late[(late.len() - 1) * share / 100].as_secs_f64() * 1e3;
        let (p50, p99, max) = (of(50), of(99), of(100));
        say(&format!(
            "  {}: p50 {p50:.1} ms, p99 {p99:.1} ms, at most {max:.1} ms, {cpu:.0} us CPU per event",
            who.as_str()
        ));
        let figure = json!({"p50_ms": p50, "p99_ms": p99, "max_ms": max, "cpu_us_per_event": cpu});
        let _none = figures.insert(who.as_str().to_owned(), figure);
    }
    let file = folder.join("steady.json");
    let document = json!({"rate": rate, "seconds": SECONDS, "partitions": partitions, "figures": figures});
    std::fs::write(&file, format!("{document:#}\n")).with_context(|| file.display().to_string())?;
    say(&format!("written to {}", file.display()));
    Ok(())
}

/// How late the alerts came, sorted.
async fn paced(
    producer: &FutureProducer,
    arrivals: &mut UnboundedReceiver<Arrival>,
    rate: usize,
    partitions: i32,
) -> anyhow::Result<Vec<Duration>> {
    let mut tick = interval(Duration::from_secs(1) / u32::try_from(rate)?);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut sent, mut late) = (HashMap::new(), Vec::new());
    let (mut next, last) = (1, rate * SECONDS);
    while next <= last || !sent.is_empty() {
        tokio::select! {
            _ = tick.tick(), if next <= last => {
                let _none = sent.insert(next, send(producer, next, partitions)?);
                next += 1;
            }
            arrival = timeout(PATIENCE, arrivals.recv()) => {
                let arrival = arrival.context("nothing arrives any more")?.context("the simulator has ended")?;
                let number = alerts::number_of(&arrival.body).ok_or_else(|| anyhow!("an arrival has no number"))?;
                if let Some(at) = sent.remove(&number) && number > rate * WARM_UP {
                    late.push(arrival.at.saturating_duration_since(at));
                }
            }
        }
    }
    late.sort_unstable();
    Ok(late)
}

/// Gives an alert to the producer; says when.
fn send(producer: &FutureProducer, n: usize, partitions: i32) -> anyhow::Result<Instant> {
    let (key, value) = (alerts::key(n), alerts::value(n)?);
    let record = FutureRecord::to(ALERTS).partition(topic::partition(n, partitions)).key(&key).payload(&value);
    let at = Instant::now();
    let _acknowledged = producer.send_result(record).map_err(|(error, _)| error)?;
    Ok(at)
}
