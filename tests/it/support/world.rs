//! A topic, a group, a simulator, and records of which it is known what is to become of them.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use alertbridge::domain::{Offset, Record, TopicPartition, alert_id};
use alertbridge::kafka::plain::{PlainProducer, read_topic};
use alertbridge::simulator::{
    DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Faults, Reject, RunningSimulator, Simulator, SimulatorSettings,
};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::arrivals::Arrivals;
use super::bridge::{Bridge, PATIENCE};
use super::kafka::{KafkaBroker, unique};
use super::security::Listener;

pub(crate) const PARTITIONS: i32 = 6;
const REFUSED: &str = "(not of the data class)";

/// What is to become of a record.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Fate {
    Delivered(String),
    DeadLettered,
}

/// A record before it is written.
pub(crate) struct Draft {
    pub(crate) key: Option<String>,
    pub(crate) value: Vec<u8>,
    pub(crate) fate: Fate,
}

/// A record on the topic.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) partition: TopicPartition,
    pub(crate) offset: Offset,
    pub(crate) key: Option<String>,
    /// Just before it was written.
    pub(crate) at: Instant,
    /// `None`: never to be seen, its transaction was aborted.
    pub(crate) fate: Option<Fate>,
}

impl Written {
    /// The id of the alert that it is to become.
    pub(crate) fn alert(&self) -> Option<&str> {
        match &self.fate {
            Some(Fate::Delivered(alert)) => Some(alert),
            _ => None,
        }
    }
}

/// A mix of three formats, two percent malformed, two percent refused by the service.
pub(crate) fn drafts(numbers: std::ops::Range<usize>) -> Vec<Draft> {
    let salt = uuid::Uuid::new_v4();
    numbers.map(|n| draft(&format!("{salt}-{n}"), n)).collect()
}

fn draft(id: &str, n: usize) -> Draft {
    let key = (!n.is_multiple_of(3)).then(|| format!("host-{}", n % 97));
    let (format, value) = match n % 50 {
        7 => return Draft { key, value: format!("{{\"cut\": \"off {n}").into_bytes(), fate: Fate::DeadLettered },
        31 => {
            let value = json!({"id": id, "title": format!("alert {n} {REFUSED}"), "severity": "Low"});
            return Draft { key, value: value.to_string().into_bytes(), fate: Fate::DeadLettered };
        }
        k if k % 3 == 0 => ("elastic_detection_alert", elastic(id, n)),
        k if k % 3 == 1 => ("ocsf_detection_finding_2004", ocsf(id, n)),
        _ => ("secmaster_alert", json!({"id": id, "title": format!("alert {n}"), "severity": "High"})),
    };
    let fate = Fate::Delivered(alert_id(format, id).to_string());
    Draft { key, value: value.to_string().into_bytes(), fate }
}

fn elastic(id: &str, n: usize) -> serde_json::Value {
    json!({
        "@timestamp": "2026-02-05T02:11:12.345Z",
        "kibana.alert.uuid": id,
        "kibana.alert.rule.name": format!("alert {n}"),
        "kibana.alert.severity": (["low", "medium", "high", "critical"][n % 4]),
        "host": {"name": format!("host-{}", n % 97)},
    })
}

fn ocsf(id: &str, n: usize) -> serde_json::Value {
    json!({
        "class_uid": 2004,
        "severity_id": n % 6 + 1,
        "time": 1_770_257_472_345_i64,
        "finding_info": {"uid": id, "title": format!("alert {n}")},
    })
}

/// Everything around a bridge.
pub(crate) struct World {
    pub(crate) broker: &'static KafkaBroker,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) simulator: RunningSimulator,
    /// Every request that the simulator has seen.
    pub(crate) arrivals: Arrivals,
    pub(crate) folder: TempDir,
}

impl World {
    /// A topic of six partitions, its dead-letter topic, and a simulator.
    pub(crate) async fn new(broker: &'static KafkaBroker, name: &str) -> Self {
        Self::with_topic_settings(broker, name, &[]).await
    }

