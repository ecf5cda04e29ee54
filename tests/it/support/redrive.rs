//! `alertbridge dead-letters` as an engineer uses it, and the show of a redrive that is interrupted.

use std::collections::HashSet;
use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use alertbridge::domain::{Record, RedriveMark};
use alertbridge::kafka::plain::{PlainProducer, read_topic};
use alertbridge::simulator::Reject;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::bridge::{Bridge, PATIENCE};
use super::kafka::shared;
use super::world::{World, faults, header};

/// Alerts that are dead-lettered and will be delivered, alerts that the service goes on refusing, and what is no JSON.
pub(crate) struct Mix {
    pub(crate) mended: usize,
    pub(crate) refused: usize,
    pub(crate) malformed: usize,
}

/// A command on the world's dead letters; its configuration lies beside the bridges'.
fn command(world: &World, arguments: &[&str]) -> Command {
    command_with(world, &world.configuration(""), arguments)
}

fn command_with(world: &World, configuration: &str, arguments: &[&str]) -> Command {
    let config = world.folder.path().join("letters.yaml");
    std::fs::write(&config, configuration).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_alertbridge"));
    command.arg("dead-letters").args(arguments).arg("--config").arg(config).stdin(Stdio::null());
    command
}

/// How a command ends.
pub(crate) fn run(world: &World, arguments: &[&str]) -> Output {
    tokio::task::block_in_place(|| command(world, arguments).output().unwrap())
}

/// What a command prints; it succeeds.
pub(crate) fn ran(world: &World, arguments: &[&str]) -> String {
    printed(arguments, run(world, arguments))
}

/// The same with another configuration than the world's.
pub(crate) fn ran_with(world: &World, configuration: &str, arguments: &[&str]) -> String {
    printed(arguments, tokio::task::block_in_place(|| command_with(world, configuration, arguments).output().unwrap()))
}

