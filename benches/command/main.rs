//! What the command `gymhook` costs: `cargo bench -p gymhook-benches --bench command [-- --quick] [start] [send] [listen]`.
//!
//! Every contender is a process of its own; what it talks to is this one. Contenders take turns in random order; a ratio is the
//! median of the rounds'.

mod adapter;
mod bare_client;
mod child;
mod listen;
mod send;
mod start;
mod table;

use gymhook_benches::{Outcome, Wanted};

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match &*arguments {
        [mode, url, count, concurrency] if mode == bare_client::MODE => {
            return runtime()?.block_on(bare_client::run(url, count.parse()?, concurrency.parse()?));
        }
        [mode, port] if mode == adapter::MODE => return runtime()?.block_on(adapter::run(port.parse()?)),
        _ => {}
    }
    let wanted = Wanted::from_args(&["--quick"], |_| [start::TASK, send::TASK, listen::TASK])?;
    let is_quick = wanted.options().has("--quick");
    let gymhook = child::gymhook()?;
    println!("gymhook: {:.1} MiB, stripped", start::stripped_mebibytes(&gymhook)?);
    if wanted.contains(start::TASK) {
        start::measure(&gymhook, is_quick)?;
    }
    if wanted.contains(send::TASK) {
        runtime()?.block_on(send::measure(&gymhook, is_quick))?;
    }
    if wanted.contains(listen::TASK) {
        runtime()?.block_on(listen::measure(&gymhook, is_quick))?;
    }
    Ok(())
}
