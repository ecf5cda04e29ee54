//! The Elastic example's mapping as a program that knows nothing else: structs for exactly the fields that the shipped
//! mapping reads and writes, filled and written by serde. What a mapping in a file costs beside it is the price of
//! being a file: formats are found, all values may be there or not and of any type, and all are checked.

use std::borrow::Cow;

use alertbridge::domain::{Record, alert_id, instance_id};
use serde::{Deserialize, Serialize};

type Text<'a> = Option<Cow<'a, str>>;

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(rename = "@timestamp", borrow)]
    timestamp: Cow<'a, str>,
    #[serde(rename = "kibana.alert.uuid", borrow)]
    uuid: Cow<'a, str>,
    #[serde(rename = "kibana.alert.workflow_status", borrow, default)]
    status: Text<'a>,
    #[serde(rename = "kibana.alert.original_time", borrow, default)]
    original_time: Text<'a>,
    #[serde(rename = "kibana.alert.severity", borrow)]
    severity: Cow<'a, str>,
    #[serde(rename = "kibana.alert.risk_score", default)]
    risk_score: Option<f64>,
    #[serde(rename = "kibana.alert.reason", borrow, default)]
    reason: Text<'a>,
    #[serde(rename = "kibana.alert.url", borrow, default)]
    url: Text<'a>,
    #[serde(rename = "kibana.alert.rule.name", borrow)]
    rule: Cow<'a, str>,
    #[serde(rename = "kibana.alert.rule.uuid", borrow, default)]
    rule_uuid: Text<'a>,
    #[serde(rename = "kibana.alert.rule.rule_id", borrow, default)]
    rule_id: Text<'a>,
    #[serde(rename = "kibana.alert.rule.description", borrow, default)]
    description: Text<'a>,
    #[serde(rename = "kibana.alert.rule.references", default)]
    references: Vec<String>,
    #[serde(rename = "kibana.alert.rule.threat", borrow, default)]
    threat: Vec<Threat<'a>>,
    #[serde(rename = "kibana.space_ids", default)]
    space_ids: Vec<String>,
    #[serde(borrow, default)]
    event: Event<'a>,
    #[serde(borrow, default)]
    host: Host<'a>,
    #[serde(borrow, default)]
    user: User<'a>,
    #[serde(borrow, default)]
    source: End<'a>,
    #[serde(borrow, default)]
    destination: End<'a>,
    #[serde(borrow, default)]
    process: Process<'a>,
    #[serde(borrow, default)]
    file: File<'a>,
}

#[derive(Deserialize)]
struct Threat<'a> {
    #[serde(borrow)]
    tactic: Named<'a>,
    #[serde(borrow, default)]
    technique: Vec<Technique<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Technique<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    subtechnique: Vec<Technique<'a>>,
}

#[derive(Default, Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    module: Text<'a>,
}

#[derive(Default, Deserialize)]
struct Host<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(default)]
    ip: Vec<String>,
}

#[derive(Default, Deserialize)]
struct User<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
}

#[derive(Default, Deserialize)]
struct End<'a> {
    #[serde(borrow, default)]
    ip: Text<'a>,
    #[serde(default)]
    port: Option<u16>,
    #[serde(borrow, default)]
    domain: Text<'a>,
}

#[derive(Default, Deserialize)]
struct Process<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    executable: Text<'a>,
    #[serde(default)]
    pid: Option<u32>,
    #[serde(borrow, default)]
    command_line: Text<'a>,
    #[serde(borrow, default)]
    parent: Option<Box<Self>>,
}

#[derive(Default, Deserialize)]
struct File<'a> {
    #[serde(borrow, default)]
    hash: Hash<'a>,
}

#[derive(Default, Deserialize)]
struct Hash<'a> {
    #[serde(borrow, default)]
    sha256: Text<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    command_type: &'a str,
    action_type: &'a str,
    action_id: &'a str,
    action_instance_id: String,
    playbook_context: Context<'a>,
}

#[derive(Serialize)]
struct Context<'a> {
    data_object: DataObject<'a>,
}

#[derive(Serialize)]
struct DataObject<'a> {
    content: Content<'a>,
    dataclass: DataClass<'a>,
}

#[derive(Serialize)]
struct DataClass<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    version: &'a str,
    id: String,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    severity: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    labels: String,
    data_source: DataSource<'a>,
    first_observed_time: String,
    last_observed_time: String,
    create_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrive_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    criticality: Option<u64>,
    alert_type: AlertType<'a>,
    network_list: [Network<'a>; 1],
    resource_list: [Resource<'a>; 1],
    user_info: [UserInfo<'a>; 1],
    process: [ProcessInfo<'a>; 1],
    file_info: [FileInfo<'a>; 1],
    handle_status: &'a str,
    verification_state: &'a str,
    system_info: SystemInfo<'a>,
}

#[derive(Serialize)]
struct DataSource<'a> {
    source_type: u8,
    company_name: &'a str,
    product_name: &'a str,
    product_feature: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_module: Option<&'a str>,
}

#[derive(Serialize)]
struct AlertType<'a> {
    category: &'a str,
    alert_type: &'a str,
}

#[derive(Serialize)]
struct Network<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    src_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_domain: Option<&'a str>,
}

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    r#type: &'a str,
}

