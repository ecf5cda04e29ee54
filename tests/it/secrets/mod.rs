//! Nothing secret leaves (promise 7): whatever the program is asked and whatever goes wrong, no secret of its
//! configuration is in an output, a log, an answer or a dead letter.

mod canaries;
mod running;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use alertbridge::config::{self, Environment, Purpose};
use serde_json::{Value, json};

use self::canaries::{SecretKey, all, assert_silent, set};

/// Runs a command: its exit code and all it says. Asserts that no canary is in it.
fn said(keys: &[SecretKey], arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_alertbridge"))
        .args(arguments)
        .env_clear()
        .env("RUST_BACKTRACE", "1")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert_silent(keys, (arguments, settings), &text);
    assert!(!text.contains("unexpected argument"), "{arguments:?}: {text}");
    (output.status.code(), text)
}

/// The same with a configuration.
fn said_with(keys: &[SecretKey], arguments: &[&str], file: &str) -> (Option<i32>, String) {
    // It stands behind the command that takes it.
    let (before, after) = arguments.split_at(if arguments[0] == "secmaster" { 1 } else { arguments.len() });
    said(keys, &[before, &["--config", file], after].concat(), &[])
}

fn write(folder: &Path, config: &Value) -> String {
    let file = folder.join("alertbridge.yaml");
    fs::write(&file, serde_json::to_string_pretty(config).unwrap()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// What a configuration needs besides secrets.
fn base() -> Value {
    json!({
        "kafka": {"bootstrap_servers": "127.0.0.1:1", "start_from": "earliest"},
        "secmaster": {
            "endpoint": "http://127.0.0.1:1",
            "project_id": "0123456789abcdef0123456789abcdef",
            "workspace_id": "f44065f5-557b-4376-ae02-8c65ef1960f4",
            "credentials": {"iam_endpoint": "http://127.0.0.1:1", "user_name": "u", "domain_name": "d"},
        },
        "routing": {"default_workflow_id": "446255ce-0000-4000-8000-0b4931000000"},
        "server": {"listen": "127.0.0.1:1"},
    })
}

/// The words that a key takes.
fn words(pointer: &str) -> Vec<String> {
    let schema = config::schema();
    let key = schema.pointer(pointer).unwrap();
    let variants = key["oneOf"].as_array().or_else(|| key["anyOf"][0]["oneOf"].as_array()).unwrap();
    variants.iter().map(|variant| variant["const"].as_str().unwrap().to_owned()).collect()
}

fn kinds() -> Vec<String> {
    words("/properties/secmaster/properties/credentials/properties/kind")
}

#[test]
fn every_secret_of_the_configuration_is_known() {
    let paths: Vec<String> = all().into_iter().map(|key| key.path).collect();
    for path in ["kafka.security.password", "kafka.security.key_password_file", "server.token"] {
        assert!(paths.iter().any(|known| known == path), "{paths:?}");
    }
    assert!(paths.len() >= 9, "{paths:?}");
}

#[test]
fn no_command_shows_a_secret_however_it_is_given() {
    let keys = all();
    let record = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats/wazuh_alert/example.json");
    for (kind, in_file) in kinds().iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = base();
        set(&mut config, "secmaster.credentials.kind", json!(kind));
        set(&mut config, "kafka.security.protocol", json!("sasl_ssl"));
        set(&mut config, "kafka.security.sasl_mechanism", json!("SCRAM-SHA-512"));
        set(&mut config, "kafka.security.username", json!("soc"));
        keys.iter().for_each(|key| key.put(&mut config, folder.path(), in_file));
        let file = write(folder.path(), &config);
        let (code, shown) = said(&keys, &["config", "show", "--config", &file], &[]);
        // What does not fit the kind is refused.
        assert!(
            code == Some(2) || shown.contains(if in_file { "token_file" } else { "token: \"<hidden>\"" }),
            "{shown}"
        );
        for arguments in [
            &["check"][..],
            &["map", record],
            &["run"],
            &["guard", "open"],
            &["log-level", "debug"],
            &["secmaster", "workflow", "list", "--dry-run"],
            &["secmaster", "workflow", "list"],
            &["dead-letters", "list"],
        ] {
            let _outcome = said_with(&keys, arguments, &file);
        }
        // What a panic would show of it.
        for purpose in [Purpose::Run, Purpose::Offline] {
            let loaded = config::load(&[file.clone().into()], &Environment::new(), purpose);
            assert_silent(&keys, "Debug", &format!("{loaded:?}"));
            if let Err(error) = loaded {
                assert_silent(&keys, "Display", &error.to_string());
            }
        }
    }
}

#[test]
fn no_error_about_a_secret_quotes_it() {
    let keys = all();
    let folder = tempfile::tempdir().unwrap();
    // What is a file's name is shown.
    for key in keys.iter().filter(|key| key.as_text) {
        let canary = key.canary.as_str();
        let short = canary.get(..9).unwrap();
        let (table, name) = key.path.rsplit_once('.').unwrap();
        let nested = |inner: &str| {
            let depth = table.split('.').enumerate();
            let lines: Vec<String> = depth.map(|(level, name)| format!("{:1$}{name}:", "", level * 2)).collect();
            format!("{}\n{:2$}{inner}\n", lines.join("\n"), "", lines.len() * 2)
        };
        let wrong = [
            format!("{name}: [{canary}]"),
            format!("{name}: {{{canary}: {canary}}}"),
            format!("{name}: \"{canary}"),
            format!("{name}: {canary}: {canary}"),
            format!("{name}: !tag {canary}"),
            format!("{name}: *{canary}"),
            format!("{name}x: {canary}"),
            format!("{name}: {canary}\n{name}: {canary}"),
            format!("{name}: |\n{canary}"),
        ];
        for text in wrong.iter().map(|line| nested(line)) {
            let file = folder.path().join("wrong.yaml");
            fs::write(&file, &text).unwrap();
            for command in [&["config", "show"][..], &["check"]] {
                let _outcome = said(&keys, &[command, &["--config", file.to_str().unwrap()]].concat(), &[]);
            }
        }
        let variable = format!("ALERTBRIDGE__{}", key.path.replace('.', "__").to_uppercase());
        for value in [format!("[{canary}"), format!("{{a: {canary}}}"), format!("\"{canary}"), canary.to_owned()] {
            let _outcome = said(&keys, &["check"], &[(&variable, &value)]);
            let _outcome = said(&keys, &["check"], &[(&format!("{variable}__X"), &value)]);
        }
        // Too short for a token, and still a secret.
        let (_, said) = said(&keys, &["check"], &[(&variable, short)]);
        assert!(!said.contains(&format!("`{short}`")), "{said}");
    }
}

#[test]
fn secrets_among_librdkafkas_own_properties_are_hidden() {
    let keys = all();
    let canary = &keys[0].canary;
    let folder = tempfile::tempdir().unwrap();
    let mut config = base();
    let names =
        ["sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.client.secret"];
    for name in names {
        config["kafka"]["client"] = json!({name: canary});
        let file = write(folder.path(), &config);
        let _outcome = said(&keys, &["config", "show", "--config", &file], &[]);
        let _outcome = said(&keys, &["check", "--config", &file], &[]);
    }
}
