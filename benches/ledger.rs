//! What the ledger costs for each record: tracked, settled in any order within the buffer's window, frontier asked for.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start has nothing better to do")]

use std::hint::black_box;

use alertbridge::domain::Offset;
use alertbridge::offsets::{CompletedOffsets, Epoch, PartitionLedger};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// About as many records of one partition as the buffer holds by default.
const WINDOW: i64 = 10_000;

fn tracked() -> PartitionLedger {
    let mut ledger = PartitionLedger::new(Epoch(1), Offset(0), CompletedOffsets::default());
    for offset in 0..WINDOW {
        ledger.track(Offset(offset)).unwrap();
    }
    ledger
}

fn settle_all(mut ledger: PartitionLedger, order: &[i64]) -> Offset {
    for offset in order {
        let _moved = ledger.settle(Offset(*offset)).unwrap();
        let _frontier = black_box(ledger.frontier());
    }
    ledger.frontier()
}

fn ledger(criterion: &mut Criterion) {
    let in_order: Vec<i64> = (0..WINDOW).collect();
    let mut at_random = in_order.clone();
    at_random.shuffle(&mut StdRng::seed_from_u64(1));
    assert_eq!(settle_all(tracked(), &at_random), Offset(WINDOW), "the frontier passes all that has settled");

    let mut group = criterion.benchmark_group("ledger of 10,000");
    group.throughput(Throughput::Elements(WINDOW.unsigned_abs()));
    group.bench_function("track", |bencher| bencher.iter(tracked));
    for (name, order) in [("settle in order, frontier", &in_order), ("settle at random, frontier", &at_random)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(tracked, |ledger| settle_all(ledger, order), BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, ledger);
criterion_main!(benches);