#[derive(Serialize)]
struct UserInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
}

#[derive(Serialize)]
struct ProcessInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    process_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_cmdline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_parent_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_parent_pid: Option<u32>,
}

#[derive(Serialize)]
struct FileInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file_sha256: Option<&'a str>,
}

#[derive(Serialize)]
struct SystemInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_uuid: Option<&'a str>,
    rule_references: &'a [String],
    host_ip: &'a [String],
    space_ids: &'a [String],
    source_id: &'a str,
    source_severity: &'a str,
}

/// A time in UTC to the millisecond, which all of the example's are.
fn time(text: &str) -> String {
    format!("{text}+0000")
}

/// The body of the one request.
pub(crate) fn body(record: &Record, cluster: &std::sync::Arc<str>, workflow: &str) -> serde_json::Result<Vec<u8>> {
    let origin = record.origin(cluster);
    let source: Source<'_> = serde_json::from_slice(record.value.as_deref().unwrap_or_default())?;
    let mut labels: Vec<&str> = source.threat.iter().map(|threat| &*threat.tactic.id).collect();
    for technique in source.threat.iter().flat_map(|threat| &threat.technique) {
        labels.push(&technique.id);
        labels.extend(technique.subtechnique.iter().map(|sub| &*sub.id));
    }
    let arrived = record.timestamp_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let parent = source.process.parent.as_deref();
    let content = Content {
        version: "1.0",
        id: alert_id("elastic_detection_alert", &source.uuid).to_string(),
        title: &source.rule,
        description: source.reason.as_deref().or(source.description.as_deref()),
        severity: match &*source.severity {
            "low" => "Low",
            "high" => "High",
            "critical" => "Fatal",
            _ => "Medium",
        },
        labels: labels.join(","),
        data_source: DataSource {
            source_type: 2,
            company_name: "Elastic",
            product_name: "Elastic Security",
            product_feature: &source.rule,
            product_module: source.event.module.as_deref(),
        },
        first_observed_time: time(source.original_time.as_ref().unwrap_or(&source.timestamp)),
        last_observed_time: time(&source.timestamp),
        create_time: time(&source.timestamp),
        arrive_time: arrived.map(|time| time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ+0000").to_string()),
        source_url: source.url.as_deref(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
        criticality: source.risk_score.map(|score| score.floor() as u64),
        alert_type: AlertType {
            category: source.threat.first().map_or("Detection rule", |threat| &threat.tactic.name),
            alert_type: &source.rule,
        },
        network_list: [Network {
            src_ip: source.source.ip.as_deref(),
            src_port: source.source.port,
            dest_ip: source.destination.ip.as_deref(),
            dest_port: source.destination.port.map(|port| port.to_string()),
            dest_domain: source.destination.domain.as_deref(),
        }],
        resource_list: [Resource {
            id: source.host.id.as_deref(),
            name: source.host.name.as_deref(),
            r#type: "device",
        }],
        user_info: [UserInfo { user_id: source.user.id.as_deref(), user_name: source.user.name.as_deref() }],
        process: [ProcessInfo {
            process_name: source.process.name.as_deref(),
            process_path: source.process.executable.as_deref(),
            process_pid: source.process.pid,
            process_cmdline: source.process.command_line.as_deref(),
            process_parent_name: parent.and_then(|parent| parent.name.as_deref()),
            process_parent_pid: parent.and_then(|parent| parent.pid),
        }],
        file_info: [FileInfo { file_sha256: source.file.hash.sha256.as_deref() }],
        handle_status: if source.status.as_deref() == Some("closed") { "Closed" } else { "Open" },
        verification_state: "Unknown",
        system_info: SystemInfo {
            rule_id: source.rule_id.as_deref(),
            rule_uuid: source.rule_uuid.as_deref(),
            rule_references: &source.references,
            host_ip: &source.host.ip,
            space_ids: &source.space_ids,
            source_id: &source.uuid,
            source_severity: &source.severity,
        },
    };
    serde_json::to_vec(&Body {
        command_type: "ActionInstanceRunCommand",
        action_type: "workflow",
        action_id: workflow,
        action_instance_id: instance_id(&origin, 0, workflow).to_string(),
        playbook_context: Context { data_object: DataObject { content, dataclass: DataClass { name: "Alert" } } },
    })
}
