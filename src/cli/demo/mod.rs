//! `alertbridge demo`: the real pipeline over an embedded broker and the simulator, with a short outage on the way, and
//! an audit of every record at the end.

mod alerts;
mod audit;
mod display;

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::alerts::{Fate, HEARTBEAT, REFUSED};
use self::audit::Audit;
use self::display::Display;
use super::Failure;
use crate::app;
use crate::config::{self, Config, RateLimit, Rule, TimeSpan};
use crate::domain::{Offset, TopicPartition};
use crate::kafka::embedded::EmbeddedKafka;
use crate::kafka::plain::{PlainProducer, read_topic};
use crate::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Faults, Outage, Reject, Simulator, SimulatorSettings};
use crate::telemetry::{Health, Telemetry};

const TOPIC: &str = "soc.alerts";
const DEAD_LETTERS: &str = "soc.alerts.dead-letter";
const PARTITIONS: i32 = 6;

/// The simulator's outage: when it begins, in delivered alerts, and how long it lasts.
const OUTAGE_AFTER: u64 = 120;
const OUTAGE: Duration = Duration::from_secs(3);

/// Longer than the demo takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Show the whole flow on an embedded broker and the simulator
///
/// Needs nothing: a Kafka broker and a stand-in for SecMaster run inside this process. A few hundred alerts of three
/// formats are written, some of them malformed, some that SecMaster refuses, and SecMaster is away for a few seconds on
/// the way. Ends with a table of what became of every record; exit code 0 only if each is accounted for.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {}

/// A record as it stands on the topic.
#[derive(Debug)]
struct Written {
    partition: TopicPartition,
    offset: Offset,
    written_at: Timestamp,
    fate: Fate,
}

pub(super) fn execute(_args: DemoArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let audit = runtime.block_on(show())?;
    runtime.shutdown_background();
    let mut out = io::stdout().lock();
    write!(out, "\n{audit}")?;
    if audit.is_complete() { Ok(()) } else { Err(Failure::Reported) }
}

async fn show() -> anyhow::Result<Audit> {
    let broker = EmbeddedKafka::start(&[(TOPIC, PARTITIONS), (DEAD_LETTERS, 1)])?;
    let simulator = Simulator::start(SimulatorSettings {
        access_keys: vec![(DEMO_ACCESS_KEY.to_owned(), SecretString::from(DEMO_SECRET_KEY))],
        faults: faults(None),
        ..SimulatorSettings::default()
    })
    .await
    .context("the simulator cannot be started")?;
    let config = configuration(&broker.bootstrap_servers(), &simulator.url());

    let written = write(&broker.bootstrap_servers()).await?;
    let telemetry = Telemetry::try_new()?;
    let mapper = app::load_mapper(&config)?;
    let app::Wired { bridge, status, .. } = app::bridge(&config, &mapper, &telemetry, &Health::new())?;
    let shutdown = CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    let _handle = running.spawn(bridge.run(shutdown.clone()));

    let mut display = Display::new(written.len());
    let deadline = Instant::now() + PATIENCE;
    let mut outage = Some(OUTAGE_AFTER);
    loop {
        let totals = telemetry.totals();
        display.update(&totals, &status.borrow());
        let ended = totals.delivered + totals.skipped + totals.dead_lettered;
        if ended >= written.len() as u64 || Instant::now() > deadline {
            break;
        }
        if outage.is_some_and(|after| totals.delivered >= after) {
            outage = None;
            display.say("SecMaster goes away for three seconds (503 to everything)");
            simulator.handle().set_faults(faults(Some(OUTAGE)));
        }
        tokio::select! {
            () = sleep(Duration::from_millis(100)) => {}
            Some(ended) = running.join_next() => return Err(anyhow!("the pipeline ended: {ended:?}")),
        }
    }
    shutdown.cancel();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    display.finish();

    let (servers, totals) = (broker.bootstrap_servers(), telemetry.totals());
    let letters = tokio::task::spawn_blocking(move || read_topic(&servers, DEAD_LETTERS, PATIENCE)).await??;
    let audit = Audit::new(&written, simulator.handle(), &letters, &totals);
    simulator.stop().await;
    drop(broker);
    Ok(audit)
}

async fn write(bootstrap_servers: &str) -> anyhow::Result<Vec<Written>> {
    let producer = PlainProducer::new(bootstrap_servers)?;
    let sends = alerts::records().into_iter().map(|record| {
        let producer = producer.clone();
        async move {
            let key = Some(record.key.as_bytes());
            let written_at = Timestamp::now();
            let (partition, offset) = producer.produce(TOPIC, None, key, record.value.as_deref(), &[]).await?;
            anyhow::Ok(Written { partition, offset, written_at, fate: record.fate })
        }
    });
    futures_util::future::try_join_all(sends).await
}

/// Refuses what is beyond the data class, always; and is away for a while if asked.
fn faults(outage: Option<Duration>) -> Faults {
    let for_ms = outage.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
    Faults {
        reject: Some(Reject { title_contains: REFUSED.to_owned() }),
        outage: outage.map(|_| Outage { for_ms, ..Outage::default() }),
        ..Faults::default()
    }
}

fn configuration(bootstrap_servers: &str, secmaster: &str) -> Config {
    let mut config = Config::default();
    config.kafka.bootstrap_servers = bootstrap_servers.to_owned();
    config.kafka.start_from = Some(config::StartFrom::Earliest);
    config.secmaster.endpoint = Some(secmaster.to_owned());
    config.secmaster.project_id = "0123456789abcdef0123456789abcdef".to_owned();
    config.secmaster.workspace_id = "f44065f5-557b-4376-ae02-8c65ef1960f4".to_owned();
    config.secmaster.credentials.access_key_id = Some(SecretString::from(DEMO_ACCESS_KEY));
    config.secmaster.credentials.secret_access_key = Some(SecretString::from(DEMO_SECRET_KEY));
    config.delivery.rate_limits = vec![RateLimit { requests: 60, per: TimeSpan::from_secs(1), burst: 1 }];
    config.routing.default_workflow_id = Some("446255ce-0000-4000-8000-0b4931000000".to_owned());
    config.routing.rules = vec![Rule {
        create_alert: false,
        name: "heartbeats".to_owned(),
        when: Some(format!(".title == {HEARTBEAT:?}")),
        skip: Some("sensor heartbeats start no workflow".to_owned()),
        workflow_id: None,
        workflow_ids: Vec::new(),
        workspace_id: None,
        project_id: None,
        rate_limits: Vec::new(),
        stop: true,
    }];
    config
}
