//! From a record's bytes to the request's body, for the formats with an example; for one of them also by a program that
//! is written for it alone.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start has nothing better to do")]

mod by_hand;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use alertbridge::domain::{Destination, Offset, Record, TopicPartition, instance_id};
use alertbridge::mapping::{Mapped, Mapper, MappingSettings};
use alertbridge::routing::{Decision, RouteSettings, RouteTable, build};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn request(mapper: &Mapper, routes: &RouteTable, record: &Record, cluster: &Arc<str>) -> Vec<Bytes> {
    let origin = record.origin(cluster);
    let Mapped::Parts(parts) = mapper.map(record, &origin) else { return Vec::new() };
    let alerts = parts.into_iter().filter_map(|part| part.result.ok());
    alerts
        .flat_map(|alert| {
            let Decision::Run(destinations) = routes.decide(&alert) else { return Vec::new() };
            let build = |destination: Destination| {
                let instance = instance_id(&origin, alert.part, &destination.workflow_id).to_string();
                build(destination, &alert, Some(instance)).body
            };
            destinations.into_iter().map(build).collect()
        })
        .collect()
}

fn mapping(c: &mut Criterion) {
    let mapper = Mapper::load(&MappingSettings::default()).unwrap();
    let settings = RouteSettings { default_workflow_id: Some("wf".to_owned()), ..RouteSettings::default() };
    let routes = RouteTable::new(&settings).unwrap();
    let cluster: Arc<str> = "cluster".into();
    let mut group = c.benchmark_group("bytes to request");
    for name in ["elastic_detection_alert", "ocsf_detection_finding_2004"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats").join(name).join("example.json");
        let value = std::fs::read(file).unwrap();
        group.throughput(Throughput::Bytes(value.len() as u64));
        let record = Record {
            partition: TopicPartition::new("soc.alerts", 1),
            offset: Offset(7),
            timestamp_ms: Some(1_795_169_046_500),
            key: None,
            value: Some(value.into()),
            headers: Vec::new(),
        };
        assert_eq!(request(&mapper, &routes, &record, &cluster).len(), 1, "{name} becomes one request");
        group.bench_function(name, |b| b.iter(|| request(&mapper, &routes, black_box(&record), &cluster)));
        if name == "elastic_detection_alert" {
            let by_hand = || by_hand::body(black_box(&record), &cluster, "wf").unwrap();
            let ours = request(&mapper, &routes, &record, &cluster);
            assert_eq!(std::str::from_utf8(&by_hand()).unwrap(), std::str::from_utf8(&ours[0]).unwrap());
            group.bench_function("elastic_detection_alert by hand", |b| b.iter(by_hand));
        }
    }
    group.finish();
}

criterion_group!(benches, mapping);
criterion_main!(benches);
