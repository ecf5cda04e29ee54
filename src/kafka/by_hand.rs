//! Clients beside the daemon's two: for commands, and for trying settings out. They keep their last trouble, which says
//! more than the time-out that it ends in.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::Statistics;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{NoCustomPartitioner, ProducerContext, ThreadedProducer};

use super::tokens::{self, Tokens};
use super::{ClientError, KafkaSettings, client, context};

/// A consumer that is polled, or asked, by its owner.
pub(super) type Consumer = BaseConsumer<ByHand>;
/// A producer whose callbacks are served by a thread of its own, while calls of its owner block, too.
pub(super) type Producer = ThreadedProducer<ByHand>;

/// The callbacks.
#[derive(Debug, Default)]
pub(super) struct ByHand {
    tokens: Option<Tokens>,
    trouble: Mutex<Option<Trouble>>,
    has_producer_id: AtomicBool,
}

/// An error that the client goes on to mend by itself.
#[derive(Debug)]
struct Trouble {
    /// Brokers do not accept who we are, or we do not accept them.
    is_refusal: bool,
    reason: String,
}

/// A consumer that may be asked questions at once: where brokers want a token, it has one.
pub(super) fn consumer(config: &ClientConfig, settings: &KafkaSettings) -> Result<Consumer, ClientError> {
    let consumer: Consumer = create(config, settings)?;
    if settings.tokens.is_some() {
        // librdkafka asks for the first token when it is made, and hears the answer in a poll.
        drop(consumer.poll(Duration::ZERO));
    }
    Ok(consumer)
}

/// A producer.
pub(super) fn producer(config: &ClientConfig, settings: &KafkaSettings) -> Result<Producer, ClientError> {
    create(config, settings)
}

/// A client.
pub(super) fn create<C: FromClientConfigAndContext<ByHand>>(
    config: &ClientConfig,
    settings: &KafkaSettings,
) -> Result<C, ClientError> {
    if let Some(tokens) = &settings.tokens {
        // Without one no broker would be reached, and nobody would say why.
        let _token = tokens.lease()?;
    }
    let context = ByHand { tokens: settings.tokens.clone(), ..ByHand::default() };
    config.create_with_context(context).map_err(|error| client::refused(&error))
}

impl ByHand {
    /// The last trouble, once.
    pub(super) fn take_trouble(&self) -> Option<String> {
        self.trouble().take().map(|trouble| trouble.reason)
    }

    /// Whether brokers have refused us, or we them.
    pub(super) fn is_refused(&self) -> bool {
        self.trouble().as_ref().is_some_and(|trouble| trouble.is_refusal)
    }

    /// Whether brokers have given an idempotent producer its id, as far as statistics have told.
    pub(super) fn has_producer_id(&self) -> bool {
        self.has_producer_id.load(Ordering::Relaxed)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for ByHand {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        context::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code();
        // That all are down says less than why one is.
        if code != Some(Code::AllBrokersDown) {
            // A peer's alert of TLS is told as a connection that was lost, in OpenSSL's words.
            let is_refusal = matches!(code, Some(Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL))
                || reason.contains("SSL routines");
            let mut trouble = self.trouble();
            if is_refusal || trouble.as_ref().is_none_or(|trouble| !trouble.is_refusal) {
                *trouble = Some(Trouble { is_refusal, reason: reason.to_owned() });
            }
        }
    }

    fn stats(&self, statistics: Statistics) {
        // librdkafka's STATISTICS.md: -1 for none.
        if statistics.eos.is_some_and(|eos| eos.producer_id >= 0) {
            self.has_producer_id.store(true, Ordering::Relaxed);
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        tokens::answer(self.tokens.as_ref())
    }
}

impl ConsumerContext for ByHand {}

impl ProducerContext<NoCustomPartitioner> for ByHand {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, _opaque: ()) {}
}
