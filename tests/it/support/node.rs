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
use super::security;

/// The ports of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Without security.
    pub(crate) plain: u16,
    /// In the order of [`Listener::ALL`](security::Listener::ALL).
    pub(crate) secure: [u16; 5],
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
                security::write_certificates(&folder);
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
        security::ca_file(&self.folder)
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Changes a user's password.
    pub(crate) fn set_password(&self, user: &str, password: &str) {
        let set = Command::new("java")
            .args(java_options())
            .args(["kafka.admin.ConfigCommand", "--alter", "--entity-type", "users", "--entity-name", user])
            .args(["--add-config", &format!("SCRAM-SHA-512=[password={password}]")])
            .args(["--bootstrap-server", &format!("127.0.0.1:{}", self.ports.plain)])
            .output()
            .unwrap();
        assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
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
    let listeners: Vec<TcpListener> = (0..7 * count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    let node = |ports: &[u16]| Ports { plain: ports[0], secure: ports[1..6].try_into().unwrap(), controller: ports[6] };
    ports.chunks(7).map(node).collect()
}

fn properties(folder: &Path, index: usize, ports: &[Ports]) -> String {
    let Ports { plain, secure, controller } = ports[index];
    let voters: Vec<String> =
        ports.iter().enumerate().map(|(n, ports)| format!("{}@127.0.0.1:{}", n + 1, ports.controller)).collect();
    let (addresses, protocols) = security::listeners(&secure);
    let (replicas, in_sync) = if ports.len() == 1 { (1, 1) } else { (3, 2) };
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id={node}\n\
         controller.quorum.voters={voters}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAIN\n\
         listeners=PLAIN://127.0.0.1:{plain}{addresses},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAIN://127.0.0.1:{plain}{addresses}\n\
         listener.security.protocol.map=PLAIN:PLAINTEXT{protocols},CONTROLLER:PLAINTEXT\n\
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
        data = folder.join("data").display(),
    );
    text += &security::properties(folder, USER, PASSWORD);
    if ports.len() > 1 {
        // One that is gone is missed within seconds, so that a test of it need not take long.
        write!(text, "broker.session.timeout.ms=4000\nbroker.heartbeat.interval.ms=500\n").unwrap();
    }
    text
}
