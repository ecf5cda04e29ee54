//! The simulator in lean mode, as a process of its own: what it costs counts for nobody.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use reqwest::Client;
use serde::Deserialize;

use super::BRIDGE;
use super::process::Process;

pub(crate) const PROJECT: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const WORKSPACE: &str = "f44065f5-557b-4376-ae02-8c65ef1960f4";
pub(crate) const WORKFLOW: &str = "446255ce-1111-4222-8333-0b4931000000";

/// CreateWorkflowInstance.
pub(crate) fn path() -> String {
    format!("/v1/{PROJECT}/workspaces/{WORKSPACE}/soc/workflows/{WORKFLOW}/instances")
}

/// The running simulator.
pub(crate) struct Target {
    url: String,
    http: Client,
    process: Process,
}

/// The part of `/_simulator/stats` that matters here.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Stats {
    /// Requests that were accepted.
    pub(crate) accepted: usize,
    /// Different instances that were created.
    pub(crate) instances: usize,
}

impl Target {
    /// Starts it. Signatures are made but not verified: the bare loop does not sign, and both shall meet the same
    /// service.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(BRIDGE);
        let command = command
            .args(["simulate", "--lean", "--no-verify", "--listen", "127.0.0.1:0", "--log", "error"])
            .stdout(Stdio::piped());
        let mut process = Process::start("the simulator", command)?;
        let mut greeting = String::new();
        let out = process.stdout().context("the simulator has no standard output")?;
        let _bytes = BufReader::new(out).read_line(&mut greeting)?;
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.with_context(|| format!("the simulator does not say where it listens: {greeting:?}"))?;
        Ok(Self { url: url.to_owned(), http: super::http_client().build()?, process })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What has come so far.
    pub(crate) async fn stats(&self) -> anyhow::Result<Stats> {
        let answer = self.http.get(format!("{}/_simulator/stats", self.url)).send().await?;
        Ok(serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?)
    }

    /// Forgets what has come.
    pub(crate) async fn reset(&mut self) -> anyhow::Result<()> {
        self.process.ensure_running()?;
        let answer = self.http.post(format!("{}/_simulator/reset", self.url)).send().await?;
        ensure!(answer.status().is_success(), "the simulator cannot be reset: {}", answer.status());
        Ok(())
    }
}
