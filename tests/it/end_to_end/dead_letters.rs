//! Dead letters as another client reads them.

use alertbridge::domain::HEADER_PREFIX;
use alertbridge::kafka::plain::PlainProducer;
use bytes::Bytes;

use crate::support::kafka::shared;
use crate::support::world::{World, header};

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_carries_the_record_byte_for_byte_and_why_it_failed() {
    let world = World::new(shared(), "letter").await;
    let own = |name: &str, value: Option<&'static [u8]>| alertbridge::domain::Header {
        name: name.to_owned(),
        value: value.map(Bytes::from_static),
    };
    let headers =
        [own("trace", Some(b"1")), own("trace", Some(b"\xff\x00")), own("empty", Some(b"")), own("null", None)];
    let producer = PlainProducer::new(&world.broker.bootstrap_servers()).unwrap();
    let (key, value) = (b"\x00key\xff".as_slice(), b"\xfe not json".as_slice());
    let (partition, offset) = producer.produce(&world.topic, None, Some(key), Some(value), &headers).await.unwrap();
    let mut bridge = world.bridge("bridge");
    world.all_committed(&mut bridge).await;

    let letters = world.letters().await;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.key.as_deref(), letter.value.as_deref()), (Some(key), Some(value)));
    assert_eq!(letter.headers[..headers.len()], headers, "the record's own headers come first, as they were");
    assert!(letter.headers[headers.len()..].iter().all(|h| h.name.starts_with(HEADER_PREFIX)));
    assert_eq!(header(letter, "failure-class"), "malformed");
    assert_eq!(header(letter, "failure-reason"), "not_json");
    assert_eq!(header(letter, "original-topic"), world.topic);
    assert_eq!(header(letter, "original-partition"), partition.partition.to_string());
    assert_eq!(header(letter, "original-offset"), offset.to_string());
    assert_eq!(header(letter, "consumer-group"), world.group);
    let report: serde_json::Value = serde_json::from_str(&header(letter, "report")).unwrap();
    assert_eq!(report["failure_class"], "malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_the_topics_largest_size_is_dead_lettered_too() {
    let limit = 20_000;
    let world = World::with_topic_settings(shared(), "large", &[("max.message.bytes", "20000")]).await;
    let producer = PlainProducer::new(&world.broker.bootstrap_servers()).unwrap();
    // The largest value that the topic takes, found as a client would.
    let mut size = limit;
    let written = loop {
        let value = noise(size);
        match producer.produce(&world.topic, Some(0), None, Some(&value), &[]).await {
            Ok(_) => break value,
            Err(_) => size -= 1,
        }
    };
    assert!(size > limit - 200, "{size}");
    let mut bridge = world.bridge("bridge");
    world.all_committed(&mut bridge).await;
    let letters = world.letters().await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].value.is_none(), "with our headers it is too large: a stub without the value");
    assert_eq!(header(&letters[0], "value-size"), written.len().to_string());
    assert_eq!(header(&letters[0], "failure-reason"), "not_json");
    let reduced = bridge.saw("dead_letter.reduced").await;
    assert_eq!(reduced["level"], "WARN");
}

/// Bytes that do not compress (a linear congruential generator), so that a topic judges their real size.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}
