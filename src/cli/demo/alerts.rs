//! The demo's alerts: three formats, as a SOC sees them on a bad day, with some that cannot be delivered.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::alert_id;

/// How many records the demo writes.
pub(super) const RECORDS: usize = 400;

/// The simulator refuses titles that contain this, as SecMaster refuses what its data class does not take.
pub(super) const REFUSED: &str = "(beyond the data class)";

/// Alerts with this title are skipped by a rule.
pub(super) const HEARTBEAT: &str = "Sensor heartbeat";

/// What is to become of a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// A workflow is started for the alert with this id.
    Delivered(Uuid),
    /// It goes to the dead-letter topic.
    DeadLettered,
    /// It is skipped.
    Skipped,
}

/// A record of the demo.
#[derive(Clone, Debug)]
pub(super) struct DemoRecord {
    pub(super) key: String,
    pub(super) value: Option<Vec<u8>>,
    pub(super) fate: Fate,
}

const DETECTIONS: [(&str, &str, u8); 8] = [
    ("Ransomware note written to file share", "critical", 5),
    ("Credential dumping from LSASS memory", "high", 4),
    ("SSH brute force from a single address", "medium", 3),
    ("Outbound connection to a known botnet", "high", 4),
    ("New local administrator", "medium", 3),
    ("PowerShell with an encoded command", "high", 4),
    ("Port scan inside the network", "low", 2),
    ("Logon outside of working hours", "low", 2),
];

/// All records, in the order in which they are written.
pub(super) fn records() -> Vec<DemoRecord> {
    (0..RECORDS).map(record).collect()
}

fn record(n: usize) -> DemoRecord {
    let key = format!("host-{:02}", n % 37);
    let dead = |value: Vec<u8>| DemoRecord { key: key.clone(), value: Some(value), fate: Fate::DeadLettered };
    match n % 50 {
        7 => return dead(format!(r#"{{"class_uid": 2004, "finding_info": {{"title": "cut off he{n}"#).into_bytes()),
        23 => return dead(bytes(&json!({"some": "other", "kind": "of event", "n": n}))),
        31 => return dead(bytes(&secmaster(n, &format!("Alert {n} {REFUSED}"), &key))),
        41 => return DemoRecord { key, value: None, fate: Fate::Skipped },
        13 | 37 => {
            let value = bytes(&secmaster(n, HEARTBEAT, &key));
            return DemoRecord { key, value: Some(value), fate: Fate::Skipped };
        }
        _ => {}
    }
    let (title, word, severity_id) = DETECTIONS[n % DETECTIONS.len()];
    let (format, value) = match n % 5 {
        0 | 1 => ("elastic_detection_alert", elastic(n, title, word, &key)),
        2 | 3 => ("ocsf_detection_finding_2004", ocsf(n, title, severity_id, &key)),
        _ => ("secmaster_alert", secmaster(n, title, &key)),
    };
    DemoRecord { key, value: Some(bytes(&value)), fate: Fate::Delivered(alert_id(format, &source_id(n))) }
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn source_id(n: usize) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("alertbridge:demo:{n}").as_bytes()).to_string()
}

fn elastic(n: usize, title: &str, severity: &str, host: &str) -> Value {
    json!({
        "@timestamp": "2026-02-05T02:11:12.345Z",
        "ecs.version": "8.11.0",
        "event": {"kind": "signal"},
        "kibana.alert.uuid": source_id(n),
        "kibana.alert.rule.name": title,
        "kibana.alert.rule.rule_id": format!("rule-{}", n % DETECTIONS.len()),
        "kibana.alert.reason": format!("{title} on {host}"),
        "kibana.alert.severity": severity,
        "kibana.alert.risk_score": 73,
        "kibana.alert.original_time": "2026-02-05T02:10:58.001Z",
        "kibana.alert.workflow_status": "open",
        "host": {"name": host, "ip": ["192.0.2.10"]},
        "source": {"ip": "203.0.113.7", "port": 51812},
        "destination": {"ip": "192.0.2.10", "port": 22},
        "user": {"name": "svc-backup"},
    })
}

fn ocsf(n: usize, title: &str, severity_id: u8, host: &str) -> Value {
    json!({
        "class_uid": 2004,
        "activity_id": 1,
        "severity_id": severity_id,
        "status_id": 1,
        "time": 1_770_257_472_345_i64,
        "finding_info": {"uid": source_id(n), "title": title, "desc": format!("{title} on {host}")},
        "metadata": {"version": "1.3.0", "product": {"name": "edge-ids", "vendor_name": "Example Corp"}},
        "device": {"hostname": host, "ip": "192.0.2.10", "type_id": 1},
        "evidences": [{
            "src_endpoint": {"ip": "203.0.113.7", "port": 51812},
            "dst_endpoint": {"ip": "192.0.2.10", "port": 22},
        }],
    })
}

fn secmaster(n: usize, title: &str, host: &str) -> Value {
    json!({
        "version": "1.0",
        "id": source_id(n),
        "title": title,
        "description": format!("{title} on {host}"),
        "severity": "High",
        "first_observed_time": "2026-02-05T10:11:12.345Z+0800",
        "data_source": {"source_type": 3, "product_name": "in-house"},
        "resource_list": [{"name": host, "type": "servers"}],
    })
}
