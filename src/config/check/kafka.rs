//! Checks of `kafka`.

use regex::Regex;

use super::Faults;
use crate::config::{Kafka, KafkaSecurity, SaslMechanism, SecurityProtocol, refused_property};

/// Kafka's own bound on a topic's name.
const MAX_TOPIC_LENGTH: usize = 249;

pub(super) fn check(kafka: &Kafka, faults: &mut Faults) {
    faults.unless(!kafka.bootstrap_servers.trim().is_empty(), "kafka.bootstrap_servers", || {
        "`kafka.bootstrap_servers` is empty: give at least one broker, e.g. `kafka-1:9092`".to_owned()
    });
    faults.unless(!kafka.group_id.is_empty(), "kafka.group_id", || {
        "`kafka.group_id` is empty: give the group a name, e.g. `alertbridge`".to_owned()
    });
    topics(kafka, faults);
    security(&kafka.security, faults);
    for name in kafka.client.keys() {
        if let Some(why) = refused_property(name) {
            faults.add(format!("kafka.client.{name}"), format!("`{name}` cannot be set in `kafka.client`: {why}"));
        }
    }
}

fn topics(kafka: &Kafka, faults: &mut Faults) {
    let own = [("kafka.redrive_topic", &kafka.redrive_topic), ("kafka.dead_letter_topic", &kafka.dead_letter_topic)];
    for (path, name) in own {
        faults.unless(is_topic(name), path, || format!("`{path}`: `{name}` is not a topic's name; {TOPIC_RULE}"));
    }
    faults.unless(kafka.redrive_topic != kafka.dead_letter_topic, "kafka.dead_letter_topic", || {
        "`kafka.dead_letter_topic` and `kafka.redrive_topic` are the same: dead letters would be read again at once"
            .to_owned()
    });
    faults.unless(!kafka.topics.is_empty(), "kafka.topics", || {
        "`kafka.topics` is empty: name at least one topic to read".to_owned()
    });
    for (i, topic) in kafka.topics.iter().enumerate() {
        let path = format!("kafka.topics[{i}]");
        let matches: Box<dyn Fn(&str) -> bool> = if topic.starts_with('^') {
            match pattern(topic) {
                Ok(pattern) => Box::new(move |name| pattern.is_match(name)),
                Err(why) => {
                    faults.add(&path, format!("`{path}`: `{topic}` is not a valid expression: {why}"));
                    continue;
                }
            }
        } else if is_topic(topic) {
            Box::new(|name| name == topic)
        } else {
            faults.add(&path, format!("`{path}`: `{topic}` is not a topic's name; {TOPIC_RULE}"));
            continue;
        };
        for (key, name) in own.iter().filter(|(_, name)| matches(name)) {
            faults.add(
                &path,
                format!("`{path}`: `{topic}` takes in `{name}`, the `{key}`: narrow it (`$` ends an expression)"),
            );
        }
    }
}

const TOPIC_RULE: &str = "letters, digits, `.`, `_` and `-` make one, at most 249 (an expression begins with `^`)";

fn is_topic(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=MAX_TOPIC_LENGTH).contains(&name.len()) && name.bytes().all(legal) && name != "." && name != ".."
}

/// The expression as librdkafka takes it (POSIX extended). What only other engines know is refused, since librdkafka
/// would read it as something else.
fn pattern(expression: &str) -> Result<Regex, String> {
    let escapes = expression.as_bytes().windows(2).filter(|pair| pair[0] == b'\\');
    if let Some(pair) = escapes.into_iter().find(|pair| pair[1].is_ascii_alphanumeric()) {
        return Err(format!(
            "`\\{}` is not known to Kafka's clients; write a class such as [0-9]",
            char::from(pair[1])
        ));
    }
    if expression.contains("(?") {
        return Err("`(?` is not known to Kafka's clients".to_owned());
    }
    Regex::new(expression).map_err(|error| match error {
        regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        other => other.to_string(),
    })
}

