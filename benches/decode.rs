//! Criterion's view of the `decode` groups: `cargo bench -p gymhook-benches --bench decode`.
#![allow(missing_docs, reason = "criterion's macros")]

use criterion::{criterion_group, criterion_main};

fn decode(criterion: &mut criterion::Criterion) {
    contenders::measure(criterion, contenders::decode::groups());
}

criterion_group!(benches, decode);
criterion_main!(benches);
