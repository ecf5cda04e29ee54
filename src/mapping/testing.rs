//! What the tests of this folder share.

use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use super::MappingSettings;

/// A folder with these files, and the settings that read it as the user's.
pub(super) fn folder_of(files: &[(&str, &str)]) -> (TempDir, MappingSettings) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let settings = MappingSettings { directories: vec![directory.path().to_owned()], ..MappingSettings::default() };
    (directory, settings)
}

/// Any JSON document of moderate size, with names from a small set so that paths hit.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}
