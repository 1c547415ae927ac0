//! What the adapters cost: `cargo bench -p gymhook-benches --bench adapters [-- --quick] [rates] [drip]`.
//!
//! Client and servers are in one process on loopback and share its processors, so a rate is that of both together. Contenders
//! take turns in random order; the ratio is the median of the rounds'.

mod actix;
mod axum;
mod contender;
mod drip;
mod inbox;
mod rates;

use gymhook_benches::{Outcome, Wanted};

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let [mode, address, connections] = &*arguments
        && mode == drip::AS_CLIENT
    {
        return runtime.block_on(drip::be_the_client(address.parse()?, connections.parse()?));
    }
    let wanted = Wanted::from_args(&["--quick"], |_| [rates::TASK, drip::TASK])?;
    let is_quick = wanted.options().has("--quick");
    if wanted.contains(rates::TASK) {
        runtime.block_on(rates::measure(is_quick))?;
    }
    if wanted.contains(drip::TASK) {
        runtime.block_on(drip::measure(is_quick))?;
    }
    Ok(())
}
