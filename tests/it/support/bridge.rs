//! The bridge as users run it: a process with a configuration file and its log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running `alertbridge run`. Killed when dropped.
pub(crate) struct Bridge {
    child: Child,
    log: PathBuf,
}

impl Bridge {
    /// Starts it with this configuration; its log is a file of its own in the folder.
    pub(crate) fn start(folder: &Path, name: &str, configuration: &str) -> Self {
        Self::start_with(folder, name, configuration, &[])
    }

    /// The same, with settings from the environment.
    pub(crate) fn start_with(folder: &Path, name: &str, configuration: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_build(Path::new(env!("CARGO_BIN_EXE_alertbridge")), folder, name, configuration, settings)
    }

    /// The same of another build of the program.
    pub(crate) fn start_build(
        program: &Path,
        folder: &Path,
        name: &str,
        configuration: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let config = folder.join(format!("{name}.yaml"));
        fs::write(&config, configuration).unwrap();
        let log = folder.join(format!("{name}.log"));
        let output = fs::File::create(&log).unwrap();
        let child = Command::new(program)
            .args(["run", "--config"])
            .arg(&config)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stderr(output.try_clone().unwrap())
            .stdout(output)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP: it stands still, its connections stay, until it is thawed.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// SIGTERM, and how it ends.
    pub(crate) async fn terminate(self) -> ExitStatus {
        self.ask_to_end();
        self.terminated().await
    }

    /// SIGTERM alone.
    pub(crate) fn ask_to_end(&self) {
        self.signal("TERM");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ends.
    pub(crate) async fn terminated(mut self) -> ExitStatus {
        self.ended().await
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the bridge does not end; its log:\n{}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Where its log is; it stays when the process has ended.
    pub(crate) fn log_file(&self) -> &Path {
        &self.log
    }

    /// All it wrote.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The log lines of an event.
    pub(crate) fn events(&self, event: &str) -> Vec<Value> {
        self.events_of(&[event])
    }

    /// The log lines of several events.
    pub(crate) fn events_of(&self, wanted: &[&str]) -> Vec<Value> {
        events(&self.log(), wanted)
    }

    /// Waits for a line of this event.
    pub(crate) async fn saw(&self, event: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.events(event).into_iter().next() {
                return line;
            }
            assert!(Instant::now() < deadline, "no {event}; the log:\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The lines of a log with one of these events.
pub(crate) fn events(log: &str, wanted: &[&str]) -> Vec<Value> {
    // A log of a long show is large: only lines that may be meant are read.
    let may_be = |line: &&str| wanted.iter().any(|event| line.contains(event));
    let lines = log.lines().filter(may_be).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| wanted.iter().any(|event| line["event"] == *event)).collect()
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
