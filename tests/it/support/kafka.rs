//! A real Apache Kafka for the tests: one node, or a cluster of three, on free loopback ports in a temporary folder.
//!
//! `tests/kafka/fetch.sh` fetches it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use alertbridge::config::{KafkaSecurity, StartFrom};
use alertbridge::kafka::KafkaSettings;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};
use tempfile::TempDir;
use tokio::time::Instant;

use super::node::Node;
use super::security::Listener;

/// How long a broker may take to answer for the first time; the machine may be busy.
const READY: Duration = Duration::from_secs(120);

/// The user of the secure listener, and its password.
pub(crate) const USER: &str = "bridge";
/// See [`USER`].
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running broker with a plain listener and one with SASL over TLS, or three of them that are one cluster.
pub(crate) struct KafkaBroker {
    // Before the folder: nodes end first.
    nodes: Vec<Node>,
    _folder: TempDir,
}

/// The broker that tests share. Every test makes topics and groups of its own.
pub(crate) fn shared() -> &'static KafkaBroker {
    static SHARED: LazyLock<KafkaBroker> = LazyLock::new(KafkaBroker::start);
    &SHARED
}

/// A name that no other test uses.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::new_v4().simple())
}

impl KafkaBroker {
    /// Starts a broker and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// The same, with more lines in its properties.
    pub(crate) fn start_with(more: &str) -> Self {
        Self::start_nodes(1, more)
    }

    /// Starts three brokers: every topic is on all of them, and a write needs two.
    pub(crate) fn start_three() -> Self {
        Self::start_nodes(3, "")
    }

    fn start_nodes(count: usize, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Self { nodes: Node::cluster(folder.path(), count, more), _folder: folder };
        broker.start_again();
        broker
    }

    /// Kills all of it, as a crash would.
    pub(crate) fn stop(&self) {
        self.nodes.iter().for_each(Node::stop);
    }

    /// Starts all of it on the same ports and data.
    pub(crate) fn start_again(&self) {
        self.nodes.iter().for_each(Node::spawn);
        self.wait_until_ready();
    }

    /// Kills one of three, as a crash would; they count from 0.
    pub(crate) fn stop_one(&self, index: usize) {
        self.nodes[index].stop();
    }

    /// Starts that one again and waits until all are there.
    pub(crate) fn start_one(&self, index: usize) {
        self.nodes[index].spawn();
        self.wait_until_ready();
    }

    /// `host:port` of the listeners without security.
    pub(crate) fn bootstrap_servers(&self) -> String {
        let addresses: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.ports.plain)).collect();
        addresses.join(",")
    }

    /// `host:port` of the listener with SCRAM-SHA-512 over TLS.
    pub(crate) fn secure_bootstrap_servers(&self) -> String {
        format!("localhost:{}", self.port(Listener::Scram))
    }

    /// The port of a secure listener of the first node.
    pub(crate) fn port(&self, listener: Listener) -> u16 {
        let index = Listener::ALL.iter().position(|one| *one == listener).unwrap();
        self.nodes[0].ports.secure[index]
    }

    /// A file of the first node's.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.nodes[0].folder().join(name)
    }

    /// Changes a SCRAM user's password, or makes the user.
    pub(crate) async fn set_password(&self, user: &str, password: &str) {
        tokio::task::block_in_place(|| self.nodes[0].set_password(user, password));
    }

    /// The certificate of the authority that signed the secure listener's.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.nodes[0].ca_file()
    }

    /// Makes a topic; `settings` are the broker's topic settings.
    pub(crate) async fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic =
            NewTopic::new(name, partitions, TopicReplication::Fixed(if self.nodes.len() == 1 { 1 } else { 3 }));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let results = self.admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
        for result in results {
            result.unwrap();
        }
    }

    /// Deletes the records of a partition below an offset.
    pub(crate) async fn delete_records(&self, topic: &str, partition: i32, below: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, ListOffset::Offset(below)).unwrap();
        let result = self.admin().delete_records(&list, &AdminOptions::new()).await.unwrap();
        result.elements()[0].error().unwrap();
    }

    /// Deletes a topic, and makes it again once no broker knows it any more.
    pub(crate) async fn make_anew(&self, name: &str, partitions: i32) {
        for result in self.admin().delete_topics(&[name], &AdminOptions::new()).await.unwrap() {
            result.unwrap();
        }
        let consumer: BaseConsumer = self.client().create().unwrap();
        let is_known = || {
            let metadata = consumer.fetch_metadata(None, READY).unwrap();
            metadata.topics().iter().any(|topic| topic.name() == name)
        };
        tokio::task::block_in_place(|| while is_known() {});
        self.create_topic(name, partitions, &[]).await;
    }

    /// Lets the user of the secure listener do this with these topics and a group. Needs an authorizer.
    pub(crate) fn allow(&self, operation: &str, topics: &[&str], group: &str) {
        let (servers, principal) = (self.bootstrap_servers(), format!("User:{USER}"));
        let arguments = [&[servers.as_str(), principal.as_str(), operation, group], topics].concat();
        Node::source("tests/kafka/Allow.java", &arguments);
    }

    /// An admin client.
    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// What a group has committed: `None` where nothing.
    pub(crate) fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        // A group's coordinator may move to and fro while a young broker makes its offsets topic.
        let deadline = Instant::now() + READY;
        let list = loop {
            match consumer.committed_offsets(list.clone(), Duration::from_secs(10)) {
                Ok(list) => break list,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        };
        let offset = |p| match list.find_partition(topic, p).unwrap().offset() {
            ListOffset::Offset(offset) => Some(offset),
            _ => None,
        };
        (0..partitions).map(offset).collect()
    }

    /// A configuration of a plain client.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap_servers());
        config
    }

    /// Settings of a bridge that reads one topic from its beginning.
    pub(crate) fn settings(&self, group: &str, topic: &str) -> KafkaSettings {
        KafkaSettings {
            bootstrap_servers: self.bootstrap_servers(),
            group_id: group.to_owned(),
            group_instance_id: None,
            topics: vec![topic.to_owned()],
            dead_letter_topic: format!("{topic}.dead-letter"),
            redrive_topic: format!("{topic}.redrive"),
            start_from: Some(StartFrom::Earliest),
            security: KafkaSecurity::default(),
            tokens: None,
            client: BTreeMap::new(),
            request_timeout: Duration::from_secs(10),
        }
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + READY;
        let consumer: BaseConsumer = self.client().set("log_level", "0").create().unwrap();
        let all = |m: rdkafka::metadata::Metadata| m.brokers().len() == self.nodes.len();
        while !consumer.fetch_metadata(None, Duration::from_secs(1)).is_ok_and(all) {
            let logs: Vec<String> = self.nodes.iter().map(Node::log).collect();
            assert!(Instant::now() < deadline, "the brokers do not answer; their logs:\n{}", logs.join("\n---\n"));
        }
    }
}
