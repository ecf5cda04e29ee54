//! The bridge over each of Kafka's secure listeners, and credentials that change while it runs.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::bridge::{Bridge, PATIENCE};
use crate::support::kafka::{PASSWORD, USER, shared, unique};
use crate::support::redrive::{letters, lines, ran_with, redriven};
use crate::support::security::{Listener, signed};
use crate::support::token_endpoint::TokenEndpoint;
use crate::support::world::{World, drafts};

/// The secret of the OAuth client: characters that encodings trip over.
const SECRET: &str = "plus+colon:secret";
const ENCODED: &str = "plus%2Bcolon%3Asecret";

/// Waits until it holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Writes records, waits until all are dealt with, and looks whether they were, once each.
async fn carries(world: &World, bridge: &mut Bridge, records: usize) {
    let written = world.write(drafts(0..records)).await;
    world.all_committed(bridge).await;
    assert_eq!(bridge.events("dead_letter.write_failed").len(), 0);
    let before = world.simulator.handle().stats().duplicates;
    assert_eq!(before, 0, "nothing was sent twice");
    let alerts: Vec<_> = written.iter().filter_map(|record| record.alert()).collect();
    let instances = world.simulator.handle().instances();
    assert!(alerts.iter().all(|alert| instances.iter().any(|instance| instance.content["id"] == **alert)));
}

/// Who the bridge is on the listener for certificates, by files in the world's folder.
fn show_certificate(world: &World, authority_key: &str) {
    let (certificate, key) = signed(authority_key, "soc-bridge");
    fs::write(world.folder.path().join("client.pem"), certificate).unwrap();
    fs::write(world.folder.path().join("client.key"), key).unwrap();
}

fn mutual(world: &World) -> String {
    let folder = world.folder.path().display();
    world.configuration_over(
        Listener::Mutual,
        &format!("certificate_file: {folder}/client.pem\nkey_file: {folder}/client.key\n"),
    )
}

fn oauth(world: &World, endpoint: &TokenEndpoint) -> String {
    fs::write(world.folder.path().join("client-secret"), SECRET).unwrap();
    let more = format!(
        "sasl_mechanism: OAUTHBEARER\noauth:\n  token_url: {}\n  client_id: soc-bridge\n  client_secret_file: {}\n  \
         scope: kafka\n",
        endpoint.url(),
        world.folder.path().join("client-secret").display()
    );
    world.configuration_over(Listener::Oauth, &more)
}

