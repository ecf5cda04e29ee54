//! The mappings inside the binary, in the order in which formats are recognised (docs/formats/README.md).

/// A mapping's file name and text.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$((concat!($name, ".yaml"), include_str!(concat!("../../config/mappings/", $name, ".yaml")))),*]
    };
}

/// File name and text. The first whose `match` holds wins.
pub(super) const SHIPPED: &[(&str, &str)] = shipped![
    // An envelope: what is inside is looked at first.
    "cloudevents_structured",
    "ocsf_detection_finding_2004",
    "elastic_detection_alert",
    "alertmanager_webhook",
    "suricata_eve_alert",
    "falco_alert",
    "sigma_streams_detection",
    "defender_for_cloud_export",
    "sentinel_securityalert",
    "defender_graph_alert_v2",
    "splunk_notable",
    "splunk_alert_webhook",
    "wazuh_alert",
    "sigma_rule_match",
    "ecs_nested_alert",
    // Last: other formats have a title and a severity too.
    "secmaster_alert",
];

/// Whether a shipped format has this name.
pub(super) fn is_name(name: &str) -> bool {
    SHIPPED.iter().any(|(file, _)| file.strip_suffix(".yaml") == Some(name))
}
