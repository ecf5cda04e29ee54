//! Kafka arithmetic without Kafka: which offsets may be committed, and when (promise 2).
//!
//! What is deliberately absent: any client, any clock of its own, any knowledge of what a record holds.

mod book;
mod completed;
mod ledger;
mod marks;
mod metadata;
mod room;
mod schedule;
mod varint;

pub use book::{Frontier, OffsetBook};
pub use completed::CompletedOffsets;
pub use ledger::{Claim, Epoch, LedgerError, PartitionLedger};
pub use marks::AttemptMarks;
pub use metadata::{CommitMetadata, MetadataError};
pub use schedule::CommitSchedule;
