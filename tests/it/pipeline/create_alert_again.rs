//! `create_alert` through crashes, hand-overs and redrives: no workflow twice, and no alert twice where the service
//! takes our ids.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use alertbridge::domain::{AlertRequest, FoundAlert, Header, Offset, Record, RedriveMark, Shape, TopicPartition};
use alertbridge::offsets::Frontier;
use alertbridge::ports::{SourceEvent, Start};
use serde_json::Value;
use tokio::time::sleep;

use super::alert_fakes::{AlertDesk, AlertService, refused};
use super::create_alert::creating;
use super::fakes::{FakeApi, unavailable};
use super::harness::{Bench, alert, alerts, partition};
use super::service::{Ids, Service};
use super::verify::verifying;

fn left(bench: &Bench) -> Frontier {
    bench.asked(|asked| asked.committed[&partition(0)].clone())
}

fn works(service: &Arc<AlertService>) -> AlertDesk {
    service.desk(|service, request| async move { service.create(&request) })
}

/// The workflow API in front of a service; without an answer it never was there.
fn starts(service: &Arc<Service>, is_answered: bool) -> Arc<FakeApi> {
    service.api(move |service, call| async move {
        if !is_answered {
            pending::<()>().await;
        }
        service.start(&call)
    })
}

/// The next process, which goes on where the last one was left.
fn next(api: Arc<FakeApi>, committed: &Frontier, records: Vec<Record>, workflows: &[&str]) -> Bench {
    let bench = Bench::start_with(api, verifying(), creating(workflows));
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    let end = records.last().map_or(0, |record| record.offset.0 + 1);
    bench.assign_after(committed, end);
    bench.feed(records.into_iter().filter(|record| record.offset >= committed.offset).collect());
    bench
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_between_the_calls_the_alert_is_found_and_the_workflow_started_once() {
    let (runs, alerts_there) = (Service::new(Ids::Honour), AlertService::new(Ids::Honour));
    let api = starts(&runs, false).with_alerts(works(&alerts_there));
    let bench = Bench::start_with(api, verifying(), creating(&["wf"]));
    bench.feed(alerts(0..5));
    bench.until("all starts hang", |b| b.api.calls().len() == 5).await;
    let (committed, before) = (left(&bench), bench.api.calls());
    bench.crash();

    let bench = next(starts(&runs, true).with_alerts(works(&alerts_there)), &committed, alerts(0..5), &["wf"]);
    bench.until("all is committed", |b| b.committed(0) == Some(5)).await;
    assert_eq!((runs.runs(), alerts_there.counts()), (vec![1; 5], vec![1; 5]));
    assert!(bench.api.alerts.calls().is_empty(), "each alert was there");
    let mut bodies = [before, bench.api.calls()].map(|calls| calls.into_iter().map(|call| call.request.body).collect());
    bodies.iter_mut().for_each(|bodies: &mut Vec<_>| bodies.sort());
    assert_eq!(bodies[0], bodies[1], "the same bytes");
}

#[tokio::test(start_paused = true)]
async fn an_alert_whose_start_failed_without_a_doubt_is_remembered_through_a_crash() {
    let alerts_there = AlertService::new(Ids::Honour);
    let api = FakeApi::new(|_| async { unavailable() }).with_alerts(works(&alerts_there));
    let bench = Bench::start_with(api, verifying(), creating(&["wf"]));
    bench.feed(alerts(0..3));
    // Commits of many seconds tell what is in doubt: of the workflows nothing is.
    sleep(Duration::from_secs(60)).await;
    let committed = left(&bench);
    bench.crash();
    let runs = Service::new(Ids::Honour);
    let bench = next(starts(&runs, true).with_alerts(works(&alerts_there)), &committed, alerts(0..3), &["wf"]);
    bench.until("all is committed", |b| b.committed(0) == Some(3)).await;
    assert_eq!((runs.runs(), alerts_there.counts()), (vec![1; 3], vec![1; 3]));
}

#[tokio::test(start_paused = true)]
async fn of_two_workflows_the_second_finds_the_alert_that_the_first_has_had() {
    let (runs, alerts_there) = (Service::new(Ids::Honour), AlertService::new(Ids::Honour));
    let half = runs.api(|service, call| async move {
        if &*call.request.destination.workflow_id == "w2" {
            pending::<()>().await;
        }
        let answer = service.start(&call);
        // Nobody hears of it.
        pending::<()>().await;
        answer
    });
    let bench = Bench::start_with(half.with_alerts(works(&alerts_there)), verifying(), creating(&["w1", "w2"]));
    bench.feed(alerts(0..1));
    bench.until("both hang", |b| b.api.calls().len() == 2).await;
    let committed = left(&bench);
    bench.crash();
    let api = starts(&runs, true).with_alerts(works(&alerts_there));
    let bench = next(api, &committed, alerts(0..1), &["w1", "w2"]);
    bench.until("all is committed", |b| b.committed(0) == Some(1)).await;
    assert_eq!((runs.runs(), alerts_there.counts()), (vec![1; 2], vec![1]));
    assert_eq!((bench.totals().delivered, bench.api.alerts.looked_up().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_workflow_that_may_run_is_looked_up_although_the_creation_of_its_alert_is_refused() {
    let (runs, alerts_there) = (Service::new(Ids::Honour), AlertService::new(Ids::Honour));
    let only_the_second = runs.api(|service, call| async move {
        if &*call.request.destination.workflow_id == "w2" {
            let _unheard = service.start(&call);
        }
        pending().await
    });
    let api = only_the_second.with_alerts(works(&alerts_there));
    let bench = Bench::start_with(api, verifying(), creating(&["w1", "w2", "w3"]));
    bench.feed(alerts(0..1));
    bench.until("all hang", |b| b.api.calls().len() == 3).await;
    let committed = left(&bench);
    bench.crash();

    let refuses = AlertDesk::new(|_: AlertRequest| async { refused() }, |_| async { Ok(FoundAlert::Absent) });
    let api = starts(&runs, true).with_alerts(refuses);
    let bench = next(api, &committed, alerts(0..1), &["w1", "w2", "w3"]);
    bench.until("all is committed", |b| b.committed(0) == Some(1)).await;
    assert_eq!((bench.totals().delivered, bench.totals().dead_lettered), (1, 2));
    let mut given_up: Vec<_> = bench.sink.letters().iter().filter_map(|letter| letter.workflow_id.clone()).collect();
    given_up.sort();
    assert_eq!(given_up.iter().map(|id| &**id).collect::<Vec<_>>(), ["w1", "w3"]);
    assert_eq!(runs.runs(), [1]);
}

#[tokio::test(start_paused = true)]
async fn where_only_alerts_take_our_ids_the_look_up_waits_for_the_earlier_owners_request_as_well() {
    let (runs, alerts_there) = (Service::new(Ids::Own), AlertService::new(Ids::Honour));
    let unheard = alerts_there.desk(|_, _| pending());
    let bench = Bench::start_with(FakeApi::that_works().with_alerts(unheard), verifying(), creating(&["wf"]));
    bench.feed(alerts(0..1));
    bench.until("its alert's creation hangs", |b| !b.api.alerts.calls().is_empty()).await;
    let committed = left(&bench);
    let late = bench.api.alerts.calls().remove(0).request;
    bench.crash();

    let api = starts(&runs, true).with_alerts(works(&alerts_there));
    let bench = Bench::start_with(api, verifying(), creating(&["wf"]));
    bench.feed(alerts(7..8));
    bench.until("instances are seen to have ids of their own", |b| b.totals().delivered == 1).await;
    bench.tell(SourceEvent::Lost(vec![partition(0)]));
    bench.assign_after(&committed, 1);
    bench.feed(alerts(0..1));
    // The request that the earlier owner had sent arrives.
    sleep(Duration::from_secs(19)).await;
    assert!(bench.api.alerts.looked_up().is_empty(), "it may be under way");
    let _unheard = alerts_there.create(&late);
    bench.until("it is delivered", |b| b.totals().delivered == 2).await;
    assert_eq!((alerts_there.counts(), bench.api.alerts.looked_up().len()), (vec![1, 1], 1));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_between_the_calls_starts_nothing_more_and_the_next_process_goes_on() {
    let (runs, alerts_there) = (Service::new(Ids::Honour), AlertService::new(Ids::Honour));
    let slow = alerts_there.desk(|service, request| async move {
        let answer = service.create(&request);
        sleep(Duration::from_secs(5)).await;
        answer
    });
    let api = starts(&runs, true).with_alerts(slow);
    let bench = Bench::start_with(api, verifying(), creating(&["w1", "w2"]));
    bench.feed(alerts(0..1));
    bench.until("it is being created", |b| !b.api.alerts.calls().is_empty()).await;
    bench.begin_stop();
    bench.until("it has ended", Bench::has_ended).await;
    assert_eq!((bench.totals().abandoned, bench.api.calls().len()), (2, 0));
    let committed = left(&bench);
    let api = starts(&runs, true).with_alerts(works(&alerts_there));
    let bench = next(api, &committed, alerts(0..1), &["w1", "w2"]);
    bench.until("all is committed", |b| b.committed(0) == Some(1)).await;
    assert_eq!((runs.runs(), alerts_there.counts()), (vec![1; 2], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_hand_over_between_the_calls_starts_nothing_more() {
    let alerts_there = AlertService::new(Ids::Honour);
    let slow = alerts_there.desk(|service, request| async move {
        let answer = service.create(&request);
        sleep(Duration::from_secs(5)).await;
        answer
    });
    let api = FakeApi::that_works().with_alerts(slow);
    let bench = Bench::start_with(api, verifying(), creating(&["w1", "w2"]));
    bench.feed(alerts(0..1));
    bench.until("it is being created", |b| !b.api.alerts.calls().is_empty()).await;
    bench.tell(SourceEvent::Revoked(vec![partition(0)]));
    bench.until("it is handed back", |b| b.asked(|asked| !asked.released.is_empty())).await;
    assert_eq!((bench.totals().abandoned, bench.api.calls().len()), (2, 0));
    assert_eq!(left(&bench).mark, Some(Offset(1)), "the next owner is to look");
}

#[tokio::test(start_paused = true)]
async fn where_the_service_gives_ids_of_its_own_a_crash_costs_an_alert_and_no_workflow() {
    let (runs, alerts_there) = (Service::new(Ids::Honour), AlertService::new(Ids::Own));
    let api = starts(&runs, false).with_alerts(works(&alerts_there));
    let bench = Bench::start_with(api, verifying(), creating(&["wf"]));
    bench.feed(alerts(0..1));
    bench.until("its start hangs", |b| b.api.calls().len() == 1).await;
    let committed = left(&bench);
    bench.crash();
    let bench = next(starts(&runs, true).with_alerts(works(&alerts_there)), &committed, alerts(0..1), &["wf"]);
    bench.until("all is committed", |b| b.committed(0) == Some(1)).await;
    assert_eq!((runs.runs(), alerts_there.counts()), (vec![1], vec![2]));
}

fn redrive_topic() -> TopicPartition {
    TopicPartition::new("soc.alerts.redrive", 0)
}

/// A process that reads the redrive topic, too.
fn redriving(api: Arc<FakeApi>) -> Bench {
    let bench = Bench::start_with(api, verifying(), creating(&["wf"]));
    bench.assign_start(Start::without_memory(redrive_topic(), Offset(0), Offset(0)));
    bench
}

#[tokio::test(start_paused = true)]
async fn what_is_redriven_is_about_the_alert_that_was_created_for_it_then() {
    for ids in [Ids::Honour, Ids::Own] {
        let alerts_there = AlertService::new(ids);
        let bench = redriving(FakeApi::that_refuses("a0").with_alerts(works(&alerts_there)));
        bench.feed(alerts(0..1));
        bench.until("it is a dead letter", |b| b.totals().dead_lettered == 1).await;
        let letter = bench.sink.letters().remove(0);
        let created = letter.created_alert_id.clone().unwrap();
        let headers: Vec<Header> = letter.headers(Shape::Full);
        let written = Record { partition: TopicPartition::new("dead", 0), headers, ..(*letter.record).clone() };
        let mark = alertbridge::letters::Letter::read(written).unwrap().mark(false);
        assert_eq!(mark.created_alert_id.as_deref(), Some(created.as_str()));

        let bench = redriving(FakeApi::that_works().with_alerts(works(&alerts_there)));
        bench.feed(vec![Record { partition: redrive_topic(), headers: mark.headers(), ..alerts(0..1).remove(0) }]);
        bench.until("it is delivered", |b| b.totals().delivered == 1).await;
        assert_eq!((alerts_there.counts(), bench.api.alerts.looked_up().len()), (vec![1], 0), "{ids:?}");
        let body: Value = serde_json::from_slice(&bench.api.calls()[0].request.body).unwrap();
        assert_eq!(body["playbook_context"]["data_object"]["content"]["id"], created);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_redriven_without_that_id_is_looked_up_first() {
    let alerts_there = AlertService::new(Ids::Honour);
    let bench = redriving(FakeApi::that_works().with_alerts(works(&alerts_there)));
    bench.feed(alerts(0..1));
    bench.until("the alert is there", |b| b.totals().delivered == 1).await;
    let mark = |workflow: &str| RedriveMark {
        group: "group".into(),
        origin: alert(0, "a0", "High", None).origin(&"cluster".into()),
        part: Some(0),
        workflow_id: Some(workflow.into()),
        count: 1,
        created_alert_id: None,
    };
    let redriven = |offset| Record {
        partition: redrive_topic(),
        headers: mark("wf").headers(),
        ..alert(offset, "a0", "Medium", None)
    };
    bench.feed(vec![redriven(0)]);
    bench.until("it is delivered again", |b| b.totals().delivered == 2).await;
    assert_eq!((alerts_there.counts(), bench.api.alerts.looked_up().len()), (vec![1], 1));
    bench.feed(vec![redriven(1)]);
    bench.until("what was never created is created", |b| b.totals().delivered == 3).await;
    assert_eq!((alerts_there.counts(), bench.api.alerts.looked_up().len()), (vec![1, 1], 2));
}
