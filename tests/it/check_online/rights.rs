//! Rights and settings of topics, on Apache Kafka with an authorizer: each right that lacks is told, and finding out
//! changes nothing of the user's.

use std::fmt::Write as _;
use std::time::Duration;

use alertbridge::config::{KafkaSecurity, SaslMechanism, SecurityProtocol};
use alertbridge::kafka::survey::{Probe, Redrive, survey};
use alertbridge::simulator::DEMO_SECRET_KEY;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::json;

use super::{check, configuration, simulator};
use crate::support::kafka::{KafkaBroker, PASSWORD, USER};

/// Who comes without a name may do everything: the test itself, and the broker.
const AUTHORIZER: &str = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
                          super.users=User:ANONYMOUS\n";

#[tokio::test(flavor = "multi_thread")]
async fn each_right_that_lacks_is_told_and_what_the_topics_are_set_to_is_judged() {
    let broker = KafkaBroker::start_with(AUTHORIZER);
    let hour = ("retention.ms", "3600000");
    broker.create_topic("soc.alerts", 2, &[hour, ("max.message.bytes", "2000000")]).await;
    broker.create_topic("soc.alerts.dead-letter", 1, &[hour]).await;
    let simulator = simulator(json!({})).await;
    let routes = "routing:\n  default_workflow_id: 446255ce-1111-2222-3333-0b4931000000\n";
    let plain = configuration(&broker.secure_bootstrap_servers(), &simulator.url(), DEMO_SECRET_KEY, routes);
    let mut security = String::from("  security:\n    protocol: sasl_ssl\n    sasl_mechanism: SCRAM-SHA-512\n");
    write!(security, "    username: {USER}\n    password: {PASSWORD}\n    ca_file: {}\n", broker.ca_file().display())
        .unwrap();
    let configuration =
        plain.replace("secmaster:\n", &format!("{security}secmaster:\n")).replace(", '^soc\\.edr\\.'", "");
    let kafka = |said: String| said.split("ok    credentials").next().unwrap().replace(PASSWORD, "PASSWORD");

    let (code, said) = check(&configuration, &[]).await;
    insta::assert_snapshot!("without_any_right", kafka(said));
    assert_eq!(code, Some(1));
    // The line of the topic says it already; a Kafka older than 3.0 would be the one to part them.
    let (idempotent, redrive) = producing(&broker).await;
    assert_eq!((idempotent, redrive), (Probe::Denied, None));

    broker.allow("Describe", &["soc.alerts", "soc.alerts.dead-letter"], "soc");
    let (_, said) = check(&configuration, &[]).await;
    insta::assert_snapshot!("with_the_right_to_describe", kafka(said));

    broker.create_topic("soc.alerts.redrive", 1, &[]).await;
    broker.allow("Write", &["soc.alerts.redrive"], "transactional:of-nobody");
    let written = producing(&broker).await.1.unwrap().written;
    let is_unasked =
        matches!(&written, Probe::Unclear(reason) if reason.starts_with("not asked: the dead-letter topic"));
    assert!(is_unasked, "nothing tells that the record would be refused: {written:?}");

    broker.allow("All", &["soc.alerts", "soc.alerts.dead-letter", "soc.alerts.redrive"], "soc");
    let (code, said) = check(&configuration, &["--outage-budget", "1h"]).await;
    insta::assert_snapshot!("with_all_rights", kafka(said));
    assert_eq!(code, Some(0));

    let redrive = |said: &str| said.lines().find(|line| line.contains("dead-letters redrive")).unwrap().to_owned();
    broker.allow("Write", &[], "transactional:alertbridge-redrive.");
    let (_, said) = check(&configuration, &[]).await;
    assert!(redrive(&said).ends_with("and lacks Read of groups alertbridge-redrive.…"), "{said}");
    broker.allow("Read", &[], "alertbridge-redrive.");
    let (_, said) = check(&configuration, &[]).await;
    assert_eq!(redrive(&said), "ok    dead-letters redrive: may be run by this user");
    let (idempotent, found) = producing(&broker).await;
    let all = [idempotent, found.unwrap().transactional_id];
    assert_eq!(all, [Probe::Allowed, Probe::Allowed], "found out without a transaction");

    let another = configuration.replace("group_id: soc\n", "group_id: another\n");
    let (_, said) = check(&another, &[]).await;
    assert!(said.contains("fail  group another: may not be described"), "topics alone are not enough: {said}");

    let consumer: BaseConsumer = broker.client().create().unwrap();
    let ends = consumer.fetch_watermarks("soc.alerts.dead-letter", 0, Duration::from_secs(10)).unwrap();
    assert_eq!(ends, (0, 0), "the probe is not written");
    assert_eq!(broker.committed("soc", "soc.alerts", 2), [None, None], "nothing is committed");
}

/// What is found of the rights to write.
async fn producing(broker: &KafkaBroker) -> (Probe, Option<Redrive>) {
    let mut settings = broker.settings("soc", "soc.alerts");
    settings.bootstrap_servers = broker.secure_bootstrap_servers();
    settings.security = KafkaSecurity {
        protocol: SecurityProtocol::SaslSsl,
        ca_file: Some(broker.ca_file()),
        sasl_mechanism: Some(SaslMechanism::ScramSha512),
        username: Some(USER.to_owned()),
        password: Some(PASSWORD.into()),
        ..KafkaSecurity::default()
    };
    let survey = survey(settings, Duration::from_secs(20), Duration::from_secs(120)).await.unwrap();
    (survey.idempotent, survey.redrive)
}
