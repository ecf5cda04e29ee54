//! The thread that sends commits and waits for their answers, so that polling goes on meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::ClientError;
use super::commits::{CommitError, Frontiers, Request};
use super::context::{Consumer, Report, Reporter};
use super::queries::{self, Detail};

/// The thread's handle. It uses librdkafka's synchronous commit: rust-rdkafka 0.39 never calls `commit_callback` for
/// asynchronous ones (librdkafka makes the event only where a native callback is registered,
/// `rd_kafka_cgrp_propagate_commit_result`).
#[derive(Debug)]
pub(super) struct Committer {
    requests: Sender<Request>,
    taken: Arc<AtomicU64>,
}

/// Why a commit is not sent.
const TAKEN: &str = "partitions were taken from us meanwhile";

impl Committer {
    /// Starts the thread. It ends with the committer, after the request that is under way; it keeps the consumer only
    /// for that long, so that the worker's drop is the one that leaves the group.
    pub(super) fn start(consumer: &Arc<Consumer>, group: String, reporter: Reporter) -> Result<Self, ClientError> {
        let (requests, received) = channel();
        let consumer = Arc::downgrade(consumer);
        let taken = Arc::new(AtomicU64::new(0));
        let so_far = Arc::clone(&taken);
        let _detached = thread::Builder::new()
            .name("kafka-commits".to_owned())
            .spawn(move || serve(&consumer, &group, &received, &reporter, &so_far))
            .map_err(|error| ClientError(format!("the committer's thread cannot be started: {error}")))?;
        Ok(Self { requests, taken })
    }

    /// Partitions are taken from us, or let go. What was asked for before is not sent any more: under the generation to
    /// come it could overwrite what their next owner has committed (brokers check the generation, not who owns what).
    pub(super) fn taken(&self) {
        let _before = self.taken.fetch_add(1, Ordering::SeqCst);
    }

    /// Sends a commit; the answer comes as [`Report::Committed`].
    pub(super) fn send(&self, request: Request) -> Result<(), CommitError> {
        let request = Request { taken: self.taken.load(Ordering::SeqCst), ..request };
        self.requests.send(request).map_err(|_| CommitError::failed("the committer's thread has ended"))
    }
}

fn serve(
    consumer: &Weak<Consumer>,
    group: &str,
    requests: &Receiver<Request>,
    reporter: &Reporter,
    so_far: &AtomicU64,
) {
    for Request { mut asked, chosen, taken, is_awaited } in requests {
        let Some(consumer) = consumer.upgrade() else { return };
        let partitions: Vec<_> = asked.iter().map(|frontier| frontier.partition.clone()).collect();
        let anew = queries::topics_made_anew(&consumer, &partitions);
        let (result, anew) = match anew {
            Err(error) if !is_awaited => {
                let why = format!("what is committed cannot be read, and has to be before: {error}");
                (Err(CommitError::Failed(why)), BTreeSet::new())
            }
            anew => {
                let anew = anew.unwrap_or_default();
                asked.retain(|frontier| !anew.contains(&frontier.partition.topic));
                asked.extend(chosen);
                let result = if asked.is_empty() {
                    Ok(())
                } else if so_far.load(Ordering::SeqCst) == taken {
                    commit(&consumer, group, &asked)
                } else {
                    Err(CommitError::failed(TAKEN))
                };
                (result, anew)
            }
        };
        drop(consumer);
        reporter.report(Report::Committed { result, anew });
    }
}

fn commit(consumer: &Consumer, group: &str, frontiers: &Frontiers) -> Result<(), CommitError> {
    let commit = |list: KafkaResult<_>| list.and_then(|list| consumer.commit(&list, CommitMode::Sync));
    // Brokers may take less than the usual 4,096 bytes (`offset.metadata.max.bytes`): less is said, then.
    let is_too_large = |result: &KafkaResult<()>| {
        matches!(result, Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OffsetMetadataTooLarge)))
    };
    let mut result = commit(queries::commit_list(group, frontiers, Detail::Whole));
    if is_too_large(&result) {
        result = commit(queries::commit_list(group, frontiers, Detail::Mark));
    }
    if is_too_large(&result) {
        tracing::warn!(
            event = "kafka.commit_metadata_refused",
            "the brokers take no metadata with a commit; after a crash workflows may run twice"
        );
        result = commit(queries::list(frontiers.iter().map(|f| (&f.partition, f.offset))));
    }
    result.map_err(CommitError::from)
}
