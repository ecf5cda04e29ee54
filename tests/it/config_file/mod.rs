//! The shipped configuration file, its reference, and the commands that read it.

#![cfg(test)]

mod reference;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use alertbridge::config::{Config, schema};
use tempfile::TempDir;

use crate::support::pages::{assert_page, in_package};

const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const WORKSPACE: &str = "909494e3-558e-46b6-a9eb-07a8e18ca62f";

/// Runs the binary in a directory of its own, with nothing in its environment but what is given.
fn alertbridge(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alertbridge"))
        .current_dir(directory)
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_shipped_file_has_every_key_at_its_default() {
    let file = fs::read_to_string(in_package("config/alertbridge.yaml")).unwrap();
    let file: serde_json::Value = serde_saphyr::from_str(&file).unwrap();
    assert_eq!(file, serde_json::to_value(Config::default()).unwrap());
}

#[test]
fn the_shipped_file_has_a_comment_on_every_key() {
    let file = fs::read_to_string(in_package("config/alertbridge.yaml")).unwrap();
    let mut above = "";
    for line in file.lines() {
        let key = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        assert!(!key || line.contains("  # ") || above.trim_start().starts_with('#'), "no comment: {line}");
        above = line;
    }
}

#[test]
fn the_shipped_file_is_accepted_as_it_is() {
    let directory = TempDir::new().unwrap();
    let file = in_package("config/alertbridge.yaml");
    let environment = [
        ("HUAWEICLOUD_SDK_AK", "an-access-key"),
        ("HUAWEICLOUD_SDK_SK", "a-secret-key"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT),
        ("ALERTBRIDGE__SECMASTER__WORKSPACE_ID", WORKSPACE),
    ];
    let output = alertbridge(directory.path(), &["check", "--config", file.to_str().unwrap()], &environment);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("ok    configuration"), "{}", text(&output.stdout));
}

#[test]
fn the_page_of_the_configuration_is_what_the_schema_says() {
    assert_page("docs/configuration.md", &reference::generate(&schema()));
}

#[test]
fn a_wrong_configuration_ends_with_2_and_says_everything_at_once() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("alertbridge.yaml"), "kafka:\n  topic: [a]\ndelivery:\n  max_in_flight: 0\n")
        .unwrap();
    let output = alertbridge(directory.path(), &["check"], &[("HUAWEICLOUD_SDK_AK", "x"), ("HUAWEICLOUD_SDK_SK", "y")]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text(&output.stderr));
    assert!(output.stdout.is_empty());
}

#[test]
fn what_is_wrong_with_mappings_and_with_clients_is_said_together() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("own.yaml"), "name: own\nmatch: 'has('\nalert: {title: nope}\n").unwrap();
    let environment = [
        ("HUAWEICLOUD_SDK_AK", "an-access-key"),
        ("HUAWEICLOUD_SDK_SK", "a-secret-key"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT),
        ("ALERTBRIDGE__SECMASTER__WORKSPACE_ID", WORKSPACE),
        ("ALERTBRIDGE__MAPPING__DIRECTORIES", "[.]"),
        ("ALERTBRIDGE__KAFKA__CLIENT", "{no.such.property: 1}"),
    ];
    let output = alertbridge(directory.path(), &["check"], &environment);
    assert_eq!(output.status.code(), Some(2));
    let (said, faults) = (text(&output.stdout), text(&output.stderr));
    for fault in ["./own.yaml:2:1: match:", "./own.yaml:3:9: alert.title:", "no.such.property"] {
        assert!(faults.contains(fault), "{fault}: {faults}");
    }
    assert!(said.contains("ok    routes") && !said.contains("ok    mappings"), "{said}");
}

#[test]
fn an_unreadable_secret_file_is_named_with_its_key() {
    let directory = TempDir::new().unwrap();
    fs::write(
        directory.path().join("alertbridge.yaml"),
        "secmaster:\n  credentials:\n    secret_access_key_file: /none/secret\n",
    )
    .unwrap();
    let output = alertbridge(directory.path(), &["check"], &[]);
    let expected = "`secmaster.credentials.secret_access_key_file`: cannot take the secret from `/none/secret`";
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("(alertbridge.yaml:3)"), "{}", text(&output.stderr));
}

#[test]
fn the_effective_configuration_shows_that_a_secret_is_set_and_not_what_it_is() {
    let directory = TempDir::new().unwrap();
    let environment = [("ALERTBRIDGE__KAFKA__TOPICS", "[a, b]"), ("HUAWEICLOUD_SDK_SK", "hush")];
    let output = alertbridge(directory.path(), &["config", "show"], &environment);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(shown.contains("topics: [a, b]") && shown.contains("secret_access_key: \"<hidden>\""), "{shown}");
    assert!(!shown.contains("hush"));
}

#[test]
fn the_schema_is_printed_as_json() {
    let directory = TempDir::new().unwrap();
    let output = alertbridge(directory.path(), &["config", "schema"], &[]);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap(), schema());
}
