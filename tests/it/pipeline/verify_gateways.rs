//! `ambiguous: verify` behind a gateway: a 502 or 504 says nothing of what the service has done with the request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alertbridge::domain::{FailureClass, FailureReason};
use alertbridge::pipeline::{AmbiguousPolicy, PipelineSettings};
use tokio::time::{Instant, sleep};

use super::alert_fakes::{AlertService, not_created};
use super::fakes::{Answer, FakeApi, failed};
use super::harness::{Bench, alerts, one_route};
use super::service::{Ids, Service};
use super::verify::verifying;

/// What the gateway says, five seconds after the request left.
async fn gateway(status: u16) -> Answer {
    sleep(Duration::from_secs(5)).await;
    failed(FailureClass::Transient, FailureReason::ServerError, Some(status))
}

/// Starts everything; of the first request only the gateway tells.
fn behind(service: &Arc<Service>, status: u16) -> Arc<FakeApi> {
    let calls = AtomicU32::new(0);
    service.api(move |service, call| {
        let answer = service.start(&call);
        let is_first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move { if is_first { gateway(status).await } else { answer } }
    })
}

#[tokio::test(start_paused = true)]
async fn what_a_gateway_has_given_up_is_looked_up_and_not_started_again() {
    // The service may be at it still after a time-out (504), and is not after an answer that was none (502).
    for (status, looked_up_after) in [(504, 20), (502, 5)] {
        let service = Service::new(Ids::Honour);
        let bench = Bench::start_with(behind(&service, status), verifying(), one_route());
        let begun = Instant::now();
        bench.feed(alerts(0..1));
        bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
        let passed = begun.elapsed().as_secs();
        assert!((looked_up_after..looked_up_after + 2).contains(&passed), "{status}: {passed} s");
        assert_eq!((service.runs(), bench.api.looked_up().len()), (vec![1], 1), "{status}");
        assert_eq!(bench.totals().delivered, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateways_answer_stays_an_outage_and_no_reason_for_a_dead_letter() {
    let service = Service::new(Ids::Honour);
    let settings = PipelineSettings { ambiguous: AmbiguousPolicy::DeadLetter, ..verifying() };
    let bench = Bench::start_with(behind(&service, 504), settings, one_route());
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
    assert_eq!((bench.sink.letters().len(), bench.api.looked_up().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_a_gateway_has_given_up_is_looked_up_and_not_created_again() {
    let (alerts_kept, service) = (AlertService::new(Ids::Honour), Service::new(Ids::Honour));
    let calls = AtomicU32::new(0);
    let desk = alerts_kept.desk(move |kept, request| {
        let answer = kept.create(&request);
        let is_first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        let lost = || not_created(FailureClass::Transient, FailureReason::ServerError, Some(504));
        async move { if is_first { lost() } else { answer } }
    });
    let api = service.api(|service, call| async move { service.start(&call) }).with_alerts(desk);
    let bench = Bench::start_with(api, verifying(), super::create_alert::creating(&["wf"]));
    bench.feed(alerts(0..1));
    bench.until("it is delivered", |b| b.committed(0) == Some(1)).await;
    assert_eq!((alerts_kept.counts(), service.runs()), (vec![1], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn look_ups_that_find_nothing_do_not_end_an_outage_of_creating() {
    let end = Instant::now() + Duration::from_secs(600);
    let service = Service::new(Ids::Honour);
    let api = service.api(move |service, call| async move {
        if Instant::now() >= end {
            return service.start(&call);
        }
        failed(FailureClass::Transient, FailureReason::ServerError, Some(502))
    });
    let bench = Bench::start_with(Arc::clone(&api), verifying(), one_route());
    bench.feed(alerts(0..500));
    sleep(end - Instant::now()).await;
    let (creates, look_ups) = (api.calls().len(), api.looked_up().len());
    assert!(creates <= 250 && look_ups <= creates, "{creates} creates and {look_ups} look-ups");
    bench.until("it goes on", |b| b.totals().delivered > 0).await;
    assert!(end.elapsed() <= Duration::from_secs(4), "{:?}", end.elapsed());
    bench.until("all is committed", |b| b.committed(0) == Some(500)).await;
    assert_eq!((service.runs(), bench.sink.letters().len()), (vec![1; 500], 0));
}
