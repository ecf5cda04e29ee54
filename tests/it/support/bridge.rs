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
        let config = folder.join(format!("{name}.yaml"));
        fs::write(&config, configuration).unwrap();
        let log = folder.join(format!("{name}.log"));
        let output = fs::File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_alertbridge"))
            .args(["run", "--config"])
            .arg(&config)
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

    /// SIGTERM, and how it ends.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
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

    /// All it wrote.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The log lines of an event.
    pub(crate) fn events(&self, event: &str) -> Vec<Value> {
        let lines = self.log();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == event).collect()
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

impl Drop for Bridge {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
