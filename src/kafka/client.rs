//! Settings into librdkafka properties. The properties that the promises rest on are set last and cannot be changed.

use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use secrecy::{ExposeSecret, SecretString};

use super::KafkaSettings;
use super::settings::exactly;
use crate::config::{SaslMechanism, refused_property};

/// A client could not be made of the settings. The text names the property, never a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ClientError(pub(super) String);

/// Whether clients can be made of the settings. Reaches nothing and starts nothing.
///
/// # Errors
///
/// The settings hold a property that is not accepted.
pub fn check(settings: &KafkaSettings) -> Result<(), ClientError> {
    for config in [consumer(settings)?, producer(settings)?] {
        let _native = config.create_native_config().map_err(|error| refused(&error))?;
    }
    Ok(())
}

/// The properties of the consumer.
pub(super) fn consumer(settings: &KafkaSettings) -> Result<ClientConfig, ClientError> {
    if settings.topics.is_empty() {
        return Err(ClientError("there is no topic to read".to_owned()));
    }
    for excluded in [&settings.dead_letter_topic, &settings.redrive_topic] {
        if settings.topics.contains(excluded) {
            return Err(ClientError(format!(
                "the topic {excluded} is the bridge's own and cannot be among those to read"
            )));
        }
    }
    let mut config = ClientConfig::new();
    // One step below the server's default of max.poll.interval: a replica that hangs gives way within five minutes,
    // one that is gone within 45 seconds.
    let _ = config
        .set("session.timeout.ms", "45000")
        .set("heartbeat.interval.ms", "3000")
        .set("max.poll.interval.ms", "300000")
        .set("partition.assignment.strategy", "cooperative-sticky")
        // At most 4 MiB are fetched ahead; one larger record is still let in. It is memory beside the buffer, and a pause
        // throws it away. So little is soon taken: more is asked for after 20 ms, not after a second, the default.
        .set("queued.max.messages.kbytes", "4096")
        .set("fetch.max.bytes", "2097152")
        .set("fetch.queue.backoff.ms", "20")
        .set("max.partition.fetch.bytes", "1048576")
        .set("fetch.wait.max.ms", "500")
        // New topics and partitions are seen within a minute.
        .set("topic.metadata.refresh.interval.ms", "60000");
    common(&mut config, settings)?;
    let _ = config
        .set("group.id", &settings.group_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "false")
        .set("allow.auto.create.topics", "false")
        .set("topic.blacklist", exactly(&settings.dead_letter_topic));
    if let Some(instance) = &settings.group_instance_id {
        let _ = config.set("group.instance.id", instance);
    }
    Ok(config)
}

/// The properties of the dead-letter producer.
pub(super) fn producer(settings: &KafkaSettings) -> Result<ClientConfig, ClientError> {
    let mut config = ClientConfig::new();
    let _ = config
        .set("compression.type", "zstd")
        .set("linger.ms", "0")
        .set("message.timeout.ms", "30000")
        .set("topic.metadata.propagation.max.ms", "10000")
        // The broker decides what is too large.
        .set("message.max.bytes", "1000000000");
    common(&mut config, settings)?;
    let _ = config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // Brokers judge batches: a batch of one is refused for its own size only.
        .set("batch.num.messages", "1");
    Ok(config)
}

/// What both clients share: who we are, transport, authentication, the user's own properties.
pub(super) fn common(config: &mut ClientConfig, settings: &KafkaSettings) -> Result<(), ClientError> {
    let _ = config
        .set("client.id", "alertbridge")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.max.ms", "5000")
        .set("bootstrap.servers", &settings.bootstrap_servers)
        .set("log.connection.close", "false")
        .set_log_level(RDKafkaLogLevel::Info);
    for (name, value) in &settings.client {
        if let Some(why) = refused_property(name) {
            return Err(ClientError(format!("the client property {name} cannot be set: {why}")));
        }
        let _ = config.set(name, value);
    }
    security(config, settings)
}

fn security(config: &mut ClientConfig, settings: &KafkaSettings) -> Result<(), ClientError> {
    let security = &settings.security;
    let _ = config.set("security.protocol", security.protocol.as_str());
    if security.protocol.is_tls() {
        if let Some(file) = security.ca_file.as_deref().or_else(|| system_roots(Path::is_file)) {
            set_path(config, "ssl.ca.location", file)?;
        }
        let algorithm = if security.verify_hostname { "https" } else { "none" };
        let _ = config.set("ssl.endpoint.identification.algorithm", algorithm);
        if let Some(file) = &security.certificate_file {
            set_path(config, "ssl.certificate.location", file)?;
        }
        if let Some(file) = &security.key_file {
            set_path(config, "ssl.key.location", file)?;
        }
        set_secret(config, "ssl.key.password", security.key_password.as_ref());
    }
    if security.protocol.is_sasl() {
        sasl(config, settings)?;
    }
    Ok(())
}

