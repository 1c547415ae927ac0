//! Criterion's view of the `verify` groups: `cargo bench -p gymhook-benches --bench verify`.

use criterion::Criterion;
use gymhook_benches::{Outcome, verify};

fn main() -> Outcome<()> {
    let mut criterion = Criterion::default().configure_from_args();
    gymhook_benches::measure(&mut criterion, verify::groups())?;
    criterion.final_summary();
    Ok(())
}
