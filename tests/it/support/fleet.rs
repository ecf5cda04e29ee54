//! Several bridges with one configuration: they join, leave, freeze and die.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

use super::bridge::{Bridge, PATIENCE, events};
use super::world::{PARTITIONS, World};

/// What ends a delivery.
pub(crate) const OUTCOMES: [&str; 3] = ["alert.delivered", "alert.skipped", "alert.dead_lettered"];

/// The replicas of one group.
pub(crate) struct Fleet<'a> {
    world: &'a World,
    configuration: String,
    /// Those that run, oldest first.
    pub(crate) members: Vec<Bridge>,
    /// The logs of all that ever ran.
    logs: Vec<PathBuf>,
}

impl<'a> Fleet<'a> {
    /// A fleet with this many members.
    pub(crate) fn start(world: &'a World, configuration: String, count: usize) -> Self {
        let mut fleet = Self { world, configuration, members: Vec::new(), logs: Vec::new() };
        (0..count).for_each(|_| fleet.join());
        fleet
    }

    /// One more.
    pub(crate) fn join(&mut self) {
        self.join_with(&[]);
    }

    /// One more, a static member of this name.
    pub(crate) fn join_as(&mut self, instance: &str) {
        self.join_with(&[("ALERTBRIDGE__KAFKA__GROUP_INSTANCE_ID", instance)]);
    }

    /// One more, of another build of the program.
    pub(crate) fn join_of(&mut self, program: &Path) {
        self.join_build(program, &[]);
    }

    fn join_with(&mut self, settings: &[(&str, &str)]) {
        self.join_build(Path::new(env!("CARGO_BIN_EXE_alertbridge")), settings);
    }

    fn join_build(&mut self, program: &Path, settings: &[(&str, &str)]) {
        let name = format!("replica-{}", self.logs.len() + 1);
        let folder = self.world.folder.path();
        let bridge = Bridge::start_build(program, folder, &name, &self.configuration, settings);
        self.logs.push(bridge.log_file().to_owned());
        self.members.push(bridge);
    }

    /// SIGKILL; says what it had written.
    pub(crate) fn kill(&mut self, index: usize) -> String {
        let bridge = self.members.remove(index);
        let log = bridge.log_file().to_owned();
        bridge.kill();
        fs::read_to_string(log).unwrap()
    }

    /// SIGTERM; it has to end cleanly.
    pub(crate) async fn leave(&mut self, index: usize) {
        let bridge = self.members.remove(index);
        let log = bridge.log_file().to_owned();
        let status = bridge.terminate().await;
        assert_eq!(status.code(), Some(0), "{}", fs::read_to_string(log).unwrap());
    }

    /// All end, cleanly.
    pub(crate) async fn leave_all(&mut self) {
        while !self.members.is_empty() {
            self.leave(0).await;
        }
    }

    /// Waits until every partition has one owner and no member is without.
    pub(crate) async fn settled(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let held: Vec<usize> = self.members.iter().map(|bridge| held(&bridge.log())).collect();
            if held.iter().sum::<usize>() == usize::try_from(PARTITIONS).unwrap() && !held.contains(&0) {
                return;
            }
            assert!(Instant::now() < deadline, "partitions held: {held:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the group has committed everything.
    pub(crate) async fn all_committed(&mut self, patience: Duration) {
        self.world.all_committed_by(&mut self.members, patience).await;
    }

    /// How often each event was written, by all that ever ran.
    pub(crate) fn counts(&self, of: &[&str]) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for line in self.lines(of) {
            *counts.entry(line["event"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        counts
    }

    /// The lines with these events, of all that ever ran.
    pub(crate) fn lines(&self, of: &[&str]) -> Vec<Value> {
        self.logs.iter().flat_map(|log| events(&fs::read_to_string(log).unwrap(), of)).collect()
    }
}

/// How many partitions a log says are held at its end.
fn held(log: &str) -> usize {
    let count = |line: &Value| usize::try_from(line["count"].as_u64().unwrap()).unwrap();
    let told = events(log, &["partitions.assigned", "partitions.released", "partitions.lost"]);
    told.iter().fold(0, |held, line| match line["event"].as_str() {
        Some("partitions.assigned") => held + count(line),
        _ => held.saturating_sub(count(line)),
    })
}
