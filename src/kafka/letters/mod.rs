//! The dead-letter topic read and redriven, beside the daemon: its group is neither joined nor committed to.

mod reader;
mod redriver;

pub use reader::{Span, TopicReader};
pub use redriver::{Outgoing, Progress, REDRIVE_IDS, Redriver, progress};