fn security(security: &KafkaSecurity, faults: &mut Faults) {
    let protocol = security.protocol.as_str();
    let tls = [
        ("kafka.security.ca_file", security.ca_file.as_deref()),
        ("kafka.security.certificate_file", security.certificate_file.as_deref()),
        ("kafka.security.key_file", security.key_file.as_deref()),
    ];
    for (path, file) in tls {
        let serves_oauth = path == "kafka.security.ca_file" && uses_oauth(security);
        faults.unless(security.protocol.is_tls() || serves_oauth || file.is_none(), path, || {
            format!(
                "`{path}` has no effect with protocol `{protocol}`: set `kafka.security.protocol` to ssl or sasl_ssl"
            )
        });
        faults.file(path, file);
    }
    let pair = security.certificate_file.is_some() == security.key_file.is_some();
    faults.unless(pair, "kafka.security.key_file", || {
        "`kafka.security.certificate_file` and `kafka.security.key_file` belong together: give both or none".to_owned()
    });
    let lonely = security.key_password_file.is_some() && security.key_file.is_none();
    faults.unless(!lonely, "kafka.security.key_password_file", || {
        "`kafka.security.key_password_file` has no effect without `kafka.security.key_file`".to_owned()
    });
    sasl(security, faults);
}

fn uses_oauth(security: &KafkaSecurity) -> bool {
    security.sasl_mechanism == Some(SaslMechanism::OauthBearer)
}

fn sasl(security: &KafkaSecurity, faults: &mut Faults) {
    let protocol = security.protocol.as_str();
    let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let password = security.password.is_some() || security.password_file.is_some();
    let (oauth, is_oauth) = (&security.oauth, uses_oauth(security));
    let client_secret = oauth.client_secret.is_some() || oauth.client_secret_file.is_some();
    // The key, whether it is given, whether the mechanism takes it, and whether it has to be there then.
    let keys = [
        ("kafka.security.sasl_mechanism", security.sasl_mechanism.is_some(), true, true),
        ("kafka.security.username", is_given(&security.username), !is_oauth, true),
        ("kafka.security.password", password, !is_oauth, true),
        ("kafka.security.oauth.token_url", is_given(&oauth.token_url), is_oauth, true),
        ("kafka.security.oauth.client_id", is_given(&oauth.client_id), is_oauth, true),
        ("kafka.security.oauth.client_secret", client_secret, is_oauth, true),
        ("kafka.security.oauth.scope", oauth.scope.is_some(), is_oauth, false),
    ];
    for (path, given, taken, needed) in keys {
        if !security.protocol.is_sasl() {
            faults.unless(!given, path, || {
                format!("`{path}` has no effect with protocol `{protocol}`: choose sasl_ssl (or sasl_plaintext)")
            });
        } else if taken {
            faults.unless(given || !needed, path, || {
                let with =
                    if is_oauth { "sasl_mechanism OAUTHBEARER".to_owned() } else { format!("protocol `{protocol}`") };
                format!("`{path}` is needed with {with}")
            });
        } else {
            let mechanism = security.sasl_mechanism.map_or("none", SaslMechanism::as_str);
            faults.unless(!given, path, || format!("`{path}` has no effect with sasl_mechanism {mechanism}"));
        }
    }
    if let Some(url) = oauth.token_url.as_deref().filter(|url| !url.is_empty()) {
        faults.unless(is_http(url), "kafka.security.oauth.token_url", || {
            // Not repeated: a password may stand in it.
            "`kafka.security.oauth.token_url` is no address such as `https://id.example.com/token`".to_owned()
        });
    }
}

/// Whether it is an address that can be asked, without a user in it.
fn is_http(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let is_plain = uri.authority().is_some_and(|authority| !authority.host().is_empty() && !url.contains('@'));
    matches!(uri.scheme_str(), Some("http" | "https")) && is_plain
}

pub(super) fn hint(kafka: &Kafka) -> Option<String> {
    let security = &kafka.security;
    let is_open = security.protocol == SecurityProtocol::SaslPlaintext;
    let is_http = security.oauth.token_url.as_ref().is_some_and(|url| url.starts_with("http:"));
    match security.sasl_mechanism {
        Some(SaslMechanism::Plain) if is_open => {
            Some("kafka.security: with sasl_plaintext and PLAIN the password crosses the network readable".to_owned())
        }
        Some(SaslMechanism::OauthBearer) if is_open => Some(
            "kafka.security: with sasl_plaintext and OAUTHBEARER the token crosses the network readable".to_owned(),
        ),
        Some(SaslMechanism::OauthBearer) if is_http => Some(
            "kafka.security.oauth.token_url: over http the client's secret crosses the network readable".to_owned(),
        ),
        _ => None,
    }
}
