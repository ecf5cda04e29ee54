//! `kafka`: where alerts come from and where dead letters go.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::secret;
use super::units::{FORM, TimeSpan};

/// The brokers, the consumer group and the topics.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// Brokers to begin with, `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// The consumer group. Replicas share it; its committed offsets are the bridge's memory.
    pub group_id: String,
    /// Static membership, e.g. the pod's name: a restart within `session.timeout.ms` moves no partition. There is no
    /// leave at close, so the partitions of a replica that is gone wait that long. Must differ between replicas.
    pub group_instance_id: Option<String>,
    /// Topics to read: names, or regular expressions that begin with `^`.
    pub topics: Vec<String>,
    /// The topic that redriven dead letters are written to (`alertbridge dead-letters redrive`). It is read beside
    /// `topics`, which never match it; where it does not exist, nothing is missing until something is redriven.
    pub redrive_topic: String,
    /// The topic for what cannot be delivered. Never matched by `topics`. It must exist, or the brokers must create it.
    pub dead_letter_topic: String,
    /// Where a group without committed offsets begins: `earliest`, `latest`, an age (`1h`) or a time
    /// (`2026-11-01T00:00:00Z`). Needed once; without it such a group does not start.
    pub start_from: Option<StartFrom>,
    /// Encryption and authentication towards the brokers.
    pub security: KafkaSecurity,
    /// Further librdkafka properties, by their own names. Refused: those that the bridge's promises rest on, and those
    /// that have a key of their own here.
    #[schemars(with = "BTreeMap<String, ClientValue>")]
    pub client: BTreeMap<String, String>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            bootstrap_servers: "localhost:9092".to_owned(),
            group_id: "alertbridge".to_owned(),
            group_instance_id: None,
            topics: vec!["soc.alerts".to_owned()],
            redrive_topic: "soc.alerts.redrive".to_owned(),
            dead_letter_topic: "soc.alerts.dead-letter".to_owned(),
            start_from: None,
            security: KafkaSecurity::default(),
            client: BTreeMap::new(),
        }
    }
}

/// Encryption and authentication towards the brokers.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaSecurity {
    /// How brokers are spoken to.
    pub protocol: SecurityProtocol,
    /// Certificate authorities that sign the brokers' certificates, a PEM file. Unset: the system's. The server of
    /// `oauth.token_url` is trusted by these and by the system's. This file and the other files for Kafka are read again
    /// when they change.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, a PEM file, where brokers ask for one.
    pub certificate_file: Option<PathBuf>,
    /// The client's private key, a PEM file.
    pub key_file: Option<PathBuf>,
    /// A file that holds the private key's password.
    pub key_password_file: Option<PathBuf>,
    /// The content of `key_password_file`.
    #[serde(skip)]
    pub key_password: Option<SecretString>,
    /// Whether a broker's certificate must name the host that was asked for.
    pub verify_hostname: bool,
    /// How the client says who it is; needed by `sasl_plaintext` and `sasl_ssl`.
    pub sasl_mechanism: Option<SaslMechanism>,
    /// The SASL user; not with OAUTHBEARER.
    pub username: Option<String>,
    /// The SASL user's password.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub password: Option<SecretString>,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// For `sasl_mechanism: OAUTHBEARER`.
    pub oauth: Oauth,
}

impl Default for KafkaSecurity {
    fn default() -> Self {
        Self {
            protocol: SecurityProtocol::Plaintext,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            key_password_file: None,
            key_password: None,
            verify_hostname: true,
            sasl_mechanism: None,
            username: None,
            password: None,
            password_file: None,
            oauth: Oauth::default(),
        }
    }
}

/// Where OAUTHBEARER tokens come from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oauth {
    /// The token endpoint, `https://…`. Tokens are asked for with the client-credentials grant, and replaced before they
    /// expire.
    pub token_url: Option<String>,
    /// The client's id.
    pub client_id: Option<String>,
    /// The client's secret. Sent with the id in the `Authorization` header.
    #[serde(serialize_with = "secret::hidden")]
    #[schemars(with = "secret::Text")]
    pub client_secret: Option<SecretString>,
    /// A file that holds the client's secret. Read each time that a token is asked for.
    pub client_secret_file: Option<PathBuf>,
    /// The scopes to ask for, separated by spaces.
    pub scope: Option<String>,
}

/// How brokers are spoken to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum SecurityProtocol {
    /// No encryption, no authentication.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL without encryption.
    SaslPlaintext,
    /// SASL over TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// librdkafka's word for it, which is ours.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether the client has to say who it is.
    #[must_use]
    pub const fn is_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How the client says who it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(inline)]
pub enum SaslMechanism {
    /// User and password as they are; only over TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// A challenge with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// A challenge with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A token of an OAuth server.
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer,
}

impl SaslMechanism {
    /// The mechanism's registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

/// Where a group without committed offsets begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StartFrom {
    /// With the oldest record that the brokers hold.
    Earliest,
    /// With what comes after the start.
    Latest,
    /// With the first record not older than this at the start.
    Age(TimeSpan),
    /// With the first record not older than this time.
    Time(jiff::Timestamp),
}

impl fmt::Display for StartFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => f.write_str("earliest"),
            Self::Latest => f.write_str("latest"),
            Self::Age(age) => age.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

/// The text is not a place to begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected `earliest`, `latest`, an age such as `1h`, or a time with its zone such as `2026-11-01T00:00:00Z`")]
pub struct StartFromError;

impl FromStr for StartFrom {
    type Err = StartFromError;

    fn from_str(text: &str) -> Result<Self, StartFromError> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            _ => text
                .parse()
                .map(Self::Age)
                .or_else(|_| text.parse().map(Self::Time))
                .map_err(|_: jiff::Error| StartFromError),
        }
    }
}

impl Serialize for StartFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StartFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for StartFrom {
    fn schema_name() -> Cow<'static, str> {
        "StartFrom".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["earliest"], (FORM): "start_from"})
    }
}

/// The schema of a librdkafka property's value: any scalar; it is kept as its text.
struct ClientValue;

impl JsonSchema for ClientValue {
    fn schema_name() -> Cow<'static, str> {
        "ClientValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}
