//! The topics: which there are, how they are replicated, and what they are set to.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataTopic;

use super::{Asking, Probe, probes};
use crate::kafka::queries::subscription;
use crate::kafka::{ClientError, credentials};

/// What a topic is to us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Usage {
    /// Alerts are read from it.
    Source,
    /// Dead letters are written to it.
    DeadLetter,
    /// Redriven records are read from it.
    Redrive,
}

/// Whether a topic is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Presence {
    /// It is.
    There {
        /// How many partitions it has.
        partitions: usize,
        /// The fewest copies that one of them has.
        replicas: usize,
        /// The fewest that are in step now.
        in_sync: usize,
        /// How many have no leader now.
        leaderless: usize,
    },
    /// It is not, or is hidden from us.
    Missing,
    /// We may not even describe it.
    Denied,
    /// The brokers say something else.
    Unclear(String),
}

/// What a topic is set to, as far as it matters. `None`: the brokers do not tell.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// `max.message.bytes`: the longest batch of records.
    pub max_message_bytes: Option<u64>,
    /// `retention.ms`; negative: for ever.
    pub retention_ms: Option<i64>,
    /// `retention.bytes` of a partition; negative: none.
    pub retention_bytes: Option<i64>,
    /// `min.insync.replicas`.
    pub min_in_sync: Option<usize>,
    /// Whether `cleanup.policy` has `compact`.
    pub compacts: bool,
}

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// What it is to us.
    pub usage: Usage,
    /// Whether it is there.
    pub presence: Presence,
    /// What it is set to; `None` where we may not know, or could not ask.
    pub limits: Option<Limits>,
    /// Whether we may do what we do with it: read, or write if it takes the dead letters.
    pub right: Probe,
}

/// The brokers' number, the topics that matter, and the expressions that match none.
pub(super) fn find(asking: &Asking) -> Result<(usize, Vec<Topic>, Vec<String>), ClientError> {
    let settings = &asking.settings;
    let (servers, seconds) = (&settings.bootstrap_servers, asking.bound.as_secs());
    let all = asking.consumer.fetch_metadata(None, asking.bound).map_err(|error| {
        let trouble = asking.trouble();
        match error.rdkafka_error_code() {
            Some(code) if trouble.is_empty() => ClientError(format!("{servers} did not answer: {code}")),
            _ => ClientError(format!("{servers} did not answer within {seconds} s{trouble}")),
        }
    })?;
    let hidden = [settings.dead_letter_topic.as_str(), settings.redrive_topic.as_str()];
    let is_source = subscription(&settings.topics, &hidden);
    let mut names: Vec<&str> = all.topics().iter().map(MetadataTopic::name).filter(|name| is_source(name)).collect();
    names.extend(settings.topics.iter().map(String::as_str).filter(|name| !name.starts_with('^')));
    names.sort_unstable();
    names.dedup();
    let is_matchless = |expression: &&String| {
        let matches = subscription(std::slice::from_ref(*expression), &hidden);
        expression.starts_with('^') && !all.topics().iter().any(|topic| matches(topic.name()))
    };
    let matchless = settings.topics.iter().filter(is_matchless).cloned().collect();
    let usages = names.into_iter().map(|name| (name, Usage::Source));
    let usages = usages.chain([(hidden[0], Usage::DeadLetter), (hidden[1], Usage::Redrive)]);
    let topics = usages.map(|(name, usage)| {
        let known = all.topics().iter().find(|topic| topic.name() == name);
        let presence = known.map_or_else(|| ask(asking, name), presence);
        let right = match (&presence, usage) {
            // One without a leader would only spend the time.
            (Presence::There { leaderless: 0, .. }, Usage::Source | Usage::Redrive) => {
                asking.probe(|| Ok(probes::reading(&asking.consumer, name, asking.bound)))
            }
            _ => Probe::Unclear("not asked".to_owned()),
        };
        Topic { name: name.to_owned(), usage, presence, limits: None, right }
    });
    Ok((all.brokers().len(), topics.collect(), matchless))
}

/// Asks for one topic by its name: one that we may not describe is left out of the list of all.
fn ask(asking: &Asking, name: &str) -> Presence {
    match asking.consumer.fetch_metadata(Some(name), asking.bound) {
        Ok(metadata) => metadata.topics().iter().find(|topic| topic.name() == name).map_or(Presence::Missing, presence),
        Err(error) => Presence::Unclear(error.to_string()),
    }
}

fn presence(topic: &MetadataTopic) -> Presence {
    match topic.error().map(RDKafkaErrorCode::from) {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => return Presence::Missing,
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => return Presence::Denied,
        Some(code) => return Presence::Unclear(code.to_string()),
        None if topic.partitions().is_empty() => return Presence::Missing,
        None => {}
    }
    let partitions = topic.partitions();
    Presence::There {
        partitions: partitions.len(),
        replicas: partitions.iter().map(|p| p.replicas().len()).min().unwrap_or_default(),
        in_sync: partitions.iter().map(|p| p.isr().len()).min().unwrap_or_default(),
        leaderless: partitions.iter().filter(|p| p.leader() < 0).count(),
    }
}

/// Asks what the topics that are there are set to, if there is time, and a token where the brokers want one.
pub(super) async fn limits(asking: &Asking, topics: &mut [Topic]) {
    let (admin, bound) = (&asking.admin, asking.bound);
    if asking.is_time_up() {
        return;
    }
    if let Some(tokens) = &asking.settings.tokens {
        // Its own call for one would be heard by nobody.
        let shown = tokens.lease().and_then(|token| credentials::show_token(admin.inner(), token));
        if shown.is_err() {
            return;
        }
    }
    let there = || |topic: &&Topic| matches!(topic.presence, Presence::There { .. });
    let names: Vec<String> = topics.iter().filter(there()).map(|topic| topic.name.clone()).collect();
    let asked: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(bound));
    // The client's own bound is for one broker's answer.
    let told = tokio::time::timeout(bound + Duration::from_secs(1), admin.describe_configs(&asked, &options));
    let Ok(Ok(told)) = told.await else { return };
    for resource in told.iter().flatten() {
        // A topic whose settings we may not know comes without any.
        let rdkafka::admin::OwnedResourceSpecifier::Topic(name) = &resource.specifier else { continue };
        let named = topics.iter_mut().filter(|topic| topic.name == *name && !resource.entries.is_empty());
        named.for_each(|topic| topic.limits = Some(read(resource)));
    }
}

fn read(resource: &ConfigResource) -> Limits {
    let entry = |name: &str| resource.get(name).and_then(|entry| entry.value.as_deref());
    Limits {
        max_message_bytes: entry("max.message.bytes").and_then(|value| value.parse().ok()),
        retention_ms: entry("retention.ms").and_then(|value| value.parse().ok()),
        retention_bytes: entry("retention.bytes").and_then(|value| value.parse().ok()),
        min_in_sync: entry("min.insync.replicas").and_then(|value| value.parse().ok()),
        compacts: entry("cleanup.policy").is_some_and(|value| value.contains("compact")),
    }
}
