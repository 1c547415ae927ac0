//! Criterion's view of the `verify` groups: `cargo bench -p gymhook-benches --bench verify`.
#![allow(missing_docs, reason = "criterion's macros")]

use criterion::{criterion_group, criterion_main};

fn verify(criterion: &mut criterion::Criterion) {
    contenders::measure(criterion, contenders::verify::groups());
}

criterion_group!(benches, verify);
criterion_main!(benches);
