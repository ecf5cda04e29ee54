//! Starts those who read: the bridge with its configuration, or the bare loop.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY};
use anyhow::Context;
use serde_json::json;

use super::bare::{Posts, Task};
use super::kafka::KafkaBroker;
use super::process::Process;
use super::run::Who;
use super::target;
use super::topic::ALERTS;
use super::{BRIDGE, IN_FLIGHT};

/// What whoever reads is told.
pub(crate) struct Readers<'a> {
    pub(crate) broker: &'a KafkaBroker,
    /// Where the simulator listens.
    pub(crate) url: &'a str,
    pub(crate) events: usize,
    pub(crate) folder: &'a Path,
    /// The program of another build.
    pub(crate) baseline: Option<&'a Path>,
}

impl Readers<'_> {
    /// Starts one of them as a new consumer group.
    pub(crate) fn start(&self, who: Who, group: &str, posts: Posts) -> anyhow::Result<Process> {
        match who {
            Who::Bridge => self.bridge(Path::new(BRIDGE), group),
            Who::Baseline => self.bridge(self.baseline.context("there is no baseline")?, group),
            Who::Plain => self.bare(group, Posts::TheRequest),
            Who::Bare => self.bare(group, posts),
        }
    }

    fn bridge(&self, program: &Path, group: &str) -> anyhow::Result<Process> {
        let config = self.folder.join("alertbridge.json");
        fs::write(&config, self.config(group).to_string())?;
        let mut command = Command::new(program);
        let command = command
            .arg("run")
            .arg("--config")
            .arg(config)
            .stdout(File::create(self.folder.join("bridge.log"))?)
            .stderr(File::create(self.folder.join("bridge.err"))?);
        Process::start("the bridge", command)
    }

    /// JSON is YAML.
    fn config(&self, group: &str) -> serde_json::Value {
        json!({
            "kafka": {
                "bootstrap_servers": self.broker.bootstrap_servers(),
                "group_id": group,
                "topics": [ALERTS],
                "start_from": "earliest",
            },
            "secmaster": {
                "endpoint": self.url,
                "project_id": target::PROJECT,
                "workspace_id": target::WORKSPACE,
                "credentials": {
                    "kind": "access_key",
                    "access_key_id": DEMO_ACCESS_KEY,
                    "secret_access_key": DEMO_SECRET_KEY,
                },
            },
            "delivery": {
                "max_in_flight": IN_FLIGHT,
                "rate_limits": [],
                // At this load a thousand completions ask for a commit about as often; with the default of a second
                // the last commit would wait for nothing.
                "commit_interval": "200ms",
            },
            "routing": {"default_workflow_id": target::WORKFLOW},
            "server": {"listen": "127.0.0.1:0"},
        })
    }

    fn bare(&self, group: &str, posts: Posts) -> anyhow::Result<Process> {
        let task = Task {
            bootstrap_servers: self.broker.bootstrap_servers(),
            group: group.to_owned(),
            topic: ALERTS.to_owned(),
            simulator: self.url.to_owned(),
            events: self.events,
            posts,
        };
        let mut command = Command::new(std::env::current_exe()?);
        let command = command
            .args(["--bare", &serde_json::to_string(&task)?])
            .stdin(Stdio::piped())
            .stderr(File::create(self.folder.join("bare.err"))?);
        Process::start("the bare loop", command)
    }
}