    /// The same; `settings` are of both topics.
    pub(crate) async fn with_topic_settings(
        broker: &'static KafkaBroker,
        name: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let topic = unique(name);
        broker.create_topic(&topic, PARTITIONS, settings).await;
        broker.create_topic(&format!("{topic}.dead-letter"), 1, settings).await;
        let (observer, arrivals) = Arrivals::observe();
        let simulator = Simulator::start(SimulatorSettings {
            access_keys: vec![(DEMO_ACCESS_KEY.to_owned(), SecretString::from(DEMO_SECRET_KEY))],
            faults: faults(),
            observer: Some(observer),
            ..SimulatorSettings::default()
        });
        let simulator = simulator.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { broker, group: unique("group"), topic, simulator, arrivals, folder }
    }

    pub(crate) fn dead_letter_topic(&self) -> String {
        format!("{}.dead-letter", self.topic)
    }

    /// A configuration; `more` is appended to its `delivery` section, as lines of YAML.
    pub(crate) fn configuration(&self, more: &str) -> String {
        let mut text = String::new();
        write!(
            text,
            "kafka:\n  bootstrap_servers: {servers}\n  group_id: {group}\n  topics: [{topic}]\n  \
             dead_letter_topic: {topic}.dead-letter\n  redrive_topic: {topic}.redrive\n  start_from: earliest\n  \
             client: {{session.timeout.ms: 6000, heartbeat.interval.ms: 1000}}\n\
             secmaster:\n  endpoint: {secmaster}\n  project_id: 0123456789abcdef0123456789abcdef\n  \
             workspace_id: f44065f5-557b-4376-ae02-8c65ef1960f4\n  credentials:\n    \
             access_key_id: {DEMO_ACCESS_KEY}\n    secret_access_key: {DEMO_SECRET_KEY}\n\
             routing:\n  default_workflow_id: 446255ce-0000-4000-8000-0b4931000000\n\
             server:\n  listen: 127.0.0.1:0\n\
             delivery:\n  rate_limits: []\n{more}",
            servers = self.broker.bootstrap_servers(),
            group = self.group,
            topic = self.topic,
            secmaster = self.simulator.url(),
        )
        .unwrap();
        text
    }

    /// The usual configuration, but over this listener; `more`: further lines of `kafka.security`.
    pub(crate) fn configuration_over(&self, listener: Listener, more: &str) -> String {
        let protocol = if matches!(listener, Listener::Tls | Listener::Mutual) { "ssl" } else { "sasl_ssl" };
        let ca = self.broker.ca_file();
        let mut security = format!("  security:\n    protocol: {protocol}\n    ca_file: {}\n", ca.display());
        for line in more.lines() {
            writeln!(security, "    {line}").unwrap();
        }
        let address = format!("localhost:{}", self.broker.port(listener));
        self.configuration("")
            .replace(&self.broker.bootstrap_servers(), &address)
            .replace("secmaster:\n", &format!("{security}secmaster:\n"))
    }

    /// Starts a bridge with the usual configuration.
    pub(crate) fn bridge(&self, name: &str) -> Bridge {
        Bridge::start(self.folder.path(), name, &self.configuration(""))
    }

    /// Writes records.
    pub(crate) async fn write(&self, drafts: Vec<Draft>) -> Vec<Written> {
        let producer = PlainProducer::new(&self.broker.bootstrap_servers()).unwrap();
        let mut written = Vec::new();
        let mut drafts = drafts.into_iter();
        loop {
            let batch = drafts.by_ref().take(2_000).map(|draft| {
                let (producer, topic) = (producer.clone(), &self.topic);
                async move {
                    let at = Instant::now();
                    let key = draft.key.as_deref().map(str::as_bytes);
                    let place = producer.produce(topic, None, key, Some(&draft.value), &[]).await;
                    let Draft { key, fate, .. } = draft;
                    place.map(|(partition, offset)| Written { partition, offset, key, at, fate: Some(fate) })
                }
            });
            let batch = try_join_all(batch).await.unwrap();
            if batch.is_empty() {
                return written;
            }
            written.extend(batch);
        }
    }

