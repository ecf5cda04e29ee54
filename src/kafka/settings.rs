//! What the adapters need to know: plain data, built by the composition root from the configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Everything that the source and the sink need.
#[derive(Clone)]
pub struct KafkaSettings {
    /// `host:port`, comma separated.
    pub bootstrap_servers: String,
    /// The consumer group.
    pub group_id: String,
    /// Static membership: a name that stays the same over restarts, unique in the group.
    pub group_instance_id: Option<String>,
    /// Topics to read: names, or expressions that begin with `^`.
    pub topics: Vec<String>,
    /// Where dead letters go. No expression in `topics` matches it.
    pub dead_letter_topic: String,
    /// Where redriven records come from. No expression in `topics` matches it.
    pub redrive_topic: String,
    /// Where a group without committed offsets begins.
    pub start_from: Option<StartFrom>,
    /// Transport and authentication.
    pub security: SecuritySettings,
    /// Further librdkafka properties, by name. [`super::refused_property`] says which are not accepted.
    pub client: BTreeMap<String, String>,
    /// How long the commit may take that precedes the handing back of partitions, and the last one.
    pub request_timeout: Duration,
}

/// The user's own properties may hold secrets: only their names are shown.
impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("group_id", &self.group_id)
            .field("group_instance_id", &self.group_instance_id)
            .field("topics", &self.topics)
            .field("dead_letter_topic", &self.dead_letter_topic)
            .field("redrive_topic", &self.redrive_topic)
            .field("start_from", &self.start_from)
            .field("security", &self.security)
            .field("client", &self.client.keys())
            .field("request_timeout", &self.request_timeout)
            .finish()
    }
}

/// Where a group begins to read a topic of which it has no committed offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StartFrom {
    /// The oldest record that the topic retains.
    Earliest,
    /// Only what is written from now on.
    Latest,
    /// The first record that is not older than this.
    Age(Duration),
    /// The first record written at this time or later.
    Time(jiff::Timestamp),
}

/// Transport and authentication.
#[derive(Clone, Debug)]
pub struct SecuritySettings {
    /// How brokers are spoken to.
    pub protocol: SecurityProtocol,
    /// Certificates (PEM) that brokers are checked against, instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// Our certificate (PEM), where brokers ask for one.
    pub certificate_file: Option<PathBuf>,
    /// Its private key (PEM).
    pub key_file: Option<PathBuf>,
    /// The key's password.
    pub key_password: Option<SecretString>,
    /// Whether a broker's certificate has to name the host that we reached.
    pub verify_hostname: bool,
    /// The SASL mechanism, for the protocols with SASL.
    pub sasl_mechanism: Option<SaslMechanism>,
    /// The SASL user.
    pub username: Option<String>,
    /// The SASL user's password.
    pub password: Option<SecretString>,
}

impl Default for SecuritySettings {
    fn default() -> Self {
        Self {
            protocol: SecurityProtocol::Plaintext,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            key_password: None,
            verify_hostname: true,
            sasl_mechanism: None,
            username: None,
            password: None,
        }
    }
}

/// How brokers are spoken to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecurityProtocol {
    /// In the clear.
    Plaintext,
    /// Over TLS.
    Ssl,
    /// With SASL, in the clear.
    SaslPlaintext,
    /// With SASL, over TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// librdkafka's word, which is also the configuration's.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    /// Whether the client has to prove who it is.
    #[must_use]
    pub const fn is_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Whether TLS is used.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

/// How the client proves who it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SaslMechanism {
    /// User and password as they are.
    Plain,
    /// Challenge and response with SHA-256.
    ScramSha256,
    /// Challenge and response with SHA-512.
    ScramSha512,
}

impl SaslMechanism {
    /// The mechanism's registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}
