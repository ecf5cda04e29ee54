//! librdkafka properties that `kafka.client` does not take: the one list.

const COMMITS: &str = "progress is committed by the bridge, and only what has been dealt with";
const START: &str = "where reading begins is `kafka.start_from`, and the bridge handles offsets that are gone";
const WRITES: &str = "a dead letter counts as written only when all in-sync replicas have it, once";
const OAUTH: &str = "tokens come from `kafka.security.oauth`";
const REBALANCE: &str = "the rebalance of the classic protocol is what the bridge is tested with";

/// By librdkafka's names, each with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("auto.offset.reset", START),
    ("enable.auto.commit", COMMITS),
    ("auto.commit.enable", COMMITS),
    ("auto.commit.interval.ms", COMMITS),
    ("enable.auto.offset.store", COMMITS),
    ("offset.store.method", COMMITS),
    ("isolation.level", "records of aborted transactions are never delivered"),
    ("group.protocol", REBALANCE),
    ("group.remote.assignor", REBALANCE),
    ("enable.partition.eof", "ends of partitions are told by their offsets"),
    ("topic.blacklist", "it is made of `kafka.dead_letter_topic`"),
    ("enable.idempotence", WRITES),
    ("acks", WRITES),
    ("request.required.acks", WRITES),
    ("transactional.id", "dead letters are not written in transactions"),
    ("batch.num.messages", "one dead letter that is too large must not fail its neighbours"),
    ("plugin.library.paths", "no code is loaded at run time"),
    ("test.mock.num.brokers", "it would replace the real brokers"),
    ("bootstrap.servers", "it has a key of its own: `kafka.bootstrap_servers`"),
    ("metadata.broker.list", "it has a key of its own: `kafka.bootstrap_servers`"),
    ("group.id", "it has a key of its own: `kafka.group_id`"),
    ("group.instance.id", "it has a key of its own: `kafka.group_instance_id`"),
    ("security.protocol", "it has a key of its own: `kafka.security.protocol`"),
    ("sasl.mechanism", "it has a key of its own: `kafka.security.sasl_mechanism`"),
    ("sasl.mechanisms", "it has a key of its own: `kafka.security.sasl_mechanism`"),
    ("sasl.username", "it has a key of its own: `kafka.security.username`"),
    ("sasl.password", "it has a key of its own: `kafka.security.password`"),
    ("sasl.oauthbearer.method", OAUTH),
    ("sasl.oauthbearer.config", OAUTH),
    ("sasl.oauthbearer.client.id", OAUTH),
    ("sasl.oauthbearer.client.secret", OAUTH),
    ("sasl.oauthbearer.scope", OAUTH),
    ("sasl.oauthbearer.token.endpoint.url", OAUTH),
    ("ssl.ca.location", "it has a key of its own: `kafka.security.ca_file`"),
    ("ssl.certificate.location", "it has a key of its own: `kafka.security.certificate_file`"),
    ("ssl.key.location", "it has a key of its own: `kafka.security.key_file`"),
    ("ssl.key.password", "it has a key of its own: `kafka.security.key_password_file`"),
    ("ssl.endpoint.identification.algorithm", "it has a key of its own: `kafka.security.verify_hostname`"),
];

/// Why a librdkafka property cannot be set by hand; `None` where it can.
#[must_use]
pub fn refused_property(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, why)| *why)
}
