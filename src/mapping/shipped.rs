//! The mappings inside the binary, in the order in which formats are recognised (siem/README.md, section 1).

/// File name and text. The first whose `match` holds wins.
pub(super) const SHIPPED: &[(&str, &str)] = &[
    ("ocsf_detection_finding_2004.yaml", include_str!("../../config/mappings/ocsf_detection_finding_2004.yaml")),
    ("elastic_detection_alert.yaml", include_str!("../../config/mappings/elastic_detection_alert.yaml")),
    // Last: other formats have a title and a severity too.
    ("secmaster_alert.yaml", include_str!("../../config/mappings/secmaster_alert.yaml")),
];
