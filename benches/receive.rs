//! Criterion's view of the `receive` groups: `cargo bench -p gymhook-benches --bench receive`.
#![allow(missing_docs, reason = "criterion's macros")]

use criterion::{criterion_group, criterion_main};

fn receive(criterion: &mut criterion::Criterion) {
    contenders::measure(criterion, contenders::receive::groups());
}

criterion_group!(benches, receive);
criterion_main!(benches);
