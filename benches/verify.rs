//! Criterion's view of the `verify` groups: `cargo bench -p gymhook-benches --bench verify`.

use contenders::{Outcome, verify};
use criterion::Criterion;

fn main() -> Outcome<()> {
    let mut criterion = Criterion::default().configure_from_args();
    contenders::measure(&mut criterion, verify::groups())?;
    criterion.final_summary();
    Ok(())
}
