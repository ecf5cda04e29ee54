//! A real Apache Kafka for the tests: one node in KRaft mode on free loopback ports, its files in a temporary folder.
//!
//! `tests/kafka/fetch.sh` fetches it. The broker ends with the handle, and with the test process however that ends: it
//! runs under a shell that reads a pipe of ours and kills it when the pipe closes.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};
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

/// How long a broker may take to answer for the first time; the machine may be busy.
const READY: Duration = Duration::from_secs(120);

/// The user of the secure listener, and its password.
pub(crate) const USER: &str = "bridge";
/// See [`USER`].
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running broker with a plain listener and one with SASL over TLS.
pub(crate) struct KafkaBroker {
    folder: TempDir,
    plain: u16,
    secure: u16,
    process: Mutex<Option<Child>>,
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
        let folder = tempfile::tempdir().unwrap();
        let [plain, secure, controller] = free_ports();
        write_certificates(folder.path());
        let properties = properties(folder.path(), plain, secure, controller);
        fs::write(folder.path().join("server.properties"), properties + more).unwrap();
        let broker = Self { folder, plain, secure, process: Mutex::default() };
        broker.format();
        broker.start_again();
        broker
    }

    /// Kills it, as a crash would.
    pub(crate) fn stop(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            drop(process.stdin.take());
            process.wait().unwrap();
        }
    }

    /// Starts it on the same ports and data.
    pub(crate) fn start_again(&self) {
        let properties = self.folder.path().join("server.properties");
        let log = fs::File::create(self.folder.path().join("broker.log")).unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", r#""$@" & pid=$!; read -r _; kill -9 $pid; wait $pid"#, "sh", "java"])
            .args(java_options())
            .args(["-Xmx512m", "kafka.Kafka"])
            .arg(&properties)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        *self.process.lock().unwrap() = Some(shell.spawn().unwrap());
        self.wait_until_ready();
    }

    /// `host:port` of the listener without security.
    pub(crate) fn bootstrap_servers(&self) -> String {
        format!("127.0.0.1:{}", self.plain)
    }

    /// `host:port` of the listener with SCRAM-SHA-512 over TLS.
    pub(crate) fn secure_bootstrap_servers(&self) -> String {
        format!("localhost:{}", self.secure)
    }

    /// The certificate of the authority that signed the secure listener's.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Makes a topic; `settings` are the broker's topic settings.
    pub(crate) async fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
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
            client: BTreeMap::new(),
            request_timeout: Duration::from_secs(10),
        }
    }

    fn format(&self) {
        let status = Command::new("java")
            .args(java_options())
            .args(["kafka.tools.StorageTool", "format", "--cluster-id", "4L6g3nShT-eMCtK--X86sw", "--config"])
            .arg(self.folder.path().join("server.properties"))
            .args(["--add-scram", &format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]")])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "the storage could not be formatted");
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + READY;
        let consumer: BaseConsumer = self.client().set("log_level", "0").create().unwrap();
        while !consumer.fetch_metadata(None, Duration::from_secs(1)).is_ok_and(|m| !m.brokers().is_empty()) {
            let log = || fs::read_to_string(self.folder.path().join("broker.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the broker does not answer; its log:\n{}", log());
        }
    }
}

impl Drop for KafkaBroker {
    fn drop(&mut self) {
        self.stop();
    }
}

fn java_options() -> Vec<String> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let libraries = target.join("kafka/lib");
    assert!(libraries.is_dir(), "Apache Kafka is not there; tests/kafka/fetch.sh fetches it");
    [
        "-cp",
        &format!("{}/*", libraries.display()),
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
    ]
    .map(ToOwned::to_owned)
    .to_vec()
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All at once, so that they differ.
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn properties(folder: &Path, plain: u16, secure: u16, controller: u16) -> String {
    let keystore = folder.join("broker.pem");
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAIN\n\
         listeners=PLAIN://127.0.0.1:{plain},SECURE://localhost:{secure},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAIN://127.0.0.1:{plain},SECURE://localhost:{secure}\n\
         listener.security.protocol.map=PLAIN:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT\n\
         listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.secure.scram-sha-512.sasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         listener.name.secure.ssl.keystore.type=PEM\n\
         listener.name.secure.ssl.keystore.location={keystore}\n\
         log.dirs={data}\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=3\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=3\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         auto.create.topics.enable=false\n",
        keystore = keystore.display(),
        data = folder.join("data").display(),
    )
}

/// An authority, and the broker's certificate for `localhost` with its key.
fn write_certificates(folder: &Path) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "alertbridge test authority");
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let broker = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let broker_pem = broker.signed_by(&key, &issuer).unwrap().pem();
    fs::write(folder.join("ca.pem"), &authority_pem).unwrap();
    fs::write(folder.join("broker.pem"), format!("{}{broker_pem}{authority_pem}", key.serialize_pem())).unwrap();
}