    /// Where each partition ends now.
    pub(crate) fn ends(&self) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = self.broker.client().create().unwrap();
        let end = |p| consumer.fetch_watermarks(&self.topic, p, Duration::from_secs(10)).unwrap().1;
        (0..PARTITIONS).map(|p| Some(end(p))).collect()
    }

    /// Waits until the group has committed everything.
    pub(crate) async fn all_committed(&self, bridge: &mut Bridge) {
        self.all_committed_by(std::slice::from_mut(bridge), PATIENCE * 3).await;
    }

    /// The same of several bridges.
    pub(crate) async fn all_committed_by(&self, bridges: &mut [Bridge], patience: Duration) {
        let ends = self.ends();
        let deadline = Instant::now() + patience;
        loop {
            let committed = self.broker.committed(&self.group, &self.topic, PARTITIONS);
            // An empty partition needs no commit.
            if committed.iter().zip(&ends).all(|(committed, end)| committed.or(Some(0)) == *end) {
                return;
            }
            let tail = |log: String| log.lines().rev().take(5).collect::<Vec<_>>().join("\n");
            for bridge in &mut *bridges {
                assert!(bridge.is_running(), "the bridge has ended; its last lines:\n{}", tail(bridge.log()));
            }
            let tails = || bridges.iter().map(|bridge| tail(bridge.log())).collect::<Vec<_>>().join("\n");
            assert!(Instant::now() < deadline, "{committed:?} of {ends:?}; last lines:\n{}", tails());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until so many requests have been accepted.
    pub(crate) async fn accepted(&self, count: u64) {
        self.accepted_within(count, PATIENCE).await;
    }

    /// The same, with more patience.
    pub(crate) async fn accepted_within(&self, count: u64, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.simulator.handle().stats().accepted < count {
            assert!(Instant::now() < deadline, "only {:?}", self.simulator.handle().stats());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many of the instances that were first asked for in this span were asked for again, ever.
    pub(crate) fn repeated(&self, span: std::ops::Range<Timestamp>) -> usize {
        let instances = self.simulator.handle().instances();
        let repeated = instances.iter().filter(|instance| instance.requests > 1);
        repeated.filter(|instance| span.contains(&instance.received_at.parse().unwrap())).count()
    }

    /// All dead letters.
    pub(crate) async fn letters(&self) -> Vec<Record> {
        let (servers, topic) = (self.broker.bootstrap_servers(), self.dead_letter_topic());
        tokio::task::spawn_blocking(move || read_topic(&servers, &topic, PATIENCE)).await.unwrap().unwrap()
    }

    /// Asserts that every record became what it was to become, and nothing else; says how many requests were repeats.
    pub(crate) async fn audit(&self, written: &[Written]) -> u64 {
        let started: HashSet<String> = self
            .simulator
            .handle()
            .instances()
            .iter()
            .map(|instance| instance.content["id"].as_str().unwrap().to_owned())
            .collect();
        let mut buried: HashMap<(String, String), String> = HashMap::new();
        for letter in self.letters().await {
            let place = (header(&letter, "original-partition"), header(&letter, "original-offset"));
            let _before = buried.insert(place, header(&letter, "report"));
        }
        let mut expected_started = HashSet::new();
        let mut expected_buried = HashSet::new();
        for record in written {
            match &record.fate {
                Some(Fate::Delivered(id)) => {
                    let _new = expected_started.insert(id.clone());
                }
                Some(Fate::DeadLettered) => {
                    let place = (record.partition.partition.to_string(), record.offset.to_string());
                    let _new = expected_buried.insert(place);
                }
                None => {}
            }
        }
        buried.retain(|place, _| !expected_buried.remove(place));
        let lost = expected_started.difference(&started).count() + expected_buried.len();
        let unexpected = started.difference(&expected_started).count() + buried.len();
        assert_eq!((lost, unexpected), (0, 0), "lost, unexpected; dead letters that should not be: {buried:?}");
        self.simulator.handle().stats().duplicates
    }
}

/// A header of ours, as text.
pub(crate) fn header(letter: &Record, name: &str) -> String {
    let value = letter.header(&format!("alertbridge-{name}")).unwrap_or_else(|| panic!("no header {name}"));
    String::from_utf8(value.to_vec()).unwrap()
}

/// The service refuses what is not of its data class.
pub(crate) fn faults() -> Faults {
    Faults { reject: Some(Reject { title_contains: REFUSED.to_owned() }), ..Faults::default() }
}
