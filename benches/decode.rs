//! Criterion's view of the `decode` groups: `cargo bench -p gymhook-benches --bench decode`.

use criterion::Criterion;
use gymhook_benches::{Outcome, decode};

fn main() -> Outcome<()> {
    let mut criterion = Criterion::default().configure_from_args();
    gymhook_benches::measure(&mut criterion, decode::groups())?;
    criterion.final_summary();
    Ok(())
}
