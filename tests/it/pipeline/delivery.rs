//! What becomes of deliveries one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alertbridge::domain::{DeadLetterClass, FailureClass, FailureReason};
use alertbridge::pipeline::AmbiguousPolicy;

use super::fakes::{FakeApi, failed, started, unavailable};
use super::harness::{Bench, alert, alerts, one_route, settings};

#[tokio::test(start_paused = true)]
async fn every_record_is_delivered_once_and_its_offset_committed() {
    let bench = Bench::start(FakeApi::that_works());
    bench.feed(alerts(0..50));
    bench.until("all is committed", |b| b.committed(0) == Some(50)).await;
    assert_eq!(bench.api.calls().len(), 50);
    assert_eq!(bench.totals().delivered, 50);
    assert!(bench.sink.letters().is_empty());
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_repeated_with_the_same_bytes() {
    let tries = Arc::new(AtomicU32::new(0));
    let api = FakeApi::new(move |call| {
        let attempt = tries.fetch_add(1, Ordering::Relaxed);
        async move { if attempt < 3 { unavailable() } else { started(&call.request) } }
    });
    let bench = Bench::start(api);
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.totals().delivered == 1).await;
    let calls = bench.api.calls();
    assert_eq!(calls.len(), 4);
    assert!(calls.iter().all(|call| call.request == calls[0].request), "body and instance id never change");
    assert!(calls[0].request.action_instance_id.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_the_service_refuses_is_dead_lettered_at_once_and_the_rest_goes_on() {
    let bench = Bench::start(FakeApi::that_refuses("a1"));
    bench.feed(alerts(0..3));
    bench.until("all is committed", |b| b.committed(0) == Some(3)).await;
    assert_eq!(bench.api.calls().len(), 3, "no second try");
    let letters = bench.sink.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].record.offset.0, 1);
    assert_eq!((letters[0].class, letters[0].attempt_count), (DeadLetterClass::Rejected, 1));
    assert_eq!(letters[0].attempts[0].request_id.as_deref(), Some("req-1"));
}

#[tokio::test(start_paused = true)]
async fn what_its_mapping_skips_is_one_outcome_beside_the_other_parts() {
    let bench = Bench::start(FakeApi::that_works());
    let mut group = alert(0, "x", "Low", None);
    let group_of_two = include_bytes!("../../fixtures/formats/alertmanager_webhook/example.json");
    group.value = Some(group_of_two.as_slice().into());
    bench.feed(vec![group]);
    bench.until("it is committed", |b| b.committed(0) == Some(1)).await;
    assert_eq!((bench.totals().delivered, bench.totals().skipped), (1, 1), "one fires, one is resolved");
    assert_eq!(bench.api.calls().len(), 1);
    bench.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_not_json_is_dead_lettered_without_a_request() {
    let bench = Bench::start(FakeApi::that_works());
    let mut broken = alert(0, "x", "Low", None);
    broken.value = Some("{\"title\":".into());
    let mut tombstone = alert(1, "x", "Low", None);
    tombstone.value = None;
    bench.feed(vec![broken.clone(), tombstone]);
    bench.until("both are committed", |b| b.committed(0) == Some(2)).await;
    let letters = bench.sink.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].class, DeadLetterClass::Malformed);
    assert_eq!(*letters[0].record, broken, "byte for byte");
    assert_eq!(bench.totals().skipped, 1, "the tombstone");
    assert!(bench.api.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_fails_while_others_get_through_ends_exhausted() {
    let api =
        FakeApi::new(
            |call| async move { if call.title() == "poison" { unavailable() } else { started(&call.request) } },
        );
    let bench = Bench::start(api);
    bench.feed(vec![alert(0, "poison", "Low", None)]);
    let mut offset = 1;
    while bench.sink.letters().is_empty() {
        bench.feed(alerts(offset..offset + 1));
        offset += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let letters = bench.sink.letters();
    assert_eq!((letters[0].class, letters[0].reason), (DeadLetterClass::Exhausted, FailureReason::ServerError));
    assert!(letters[0].attempt_count >= 6, "{}", letters[0].attempt_count);
    bench.until("all is committed", |b| b.committed(0) == Some(offset)).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_repeated_or_dead_lettered_as_configured() {
    let lost = || failed(FailureClass::Ambiguous, FailureReason::NoAnswer, None);
    let tries = Arc::new(AtomicU32::new(0));
    let bench = Bench::start(FakeApi::new(move |call| {
        let attempt = tries.fetch_add(1, Ordering::Relaxed);
        async move { if attempt == 0 { lost() } else { started(&call.request) } }
    }));
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.totals().delivered == 1).await;
    assert_eq!(bench.api.calls().len(), 2);

    let mut settings = settings();
    settings.ambiguous = AmbiguousPolicy::DeadLetter;
    let bench = Bench::start_with(FakeApi::new(move |_| async move { lost() }), settings, one_route());
    bench.feed(alerts(0..1));
    bench.until("it is dead-lettered", |b| b.totals().dead_lettered == 1).await;
    assert_eq!(bench.api.calls().len(), 1);
    assert_eq!(bench.sink.letters()[0].class, DeadLetterClass::Ambiguous);
}
