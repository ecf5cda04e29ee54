//! The ids that the bridge gives. Their formulas are part of the contract and change only with a major version:
//! the same record and configuration give the same id for ever (promise 3).

use uuid::Uuid;

use super::Origin;

/// The id of the workflow instance that a delivery asks for: UUIDv5 in the URL namespace of
/// `alertbridge:instance:{cluster id}/{topic}/{partition}/{offset}/{timestamp ms}/{part}/{workflow id}`.
///
/// A record without a timestamp has an empty field in its place.
#[must_use]
pub fn instance_id(origin: &Origin, part: u32, workflow_id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, instance_name(origin, part, workflow_id).as_bytes())
}

/// The text that [`instance_id`] is made of.
#[must_use]
pub fn instance_name(origin: &Origin, part: u32, workflow_id: &str) -> String {
    let timestamp = origin.timestamp_ms.map(|t| t.to_string()).unwrap_or_default();
    format!(
        "alertbridge:instance:{}/{}/{}/{}/{timestamp}/{part}/{workflow_id}",
        origin.cluster_id, origin.partition.topic, origin.partition.partition, origin.offset,
    )
}

/// The id of the workflow instance that a delivery asks for under `delivery.instance_id: alert`: UUIDv5 in the URL
/// namespace of `alertbridge:instance:{alert id}/{workflow id}`. Repeats of one alert in other records share it.
#[must_use]
pub fn instance_id_of_alert(alert_id: &str, workflow_id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, instance_name_of_alert(alert_id, workflow_id).as_bytes())
}

/// The text that [`instance_id_of_alert`] is made of.
#[must_use]
pub fn instance_name_of_alert(alert_id: &str, workflow_id: &str) -> String {
    format!("alertbridge:instance:{alert_id}/{workflow_id}")
}

/// The id of an alert: the source's own if that is a UUID (in its canonical form), else UUIDv5 in the URL
/// namespace of `alertbridge:alert:{format}/{source id}`.
#[must_use]
pub fn alert_id(format: &str, source_id: &str) -> Uuid {
    match Uuid::try_parse(source_id) {
        Ok(uuid) if source_id.len() == 36 => uuid,
        _ => Uuid::new_v5(&Uuid::NAMESPACE_URL, alert_name(format, source_id).as_bytes()),
    }
}

/// The text that [`alert_id`] is made of where the source's id is no UUID.
#[must_use]
pub fn alert_name(format: &str, source_id: &str) -> String {
    format!("alertbridge:alert:{format}/{source_id}")
}

/// Whether this is a UUID as SecMaster writes its ids: with dashes or without.
#[must_use]
pub fn is_uuid(id: &str) -> bool {
    matches!(id.len(), 32 | 36) && Uuid::try_parse(id).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{alert_id, instance_id};
    use crate::domain::{Offset, Origin, TopicPartition};

    #[test]
    fn the_instance_id_is_the_documented_uuid5_of_the_original_record() {
        let origin = Origin {
            cluster_id: "c1".into(),
            partition: TopicPartition::new("soc.alerts", 3),
            offset: Offset(42),
            timestamp_ms: Some(1_700_000_000_000),
        };
        let expected = uuid::Uuid::new_v5(
            &uuid::Uuid::NAMESPACE_URL,
            b"alertbridge:instance:c1/soc.alerts/3/42/1700000000000/0/wf",
        );
        assert_eq!(instance_id(&origin, 0, "wf"), expected);
        assert_ne!(instance_id(&origin, 1, "wf"), expected, "another part has another id");
        assert_ne!(instance_id(&origin, 0, "wf2"), expected, "another workflow has another id");
    }

    #[test]
    fn a_source_id_that_is_a_uuid_is_kept_and_any_other_is_hashed_with_its_format() {
        let own = "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11";
        assert_eq!(alert_id("x", own).to_string(), own);
        assert_eq!(alert_id("x", &own.to_uppercase()).to_string(), own, "the canonical form is lower case");
        assert_ne!(alert_id("x", "1"), alert_id("y", "1"));
        // The short form parses as a UUID, but is more likely a hash that happens to be 32 digits long.
        assert_ne!(alert_id("x", &own.replace('-', "")).to_string(), own);
    }
}
