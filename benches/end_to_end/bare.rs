//! The bare loop: the least that a program can do that reads records and posts something for each.
//!
//! One prebuilt body for all, of the bridge's size: no mapping, no ledger, no limiter, no signature, no log. Where
//! arrivals are to be told apart, it posts the records themselves.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::{ClientConfig, Message as _};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{IN_FLIGHT, alerts, plain, target};

/// What the child process is told, as JSON on its command line.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Task {
    pub(crate) bootstrap_servers: String,
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) simulator: String,
    pub(crate) events: usize,
    pub(crate) posts: Posts,
}

/// What is posted for a record.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Posts {
    /// One body for all.
    OneBody,
    /// The record's value.
    TheRecord,
    /// The request that it is mapped to: the plain program.
    TheRequest,
}

/// The child process: reads, posts, commits, and stays until it is told to go, so that it can be measured.
pub(crate) fn child(task: &str) -> anyhow::Result<()> {
    let task: Task = serde_json::from_str(task)?;
    let body = alerts::body(0)?;
    // As the bridge's.
    tokio::runtime::Runtime::new()?.block_on(run(&task, body))?;
    let _end = std::io::stdin().read(&mut [0])?;
    Ok(())
}

async fn run(task: &Task, body: Bytes) -> anyhow::Result<()> {
    let consumer: StreamConsumer = consumer(task).create()?;
    consumer.subscribe(&[&task.topic])?;
    match task.posts {
        Posts::OneBody | Posts::TheRecord => post(task, body, &consumer).await?,
        Posts::TheRequest => plain::deliver(task, &consumer).await?,
    }
    consumer.commit_consumer_state(CommitMode::Sync).context("the offsets cannot be committed")
}

async fn post(task: &Task, body: Bytes, consumer: &StreamConsumer) -> anyhow::Result<()> {
    let http = super::http_client().build()?;
    let url: Url = format!("{}{}", task.simulator, target::path()).parse()?;
    let records = consumer.stream().take(task.events).map(|record| {
        let body = match (task.posts, &record) {
            (Posts::TheRecord, Ok(record)) => record.payload().map(Bytes::copy_from_slice).unwrap_or_default(),
            _ => body.clone(),
        };
        let mut post = reqwest::Request::new(Method::POST, url.clone());
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        let _none = post.headers_mut().insert(CONTENT_TYPE, json);
        *post.body_mut() = Some(body.into());
        let http = &http;
        async move {
            let _record = record?;
            let answer = http.execute(post).await?;
            ensure!(answer.status().is_success(), "the simulator answers {}", answer.status());
            let _answer = answer.bytes().await?;
            Ok(())
        }
    });
    records.buffer_unordered(IN_FLIGHT).try_for_each(|()| async { Ok(()) }).await
}

/// Fetches as the bridge does.
fn consumer(task: &Task) -> ClientConfig {
    let mut config = ClientConfig::new();
    let _ = config
        .set("bootstrap.servers", &task.bootstrap_servers)
        .set("group.id", &task.group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("queued.max.messages.kbytes", "4096")
        .set("fetch.max.bytes", "2097152")
        .set("fetch.queue.backoff.ms", "20")
        .set("isolation.level", "read_committed")
        .set("topic.metadata.refresh.interval.ms", Duration::from_secs(60).as_millis().to_string());
    config
}
