//! One Apache Kafka process in KRaft mode, broker and controller in one, its files in a folder of its own.
//!
//! It ends with the handle, and with the test process however that ends: it runs under a shell that reads a pipe of ours
//! and kills it when the pipe closes.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use super::kafka::{PASSWORD, USER};

/// The ports of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Without security.
    pub(crate) plain: u16,
    /// SCRAM-SHA-512 over TLS.
    pub(crate) secure: u16,
    controller: u16,
}

/// A node; see the module's head.
pub(crate) struct Node {
    folder: PathBuf,
    pub(crate) ports: Ports,
    heap: &'static str,
    process: Mutex<Option<Child>>,
}

impl Node {
    /// Nodes of one cluster, formatted and not started. `more`: further lines of their properties.
    pub(crate) fn cluster(folder: &Path, count: usize, more: &str) -> Vec<Self> {
        let ports = free_ports(count);
        let heap = if count == 1 { "-Xmx512m" } else { "-Xmx320m" };
        let nodes: Vec<Self> = (0..count)
            .map(|index| {
                let folder = folder.join(format!("node-{}", index + 1));
                fs::create_dir(&folder).unwrap();
                write_certificates(&folder);
                fs::write(folder.join("server.properties"), properties(&folder, index, &ports) + more).unwrap();
                Self { folder, ports: ports[index], heap, process: Mutex::default() }
            })
            .collect();
        // All at once: most of it is a machine that starts.
        let formatting: Vec<Child> = nodes.iter().map(Self::format).collect();
        for mut child in formatting {
            assert!(child.wait().unwrap().success(), "the storage could not be formatted");
        }
        nodes
    }

    /// Kills it, as a crash would.
    pub(crate) fn stop(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            drop(process.stdin.take());
            process.wait().unwrap();
        }
    }

    /// Starts it on its ports and data; does not wait until it answers.
    pub(crate) fn spawn(&self) {
        let log = fs::File::create(self.folder.join("broker.log")).unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", r#""$@" & pid=$!; read -r _; kill -9 $pid; wait $pid"#, "sh", "java"])
            .args(java_options())
            .args([self.heap, "kafka.Kafka"])
            .arg(self.properties())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        *self.process.lock().unwrap() = Some(shell.spawn().unwrap());
    }

    /// What it has said since it was started.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("broker.log")).unwrap_or_default()
    }

    /// The certificate of the authority that signed its own.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Runs a Java source file beside Kafka's classes to its end.
    pub(crate) fn source(file: &str, arguments: &[&str]) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let output = Command::new("java").args(java_options()).arg(path).args(arguments).output().unwrap();
        assert!(output.status.success(), "{file}: {output:?}");
    }

    fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    fn format(&self) -> Child {
        Command::new("java")
            .args(java_options())
            .args(["kafka.tools.StorageTool", "format", "--cluster-id", "4L6g3nShT-eMCtK--X86sw", "--config"])
            .arg(self.properties())
            .args(["--add-scram", &format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]")])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }
}

impl Drop for Node {
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

fn free_ports(count: usize) -> Vec<Ports> {
    // All at once, so that they differ.
    let listeners: Vec<TcpListener> = (0..3 * count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    ports.chunks(3).map(|three| Ports { plain: three[0], secure: three[1], controller: three[2] }).collect()
}

fn properties(folder: &Path, index: usize, ports: &[Ports]) -> String {
    let Ports { plain, secure, controller } = ports[index];
    let voters: Vec<String> =
        ports.iter().enumerate().map(|(n, ports)| format!("{}@127.0.0.1:{}", n + 1, ports.controller)).collect();
    let keystore = folder.join("broker.pem");
    let (replicas, in_sync) = if ports.len() == 1 { (1, 1) } else { (3, 2) };
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id={node}\n\
         controller.quorum.voters={voters}\n\
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
         min.insync.replicas={in_sync}\n\
         offsets.topic.replication.factor={replicas}\n\
         offsets.topic.num.partitions=3\n\
         transaction.state.log.replication.factor={replicas}\n\
         transaction.state.log.min.isr={in_sync}\n\
         transaction.state.log.num.partitions=3\n\
         share.coordinator.state.topic.replication.factor={replicas}\n\
         share.coordinator.state.topic.min.isr={in_sync}\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         auto.create.topics.enable=false\n",
        node = index + 1,
        voters = voters.join(","),
        keystore = keystore.display(),
        data = folder.join("data").display(),
    );
    if ports.len() > 1 {
        // One that is gone is missed within seconds, so that a test of it need not take long.
        write!(text, "broker.session.timeout.ms=4000\nbroker.heartbeat.interval.ms=500\n").unwrap();
    }
    text
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
