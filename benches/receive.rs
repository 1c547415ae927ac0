//! Criterion's view of the `receive` groups: `cargo bench -p gymhook-benches --bench receive`.

use contenders::{Outcome, receive};
use criterion::Criterion;

fn main() -> Outcome<()> {
    let mut criterion = Criterion::default().configure_from_args();
    contenders::measure(&mut criterion, receive::groups())?;
    criterion.final_summary();
    Ok(())
}
