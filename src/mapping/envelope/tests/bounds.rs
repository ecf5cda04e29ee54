//! What a record may cost that is small on the wire, or that a mapping makes large.

use serde_json::json;

use super::{failure, gzip, map, mapper_of, parts};
use crate::mapping::Mapper;
use crate::mapping::testing::folder_of;

#[test]
fn a_gzip_bomb_costs_a_dead_letter() {
    let mapper = mapper_of(|s| s.max_record_bytes = 100_000);
    let fits = format!("{{\"own\":\"{}\"}}", "a".repeat(100_000 - 10));
    assert_eq!(fits.len(), 100_000);
    assert!(map(&mapper, gzip(fits.as_bytes()), &[])[0].result.is_ok());
    let bomb = gzip(&vec![b' '; 100_001]);
    assert!(bomb.len() < 1000);
    let failed = failure(map(&mapper, bomb, &[]));
    assert_eq!(
        failed.to_string(),
        "malformed/record_too_large: the value is gzip and inflates to more than 100000 bytes"
    );
}

#[test]
fn a_small_record_of_many_values_costs_a_dead_letter() {
    let wide = gzip(format!("[{}0]", "0,".repeat(6_000_000)).as_bytes());
    assert!(wide.len() < 20_000);
    let failed = failure(parts(wide));
    assert!(
        failed.to_string().starts_with("malformed/record_too_large: more than 500000 values at line 1"),
        "{failed}"
    );
}

#[test]
fn a_record_that_is_not_split_makes_no_more_than_one_that_is() {
    let fields: String = (0..40).map(|i| format!("  f{i}: .d\n")).collect();
    let yaml = format!("name: s\nmatch: has(\"d\")\ndata_class: {{name: Own}}\nalert:\n{fields}");
    let (_directory, settings) = folder_of(&[("own.yaml", &yaml)]);
    let mapper = Mapper::load(&settings).unwrap();
    let of = |bytes: usize| map(&mapper, json!({"d": "x".repeat(bytes)}).to_string(), &[]);
    assert!(of(1_600_000)[0].result.is_ok());
    let failed = failure(of(1_700_000));
    assert_eq!(failed.to_string(), "malformed/too_many_parts: the record makes alerts of more than 64 MiB");
}

#[test]
fn a_record_of_too_many_or_too_large_parts_is_one_dead_letter() {
    let most = format!("[{}]", vec!["{\"own\":\"a\"}"; 10_000].join(","));
    assert_eq!(parts(most).len(), 10_000);
    for many in
        [format!("[{}]", vec!["{}"; 10_001].join(",")), format!("{{\"records\":[{}]}}", vec!["7"; 20_000].join(","))]
    {
        let failed = failure(parts(many));
        assert_eq!(failed.to_string(), "malformed/too_many_parts: the record has more than 10000 parts");
    }
    let square =
        "name: s\nmatch: has(\"all\")\nsplit: '. as $d | .all[] | {d: $d}'\nalert: {title: '\"t\"', system_info: .d}";
    let (_directory, settings) = folder_of(&[("own.yaml", square)]);
    let mapper = Mapper::load(&settings).unwrap();
    let value = json!({"all": vec![0; 1000], "pad": "x".repeat(200_000)});
    let failed = failure(map(&mapper, value.to_string(), &[]));
    assert_eq!(failed.to_string(), "malformed/too_many_parts: the record makes alerts of more than 64 MiB");
}
