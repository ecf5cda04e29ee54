//! The alerts that are sent through, and what the bridge makes of one of them.

use std::sync::Arc;

use alertbridge::domain::{Destination, Offset, Record, TopicPartition, instance_id};
use alertbridge::mapping::{Mapped, Mapper, MappingSettings};
use alertbridge::routing;
use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use serde_json::json;

use super::target;

/// The format of the alerts; the bridge loads all its mappings, as it does by default, and has to find it.
pub(crate) const FORMAT: &str = "elastic_detection_alert";

/// The size of an alert: 1 KiB.
pub(crate) const BYTES: usize = 1024;

/// How many different hosts there are: the records' keys, which the bridge keeps in order.
pub(crate) const HOSTS: usize = 5_000;

const SEVERITIES: [&str; 4] = ["low", "medium", "high", "critical"];

/// The key of an alert.
pub(crate) fn key(n: usize) -> String {
    format!("host-{:04}", n % HOSTS)
}

/// One alert of Elastic Security, of exactly [`BYTES`] bytes.
pub(crate) fn value(n: usize) -> anyhow::Result<Vec<u8>> {
    let alert = |reason: &str| {
        json!({
            "@timestamp": "2026-11-20T08:14:52.318Z",
            "event": {"kind": "signal", "module": "windows"},
            "host": {"name": key(n), "id": format!("9d6e0c1b-5f3a-4a2f-8e0c-{:012x}", n % HOSTS)},
            "user": {"name": "m.keller", "id": "S-1-5-21-2040017822-4417"},
            "source": {"ip": "10.20.14.117", "port": 51422},
            "destination": {"ip": "203.0.113.44", "port": 443},
            "process": {"name": "powershell.exe", "pid": 7788, "parent": {"name": "winword.exe", "pid": 6120}},
            "kibana.alert.uuid": format!("{ID}{n:012x}"),
            "kibana.alert.original_time": "2026-11-20T08:13:40.902Z",
            "kibana.alert.severity": SEVERITIES[n % SEVERITIES.len()],
            "kibana.alert.risk_score": 73,
            "kibana.alert.workflow_status": "open",
            "kibana.alert.rule.uuid": "2f0a8e7c-9b7d-4c55-9d44-7c19c4a1d9b0",
            "kibana.alert.rule.name": "Office Child Process Running Encoded PowerShell",
            "kibana.alert.reason": reason,
        })
        .to_string()
    };
    let padding = BYTES.checked_sub(alert("").len()).ok_or_else(|| anyhow!("the alert is larger than 1 KiB"))?;
    let words = "process event with process powershell.exe created an alert. ";
    Ok(alert(&words.chars().cycle().take(padding).collect::<String>()).into_bytes())
}

/// What the ids of all alerts begin with; their number follows.
const ID: &str = "8d3f2a6a-5f2c-4e7d-9b01-";

/// The number of the alert that a body is about.
pub(crate) fn number_of(body: &[u8]) -> Option<usize> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once(ID)?;
    usize::from_str_radix(rest.get(..12)?, 16).ok()
}

/// The body that the bridge sends for an alert.
pub(crate) fn body(n: usize) -> anyhow::Result<Bytes> {
    let mapper = Mapper::load(&MappingSettings::default()).map_err(|errors| anyhow!("{errors:?}"))?;
    let record = Record {
        partition: TopicPartition::new("soc.alerts", 0),
        offset: Offset(0),
        timestamp_ms: Some(1_795_169_046_500),
        key: None,
        value: Some(value(n)?.into()),
        headers: Vec::new(),
    };
    let origin = record.origin(&Arc::from("cluster"));
    let Mapped::Parts(parts) = mapper.map(&record, &origin) else { bail!("the alert is not mapped") };
    let part = parts.into_iter().next().context("the alert has no parts")?;
    anyhow::ensure!(part.faults.is_empty(), "the alert has faults: {:?}", part.faults);
    anyhow::ensure!(part.format.as_deref() == Some(FORMAT), "the alert was read as {:?}", part.format);
    let alert = part.result.map_err(|failure| anyhow!("the alert is refused: {}", failure.message))?;
    let destination = Destination {
        route: "default".into(),
        project_id: target::PROJECT.into(),
        workspace_id: target::WORKSPACE.into(),
        workflow_id: target::WORKFLOW.into(),
        creates_alert: false,
    };
    let instance = instance_id(&origin, 0, target::WORKFLOW).to_string();
    Ok(routing::build(destination, &alert, Some(instance)).body)
}
