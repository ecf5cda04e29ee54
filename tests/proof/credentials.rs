//! Credentials that are refused: an access key locks for five minutes after more than five bad signatures in a row, so
//! asking has to be rare.

use std::fs;
use std::time::Duration;

use alertbridge::simulator::{DEMO_SECRET_KEY, Faults};
use tokio::time::{Instant, sleep};

use crate::alerts::{alerts, always, slow, until};
use crate::support::bridge::PATIENCE;
use crate::support::fleet::Fleet;
use crate::support::kafka::shared;
use crate::support::world::World;

const RECORDS: usize = 2_000;
const TWO_MINUTES: Duration = Duration::from_secs(120);
const LOCK: Duration = Duration::from_secs(300);
/// The schedule's fifth probe comes 415 s after the first refusal.
const LONG_ENOUGH: Duration = Duration::from_secs(460);
/// A corrected file is seen by the next probe at the latest.
const NEXT_PROBE: Duration = Duration::from_secs(330);
/// A refusal and the requests that leave before it has come; not sent later than this.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// The times of the requests, from a moment on and counted from it.
fn requests_since(world: &World, moment: Instant) -> Vec<Duration> {
    world.arrivals.since(moment).iter().map(|seen| seen.at - moment).collect()
}

fn within(times: &[Duration], bound: Duration) -> usize {
    times.iter().filter(|time| **time <= bound).count()
}

/// The secret from a file, so that it can be corrected.
fn configuration(world: &World, secret: &str) -> String {
    let file = world.folder.path().join("secret");
    fs::write(&file, secret).unwrap();
    let from_file = format!("secret_access_key_file: {}", file.display());
    world.configuration("").replace(&format!("secret_access_key: {DEMO_SECRET_KEY}"), &from_file)
}

fn correct(world: &World) {
    fs::write(world.folder.path().join("secret"), DEMO_SECRET_KEY).unwrap();
}

async fn settle_up(world: &World, fleet: &mut Fleet<'_>, written: &[crate::support::world::Written]) -> Duration {
    let corrected = Instant::now();
    fleet.all_committed(NEXT_PROBE + PATIENCE).await;
    let took = corrected.elapsed();
    world.audit(written).await;
    assert!(world.letters().await.is_empty(), "a refused credential is not the record's fault");
    assert_eq!(fleet.counts(&["service.started"])["service.started"], fleet.members.len(), "no restart");
    fleet.leave_all().await;
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_under_load_is_asked_for_five_times_in_two_minutes_at_most() {
    let world = World::new(shared(), "refused").await;
    world.simulator.handle().set_faults(slow(300, 300));
    let written = world.write(alerts(0..RECORDS, "Medium", RECORDS)).await;
    let mut fleet = Fleet::start(&world, configuration(&world, DEMO_SECRET_KEY), 1);
    world.accepted(200).await;
    world.simulator.handle().set_faults(Faults { latency: slow(300, 300).latency, ..always(401) });
    let refused = || world.simulator.handle().stats().refused.get(&401).copied();
    until(PATIENCE, || refused().is_some()).await.unwrap();
    let first = Instant::now() + ON_ITS_WAY;
    let in_flight = world.arrivals.all().iter().filter(|seen| first - seen.at < Duration::from_millis(450)).count();
    sleep(LONG_ENOUGH).await;
    let times = requests_since(&world, first);
    world.simulator.handle().set_faults(Faults::default());
    let took = settle_up(&world, &mut fleet, &written).await;
    println!("refused under load: {in_flight} in flight, then requests after {times:?}; done {took:?} after the end");
    assert!(in_flight > 40, "the show wants many in flight: {in_flight}");
    assert!(within(&times, TWO_MINUTES) <= 5, "{times:?}");
    assert!(times.get(5).is_none_or(|sixth| *sixth > LOCK), "{times:?}");
}

/// What a start with a bad key asks: the times of the requests, and how long all took once the file was corrected.
async fn bad_from_the_start(replicas: usize, wait: Duration) -> (Vec<Duration>, Duration) {
    let world = World::new(shared(), "bad-key").await;
    let written = world.write(alerts(0..RECORDS, "Medium", RECORDS)).await;
    let mut fleet = Fleet::start(&world, configuration(&world, "not the secret"), replicas);
    until(PATIENCE, || world.arrivals.count() > 0).await.unwrap();
    let first = world.arrivals.all()[0].at;
    sleep(wait).await;
    let times = requests_since(&world, first);
    assert_eq!(world.simulator.handle().stats().accepted, 0);
    correct(&world);
    (times, settle_up(&world, &mut fleet, &written).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_from_the_start_is_asked_for_five_times_in_five_minutes_at_most() {
    let (times, took) = bad_from_the_start(1, LONG_ENOUGH).await;
    println!("a bad key from the start: requests after {times:?}; all delivered {took:?} after the file was corrected");
    assert!(within(&times, TWO_MINUTES) <= 5, "{times:?}");
    assert!(times.get(5).is_none_or(|sixth| *sixth > LOCK), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_of_three_replicas() {
    let (times, took) = bad_from_the_start(3, TWO_MINUTES).await;
    let count = within(&times, TWO_MINUTES);
    println!("a bad key of three replicas: {count} requests in two minutes; all delivered {took:?} after the file");
    assert!(count <= 3 * 5, "each asks by itself: {times:?}");
}
