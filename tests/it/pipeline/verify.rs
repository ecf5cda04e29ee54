//! `ambiguous: verify`: what may have been started is looked up before it is started once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alertbridge::domain::{DeadLetterClass, FailureClass, FailureReason, Found};
use alertbridge::pipeline::{AmbiguousPolicy, InstanceIdMode, PipelineSettings};
use tokio::time::Instant;

use super::fakes::{Answer, FakeApi, failed, started, unavailable};
use super::harness::{Bench, alert, alerts, one_route, settings};
use super::service::{Ids, Service, lost};

pub(super) fn verifying() -> PipelineSettings {
    PipelineSettings { ambiguous: AmbiguousPolicy::Verify, ..settings() }
}

fn run(api: Arc<FakeApi>) -> Bench {
    Bench::start_with(api, verifying(), one_route())
}

/// True the first time.
fn once() -> impl Fn() -> bool {
    let count = AtomicU32::new(0);
    move || count.fetch_add(1, Ordering::Relaxed) == 0
}

#[tokio::test(start_paused = true)]
async fn what_was_started_without_an_answer_is_found_and_not_started_again() {
    let (service, first) = (Service::new(Ids::Honour), once());
    let bench = run(service.api(move |service, call| {
        let answer = service.start(&call);
        let is_lost = first();
        async move { if is_lost { lost() } else { answer } }
    }));
    let begun = Instant::now();
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
    assert!(begun.elapsed() >= Duration::from_secs(20), "the request may be under way until then");
    assert_eq!((service.runs(), bench.api.calls().len(), bench.api.looked_up().len()), (vec![1], 1, 1));
    assert_eq!(bench.totals().delivered, 1);
    assert!(bench.telemetry.render().contains("alertbridge_look_ups_total{result=\"present\"} 1"));
}

