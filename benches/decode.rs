//! Criterion's view of the `decode` groups: `cargo bench -p gymhook-benches --bench decode`.

use contenders::{Outcome, decode};
use criterion::Criterion;

fn main() -> Outcome<()> {
    let mut criterion = Criterion::default().configure_from_args();
    contenders::measure(&mut criterion, decode::groups())?;
    criterion.final_summary();
    Ok(())
}
