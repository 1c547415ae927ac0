//! The same contenders under criterion, to look at and for comparing two commits.

use core::time::Duration;

use criterion::{Criterion, Throughput};

use crate::{Group, Outcome};

/// Measures each group as a criterion group, one benchmark a contender.
///
/// # Errors
/// A contender cannot be built.
pub fn measure(criterion: &mut Criterion, groups: impl Iterator<Item = Outcome<Group>>) -> Outcome<()> {
    for group in groups {
        let group = group?;
        let mut benches = criterion.benchmark_group(format!("{}/{}", group.name(), group.body_bytes()));
        benches
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .sample_size(50);
        if let Ok(bytes @ 1..) = u64::try_from(group.body_bytes()) {
            benches.throughput(Throughput::Bytes(bytes));
        }
        for contender in group.contenders() {
            benches.bench_function(contender.name(), |bencher| {
                bencher.iter_custom(|times| {
                    let start = std::time::Instant::now();
                    contender.repeat(times);
                    start.elapsed()
                });
            });
        }
        benches.finish();
    }
    Ok(())
}