fn printed(arguments: &[&str], output: Output) -> String {
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// JSON lines.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What stands on the redrive topic, of committed transactions.
pub(crate) async fn redriven(world: &World) -> Vec<RedriveMark> {
    let (servers, topic) = (world.broker.bootstrap_servers(), format!("{}.redrive", world.topic));
    let records = tokio::task::spawn_blocking(move || read_topic(&servers, &topic, PATIENCE)).await.unwrap().unwrap();
    records.iter().map(|record| RedriveMark::read(record).unwrap()).collect()
}

/// Writes what becomes dead letters: the service refuses titles, and later on only those that are refused for good.
async fn dead_letters(world: &World, mix: &Mix) {
    let producer = PlainProducer::new(&world.broker.bootstrap_servers()).unwrap();
    let alert = |n: usize, title: &str| {
        json!({"id": uuid::Uuid::new_v4().to_string(), "title": format!("{title} {n}"), "severity": "High"}).to_string()
    };
    let mended = (0..mix.mended).map(|n| alert(n, "(not of the data class) mended"));
    let refused = (0..mix.refused).map(|n| alert(n, "(not of the data class) (refused for good)"));
    let malformed = (0..mix.malformed).map(|n| format!("{{\"cut\": \"off {n}"));
    let values: Vec<String> = mended.chain(refused).chain(malformed).collect();
    let written = values.iter().map(|value| producer.produce(&world.topic, None, None, Some(value.as_bytes()), &[]));
    try_join_all(written).await.unwrap();
}

/// Waits until the dead-letter topic holds so many records.
pub(crate) async fn letters(world: &World, count: usize) -> Vec<Record> {
    let deadline = Instant::now() + PATIENCE * 2;
    loop {
        let letters = world.letters().await;
        if letters.len() >= count {
            return letters;
        }
        assert!(Instant::now() < deadline, "{} of {count} dead letters", letters.len());
        sleep(Duration::from_millis(200)).await;
    }
}

/// Starts a redrive and ends it with this signal once something has been written.
async fn interrupted(world: &World, arguments: &[&str], signal: &str, after: usize) -> (Option<i32>, String) {
    let mut child: Child = command(world, arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while redriven(world).await.len() < after {
        assert!(Instant::now() < deadline, "nothing is redriven");
        assert!(child.try_wait().unwrap().is_none(), "it has ended before it could be interrupted");
    }
    assert!(Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap().success());
    let status = tokio::task::block_in_place(|| child.wait().unwrap());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status.code(), said)
}

/// The whole show; what it prints are its figures.
pub(crate) async fn show(mix: Mix, rate: &str) {
    let world = World::new(shared(), "redrive").await;
    world.broker.create_topic(&format!("{}.redrive", world.topic), 2, &[]).await;
    let guard = "  dead_letter_guard: {consecutive: 1000000, minimum_records: 1000000}\n";
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &world.configuration(guard));
    dead_letters(&world, &mix).await;
    world.all_committed(&mut bridge).await;
    let (rejected, all) = (mix.mended + mix.refused, mix.mended + mix.refused + mix.malformed);
    letters(&world, all).await;

    // Listed and counted.
    let groups = lines(&ran(&world, &["list", "--output", "json", "--count-by", "class,code"]));
    let count = |class: &str| groups.iter().find(|group| group["class"] == class).unwrap()["count"].as_u64().unwrap();
    assert_eq!((count("rejected"), count("malformed")), (rejected as u64, mix.malformed as u64));
    let filters = ["--class", "rejected", "--where", ".http_status == \"400\" and .alert_id != null"];
    let listed = ran(&world, &[&["list", "--output", "json"], &filters[..]].concat());
    assert_eq!(listed.lines().count(), rejected);

    // A dry run writes nothing.
    let redrive = [&["redrive", "--rate", rate, "--max-redrives", "1"], &filters[..]].concat();
    let dry = ran(&world, &redrive);
    assert!(dry.contains(&format!("{rejected} dead letters of")) && dry.contains("nothing was written"), "{dry}");
    assert_eq!(redriven(&world).await.len(), 0);

    // What was wrong is mended, but not for all.
    let mut faults = faults();
    faults.reject = Some(Reject { title_contains: "(refused for good)".to_owned() });
    world.simulator.handle().set_faults(faults);

    // Interrupted twice, once without being asked.
    let redrive = [&redrive[..], &["--yes"]].concat();
    let started = Instant::now();
    let (code, said) = interrupted(&world, &redrive, "INT", rejected / 5).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("interrupted after"), "{said}");
    let first = redriven(&world).await.len();
    let (code, _) = interrupted(&world, &redrive, "KILL", rejected / 2).await;
    assert_eq!(code, None, "killed");
    let second = redriven(&world).await.len();
    let said = ran(&world, &redrive);
    let marks = redriven(&world).await;
    let identities: HashSet<_> = marks.iter().map(RedriveMark::identity).collect();
    assert_eq!((marks.len(), identities.len()), (rejected, rejected), "each exactly once: {said}");
    assert!(first < second && second < rejected, "{first}, {second}");
    println!("redriven {rejected} of {all} at {rate} in {:?}: {first}, {second}, {rejected}", started.elapsed());

    // The daemon delivers what it can, and the rest fails again, once.
    world.accepted_within(mix.mended as u64, PATIENCE).await;
    let again = letters(&world, all + mix.refused).await;
    assert_eq!(again.len(), all + mix.refused);
    let twice: Vec<_> = again.iter().filter(|letter| header(letter, "redrive-count") == "1").collect();
    assert_eq!(twice.len(), mix.refused);
    assert!(twice.iter().all(|letter| header(letter, "original-topic") == world.topic), "the first origin");
    let instances = world.simulator.handle().instances();
    assert_eq!(instances.len(), mix.mended);
    assert_eq!(world.simulator.handle().stats().duplicates, 0);

    // The loop guard holds them; the same command finds nothing else.
    let said = ran(&world, &redrive);
    assert!(said.contains(&format!("{} that have been redriven 1 times or more", mix.refused)), "{said}");
    assert_eq!(redriven(&world).await.len(), rejected);
    let forced = ran(&world, &[&redrive[..], &["--force"]].concat());
    assert_eq!(redriven(&world).await.len(), rejected + mix.refused, "but not what is forced: {forced}");
    println!("delivered {}, failed again and held {}", instances.len(), mix.refused);
    assert_eq!(bridge.terminate().await.code(), Some(0));
}
