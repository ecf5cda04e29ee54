//! Under paused time: who fetches, when, and who waits for it.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use super::{Fresh, Lease, Renewed};
use crate::domain::{FailureClass, FailureReason};
use crate::ports::ApiFailure;
use crate::secmaster::response::failure;

const LIFETIME: Duration = Duration::from_secs(3_600);

fn fresh(what: u32) -> Result<Fresh<u32>, ApiFailure> {
    Ok(Fresh { what, lifetime: LIFETIME, margin: LIFETIME / 3 })
}

/// Who lives as long as the tests.
fn owner() -> &'static Arc<()> {
    static OWNER: LazyLock<Arc<()>> = LazyLock::new(Arc::default);
    &OWNER
}

/// With a fetch that is made once; all further ones fail.
async fn get<T: Clone + Send + 'static>(
    renewed: &Arc<Renewed<T>>,
    fetch: impl Future<Output = Result<Fresh<T>, ApiFailure>> + Send + 'static,
) -> Result<Lease<T>, ApiFailure> {
    let fetch = Mutex::new(Some(fetch));
    let once = move |_| {
        let fetch = fetch.lock().unwrap().take();
        async move {
            match fetch {
                Some(fetch) => fetch.await,
                None => Err(unavailable()),
            }
        }
    };
    renewed.get(owner(), once).await
}

fn refusal() -> ApiFailure {
    failure(FailureClass::Credentials, FailureReason::CredentialsUnavailable, "no".to_owned())
}

fn unavailable() -> ApiFailure {
    ApiFailure { retry_after: Some(Duration::from_secs(15)), ..refusal() }
}

fn away() -> Result<Fresh<u32>, ApiFailure> {
    Err(unavailable())
}

#[tokio::test(start_paused = true)]
async fn it_is_replaced_before_it_expires_and_used_on_where_that_fails() {
    let renewed = Arc::new(Renewed::default());
    assert_eq!(get(&renewed, async { fresh(1) }).await.unwrap().what, 1);
    tokio::time::advance(LIFETIME * 2 / 3 - Duration::from_secs(1)).await;
    assert_eq!(get(&renewed, async { fresh(2) }).await.unwrap().what, 1, "not due");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(get(&renewed, async { away() }).await.unwrap().what, 1, "still good");
    tokio::task::yield_now().await;
    assert_eq!(get(&renewed, async { fresh(3) }).await.unwrap().what, 1, "not asked again at once");
    tokio::time::advance(LIFETIME / 3).await;
    assert_eq!(get(&renewed, async { fresh(4) }).await.unwrap().what, 4, "it has expired");
}

/// One that is due, and a single request: `failures` tries fail, the next one is good. Also how often was tried.
async fn renewed_alone(failures: u32) -> (Arc<Renewed<u32>>, Arc<AtomicU32>) {
    let (renewed, asked) = (Arc::new(Renewed::default()), Arc::new(AtomicU32::new(0)));
    let _first = get(&renewed, async { fresh(1) }).await.unwrap();
    tokio::time::advance(LIFETIME * 2 / 3).await;
    let counted = Arc::clone(&asked);
    let fetch = move |_| {
        let failed = counted.fetch_add(1, Ordering::Relaxed);
        async move { if failed < failures { away() } else { fresh(2) } }
    };
    assert_eq!(renewed.get(owner(), fetch).await.unwrap().what, 1);
    (renewed, asked)
}

#[tokio::test(start_paused = true)]
async fn one_failed_replacement_and_then_silence_is_mended_within_a_minute() {
    let (renewed, asked) = renewed_alone(1).await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(renewed.is_failing());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!renewed.is_failing());
    let left = renewed.expires_at().unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(left > LIFETIME - Duration::from_secs(5), "{left:?}");
    tokio::time::sleep(LIFETIME * 2).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2, "what nobody needs is left to expire");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_goes_on_failing_says_so_until_what_it_replaces_has_expired() {
    let (renewed, asked) = renewed_alone(u32::MAX).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..19 {
        assert!(renewed.is_failing());
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 20, "each minute");
    tokio::time::sleep(Duration::from_secs(240)).await;
    assert!(!renewed.is_failing(), "nobody needs it");
    assert_eq!(asked.load(Ordering::Relaxed), 20);
    let ago = SystemTime::now().duration_since(renewed.expires_at().unwrap()).unwrap();
    assert!((150..240).contains(&ago.as_secs()), "it has expired once: {ago:?}");
    assert!(get(&renewed, async { away() }).await.is_err());
    assert!(renewed.is_failing(), "it is needed");
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(get(&renewed, async { fresh(3) }).await.unwrap().what, 3);
    assert!(!renewed.is_failing());
}

