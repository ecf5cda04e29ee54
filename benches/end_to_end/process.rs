//! A child process: what it has used, and its end.

use std::fs;
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// The unit of `/proc/PID/stat`. `USER_HZ` is 100 on every architecture that Rust's tier 1 Linux targets have.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that ends with its handle.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts it. It takes no proxy for a loopback address and no setting from this environment.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> anyhow::Result<Self> {
        for (key, _) in std::env::vars_os() {
            let key = key.to_string_lossy().into_owned();
            if key.starts_with("ALERTBRIDGE_") || key.starts_with("HUAWEICLOUD_SDK_") {
                let _ = command.env_remove(key);
            }
        }
        let child = command.env("NO_PROXY", "127.0.0.1").spawn();
        Ok(Self { name, child: child.with_context(|| format!("{name} cannot be started"))? })
    }

    /// Its standard output, once, if it is a pipe.
    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Fails if it has ended.
    pub(crate) fn ensure_running(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} has ended: {status}", self.name),
        }
    }

    /// User and system time of all its threads, those that have ended included, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold spaces; user and system time are the 12th and 13th field behind it.
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat is not as expected")?;
        let mut times = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        let (user, system) = (times.next().context("no user time")??, times.next().context("no system time")??);
        Ok((user + system) / TICKS_PER_SECOND)
    }

    /// The most memory that it has had resident, in bytes.
    pub(crate) fn peak_bytes(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// Asks it to end and waits for it.
    pub(crate) async fn end(mut self) -> anyhow::Result<ExitStatus> {
        drop(self.child.stdin.take());
        let asked = Command::new("kill").arg(self.child.id().to_string()).status()?;
        ensure!(asked.success(), "{} cannot be asked to end", self.name);
        for _ in 0..300 {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("{} does not end", self.name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
