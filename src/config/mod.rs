//! The configuration: plain data with a default for every key, read once, checked once, passed down as values.
//!
//! Serves promise 4 from the front (what cannot work is said before anything runs) and promise 7: every secret is a
//! [`secrecy::SecretString`], and no error or dump holds one.

mod check;
mod client_properties;
mod credentials;
mod delivery;
mod environment;
mod error;
mod kafka;
mod layers;
mod load;
mod log;
mod mapping;
mod profile;
mod reader;
mod routing;
mod schema;
mod secmaster;
mod secret;
mod server;
mod show;
#[cfg(test)]
mod tests;
mod units;
mod vendor;
mod words;
mod yaml;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use client_properties::refused_property;
pub use credentials::{CredentialKind, Credentials, Oidc, PodIdentity};
pub use delivery::{
    Ambiguous, Buffer, CircuitBreaker, DeadLetterGuard, Delivery, FailureClassRule, InstanceId, Ordering, PausedRoute,
    PausedRoutePolicy, RateLimit, RateScope, Retry,
};
pub use environment::Environment;
pub use error::{ConfigError, Problem};
pub use kafka::{Kafka, KafkaSecurity, Oauth, SaslMechanism, SecurityProtocol, StartFrom};
pub use load::{DEFAULT_FILES, Loaded, Purpose, load};
pub use log::{Log, LogFormat, LogLevel};
pub use mapping::{Mapping, OnInvalidField, OnUnmatched};
pub use routing::{Routing, Rule};
pub use schema::schema;
pub use secmaster::SecMaster;
pub use secret::{read_kafka_secrets, read_kafka_secrets_again, read_secmaster_secrets_again};
pub use server::Server;
pub use show::show;
pub use units::{ByteSize, TimeSpan, UnitError};

/// The whole configuration. `Config::default()` is `config/alertbridge.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where alerts come from and where dead letters go.
    pub kafka: Kafka,
    /// Where workflows are started.
    pub secmaster: SecMaster,
    /// How alerts are delivered: order, rate, retries, outages, shutdown.
    pub delivery: Delivery,
    /// How a SIEM's record becomes SecMaster's alert.
    pub mapping: Mapping,
    /// Which workflow an alert starts.
    pub routing: Routing,
    /// The HTTP server for probes, metrics and status.
    pub server: Server,
    /// The log on standard output.
    pub log: Log,
}
