//! When time is up: what was learnt by then is told, and what is left out is named.

use std::collections::BTreeMap;
use std::time::Duration;

use alertbridge::config::{KafkaSecurity, StartFrom};
use alertbridge::kafka::KafkaSettings;
use alertbridge::kafka::embedded::EmbeddedKafka;
use alertbridge::kafka::survey::{Presence, Probe, survey};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learnt_before_time_is_up_is_told_and_the_rest_is_not_asked() {
    let kafka = EmbeddedKafka::start(&[("soc.alerts", 2), ("dead", 1), ("again", 1)]).unwrap();
    let settings = KafkaSettings {
        bootstrap_servers: kafka.bootstrap_servers(),
        group_id: "soc".to_owned(),
        group_instance_id: None,
        topics: vec!["soc.alerts".to_owned()],
        dead_letter_topic: "dead".to_owned(),
        redrive_topic: "again".to_owned(),
        start_from: Some(StartFrom::Earliest),
        security: KafkaSecurity::default(),
        tokens: None,
        client: BTreeMap::new(),
        request_timeout: Duration::from_secs(10),
    };
    let survey = survey(settings, Duration::from_secs(10), Duration::ZERO).await.unwrap();
    assert_eq!((survey.brokers, survey.topics.len()), (1, 3));
    let redrive = survey.redrive.unwrap();
    assert!(
        survey.topics.iter().all(|topic| matches!(topic.presence, Presence::There { .. }) && topic.limits.is_none())
    );
    assert_eq!(survey.group.places.unwrap_err(), "not asked: time is up");
    let rights = survey.topics.into_iter().map(|topic| topic.right);
    let rights = rights.chain([survey.group.described, survey.group.right, survey.idempotent, redrive.written]);
    for right in rights {
        assert!(matches!(&right, Probe::Unclear(reason) if reason.starts_with("not asked: ")), "{right:?}");
    }
}