fn sasl(config: &mut ClientConfig, settings: &KafkaSettings) -> Result<(), ClientError> {
    let security = &settings.security;
    let needs = |what: &str| ClientError(format!("{} needs {what}", security.protocol.as_str()));
    let mechanism = security.sasl_mechanism.ok_or_else(|| needs("sasl_mechanism"))?;
    let _ = config.set("sasl.mechanism", mechanism.as_str());
    if mechanism == SaslMechanism::OauthBearer {
        // The tokens themselves come through the clients' contexts.
        return settings.tokens.as_ref().map(drop).ok_or_else(|| needs("oauth with sasl_mechanism OAUTHBEARER"));
    }
    let (Some(user), Some(password)) = (&security.username, &security.password) else {
        return Err(needs("username and password"));
    };
    let _ = config.set("sasl.username", user).set("sasl.password", password.expose_secret());
    Ok(())
}

fn set_path(config: &mut ClientConfig, name: &str, path: &Path) -> Result<(), ClientError> {
    let text = path.to_str().ok_or_else(|| ClientError(format!("the path for {name} is not UTF-8")))?;
    let _ = config.set(name, text);
    Ok(())
}

fn set_secret(config: &mut ClientConfig, name: &str, secret: Option<&SecretString>) {
    if let Some(secret) = secret {
        let _ = config.set(name, secret.expose_secret());
    }
}

/// Where the system keeps its roots. The TLS library inside librdkafka is built from source and does not know; the
/// places are those of the usual distributions (the list of Go's crypto/x509 for Linux, and macOS).
fn system_roots(exists: impl Fn(&Path) -> bool) -> Option<&'static Path> {
    const BUNDLES: [&str; 7] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/pki/tls/cacert.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
        "/opt/homebrew/etc/openssl@3/cert.pem",
    ];
    BUNDLES.into_iter().map(Path::new).find(|path| exists(path))
}

/// A client that could not be made, in words that hold no property's value.
pub(super) fn refused(error: &KafkaError) -> ClientError {
    match error {
        KafkaError::ClientConfig(_, _, name, _) => {
            ClientError(format!("librdkafka does not accept the client property {name} or its value"))
        }
        other => ClientError(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecurityProtocol;
    use crate::kafka::settings::offline;

    fn settings() -> KafkaSettings {
        KafkaSettings { topics: vec!["^soc\\..*".to_owned()], ..offline() }
    }

    #[test]
    fn a_property_that_a_promise_rests_on_is_refused_with_its_reason() {
        let mut settings = settings();
        let _new = settings.client.insert("enable.auto.commit".to_owned(), "true".to_owned());
        let text = consumer(&settings).unwrap_err().to_string();
        assert_eq!(
            text,
            "the client property enable.auto.commit cannot be set: progress is committed by the bridge, and only what has been dealt with"
        );
    }

    #[test]
    fn no_secret_is_shown_by_the_settings() {
        let mut settings = settings();
        let _new = settings.client.insert("sasl.oauthbearer.client.secret".to_owned(), "hunter2".to_owned());
        settings.security.password = Some("hunter2".into());
        settings.security.key_password = Some("hunter2".into());
        let text = format!("{settings:?}");
        assert!(text.contains("sasl.oauthbearer.client.secret") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_wrong_value_is_refused_without_being_repeated() {
        let mut settings = settings();
        let _new = settings.client.insert("fetch.min.bytes".to_owned(), "hunter2".to_owned());
        let error = consumer(&settings).unwrap().create_native_config().err().unwrap();
        let text = refused(&error).to_string();
        assert!(text.contains("fetch.min.bytes") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn the_users_properties_win_over_defaults_and_not_over_the_promises() {
        let mut settings = settings();
        let _new = settings.client.insert("session.timeout.ms".to_owned(), "6000".to_owned());
        let config = consumer(&settings).unwrap();
        assert_eq!(config.get("session.timeout.ms"), Some("6000"));
        assert_eq!(config.get("auto.offset.reset"), Some("error"));
        assert_eq!(config.get("isolation.level"), Some("read_committed"));
    }

    #[test]
    fn the_dead_letter_topic_is_hidden_from_expressions_and_the_topics_that_are_written_are_refused_as_names() {
        let mut settings = settings();
        let hidden = consumer(&settings).unwrap().get("topic.blacklist").map(ToOwned::to_owned);
        assert_eq!(hidden.as_deref(), Some("^soc\\.alerts\\.dead-letter$"));
        settings.topics = vec!["soc.alerts.dead-letter".to_owned()];
        assert!(consumer(&settings).is_err());
    }

    #[test]
    fn tls_finds_the_systems_roots_unless_a_file_is_given() {
        assert_eq!(system_roots(|p| p.starts_with("/etc/pki")), Some(Path::new("/etc/pki/tls/certs/ca-bundle.crt")));
        assert_eq!(system_roots(|_| false), None);
        let mut settings = settings();
        settings.security.protocol = SecurityProtocol::SaslSsl;
        settings.security.ca_file = Some("/own/ca.pem".into());
        settings.security.verify_hostname = false;
        settings.security.sasl_mechanism = Some(SaslMechanism::ScramSha512);
        assert!(consumer(&settings).is_err(), "no user is named");
        settings.security.username = Some("u".to_owned());
        settings.security.password = Some("p".into());
        let config = consumer(&settings).unwrap();
        assert_eq!(config.get("ssl.ca.location"), Some("/own/ca.pem"));
        assert_eq!(config.get("ssl.endpoint.identification.algorithm"), Some("none"));
        assert_eq!(config.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
    }
}