#[tokio::test(start_paused = true)]
async fn requests_in_between_make_no_more_tries_and_a_refused_one_is_fetched_at_once() {
    let (renewed, asked) = renewed_alone(u32::MAX).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let counted = Arc::clone(&asked);
        let fetch = move |_| {
            let _before = counted.fetch_add(1, Ordering::Relaxed);
            async { away() }
        };
        let _lease = renewed.get(owner(), fetch).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 6);
    let lease = get(&renewed, async { away() }).await.unwrap();
    assert!(renewed.refused(&lease));
    assert_eq!(get(&renewed, async { fresh(2) }).await.unwrap().what, 2, "it waits for no one's next try");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 6, "there is nothing left to replace");
}

#[tokio::test(start_paused = true)]
async fn a_refused_replacement_is_tried_three_times_in_a_quarter_of_an_hour() {
    let (renewed, asked) = (Arc::new(Renewed::default()), Arc::new(AtomicU32::new(0)));
    let _first = get(&renewed, async { fresh(1) }).await.unwrap();
    tokio::time::advance(LIFETIME * 2 / 3).await;
    for _ in 0..900 {
        let counted = Arc::clone(&asked);
        let fetch = move |_| {
            let _before = counted.fetch_add(1, Ordering::Relaxed);
            async { Err(refusal()) }
        };
        let _lease = renewed.get(owner(), fetch).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(renewed.is_failing());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_tries_again_for_an_owner_who_is_gone() {
    let (renewed, asked) = (Arc::new(Renewed::default()), Arc::new(AtomicU32::new(0)));
    let _first = get(&renewed, async { fresh(1) }).await.unwrap();
    tokio::time::advance(LIFETIME * 2 / 3).await;
    let (owner, counted) = (Arc::new(()), Arc::clone(&asked));
    let fetch = move |_| {
        let _before = counted.fetch_add(1, Ordering::Relaxed);
        async { away() }
    };
    let _lease = renewed.get(&owner, fetch).await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    drop(owner);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_early_replacement_however_long_it_takes() {
    let renewed = Arc::new(Renewed::default());
    let _first = get(&renewed, async { fresh(1) }).await.unwrap();
    tokio::time::advance(LIFETIME * 2 / 3 + Duration::from_secs(1)).await;
    let begun = tokio::time::Instant::now();
    let slow = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        fresh(2)
    };
    assert_eq!(get(&renewed, slow).await.unwrap().what, 1);
    assert_eq!(get(&renewed, async { fresh(3) }).await.unwrap().what, 1, "one is under way");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(get(&renewed, async { fresh(4) }).await.unwrap().what, 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_without_its_caller_and_serves_the_next() {
    let renewed = Arc::new(Renewed::default());
    let slow = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        fresh(1)
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), get(&renewed, slow)).await.is_err());
    let begun = tokio::time::Instant::now();
    assert_eq!(get(&renewed, async { fresh(2) }).await.unwrap().what, 1);
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_given_out_again_with_little_life_left_is_not_fetched_for_each_request() {
    let renewed = Arc::new(Renewed::default());
    let asked = Arc::new(AtomicU32::new(0));
    for _ in 0..100 {
        let asked = Arc::clone(&asked);
        let fetch = async move {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(Fresh { what: 1, lifetime: Duration::from_secs(90), margin: Duration::from_secs(2_400) })
        };
        let _lease = get(&renewed, fetch).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_for_a_moment_that_grows_to_eight_seconds() {
    let renewed = Arc::new(Renewed::<u32>::default());
    let asked = Arc::new(AtomicU32::new(0));
    let mut asked_at = Vec::new();
    for second in 0..30 {
        let (before, counted) = (asked.load(Ordering::Relaxed), Arc::clone(&asked));
        let fetch = async move {
            counted.fetch_add(1, Ordering::Relaxed);
            away()
        };
        assert!(get(&renewed, fetch).await.is_err());
        if asked.load(Ordering::Relaxed) > before {
            asked_at.push(second);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(asked_at, [0, 1, 3, 7, 15, 23]);
    renewed.ask_again();
    assert_eq!(get(&renewed, async { fresh(1) }).await.unwrap().what, 1);
}

#[tokio::test(start_paused = true)]
async fn only_one_that_had_been_accepted_counts_as_died_and_it_does_so_once() {
    let renewed = Arc::new(Renewed::default());
    let first = get(&renewed, async { fresh(1) }).await.unwrap();
    assert!(renewed.refused(&first));
    assert!(!renewed.takes_new(), "it never worked");
    let second = get(&renewed, async { fresh(2) }).await.unwrap();
    second.accept();
    assert!(!renewed.refused(&first), "long given back");
    assert!(renewed.refused(&second));
    assert!(renewed.takes_new());
    assert!(!renewed.takes_new());
}
