//! What the worker tells, in order, and how much of it waits to be taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::domain::Record;
use crate::ports::SourceEvent;

/// Above this many bytes of records that nobody has taken, no more are polled. The pipeline's own budgets count only what
/// it has taken, and while it maps a backlog it takes less than the brokers give: this is what it may find too much when
/// it pauses its partitions.
const BACKLOG: usize = 2 << 20;

/// At most about this much is told at once, so that commands and rebalances get their turn here, and answers in the
/// pipeline: mapping a batch takes it some milliseconds.
const BATCH_RECORDS: usize = 128;
const BATCH_BYTES: usize = 256 << 10;

/// The event, and how many assignments there were up to and with it; a partition that goes on elsewhere counts as one.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) event: SourceEvent,
    pub(super) epoch: u64,
}

/// The worker's end of the channel.
#[derive(Debug)]
pub(super) struct Outbox {
    events: mpsc::UnboundedSender<Told>,
    answers: mpsc::UnboundedSender<SourceEvent>,
    backlog: Arc<AtomicUsize>,
    batch: Vec<Record>,
    batch_bytes: usize,
    /// How many assignments there were.
    pub(super) epoch: u64,
}

impl Outbox {
    pub(super) fn new(
        events: mpsc::UnboundedSender<Told>,
        answers: mpsc::UnboundedSender<SourceEvent>,
        backlog: Arc<AtomicUsize>,
    ) -> Self {
        Self { events, answers, backlog, batch: Vec::new(), batch_bytes: 0, epoch: 0 }
    }

    /// Tells an event, after the records that came before it.
    pub(super) fn tell(&mut self, event: SourceEvent) {
        self.flush();
        self.send(event);
    }

    /// Tells the answer to a commit, past everything that has not been taken yet: deliveries wait for it, and it says
    /// itself which assignment it belongs to.
    pub(super) fn answer(&self, event: SourceEvent) {
        let _gone = self.answers.send(event);
    }

    /// Adds a record to those that are told together.
    pub(super) fn push(&mut self, record: Record) {
        self.batch_bytes += record.size();
        self.batch.push(record);
    }

    /// Whether the records that were added are enough.
    pub(super) fn batch_is_full(&self) -> bool {
        self.batch.len() >= BATCH_RECORDS || self.batch_bytes >= BATCH_BYTES
    }

    /// Tells the records that were added.
    pub(super) fn flush(&mut self) {
        if !self.batch.is_empty() {
            let records = std::mem::take(&mut self.batch);
            let bytes = std::mem::take(&mut self.batch_bytes);
            let _before = self.backlog.fetch_add(bytes, Ordering::Relaxed);
            self.send(SourceEvent::Records(records));
        }
    }

    /// Whether too much waits to be taken.
    pub(super) fn is_full(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) > BACKLOG
    }

    fn send(&self, event: SourceEvent) {
        // A handle that is gone is noticed by its commands' end.
        let _gone = self.events.send(Told { event, epoch: self.epoch });
    }
}

/// Whether the backlog, which was so large, has become small enough for more to be polled.
pub(super) fn has_room_again(before: usize, taken: usize) -> bool {
    before > BACKLOG && before.saturating_sub(taken) <= BACKLOG
}

/// What records weigh in the backlog.
pub(super) fn size(records: &[Record]) -> usize {
    records.iter().map(Record::size).sum()
}
