//! Another consumer takes the place of this one: for certificates, which librdkafka reads only when a client is made.
//!
//! To the pipeline it is a rebalance: all partitions are revoked, settled, committed by the old consumer, and assigned
//! again to the new one, from what was committed (promises 2 and 3). The new one is made first: if it cannot be, nothing
//! has happened.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use tokio::time::Instant;

use super::rebalance::Rebalance;
use super::watch::Watch;
use super::{SLICE, Worker};
use crate::kafka::KafkaSettings;
use crate::kafka::connection::{self, Connection};
use crate::kafka::context::{Consumer, Report, answer_inline};
use crate::kafka::queries;
use crate::kafka::wake::Wake;
use crate::ports::SourceEvent;

/// The longest that the leaving of the old consumer is waited for (librdkafka gives the brokers 5 s to answer); no command
/// is served meanwhile. It goes on in the background, and the new one joins: at worst the old one's partitions wait for
/// its session to end.
const LEAVING: Duration = Duration::from_secs(6);

/// Between two tries to make the new consumer.
const TRIES: Duration = Duration::from_secs(15);

/// Why a commit is not answered any more.
const REPLACED: &str = "the client was replaced meanwhile";

/// The consumer that is to take the place of the present one, and what it was made of.
pub(super) struct Fresh {
    settings: KafkaSettings,
    connection: Connection,
}

impl Worker {
    /// Begins what is asked for, as soon as the group waits for nothing.
    pub(super) fn advance_renewal(&mut self) {
        let now = Instant::now();
        if let Some(settings) = self.wanted.take(now) {
            match Connection::open(&settings, &self.wake) {
                Ok(connection) => self.fresh = Some(Box::new(Fresh { settings: *settings, connection })),
                Err(error) => {
                    tracing::error!(
                        event = "kafka.consumer_kept",
                        error = %error,
                        "a new consumer cannot be made; the old one stays, with what its files held before, and it is tried again"
                    );
                    self.wanted.put_back(settings, now + TRIES);
                }
            }
        }
        let is_held = matches!(self.rebalance, Some(Rebalance::Revoking { .. } | Rebalance::Renewing { .. }));
        if self.fresh.is_none() || is_held || !self.reported.is_empty() {
            return;
        }
        if self.owned.is_empty() {
            return self.renew();
        }
        if let Some(Rebalance::Placing { partitions, .. }) = self.rebalance.take() {
            answer_inline(&self.consumer, true, &queries::bare_list(&partitions));
        }
        self.owned.values_mut().for_each(|owned| owned.held = true);
        let ours: Vec<_> = self.owned.keys().cloned().collect();
        self.rebalance = Some(Rebalance::Renewing { unreleased: ours.iter().cloned().collect() });
        self.tell(SourceEvent::Revoked(ours));
    }

    /// The partitions are lost while they were to be handed back: another member may already read them.
    pub(super) fn lose_all(&mut self) {
        let lost: Vec<_> = self.owned.drain().map(|(partition, _)| partition).collect();
        lost.iter().for_each(|partition| self.forget_anew(partition));
        self.left();
        if !lost.is_empty() {
            self.tell(SourceEvent::Lost(lost));
        }
    }

    /// Lets the old consumer leave the group and the new one join it. Nothing is ours meanwhile.
    pub(super) fn renew(&mut self) {
        let Some(fresh) = self.fresh.take() else { return };
        let Fresh { settings, connection: Connection { consumer, committer, questions, reports } } = *fresh;
        self.committer.taken();
        self.consumer.context().begin_closing();
        self.answer_inline();
        let answered = self.commits.abandon(REPLACED);
        self.settle(answered);
        self.watch = Watch::new(Instant::now());
        (self.committer, self.questions, self.reports) = (committer, questions, reports);
        let old = std::mem::replace(&mut self.consumer, consumer);
        self.settings = settings;
        self.current.set(&self.consumer);
        self.wanted.done();
        self.leave_behind(old);
        if let Err(error) = connection::subscribe(&self.consumer, &self.settings) {
            self.tell_fatal(&error);
        }
    }

    /// Answers what the group still waits for, so that leaving does not wait.
    fn answer_inline(&mut self) {
        while let Ok(report) = self.reports.try_recv() {
            self.reported.push_back(report);
        }
        if let Some(Rebalance::Placing { partitions, .. }) = self.rebalance.take() {
            answer_inline(&self.consumer, true, &queries::bare_list(&partitions));
        }
        for report in std::mem::take(&mut self.reported) {
            match report {
                Report::Assign(partitions) => {
                    answer_inline(&self.consumer, true, &queries::bare_list(&partitions));
                }
                Report::Revoke { partitions, .. } => {
                    answer_inline(&self.consumer, false, &queries::bare_list(&partitions));
                }
                Report::Committed { .. } | Report::Told(_) | Report::Trouble { .. } => {}
            }
        }
    }

    /// Drops the old consumer, which leaves the group, on a thread of its own: that may take as long as its connections.
    fn leave_behind(&mut self, old: Arc<Consumer>) {
        let (tell, left) = channel();
        let leave = move || {
            // Others may be asking or pausing yet. Whoever drops it last is the one that leaves, and waits for that.
            let (clock, deadline) = (Wake::default(), Instant::now() + queries::PATIENCE);
            while Arc::strong_count(&old) > 1 && Instant::now() < deadline {
                clock.wait(SLICE);
            }
            drop(old);
            // Nobody may wait any more.
            let _late = tell.send(());
        };
        // Without a thread the closure is dropped, and the consumer with it.
        let _detached = thread::Builder::new().name("kafka-leaving".to_owned()).spawn(leave);
        let deadline = Instant::now() + LEAVING;
        while let Err(RecvTimeoutError::Timeout) = left.recv_timeout(SLICE) {
            self.heart.beat();
            if Instant::now() >= deadline {
                tracing::warn!(
                    event = "kafka.leave_slow",
                    "the group was not left in time: its partitions wait for the session to end"
                );
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::connection::{Current, Wanted};
    use crate::kafka::outbox::Outbox;
    use crate::kafka::settings::offline;
    use crate::kafka::worker::Wiring;
    use crate::telemetry::Heart;

    fn worker(wanted: &Wanted) -> Worker {
        let (settings, wake) = (offline(), Wake::default());
        let connection = Connection::open(&settings, &wake).unwrap();
        let current = Current::new(&connection.consumer);
        let (event, answer) = (tokio::sync::mpsc::unbounded_channel().0, tokio::sync::mpsc::unbounded_channel().0);
        let (outbox, commands) = (Outbox::new(event, answer, Arc::default()), channel().1);
        let (heart, wanted) = (Heart::default(), wanted.clone());
        Worker::new(settings, Wiring { connection, commands, outbox, wake, heart, current, wanted })
    }

    #[test]
    fn a_consumer_that_cannot_be_made_is_tried_again_after_a_wait() {
        let wanted = Wanted::default();
        let mut worker = worker(&wanted);
        let mut bad = offline();
        let _new = bad.client.insert("no.such.property".to_owned(), "1".to_owned());
        wanted.ask(bad);
        let begun = Instant::now();
        worker.advance_renewal();
        assert!(wanted.is_pending() && worker.fresh.is_none());
        assert!(wanted.take(begun + Duration::from_secs(14)).is_none(), "not in a burst");
        let again = wanted.take(Instant::now() + TRIES).unwrap();
        assert!(again.client.contains_key("no.such.property"));
        wanted.ask(offline());
        wanted.put_back(again, begun);
        worker.advance_renewal();
        assert!(!wanted.is_pending(), "what was asked for since has taken over");
    }
}
