//! The thread that asks the brokers from time to time: where partitions end, and whether their topics are the same
//! ones still. A broker that has died does not answer for seconds, in which the others' records go on being polled.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;

use super::ClientError;
use super::context::{Consumer, Report, Reporter};
use super::queries::{self, Offsets, PATIENCE};
use crate::domain::TopicPartition;

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    /// The partitions that were ours.
    pub(super) partitions: Vec<TopicPartition>,
    /// How many assignments there were.
    pub(super) epoch: u64,
    /// Whether topics that were made anew are looked for, too.
    pub(super) looks_for_anew: bool,
}

/// The answer.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) question: Question,
    /// Where the partitions end. An error: not all brokers were reached.
    pub(super) ends: KafkaResult<Offsets>,
    /// Those of their topics that were made anew, as far as the group's coordinator has told.
    pub(super) anew: BTreeSet<Arc<str>>,
}

/// The thread's handle.
#[derive(Debug)]
pub(super) struct Questions {
    asked: Sender<Question>,
}

impl Questions {
    /// Starts the thread. It ends with the handle, after the question that is being asked.
    pub(super) fn start(consumer: &Arc<Consumer>, reporter: Reporter) -> Result<Self, ClientError> {
        let (asked, received) = channel();
        let consumer = Arc::downgrade(consumer);
        let _detached = thread::Builder::new()
            .name("kafka-questions".to_owned())
            .spawn(move || serve(&consumer, &received, &reporter))
            .map_err(|error| ClientError(format!("the thread for questions cannot be started: {error}")))?;
        Ok(Self { asked })
    }

    /// Asks; the answer comes as [`Report::Told`].
    pub(super) fn ask(&self, question: Question) {
        // The thread ends after the worker only.
        let _ended = self.asked.send(question);
    }
}

fn serve(consumer: &Weak<Consumer>, asked: &Receiver<Question>, reporter: &Reporter) {
    for question in asked {
        let Some(consumer) = consumer.upgrade() else { return };
        let ends = if question.partitions.is_empty() {
            consumer.fetch_metadata(None, PATIENCE).map(|_reached| Offsets::new())
        } else {
            queries::latest(&consumer, &question.partitions)
        };
        // An error says nothing; it is asked again.
        let asked = if question.looks_for_anew { &*question.partitions } else { &[] };
        let anew = queries::topics_made_anew(&consumer, asked).unwrap_or_default();
        drop(consumer);
        reporter.report(Report::Told(Told { question, ends, anew }));
    }
}
