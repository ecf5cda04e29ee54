//! Kafka: the adapters behind [`crate::ports::RecordSource`] and [`crate::ports::DeadLetterSink`], and the only
//! place that imports rdkafka.
//!
//! | file | what it holds |
//! |---|---|
//! | `settings` | plain data: where the cluster is, who we are, where a group begins |
//! | `client` | settings into librdkafka properties; those that the promises rest on cannot be changed |
//! | `connection` | a consumer with the threads that serve it |
//! | `credentials` | the files for Kafka, read again when they change |
//! | `context` | librdkafka's callbacks: they only report |
//! | `source` | the handle that the pipeline owns |
//! | `worker` | the thread that owns the consumer: polls, answers rebalances, tells positions |
//! | `placement`, `start` | where each newly assigned partition is read from (the questions; the decision) |
//! | `commits`, `committer` | one commit at a time, answered in order; the thread that sends them |
//! | `questions` | the thread that asks where partitions end |
//! | `wake` | what ends the worker's wait |
//! | `outbox` | what the worker tells, in order, bounded |
//! | `queries`, `record` | questions to the brokers; messages into records |
//! | `sink` | the dead-letter producer |
//! | `tokens` | what brokers are shown under OAUTHBEARER: asked for in time, shared by all clients |
//! | `by_hand` | the clients of what follows: they keep their last trouble |
//! | `single` | one record by its place, for `map --from` |
//! | `survey` | what the cluster holds and lets us do, for `check --online` |
//! | `letters` | the dead-letter topic read and redriven, beside the daemon |
//! | `plain`, `embedded` | a producer and a reader without promises, and librdkafka's mock cluster, for the demo |

mod by_hand;
mod client;
mod commits;
mod committer;
mod connection;
mod context;
mod credentials;
pub mod embedded;
pub mod letters;
mod outbox;
mod placement;
pub mod plain;
mod queries;
mod questions;
mod record;
mod settings;
mod single;
mod sink;
mod source;
mod start;
pub mod survey;
mod tokens;
mod wake;
mod worker;

pub use client::{ClientError, check};
pub use credentials::keep_credentials;
pub use settings::KafkaSettings;
pub use single::{ReadError, read_record};
pub use sink::KafkaSink;
pub use source::KafkaSource;
pub use tokens::{Token, Tokens};
