//! What versions must share, pinned by values and files that earlier versions wrote: docs/upgrades.md says what may
//! change. The golden values were made by other programs than this one (Python's uuid and hashlib), so that they are not
//! this code's own idea of itself. One that fails here is a new major version, or a mistake.

use std::fs;
use std::process::Command;

use alertbridge::domain::{
    Header, Offset, Origin, Record, RedriveMark, TopicPartition, alert_id, instance_id, instance_id_of_alert,
};
use alertbridge::letters::Letter;
use alertbridge::offsets::{CommitMetadata, CompletedOffsets, MetadataError};
use bytes::Bytes;

use crate::support::pages::in_package;

const GROUP: &str = "soc";
const WORKFLOW: &str = "446255ce-0000-4000-8000-0b4931000000";
const BASE: Offset = Offset(1_000);

fn partition() -> TopicPartition {
    TopicPartition::new("soc.alerts", 3)
}

fn origin() -> Origin {
    Origin {
        cluster_id: "4L6g3nShT-eMCtK--X86sw".into(),
        partition: partition(),
        offset: Offset(42),
        timestamp_ms: Some(1_700_000_000_000),
    }
}

fn metadata(offsets: &[i64], mark: Option<i64>) -> CommitMetadata {
    let completed = CompletedOffsets::from_sorted(offsets.iter().copied().map(Offset));
    CommitMetadata { completed, mark: mark.map(Offset) }
}

fn read(text: &str) -> Result<CommitMetadata, MetadataError> {
    CommitMetadata::decode(text, GROUP, &partition(), BASE, Offset(2_000))
}

/// A record of one of our topics, its headers from a file with a `name: value` a line.
fn record_with_headers(file: &str) -> Record {
    let text = fs::read_to_string(in_package(file)).unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        Header { name: name.to_owned(), value: Some(Bytes::from(value.to_owned())) }
    };
    Record {
        partition: TopicPartition::new("ours", 0),
        offset: Offset(7),
        timestamp_ms: Some(1_700_000_100_000),
        key: Some(Bytes::from_static(b"host-1")),
        value: Some(Bytes::from_static(b"{}")),
        headers: text.lines().map(header).collect(),
    }
}

#[test]
fn the_ids_of_a_record_and_of_an_alert_are_those_of_the_first_version() {
    assert_eq!(instance_id(&origin(), 0, WORKFLOW).to_string(), "27cac56a-46f9-5850-a797-6c7606e5a165");
    let without_time = Origin { timestamp_ms: None, ..origin() };
    assert_eq!(instance_id(&without_time, 1, WORKFLOW).to_string(), "27b18b02-58fa-506c-9ecb-6bda7c665db3");
    assert_eq!(alert_id("splunk_notable", "2EE5D0A4-notable@@1").to_string(), "82cbe101-0b0f-5c04-a79d-8df7cd2c5346");
    let uuid = "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11";
    assert_eq!(alert_id("splunk_notable", uuid).to_string(), uuid);
    assert_eq!(instance_id_of_alert(uuid, WORKFLOW).to_string(), "dcea70b8-4dc5-5fcd-aad3-094c7104b654");
}

#[test]
fn the_commit_metadata_of_every_version_is_read() {
    let settled = [1_002, 1_004, 1_005];
    assert_eq!(read("ARFN+zcIAzwkAAAAAAAAA+gANA"), Ok(metadata(&settled, None)), "version 1");
    assert_eq!(read("AjIbhLUIAzwkAAAAAAAAA+gMADQ"), Ok(metadata(&settled, Some(1_012))), "version 2");
    assert_eq!(read("AlqRJIgIAzwkAAAAAAAAA+gM"), Ok(metadata(&[], Some(1_012))), "version 2, the mark alone");
    assert_eq!(read("Ath7ehAIAzwkAAAAAAAAA+gAADQ"), Ok(metadata(&settled, None)), "version 2 without a mark");
}

#[test]
fn what_is_written_is_what_the_version_before_reads() {
    let write = |metadata: &CommitMetadata| metadata.encode(GROUP, &partition(), BASE);
    assert_eq!(write(&metadata(&[1_002, 1_004, 1_005], Some(1_012))), "AjIbhLUIAzwkAAAAAAAAA+gMADQ");
    assert_eq!(write(&metadata(&[], Some(1_012))), "AlqRJIgIAzwkAAAAAAAAA+gM");
}

#[test]
fn commit_metadata_of_a_version_to_come_is_told_by_its_number_and_nothing_of_it_is_believed() {
    assert_eq!(read("A44GYkoIAzwkAAAAAAAAA+gMADQ"), Err(MetadataError::Version(3)));
}

#[test]
fn a_dead_letter_of_the_first_version_is_read_and_asks_for_its_first_instance_when_redriven() {
    let letter = Letter::read(record_with_headers("tests/fixtures/upgrade/dead-letter.txt")).unwrap();
    assert_eq!(letter.origin, origin());
    assert_eq!(letter.field("failure-reason"), Some("request_refused"));
    assert_eq!((letter.group(), letter.redrive_count(), letter.is_stub()), (GROUP, 0, false));
    let names: Vec<String> = letter.own_headers().into_iter().map(|header| header.name).collect();
    assert_eq!(names, ["feed"], "the record's own");

    let mark = letter.mark(false);
    assert_eq!((mark.part, mark.workflow_id.as_deref(), mark.count), (Some(1), Some(WORKFLOW), 1));
    let asked_for = instance_id(&mark.origin, mark.part.unwrap(), mark.workflow_id.as_deref().unwrap());
    assert_eq!(letter.field("action-instance-id"), Some(asked_for.to_string().as_str()));
}

#[test]
fn a_redriven_record_of_the_first_version_is_read_and_is_known_again_by_a_redrive_that_goes_on() {
    let mark = RedriveMark::read(&record_with_headers("tests/fixtures/upgrade/redriven.txt")).unwrap();
    assert_eq!(mark.origin, origin());
    assert_eq!((&*mark.group, mark.part, mark.count), (GROUP, Some(1), 1));
    assert_eq!(mark.identity().to_string(), "1f0015a1-6039-5cc7-a8a2-c26e20457942");
    let letter = Letter::read(record_with_headers("tests/fixtures/upgrade/dead-letter.txt")).unwrap();
    assert_eq!(letter.identity(), mark.identity(), "so that the letter is not written twice");
}

/// `tests/fixtures/upgrade/first-alertbridge.yaml` is `config/alertbridge.yaml` as it was when it first had every key.
#[test]
fn the_first_configuration_that_was_shipped_is_accepted() {
    let output = Command::new(env!("CARGO_BIN_EXE_alertbridge"))
        .args(["check", "--config"])
        .arg(in_package("tests/fixtures/upgrade/first-alertbridge.yaml"))
        .env_clear()
        .env("HUAWEICLOUD_SDK_AK", "an-access-key")
        .env("HUAWEICLOUD_SDK_SK", "a-secret-key")
        .env("HUAWEICLOUD_SDK_PROJECT_ID", "0123456789abcdef0123456789abcdef")
        .env("ALERTBRIDGE__SECMASTER__WORKSPACE_ID", "f44065f5-557b-4376-ae02-8c65ef1960f4")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A version that goes back must not run with a key that it does not know, as if it did what the key says.
#[test]
fn a_key_of_a_version_to_come_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertbridge.yaml");
    fs::write(&file, "delivery:\n  of_a_version_to_come: 1\n").unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_alertbridge")).args(["check", "--config"]).arg(file).env_clear().output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("delivery.of_a_version_to_come"), "{said}");
}
