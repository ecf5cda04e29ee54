//! What the adapters need to know: plain data, built by the composition root from the configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::Tokens;
use crate::config::{KafkaSecurity, StartFrom};

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
    pub security: KafkaSecurity,
    /// Where tokens come from; needed by OAUTHBEARER.
    pub tokens: Option<Tokens>,
    /// Further librdkafka properties, by name. [`crate::config::refused_property`] says which are not accepted.
    pub client: BTreeMap<String, String>,
    /// How long the commit may take that precedes the handing back of partitions, and the last one.
    pub request_timeout: Duration,
}

impl KafkaSettings {
    /// What the consumer subscribes to: the topics, and the redrive topic as an expression that only it matches. A topic
    /// that is matched may be missing, or not be ours to see, without any harm; it is found when it appears.
    pub(super) fn subscription(&self) -> Vec<String> {
        let mut topics = self.topics.clone();
        topics.push(self.redrive_pattern());
        topics
    }

    /// The expression that matches the redrive topic alone.
    pub(super) fn redrive_pattern(&self) -> String {
        exactly(&self.redrive_topic)
    }
}

/// The expression that matches this topic alone.
pub(super) fn exactly(topic: &str) -> String {
    // Topic names are letters, digits, '.', '_' and '-': only the dot means something in an expression.
    format!("^{}$", topic.replace('.', "\\."))
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

/// Settings of which clients can be made, which reach nobody.
#[cfg(test)]
pub(super) fn offline() -> KafkaSettings {
    KafkaSettings {
        bootstrap_servers: "127.0.0.1:1".to_owned(),
        group_id: "g".to_owned(),
        group_instance_id: None,
        topics: vec!["soc.alerts".to_owned()],
        dead_letter_topic: "soc.alerts.dead-letter".to_owned(),
        redrive_topic: "soc.alerts.redrive".to_owned(),
        start_from: None,
        security: KafkaSecurity::default(),
        tokens: None,
        client: BTreeMap::new(),
        request_timeout: Duration::from_secs(1),
    }
}
