//! Kafka arithmetic without Kafka: which offsets may be committed, and when (promise 2).
//!
//! What is deliberately absent: any client, any clock of its own, any knowledge of what a record holds.

mod book;
mod completed;
mod ledger;
mod room;
mod schedule;

pub use book::{Frontier, OffsetBook};
pub use completed::{CompletedError, CompletedOffsets};
pub use ledger::{Claim, Epoch, LedgerError, PartitionLedger};
pub use schedule::CommitSchedule;
