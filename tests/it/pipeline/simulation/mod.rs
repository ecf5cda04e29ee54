//! Random schedules of records, faults, rebalances, shutdowns and crashes, and the promises that hold in all of them.
//!
//! Two processes share the partitions. All chance comes from the seed, which a failure names: the same seed is the same
//! run. `make simulation` tries thousands; `SIMULATION_SEEDS` says how many.

mod dials;
mod process;
mod records;
mod seen;
mod service;
mod world;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use self::dials::Dials;
use self::process::Process;
use self::world::{PARTITIONS, World};
use super::harness::partition;

/// How many schedules each of the two tests tries.
const SEEDS: u64 = 50;
/// So many steps are taken in trouble, the others until all is committed.
const STEPS: u32 = 80;
const PROCESSES: usize = 2;
/// What some schedule has to meet, or it does not try what it is for.
const MET: &[&str] = &[
    "paused: CircuitBreaker",
    "paused: Credentials",
    "paused: DeadLetterGuard",
    "paused: DeadLetterTopic",
    "paused: HoldOff",
    "paused: Target",
    "commits_total{result=\"failed\"}",
    "dead_letters_total{class=\"target\"}",
    "lost_records_total",
    "rate_limit_wait_seconds",
    "rebalances_total{kind=\"revoked\"}",
];

/// What has happened in a schedule, and which metrics of its processes were not zero.
struct Story {
    trace: Vec<String>,
    met: BTreeSet<String>,
}

/// One whole schedule.
async fn run(seed: u64) -> Story {
    let rng = &mut StdRng::seed_from_u64(seed);
    // Every other seed verifies, and of either kind every other creates alerts.
    let dials = Dials::draw(rng, seed % 2 == 1, seed % 4 >= 2);
    let mut world = World::new(rng, dials);
    let mut processes: Vec<Process> = (0..PROCESSES).map(|_| Process::start(&world, rng.random())).collect();
    for step in 0.. {
        let is_well = step >= STEPS;
        {
            let mut seen = world.seen.lock().unwrap();
            seen.is_well = is_well;
            seen.is_missing = !is_well && (seen.is_missing || rng.random_bool(0.02)) && rng.random_bool(0.95);
            seen.is_forbidden = !is_well && (seen.is_forbidden || rng.random_bool(0.02)) && rng.random_bool(0.95);
            seen.change_weather(rng);
        }
        assign_what_is_free(&world, &mut processes, rng, is_well).await;
        if is_well {
            for process in &mut processes {
                process.commits(false, false, false);
                process.sink(false, false, 0);
                process.open_guard().await;
            }
        } else {
            trouble(&mut world, &mut processes, rng).await;
        }
        let of = partition(rng.random_range(0..PARTITIONS));
        let (count, gap) = (rng.random_range(0..8), rng.random_bool(0.5));
        let again = if rng.random_bool(0.05) { rng.random_range(1..4) } else { 0 };
        processes.iter_mut().for_each(|process| process.fetch(&world, &of, count, again, gap));
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..4_000))).await;
        for process in &mut processes {
            process.look(&mut world);
        }
        world.check();
        if is_well && world.is_committed() {
            break;
        }
        assert!(step < 3_000, "it does not come to its end: {:?} with {:?}", world.committed, world.dials);
    }
    for process in processes {
        process.end_with_nothing_left(&mut world).await;
    }
    world.check();
    let seen = world.seen.lock().unwrap();
    Story { trace: seen.trace.clone(), met: seen.met.clone() }
}

/// What can happen to a process and its partitions.
async fn trouble(world: &mut World, processes: &mut [Process], rng: &mut StdRng) {
    let of = partition(rng.random_range(0..PARTITIONS));
    let which = rng.random_range(0..PROCESSES);
    match rng.random_range(0..36) {
        0 => processes[which].lose(&of).await,
        1 | 2 => processes[which].revoke(&of, rng.random_bool(0.3)),
        3 => {
            let (next, lands) = (Process::start(world, rng.random()), rng.random_bool(0.5));
            std::mem::replace(&mut processes[which], next).crash(world, lands);
        }
        4 => {
            let next = Process::start(world, rng.random());
            std::mem::replace(&mut processes[which], next).stop(world, rng).await;
        }
        5 | 6 => {
            let (fail, land, hang) = (rng.random_bool(0.5), rng.random_bool(0.5), rng.random_bool(0.3));
            processes[which].commits(fail, land, hang);
        }
        7 => {
            let (is_away, hides) = (rng.random_bool(0.5), rng.random_bool(0.3));
            let takes = if rng.random_bool(0.5) { rng.random_range(0..10_000) } else { 0 };
            processes[which].sink(is_away, hides, takes);
        }
        8 => processes[which].delete(world, &of, rng.random_range(1..4)),
        9 => processes[which].open_guard().await,
        10 if rng.random_bool(0.3) => processes[which].make_anew(world, rng, &of),
        11 => processes[which].kafka_is_away(rng.random_bool(0.5)),
        12 => processes[which].change_secret(),
        _ => {}
    }
}

async fn assign_what_is_free(world: &World, processes: &mut [Process], rng: &mut StdRng, at_once: bool) {
    for number in 0..PARTITIONS {
        let of = partition(number);
        if !processes.iter().any(|process| process.owns(&of)) && (at_once || rng.random_bool(0.5)) {
            let (which, forgets) = (rng.random_range(0..PROCESSES), rng.random_bool(0.1));
            if !processes[which].is_leaving() {
                // What is not believed may be sent again unseen.
                processes[which].assign(world, &of, forgets && !world.dials.allows_no_repeat()).await;
            }
        }
    }
}

/// Runs a schedule under a clock of its own.
fn simulate(seed: u64) -> Story {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(seed)))).unwrap_or_else(|panic| {
        println!("the seed is {seed}");
        resume_unwind(panic)
    })
}

fn seeds() -> u64 {
    let more = std::env::var("SIMULATION_SEEDS").ok().and_then(|text| text.parse().ok());
    more.map_or(SEEDS, |more: u64| more / 2)
}

/// Tries the schedules of these seeds, and that all of them together meet what they are to meet.
fn simulate_all(seeds: impl Iterator<Item = u64>, also: &[&str]) {
    let met: BTreeSet<String> = seeds.flat_map(|seed| simulate(seed).met).collect();
    if self::seeds() < SEEDS {
        return;
    }
    for what in MET.iter().chain(also) {
        assert!(met.iter().any(|series| series.contains(what)), "no schedule met {what}: {met:#?}");
    }
}

#[test]
fn nothing_is_lost_whatever_happens() {
    simulate_all((0..seeds()).map(|n| 2 * n), &["class=\"exhausted\"", "dead_letters_total{class=\"ambiguous\"}"]);
}

#[test]
fn nothing_is_lost_or_started_twice_whatever_happens() {
    simulate_all(
        (0..seeds()).map(|n| 2 * n + 1),
        &["look_ups_total{result=\"present\"}", "look_ups_total{result=\"absent\"}"],
    );
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..4 {
        let (once, again) = (simulate(seed), simulate(seed));
        let differs = once.trace.iter().zip(&again.trace).position(|(one, other)| one != other);
        assert_eq!((differs, once.trace.len()), (None, again.trace.len()), "seed {seed}");
    }
}
