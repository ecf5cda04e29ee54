//! What a hostile mapping costs: a fault of the field and a few MiB, whatever its expression is. In a process of its
//! own, whose allocator counts. With `--nocapture` it also tells the time; in a release build that is at most 50 ms.

#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]
#![expect(clippy::disallowed_methods, reason = "the time is real, and only printed")]

use std::time::Instant;

use alertbridge::domain::{Offset, Record, TopicPartition};
use alertbridge::mapping::{Mapped, Mapper, MappingSettings};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What one expression may take, beyond what there was. The budget's 8 MiB count what is made, and vectors and maps
/// grow by doubling.
const MOST: usize = 32 << 20;

/// A mapping with the expression as a field of any type; `None` where it is refused when it is loaded.
fn mapper(expression: &str) -> Option<Mapper> {
    let directory = tempfile::tempdir().unwrap();
    let expression = serde_json::to_string(expression).unwrap();
    let file = format!("name: hostile\nmatch: 'true'\nalert: {{title: '\"t\"', system_info: {expression}}}\n");
    std::fs::write(directory.path().join("hostile.yaml"), file).unwrap();
    let settings = MappingSettings { directories: vec![directory.path().to_owned()], ..MappingSettings::default() };
    Mapper::load(&settings).ok()
}

#[test]
fn a_hostile_expression_costs_its_field_and_a_few_mebibytes() {
    let record = Record {
        partition: TopicPartition::new("soc.alerts", 0),
        offset: Offset(0),
        timestamp_ms: None,
        key: None,
        value: Some("{\"a\": [\"x\", \"y\"]}".into()),
        headers: Vec::new(),
    };
    let origin = record.origin(&"cluster".into());
    let expressions = include_str!("expressions.txt").lines().filter(|line| !line.starts_with('#'));
    let mut wrong = Vec::new();
    for expression in expressions {
        let Some(mapper) = mapper(expression) else {
            println!("        refused          {expression}");
            continue;
        };
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let start = Instant::now();
        let mapped = mapper.map(&record, &origin);
        let took = start.elapsed();
        let peak = ALLOCATOR.peak_usage().saturating_sub(before);
        let Mapped::Parts(mut parts) = mapped else { panic!("parts") };
        let part = parts.remove(0);
        let told = part.faults.first().map_or("no fault", |fault| &fault.message);
        let told = told.split(" (in `").next().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let (ms, mib) = (took.as_secs_f64() * 1e3, peak as f64 / f64::from(1 << 20));
        println!("{ms:8.1} ms {mib:6.1} MiB  {expression}  ->  {told}");
        if part.result.is_err() || part.faults.is_empty() || peak > MOST {
            wrong.push(format!("{mib:.1} MiB, {told}: {expression}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
