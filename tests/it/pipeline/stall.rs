//! The watchdog: what could move and does not ends the pipeline; what waits on purpose does not.

use std::time::Duration;

use alertbridge::pipeline::{PipelineError, Stall};
use alertbridge::ports::SourceEvent;

use super::fakes::{FakeApi, started};
use super::harness::{Bench, alerts};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_end_ends_the_pipeline_and_what_has_settled_is_committed() {
    let bench = Bench::start(FakeApi::new(|call| async move {
        if call.title() == "a1" { std::future::pending().await } else { started(&call.request) }
    }));
    bench.feed(alerts(0..3));
    tokio::time::sleep(secs(890)).await;
    assert!(!bench.has_ended());
    bench.until("it ends", Bench::has_ended).await;
    assert_eq!(bench.committed(0), Some(1));
    assert!(bench.asked(|asked| asked.is_closed), "the group is left");
    let error = bench.stop().await.unwrap_err();
    assert!(matches!(error, PipelineError::Stalled(Stall::RequestHangs(_))), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_commit_without_an_answer_ends_the_pipeline_unless_kafka_is_away() {
    let bench = Bench::start(FakeApi::that_works());
    bench.asked(|asked| asked.commits_hang = true);
    bench.feed(alerts(0..3));
    bench.until("all is delivered", |b| b.totals().delivered == 3).await;
    bench.tell(SourceEvent::Unavailable { error: "no broker".to_owned() });
    tokio::time::sleep(secs(4 * 3_600)).await;
    assert!(!bench.has_ended());
    bench.tell(SourceEvent::Joined);
    tokio::time::sleep(secs(890)).await;
    assert!(!bench.has_ended());
    bench.until("it ends", Bench::has_ended).await;
    let error = bench.stop().await.unwrap_err();
    assert!(matches!(error, PipelineError::Stalled(Stall::CommitUnanswered(_))), "{error}");
}
