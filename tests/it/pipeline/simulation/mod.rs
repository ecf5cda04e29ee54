//! Random schedules of records, faults, rebalances, shutdowns and crashes, and the promises that hold in all of them.
//!
//! Two processes share the partitions. All chance comes from the seed, which a failure names: the same seed is the same
//! run. `make simulation` tries thousands; `SIMULATION_SEEDS` says how many.

mod process;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use self::process::Process;
use self::world::{PARTITIONS, World};
use super::harness::partition;

/// How many schedules each of the two tests tries.
const SEEDS: u64 = 50;
/// So many steps are taken in trouble, the others until all is committed.
const STEPS: u32 = 80;
const PROCESSES: usize = 2;

/// One whole schedule; says what happened.
async fn run(seed: u64) -> Vec<String> {
    let rng = &mut StdRng::seed_from_u64(seed);
    // Every other seed verifies, and of either kind every other creates alerts.
    let mut world = World::new(rng, seed % 2 == 1, seed % 4 >= 2);
    let mut processes: Vec<Process> = (0..PROCESSES).map(|_| Process::start(&world, rng.random())).collect();
    for step in 0.. {
        let is_well = step >= STEPS;
        {
            let mut seen = world.seen.lock().unwrap();
            seen.is_well = is_well;
            seen.is_missing = !is_well && (seen.is_missing || rng.random_bool(0.02)) && rng.random_bool(0.95);
        }
        assign_what_is_free(&world, &mut processes, rng, is_well).await;
        let of = partition(rng.random_range(0..PARTITIONS));
        let which = rng.random_range(0..PROCESSES);
        match rng.random_range(0..30) {
            0 if !is_well => processes[which].lose(&of).await,
            1 if !is_well => processes[which].revoke(&mut world, &of).await,
            2 if !is_well => {
                let next = Process::start(&world, rng.random());
                std::mem::replace(&mut processes[which], next).crash(&mut world);
            }
            3 if !is_well => {
                let next = Process::start(&world, rng.random());
                std::mem::replace(&mut processes[which], next).stop(&mut world, rng).await;
            }
            4 => processes[which].commits_fail(!is_well && rng.random_bool(0.5)),
            5 => processes[which].sink_is_away(!is_well && rng.random_bool(0.5)),
            6 if !is_well => processes[which].delete(&world, &of, rng.random_range(1..4)),
            _ => {
                let (count, gap) = (rng.random_range(0..8), rng.random_bool(0.5));
                processes.iter_mut().for_each(|process| process.fetch(&world, &of, count, gap));
            }
        }
        if is_well {
            for process in &mut processes {
                process.commits_fail(false);
                process.sink_is_away(false);
            }
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..4_000))).await;
        for process in &mut processes {
            process.look(&mut world);
        }
        world.check();
        if is_well && world.is_committed() {
            break;
        }
        assert!(step < 3_000, "it does not come to its end: {:?}", world.committed);
    }
    for process in processes {
        process.end_with_nothing_left(&mut world).await;
    }
    world.check();
    let seen = world.seen.lock().unwrap();
    seen.trace.clone()
}

async fn assign_what_is_free(world: &World, processes: &mut [Process], rng: &mut StdRng, at_once: bool) {
    for number in 0..PARTITIONS {
        let of = partition(number);
        if !processes.iter().any(|process| process.owns(&of)) && (at_once || rng.random_bool(0.5)) {
            processes[rng.random_range(0..PROCESSES)].assign(world, &of).await;
        }
    }
}

/// Runs a schedule under a clock of its own.
fn simulate(seed: u64) -> Vec<String> {
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

#[test]
fn nothing_is_lost_whatever_happens() {
    (0..seeds()).for_each(|n| drop(simulate(2 * n)));
}

#[test]
fn nothing_is_lost_or_started_twice_whatever_happens() {
    (0..seeds()).for_each(|n| drop(simulate(2 * n + 1)));
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..4 {
        let (once, again) = (simulate(seed), simulate(seed));
        let differs = once.iter().zip(&again).position(|(one, other)| one != other);
        assert_eq!((differs, once.len()), (None, again.len()), "seed {seed}");
    }
}
