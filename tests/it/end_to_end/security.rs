//! TLS and authentication on both sides.

use std::fmt::Write as _;
use std::fs;

use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Simulator, SimulatorSettings, TlsFiles};
use secrecy::SecretString;

use crate::support::bridge::Bridge;
use crate::support::kafka::{PASSWORD, USER, shared};
use crate::support::world::{World, drafts, faults};

#[tokio::test(flavor = "multi_thread")]
async fn the_bridge_runs_over_scram_and_tls_to_kafka_and_tls_to_the_service() {
    let mut world = World::new(shared(), "secure").await;
    let written = world.write(drafts(0..200)).await;
    let folder = world.folder.path();

    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = folder.join("secmaster-ca.pem");
    fs::write(&ca, cert.pem()).unwrap();
    let tls = TlsFiles { certificate: cert.pem().into_bytes(), key: SecretString::from(signing_key.serialize_pem()) };
    let simulator = Simulator::start(SimulatorSettings {
        access_keys: vec![(DEMO_ACCESS_KEY.to_owned(), SecretString::from(DEMO_SECRET_KEY))],
        faults: faults(),
        tls: Some(tls),
        ..SimulatorSettings::default()
    });
    let plain = std::mem::replace(&mut world.simulator, simulator.await.unwrap());
    plain.stop().await;

    let password = folder.join("kafka-password");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let port = world.simulator.addr().port();
    let mut configuration = world
        .configuration("")
        .replace(&world.broker.bootstrap_servers(), &world.broker.secure_bootstrap_servers())
        .replace(&world.simulator.url(), &format!("https://localhost:{port}\n  ca_file: {}", ca.display()));
    let kafka_ca = world.broker.ca_file();
    let mut security = String::from("  security:\n    protocol: sasl_ssl\n    sasl_mechanism: SCRAM-SHA-512\n");
    write!(
        security,
        "    username: {USER}\n    password_file: {}\n    ca_file: {}\n",
        password.display(),
        kafka_ca.display()
    )
    .unwrap();
    configuration = configuration.replace("secmaster:\n", &format!("{security}secmaster:\n"));

    let mut bridge = Bridge::start(folder, "secure", &configuration);
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;
    assert!(!bridge.log().contains(PASSWORD));
}