#[tokio::test(start_paused = true)]
async fn a_look_up_waits_until_a_request_that_left_late_can_have_ended() {
    // A token had to be fetched first, so nobody knows when the request left: perhaps just before the connection broke.
    for (reason, lasted, looked_up_after) in
        [(FailureReason::ConnectionLost, 19, 39), (FailureReason::NoAnswer, 20, 20), (FailureReason::NoAnswer, 39, 39)]
    {
        let first = once();
        let bench = run(FakeApi::new(move |call| {
            let is_lost = first();
            async move {
                if !is_lost {
                    return started(&call.request);
                }
                tokio::time::sleep(Duration::from_secs(lasted)).await;
                failed(FailureClass::Ambiguous, reason, None)
            }
        }));
        bench.feed(alerts(0..1));
        bench.until("it has left", |b| !b.api.calls().is_empty()).await;
        let begun = Instant::now();
        bench.until("it is looked up", |b| !b.api.looked_up().is_empty()).await;
        let (after, due) = (begun.elapsed() + Duration::from_secs(1), Duration::from_secs(looked_up_after));
        assert!(after >= due && after <= due + Duration::from_secs(2), "{reason:?}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_started_is_sent_again_with_the_same_bytes() {
    let (service, first) = (Service::new(Ids::Honour), once());
    let bench = run(service.api(move |service, call| {
        let answer = if first() { lost() } else { service.start(&call) };
        async move { answer }
    }));
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
    let calls = bench.api.calls();
    assert_eq!((service.runs(), calls.len(), bench.api.looked_up().len()), (vec![1], 2, 1));
    assert_eq!(calls[0].request, calls[1].request);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_confirms_nothing_is_looked_up_at_once() {
    let (service, first) = (Service::new(Ids::Honour), once());
    let bench = run(service.api(move |service, call| {
        let answer = service.start(&call);
        let is_first = first();
        async move {
            if is_first { failed(FailureClass::Ambiguous, FailureReason::NoInstanceId, Some(200)) } else { answer }
        }
    }));
    let begun = Instant::now();
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.totals().delivered == 1).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(service.runs(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_key_waits_for_the_look_up_of_its_head() {
    let (service, first) = (Service::new(Ids::Honour), once());
    let bench = run(service.api(move |service, call| {
        let answer = service.start(&call);
        let is_lost = first();
        async move { if is_lost { lost() } else { answer } }
    }));
    bench.feed(vec![
        alert(0, "first", "Low", Some("k")),
        alert(1, "second", "Fatal", Some("k")),
        alert(2, "other", "Low", Some("l")),
    ]);
    bench.until("the other key's is delivered", |b| b.totals().delivered == 1).await;
    assert_eq!(bench.api.titles(), ["first", "other"]);
    bench.until("all are delivered", |b| b.totals().delivered == 3).await;
    assert_eq!(bench.api.titles(), ["first", "other", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_refuses_a_second_create_is_asked_whether_it_has_the_first() {
    let (service, first_create, first_find) = (Service::new(Ids::Unique), once(), once());
    let finder = Arc::clone(&service);
    let bench = Bench::start_with(
        FakeApi::with_find(
            {
                let service = Arc::clone(&service);
                move |call| {
                    let answer = service.start(&call);
                    let is_lost = first_create();
                    async move { if is_lost { lost() } else { answer } }
                }
            },
            move |id| {
                // The list lags behind.
                let found = if first_find() { Ok(Found::Absent) } else { finder.find(&id) };
                async move { found }
            },
        ),
        verifying(),
        one_route(),
    );
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.totals().delivered == 1).await;
    assert_eq!((service.runs(), bench.api.looked_up().len()), (vec![1], 2));
    assert!(bench.sink.letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_and_not_there_is_dead_lettered_for_the_refusal() {
    let first = once();
    let bench = run(FakeApi::new(move |_| {
        let is_lost = first();
        async move {
            if is_lost { lost() } else { failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400)) }
        }
    }));
    bench.feed(alerts(0..1));
    bench.until("it is dead-lettered", |b| b.committed(0) == Some(1)).await;
    assert_eq!(bench.sink.letters()[0].class, DeadLetterClass::Rejected);
    assert_eq!(bench.api.looked_up().len(), 2, "after the loss, and after the refusal");
}

#[tokio::test(start_paused = true)]
async fn a_plain_refusal_is_not_looked_up() {
    let bench = run(FakeApi::that_refuses("a0"));
    bench.feed(alerts(0..2));
    bench.until("all is committed", |b| b.committed(0) == Some(2)).await;
    assert_eq!((bench.sink.letters().len(), bench.api.looked_up().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn where_the_service_gives_ids_of_its_own_nothing_is_looked_up_and_that_is_said() {
    let service = Service::new(Ids::Own);
    let tries = AtomicU32::new(0);
    let bench = run(service.api(move |service, call| {
        let answer = service.start(&call);
        let is_lost = tries.fetch_add(1, Ordering::Relaxed) == 1;
        async move { if is_lost { lost() } else { answer } }
    }));
    bench.feed(alerts(0..1));
    bench.until("its ids are seen", |b| b.totals().delivered == 1).await;
    bench.feed(alerts(1..2));
    bench.until("the other is delivered", |b| b.totals().delivered == 2).await;
    let mut runs = service.runs();
    runs.sort_unstable();
    assert_eq!(runs, [1, 2], "as with `retry`");
    assert!(bench.api.looked_up().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_instance_ids_an_unknown_outcome_is_repeated() {
    let first = once();
    let api = FakeApi::new(move |call| {
        let is_lost = first();
        async move { if is_lost { lost() } else { started(&call.request) } }
    });
    let settings = PipelineSettings { instance_id: InstanceIdMode::None, ..verifying() };
    let bench = Bench::start_with(api, settings, one_route());
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
    assert_eq!((bench.api.calls().len(), bench.api.looked_up().len()), (2, 0));
    assert_eq!(bench.asked(|asked| asked.committed.values().next().unwrap().mark), None, "no marks either");
}

/// A service whose first create is lost, and whose look-ups meet this for a while.
fn with_troubled_look_ups(times: u32, trouble: impl Fn() -> Answer + Send + Sync + 'static) -> (Arc<Service>, Bench) {
    let (service, first, count) = (Service::new(Ids::Honour), once(), AtomicU32::new(0));
    let (create, find) = (Arc::clone(&service), Arc::clone(&service));
    let api = FakeApi::with_find(
        move |call| {
            let answer = create.start(&call);
            let is_lost = first();
            async move { if is_lost { lost() } else { answer } }
        },
        move |id| {
            let is_troubled = count.fetch_add(1, Ordering::Relaxed) < times;
            let found = if is_troubled { Err(trouble().unwrap_err()) } else { find.find(&id) };
            async move { found }
        },
    );
    (service, run(api))
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_up_is_repeated_and_never_dead_letters() {
    let troubles: [(fn() -> Answer, u32); 4] = [
        (unavailable, 20),
        (lost, 20),
        (|| failed(FailureClass::Throttled, FailureReason::QuotaExceeded, Some(429)), 3),
        (|| failed(FailureClass::Credentials, FailureReason::CredentialsRefused, Some(401)), 3),
    ];
    for (trouble, times) in troubles {
        let (service, bench) = with_troubled_look_ups(times, trouble);
        bench.feed(alerts(0..1));
        bench.until("it is found", |b| b.committed(0) == Some(1)).await;
        assert_eq!((service.runs(), bench.totals().delivered), (vec![1], 1));
        assert_eq!(bench.api.looked_up().len(), times as usize + 1);
        assert_eq!(bench.api.calls().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn reading_that_is_refused_for_good_pauses_nothing_and_the_delivery_is_repeated() {
    for (class, status) in [
        (FailureClass::Credentials, 403),
        (FailureClass::Target, 404),
        (FailureClass::Target, 302),
        (FailureClass::Rejected, 400),
    ] {
        let (service, bench) =
            with_troubled_look_ups(u32::MAX, move || failed(class, FailureReason::RequestRefused, Some(status)));
        bench.feed(alerts(0..1));
        bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
        // Nothing has shown yet that the credentials are good, so it is asked more than once.
        assert_eq!((service.runs(), bench.api.looked_up().len()), (vec![2], 3), "{status}");
        assert!(!bench.telemetry.render().contains("alertbridge_paused{reason=\"target\"} 1"), "{status}");
        assert!(!bench.telemetry.render().contains("alertbridge_paused{reason=\"credentials\"} 1"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn reading_that_fails_for_ever_while_others_get_through_is_given_up() {
    let (service, bench) = with_troubled_look_ups(u32::MAX, unavailable);
    bench.feed(alerts(0..1));
    let mut offset = 1;
    while bench.api.calls().iter().filter(|call| call.title() == "a0").count() < 2 {
        bench.feed(alerts(offset..offset + 1));
        offset += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(offset < 100_000, "it waits for ever");
    }
    bench.until("all is committed", |b| b.committed(0) == Some(offset)).await;
    assert_eq!(service.runs().iter().sum::<u32>(), u32::try_from(offset).unwrap() + 1, "it ran twice, no other did");
    assert!(bench.sink.letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_look_up_takes_a_permit_as_an_attempt_does() {
    let first = once();
    let api = FakeApi::with_find(
        move |call| {
            let is_lost = first();
            async move { if is_lost { lost() } else { started(&call.request) } }
        },
        |_| std::future::pending(),
    );
    let bench = Bench::start_with(api, PipelineSettings { max_in_flight: 1, ..verifying() }, one_route());
    bench.feed(alerts(0..1));
    bench.until("it is looked up", |b| b.api.looked_up().len() == 1).await;
    bench.feed(alerts(1..2));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(bench.api.calls().len(), 1, "the look-up has the only permit");
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_loses_answers_starts_nothing_twice() {
    let service = Service::new(Ids::Honour);
    let begun = Instant::now();
    let bench = run(service.api(move |service, call| async move {
        // Half of what is sent in the first minute is started, and no answer comes.
        if begun.elapsed() < Duration::from_secs(60) {
            let is_started = call.title().len().is_multiple_of(2);
            let _answer = is_started.then(|| service.start(&call));
            tokio::time::sleep(Duration::from_secs(20)).await;
            return failed(FailureClass::Ambiguous, FailureReason::NoAnswer, None);
        }
        service.start(&call)
    }));
    bench.feed(alerts(0..200));
    bench.until("all is committed", |b| b.committed(0) == Some(200)).await;
    assert_eq!(service.runs(), vec![1; 200]);
    assert!(bench.sink.letters().is_empty());
}
