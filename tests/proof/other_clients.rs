//! What clients that are not ours make of the bridge: kcat reads a dead letter, the vendor's Python SDK checks a request
//! of the running bridge and speaks to the simulator.

use std::process::Command;
use std::time::Duration;

use alertbridge::kafka::plain::PlainProducer;
use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Simulator, SimulatorSettings};
use bytes::Bytes;
use secrecy::SecretString;

use crate::support::kafka::shared;
use crate::support::world::{World, drafts, faults};

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_read_by_kcat() {
    let world = World::new(shared(), "kcat").await;
    let header = alertbridge::domain::Header { name: "trace".to_owned(), value: Some(Bytes::from_static(b"abc")) };
    let (key, value) = (b"\x00key\xff".as_slice(), b"\xfe not json\n".as_slice());
    let producer = PlainProducer::new(&world.broker.bootstrap_servers()).unwrap();
    let (partition, offset) = producer.produce(&world.topic, None, Some(key), Some(value), &[header]).await.unwrap();
    let mut bridge = world.bridge("bridge");
    world.all_committed(&mut bridge).await;

    let (servers, topic) = (world.broker.bootstrap_servers(), world.dead_letter_topic());
    let output = Command::new("kcat")
        .args(["-C", "-q", "-e", "-o", "beginning", "-b", &servers, "-t", &topic])
        // Lengths, then the bytes themselves, then the headers as name=value.
        .args(["-f", "%K %S\n%k%s%h"])
        .output()
        .expect("kcat is not there: install it (Debian and its kin: apt-get install kcat)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = output.stdout;
    let lengths = format!("{} {}\n", key.len(), value.len());
    let expected = [lengths.as_bytes(), key, value, b"trace=abc,"].concat();
    assert!(told.starts_with(&expected), "{}", String::from_utf8_lossy(&told));
    let headers = String::from_utf8(told[expected.len()..].to_vec()).unwrap();
    for (name, value) in [
        ("failure-class", "malformed".to_owned()),
        ("failure-reason", "not_json".to_owned()),
        ("original-topic", world.topic.clone()),
        ("original-partition", partition.partition.to_string()),
        ("original-offset", offset.to_string()),
        ("consumer-group", world.group.clone()),
    ] {
        assert!(headers.contains(&format!("alertbridge-{name}={value},")), "{name}: {headers}");
    }
    println!("kcat: key and value byte for byte, headers trace=abc,{headers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdks_signer_agrees_with_requests_of_the_running_bridge() {
    let mut world = World::new(shared(), "sdk").await;
    let simulator = Simulator::start(SimulatorSettings {
        access_keys: vec![(DEMO_ACCESS_KEY.to_owned(), SecretString::from(DEMO_SECRET_KEY))],
        faults: faults(),
        keep_requests: 100,
        ..SimulatorSettings::default()
    });
    let plain = std::mem::replace(&mut world.simulator, simulator.await.unwrap());
    plain.stop().await;
    let written = world.write(drafts(0..50)).await;
    let mut bridge = world.bridge("bridge");
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;

    let mut check = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/run.sh"));
    check
        .arg("true") // The bridge has sent its requests already.
        .env("SIMULATOR_URL", world.simulator.url())
        .env("HUAWEICLOUD_SDK_AK", DEMO_ACCESS_KEY)
        .env("HUAWEICLOUD_SDK_SK", DEMO_SECRET_KEY);
    let check = tokio::task::spawn_blocking(move || check.output().unwrap());
    let output = tokio::time::timeout(Duration::from_secs(600), check).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    print!("{told}");
}
