//! Criterion's view of the `receive` groups: `cargo bench -p gymhook-benches --bench receive`.

use criterion::Criterion;
use gymhook_benches::{Outcome, receive};

fn main() -> Outcome<()> {
    let mut criterion = Criterion::default().configure_from_args();
    gymhook_benches::measure(&mut criterion, receive::groups())?;
    criterion.final_summary();
    Ok(())
}
