//! The daemon and its commands with credentials that are refused: log at its finest, answers of the server, dead
//! letters.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::canaries::{SecretKey, all, assert_silent, set};
use super::{kinds, said_with, write};
use crate::support::bridge::{Bridge, PATIENCE};
use crate::support::kafka::{USER, shared};
use crate::support::probes::Probes;
use crate::support::redrive::letters;
use crate::support::world::{Draft, Fate, World};

/// The credentials' secrets of this kind, and the server's: the others would be refused, or are another test's.
fn of_kind<'a>(keys: &'a [SecretKey], kind: &'a str) -> impl Iterator<Item = &'a SecretKey> {
    keys.iter().filter(move |key| match key.path.strip_prefix("secmaster.credentials.") {
        Some("token") => kind == "token",
        Some("password") => kind == "password",
        Some(_) => kind == "access_key",
        None => key.path.starts_with("server."),
    })
}

fn configuration(world: &World, keys: &[SecretKey], kind: &str, folder: &Path) -> Value {
    let mut config: Value = serde_saphyr::from_str(&world.configuration("")).unwrap();
    config["log"] = json!({"level": "trace"});
    config["secmaster"]["credentials"] = json!({
        "kind": kind, "iam_endpoint": world.simulator.url(), "user_name": "demo-user", "domain_name": "demo-account",
    });
    of_kind(keys, kind).for_each(|key| key.put(&mut config, folder, false));
    config
}

/// An alert, and what is none and becomes a dead letter.
fn drafts() -> Vec<Draft> {
    let draft = |value: &str| Draft { key: None, value: value.as_bytes().to_vec(), fate: Fate::DeadLettered };
    vec![draft(r#"{"id": "1", "title": "alert", "severity": "High"}"#), draft("{\"cut\": off")]
}

async fn ask(address: &str, method: &str, path: &str, token: Option<&str>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let shown = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{shown}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_in_no_log_answer_or_dead_letter() {
    let keys = all();
    for kind in ["access_key", "password", "token"] {
        assert!(kinds().iter().any(|known| known == kind));
        let world = World::new(shared(), &format!("secrets-{kind}")).await;
        let folder = world.folder.path();
        let probes = Probes::somewhere();
        let mut config = configuration(&world, &keys, kind, folder);
        set(&mut config, "server.listen", json!(probes.address()));
        let _written = world.write(drafts()).await;
        let bridge = Bridge::start(folder, "bridge", &config.to_string());
        let paused = bridge.saw("delivery.paused").await;
        assert_eq!(paused["reason"], "credentials", "{paused}");
        let written = letters(&world, 1).await;
        assert_silent(&keys, "a dead letter", &format!("{written:?}"));
        for header in &written[0].headers {
            let value = header.value.as_deref().unwrap_or_default();
            assert_silent(&keys, &header.name, &String::from_utf8_lossy(value));
        }

        let token = &keys.iter().find(|key| key.path == "server.token").unwrap().canary;
        for path in ["/livez", "/readyz", "/metrics", "/status", "/log-level", "/", "/guard/open"] {
            for shown in [None, Some("0123456789abcdef"), Some(token.as_str())] {
                assert_silent(&keys, path, &ask(probes.address(), "GET", path, shown).await);
            }
        }
        assert_silent(&keys, "POST", &ask(probes.address(), "POST", "/guard/open", Some(token)).await);
        // It is published each second.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = ask(probes.address(), "GET", "/status", Some(token)).await;
            assert_silent(&keys, "/status", &status);
            if status.contains("paused: credentials") {
                break;
            }
            assert!(Instant::now() < deadline, "{status}");
            sleep(Duration::from_millis(50)).await;
        }

        let file = folder.join("bridge.yaml");
        let file = file.to_str().unwrap();
        let run = |arguments: &[&str]| tokio::task::block_in_place(|| said_with(&keys, arguments, file));
        let ends = |arguments: &[&str], code: i32| {
            let (ended, said) = run(arguments);
            assert_eq!(ended, Some(code), "{arguments:?}: {said}");
        };
        assert_eq!(run(&["log-level"]), (Some(0), "trace, as configured\n".to_owned()), "the commands show the token");
        ends(&["guard", "open"], 1);
        ends(&["check"], 0);
        ends(&["dead-letters", "list", "--output", "json"], 0);
        ends(&["dead-letters", "show", &format!("{}/0/0", world.dead_letter_topic())], 0);
        ends(&["secmaster", "workflow", "list", "--dry-run"], 0);
        ends(&["secmaster", "workflow", "list"], 1);

        let changed = "warn until the next restart; configured is trace\n".to_owned();
        assert_eq!(run(&["log-level", "warn"]), (Some(0), changed));
        assert_eq!(bridge.saw("log.level_changed").await["log_level"], "warn");

        let log = bridge.log_file().to_owned();
        assert!(bridge.terminate().await.success());
        assert_silent(&keys, "the log", &fs::read_to_string(log).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_the_brokers_refuse_is_not_in_the_log() {
    let keys = all();
    let world = World::new(shared(), "secrets-kafka").await;
    let mut config = configuration(&world, &keys, "access_key", world.folder.path());
    config["kafka"]["bootstrap_servers"] = json!(world.broker.secure_bootstrap_servers());
    // As much as librdkafka can tell.
    set(&mut config, "kafka.client", json!({"debug": "all"}));
    let security = json!({
        "protocol": "sasl_ssl", "sasl_mechanism": "SCRAM-SHA-512", "username": USER, "ca_file": world.broker.ca_file(),
    });
    set(&mut config, "kafka.security", security);
    let password = keys.iter().find(|key| key.path == "kafka.security.password").unwrap();
    password.put(&mut config, world.folder.path(), false);
    let bridge = Bridge::start(world.folder.path(), "bridge", &config.to_string());
    let unavailable = bridge.saw("kafka.unavailable").await;
    assert!(unavailable["error"].as_str().unwrap().contains("uthentication"), "{unavailable}");
    let log = bridge.log_file().to_owned();
    assert!(bridge.terminate().await.success());
    assert_silent(&keys, "the log", &fs::read_to_string(log).unwrap());
    let file = write(world.folder.path(), &config);
    let list = tokio::task::block_in_place(|| said_with(&keys, &["dead-letters", "list"], &file));
    assert_eq!(list.0, Some(1), "{}", list.1);
}
