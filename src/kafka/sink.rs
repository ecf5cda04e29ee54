//! The dead-letter producer: acknowledged by all in-sync replicas, written once, smaller where the topic refuses the
//! whole (promises 2 and 3: what cannot be delivered is kept, and only then settled).

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header as NativeHeader, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Statistics};

use super::tokens::{self, Tokens};
use super::{ClientError, KafkaSettings, client, context};
use crate::domain::{DeadLetter, Header, Shape};
use crate::ports::{DeadLetterError, DeadLetterSink};

/// Writes dead letters to their topic. The record's timestamp is the time of writing, so that the topic's retention
/// counts from then; the original one is in the headers.
pub struct KafkaSink {
    topic: String,
    made: Mutex<Made>,
}

/// The producer, and what it was made of.
struct Made {
    config: ClientConfig,
    tokens: Option<Tokens>,
    producer: SinkProducer,
}

pub(super) type SinkProducer = FutureProducer<SinkContext>;

impl std::fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSink").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Made {
    fn of(settings: &KafkaSettings) -> Result<Self, ClientError> {
        let (config, tokens) = (client::producer(settings)?, settings.tokens.clone());
        let producer = make(&config, &tokens).map_err(|error| client::refused(&error))?;
        Ok(Self { config, tokens, producer })
    }
}

impl KafkaSink {
    /// Makes the producer. Reaches no broker.
    ///
    /// # Errors
    ///
    /// The settings hold a property that is not accepted, or a file that cannot be read.
    pub fn new(settings: &KafkaSettings) -> Result<Self, ClientError> {
        Ok(Self { topic: settings.dead_letter_topic.clone(), made: Mutex::new(Made::of(settings)?) })
    }

    /// Writes with another producer from now on. What is being written is written, or fails, with the old one.
    pub(super) fn renew(&self, settings: &KafkaSettings) -> Result<(), ClientError> {
        let made = Made::of(settings)?;
        let old = std::mem::replace(&mut *self.made(), made);
        // It ends with its last letter; not under the lock.
        drop(old);
        Ok(())
    }

    /// Gives the producer another password, and remembers it for its successors.
    pub(super) fn set_password(&self, config: ClientConfig, set: impl FnOnce(&SinkProducer)) {
        let mut made = self.made();
        made.config = config;
        set(&made.producer);
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The producer; a new one if the last has failed for good.
    fn producer(&self) -> Result<SinkProducer, KafkaError> {
        let mut made = self.made();
        if let Some((code, reason)) = made.producer.client().fatal_error() {
            tracing::warn!(event = "kafka.producer_renewed", code = ?code, reason, "the producer is made anew");
            made.producer = make(&made.config, &made.tokens)?;
        }
        Ok(made.producer.clone())
    }

    async fn write(&self, letter: &DeadLetter, shape: Shape) -> Result<(), KafkaError> {
        let producer = self.producer()?;
        let mut record: FutureRecord<'_, [u8], [u8]> =
            FutureRecord::to(&self.topic).headers(native(&letter.headers(shape)));
        if let Some(key) = letter.key(shape) {
            record = record.key(key);
        }
        if let Some(value) = letter.value(shape) {
            record = record.payload(value);
        }
        // A full queue is waited for; how long a record may wait in it is bounded by message.timeout.ms.
        producer.send(record, Timeout::Never).await.map(|_delivery| ()).map_err(|(error, _record)| error)
    }

    /// librdkafka does not say which topic it speaks of.
    fn unavailable(&self, why: &str) -> DeadLetterError {
        DeadLetterError::Unavailable(format!("{}: {why}", self.topic))
    }
}

impl DeadLetterSink for KafkaSink {
    async fn publish(&self, letter: &DeadLetter) -> Result<Shape, DeadLetterError> {
        let mut last = None;
        for shape in Shape::ALL {
            match self.write(letter, shape).await {
                Ok(()) => return Ok(shape),
                Err(error) if is_too_large(&error) => last = Some(error),
                Err(error) => return Err(self.unavailable(&error.to_string())),
            }
        }
        let error = last.map(|error| error.to_string()).unwrap_or_default();
        Err(self.unavailable(&format!("even coordinates and reason alone are too large: {error}")))
    }
}

fn is_too_large(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge)
}

fn make(config: &ClientConfig, tokens: &Option<Tokens>) -> Result<SinkProducer, KafkaError> {
    config.create_with_context(SinkContext { tokens: tokens.clone() })
}

/// Our headers in librdkafka's form, in order.
pub(super) fn native(headers: &[Header]) -> OwnedHeaders {
    headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len()), |native, header| {
        native.insert(NativeHeader { key: &header.name, value: header.value.as_deref() })
    })
}

pub(super) struct SinkContext {
    tokens: Option<Tokens>,
}

impl ClientContext for SinkContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        context::log(level, facility, message);
    }

    fn stats(&self, _statistics: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(tokens) = &self.tokens {
            tokens.trouble(error.rdkafka_error_code());
        }
        // What concerns a dead letter comes as its own error.
        tracing::debug!(event = "kafka.trouble", error = %error, reason, "the dead-letter producer has a trouble");
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        tokens::answer(self.tokens.as_ref())
    }
}
