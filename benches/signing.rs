//! What one access-key signature costs, by the size of the body.

use std::hint::black_box;

use alertbridge::secmaster::signing::{AccessKey, Signable, sign};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use secrecy::SecretString;

const PATH: &str = "/v1/0123456789abcdef0123456789abcdef/workspaces/f44065f5-557b-4376-ae02-8c65ef1960f4/soc/\
                    workflows/446255ce-1111-2222-3333-0b4931000000/instances";
const DATE: &str = "20260205T021112Z";

fn signing(criterion: &mut Criterion) {
    let secret = SecretString::from("SKtestExampleSecret000000000000000000001");
    let Some(key) = AccessKey::try_new("AKTESTEXAMPLE0000001", &secret) else { return };
    let headers = [
        ("host", "secmaster.cn-north-4.myhuaweicloud.com"),
        ("x-sdk-date", DATE),
        ("content-type", "application/json;charset=UTF-8"),
        ("x-project-id", "0123456789abcdef0123456789abcdef"),
    ];
    let mut group = criterion.benchmark_group("signing");
    for size in [0_u64, 1024, 16 * 1024] {
        let body = "x".repeat(usize::try_from(size).unwrap_or_default()).into_bytes();
        let request = Signable { method: "POST", path: PATH, query: &[], headers: &headers, body: &body };
        let _group = group.throughput(Throughput::Bytes(size));
        let _group = group.bench_with_input(BenchmarkId::from_parameter(size), &request, |bencher, request| {
            bencher.iter(|| sign(black_box(request), DATE, &key));
        });
    }
    group.finish();
}

criterion_group!(benches, signing);
criterion_main!(benches);
