//! librdkafka's callbacks, and what they report. They run inside `poll` and only report: the worker decides and answers
//! afterwards, because a callback that waits holds up heartbeats, commits and the group.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Statistics, TopicPartitionList};

use super::commits::CommitError;
use super::queries;
use super::questions::Told;
use super::tokens::{self, Tokens};
use super::wake::Wake;
use crate::domain::TopicPartition;

/// The consumer with our callbacks.
pub(super) type Consumer = BaseConsumer<SourceContext>;

/// What a callback reports.
#[derive(Debug)]
pub(super) enum Report {
    /// The group gave us these partitions; `assign` has to answer.
    Assign(Vec<TopicPartition>),
    /// The group takes these partitions away; `unassign` has to answer.
    Revoke {
        /// Which.
        partitions: Vec<TopicPartition>,
        /// They are gone already: another member may read them.
        lost: bool,
    },
    /// The commit that is under way has its answer (from the committer's thread).
    Committed {
        /// The answer, for what was sent.
        result: Result<(), CommitError>,
        /// Topics that were found to be made anew. Nothing of them was sent.
        anew: BTreeSet<Arc<str>>,
    },
    /// The brokers have told where partitions end, or not (from the thread that asks).
    Told(Told),
    /// The client has a trouble that it goes on to mend by itself.
    Trouble {
        /// librdkafka's code.
        code: RDKafkaErrorCode,
        /// librdkafka's words.
        reason: String,
    },
}

/// Where reports go. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    reports: Sender<Report>,
    wake: Wake,
}

impl Reporter {
    pub(super) fn new(reports: Sender<Report>, wake: Wake) -> Self {
        Self { reports, wake }
    }

    /// Tells the worker, which is gone only when nothing can be reported any more.
    pub(super) fn report(&self, report: Report) {
        let _closed = self.reports.send(report);
        self.wake.ring();
    }
}

/// The callbacks of the consumer.
#[derive(Debug)]
pub(super) struct SourceContext {
    reporter: Reporter,
    tokens: Option<Tokens>,
    /// Set when the consumer is being closed: nobody is left to answer a rebalance but the callback itself.
    closing: AtomicBool,
}

impl SourceContext {
    pub(super) fn new(reporter: Reporter, tokens: Option<Tokens>) -> Self {
        Self { reporter, tokens, closing: AtomicBool::new(false) }
    }

    /// From now on rebalances are answered where they are reported.
    pub(super) fn begin_closing(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

impl ClientContext for SourceContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats(&self, _statistics: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if let Some(tokens) = &self.tokens {
            tokens.trouble(code);
        }
        let code = code.unwrap_or(RDKafkaErrorCode::Fail);
        self.reporter.report(Report::Trouble { code, reason: reason.to_owned() });
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        tokens::answer(self.tokens.as_ref())
    }
}

impl ConsumerContext for SourceContext {
    fn rebalance(&self, consumer: &Consumer, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assign = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::SeqCst) {
            answer_inline(consumer, assign, list);
        } else if assign {
            self.reporter.report(Report::Assign(queries::partitions(list)));
        } else {
            let lost = consumer.assignment_lost();
            self.reporter.report(Report::Revoke { partitions: queries::partitions(list), lost });
        }
    }
}

/// Answers a rebalance on the spot; an answer that fails leaves nothing to do, the consumer is going away.
pub(super) fn answer_inline(consumer: &Consumer, assign: bool, list: &TopicPartitionList) {
    let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
    let _failed = match (cooperative, assign) {
        (true, true) => consumer.incremental_assign(list),
        (true, false) => consumer.incremental_unassign(list),
        (false, true) => consumer.assign(list),
        (false, false) => consumer.unassign(),
    };
}

/// librdkafka's own log, a level quieter than it thinks of itself: what matters is told as an event as well.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        // Property warnings: both clients share the user's properties, and each knows only its own.
        _ if facility == "CONFWARN" => {
            tracing::debug!(event = "kafka.client", facility, detail = message, "librdkafka")
        }
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::warn!(event = "kafka.client", facility, detail = message, "librdkafka");
        }
        RDKafkaLogLevel::Warning => tracing::info!(event = "kafka.client", facility, detail = message, "librdkafka"),
        _ => tracing::debug!(event = "kafka.client", facility, detail = message, "librdkafka"),
    }
}