async fn endpoint(lifetime: Duration) -> TokenEndpoint {
    TokenEndpoint::start(&shared().file("broker.pem"), ENCODED, lifetime).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bridge_runs_over_tls_certificates_plain_and_scram() {
    let world = World::new(shared(), "listeners").await;
    show_certificate(&world, &fs::read_to_string(world.broker.file("ca.key")).unwrap());
    let password = |mechanism: &str| format!("sasl_mechanism: {mechanism}\nusername: {USER}\npassword: {PASSWORD}\n");
    let configurations = [
        world.configuration_over(Listener::Tls, ""),
        mutual(&world),
        world.configuration_over(Listener::Plain, &password("PLAIN")),
        world.configuration_over(Listener::Scram, &password("SCRAM-SHA-512")),
    ];
    for (n, configuration) in configurations.iter().enumerate() {
        let mut bridge = Bridge::start(world.folder.path(), &format!("bridge-{n}"), configuration);
        carries(&world, &mut bridge, 60).await;
        assert!(!bridge.log().contains(PASSWORD));
        assert_eq!(bridge.terminate().await.code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_fetched_shared_and_replaced_in_time_and_every_command_shows_one() {
    let world = World::new(shared(), "oauth").await;
    world.broker.create_topic(&format!("{}.redrive", world.topic), 1, &[]).await;
    let endpoint = endpoint(Duration::from_secs(12)).await;
    let configuration = oauth(&world, &endpoint);
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    carries(&world, &mut bridge, 60).await;
    assert_eq!(endpoint.state().granted.len(), 1, "consumer and producer share one");
    until("tokens are replaced", || endpoint.state().granted.len() >= 3).await;
    carries(&world, &mut bridge, 60).await;
    let troubles = bridge.events_of(&["kafka.unavailable", "kafka.token_failed"]);
    assert!(troubles.is_empty(), "{troubles:?}");
    assert_eq!(endpoint.state().refused, 0);

    let written = letters(&world, 1).await.len();
    let listed = lines(&ran_with(&world, &configuration, &["list", "--output", "json"]));
    assert_eq!(listed.len(), written);
    ran_with(&world, &configuration, &["redrive", "--class", "rejected", "--yes"]);
    assert!(!redriven(&world).await.is_empty());
    let config = world.folder.path().join("bridge.yaml");
    let place = format!("{}/0/0", world.topic);
    let of = |arguments: &[&str]| {
        tokio::task::block_in_place(|| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_alertbridge"));
            command.args(arguments).arg("--config").arg(&config).output().unwrap()
        })
    };
    let mapped = of(&["map", "--from", &place]);
    assert!(!mapped.stdout.is_empty(), "{}", String::from_utf8_lossy(&mapped.stderr));
    let checked = String::from_utf8(of(&["check", "--online", "--outage-budget", "30d"]).stdout).unwrap();
    assert!(checked.contains(&format!("topic {}: keeps records for 7 days", world.topic)), "{checked}");
    assert!(checked.contains("dead-letters redrive: may be run by this user"), "{checked}");
    let log = bridge.log();
    assert!(!log.contains(SECRET) && endpoint.state().granted.iter().all(|token| !log.contains(token)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_that_is_away_is_waited_for_and_a_changed_client_secret_is_taken() {
    let world = World::new(shared(), "endpoint").await;
    let endpoint = endpoint(Duration::from_secs(600)).await;
    endpoint.change(|endpoint| endpoint.is_away = true);
    let configuration = oauth(&world, &endpoint);
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    let told = bridge.saw("kafka.unavailable").await["error"].to_string();
    assert!(told.contains("no token for Kafka: the token endpoint answered 503"), "{told}");
    endpoint.change(|endpoint| endpoint.is_away = false);
    carries(&world, &mut bridge, 60).await;

    endpoint.change(|endpoint| endpoint.secret = "another".to_owned());
    fs::write(world.folder.path().join("client-secret"), "another\n").unwrap();
    let renewed = bridge.saw("kafka.credentials_renewed").await;
    assert_eq!(renewed["files"], "kafka.security.oauth.client_secret_file");
    assert_eq!(endpoint.state().granted.len(), 2, "the changed secret was tried at once");
    carries(&world, &mut bridge, 60).await;
    assert_eq!(bridge.events("partitions.assigned").len(), 1, "nobody had to rejoin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_password_is_picked_up_by_the_connections_that_were_cut() {
    let world = World::new(shared(), "rotated").await;
    let user = unique("rotated");
    world.broker.set_password(&user, "first").await;
    let file = world.folder.path().join("kafka-password");
    fs::write(&file, "first").unwrap();
    let more = format!("sasl_mechanism: SCRAM-SHA-512\nusername: {user}\npassword_file: {}\n", file.display());
    let configuration = world
        .configuration_over(Listener::Scram, &more)
        .replace("session.timeout.ms: 6000", "session.timeout.ms: 45000");
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    carries(&world, &mut bridge, 60).await;

    // Within two seconds the broker asks for the password again, and cuts who does not know it.
    world.broker.set_password(&user, "second").await;
    bridge.saw("kafka.unavailable").await;
    let written = world.write(drafts(0..60)).await;
    fs::write(&file, "second").unwrap();
    let renewed = bridge.saw("kafka.credentials_renewed").await;
    assert_eq!(renewed["files"], "kafka.security.password_file");
    world.all_committed(&mut bridge).await;
    carries(&world, &mut bridge, 60).await;
    let instances = world.simulator.handle().instances();
    let alerts = written.iter().filter_map(|record| record.alert());
    assert!(alerts.into_iter().all(|alert| instances.iter().any(|instance| instance.content["id"] == *alert)));
    let moved = bridge.events_of(&["partitions.revoked", "partitions.lost"]);
    assert_eq!(moved.len(), 0, "its place in the group stayed: {moved:?}");
}

/// A certificate that brokers refuse, then one that they take, under load.
async fn rotate_certificate(name: &str, configuration: impl Fn(String) -> String) {
    let world = World::new(shared(), name).await;
    let authority = fs::read_to_string(world.broker.file("ca.key")).unwrap();
    show_certificate(&world, &authority);
    // The default session: a busy machine's heartbeats may be late, and no partition is to be lost by that.
    let configuration = configuration(mutual(&world)).replace("session.timeout.ms: 6000", "session.timeout.ms: 45000");
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    carries(&world, &mut bridge, 60).await;

    show_certificate(&world, &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let refused = bridge.saw("kafka.credentials_refused").await;
    assert_eq!(refused["files"], "kafka.security.certificate_file kafka.security.key_file", "{refused}");
    carries(&world, &mut bridge, 60).await;
    assert_eq!(bridge.events("partitions.revoked").len(), 0, "the old one stays in use");

    // Under load, so that there is something to hand over.
    show_certificate(&world, &authority);
    while bridge.events("kafka.credentials_renewed").is_empty() {
        world.write(drafts(0..50)).await;
        assert!(bridge.is_running());
    }
    world.write(drafts(0..50)).await;
    until("handed over", || bridge.events("partitions.assigned").len() == 2).await;
    world.all_committed(&mut bridge).await;
    assert_eq!(bridge.events("partitions.released").len(), 1);
    carries(&world, &mut bridge, 60).await;
    let troubles =
        bridge.events_of(&["partitions.lost", "kafka.unavailable", "offsets.commit_failed", "kafka.leave_slow"]);
    let story = bridge.events_of(&["kafka.credentials_renewed", "partitions.released", "partitions.assigned"]);
    assert!(troubles.is_empty(), "{troubles:?} beside {story:?}");
    let place = |name: &str| story.iter().position(|event| event["event"] == name);
    let renewed = place("kafka.credentials_renewed");
    let is_after =
        place("partitions.released").is_some_and(|released| renewed.is_some_and(|renewed| released < renewed));
    assert!(is_after, "said once it is in use: {story:?}");
    assert_eq!(bridge.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_is_tried_first_and_a_good_one_is_taken_by_a_new_client_without_a_repeat() {
    rotate_certificate("certificate", |configuration| configuration).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_keeps_its_place_when_its_certificate_changes() {
    rotate_certificate("static-certificate", |configuration| {
        configuration.replace("  topics:", "  group_instance_id: soc-0\n  topics:")
    })
    .await;
}
