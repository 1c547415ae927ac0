//! The table of the gateway: `cargo bench -p gymhook-benches --bench gateway [-- --quick] [WORD...]`.
//!
//! It runs the tasks whose names contain a word, or all. Everything is on this machine: the platforms, the gateway, SQLite files and
//! a private PostgreSQL with real syncs, and the application. The log of a million deliveries is made once, in the folder of this
//! program, and kept there. What is compared took turns in one process; what is measured alone is another process, which this
//! program is as well.

#[path = "../durable/load.rs"]
#[expect(dead_code, reason = "the bench of durable delivery uses the rest")]
mod load;
#[path = "../durable/log_rows.rs"]
#[expect(dead_code, reason = "the bench of durable delivery uses the rest")]
mod log_rows;
#[path = "../durable/receiver.rs"]
mod receiver;
#[path = "../durable/stores.rs"]
#[expect(dead_code, reason = "the bench of durable delivery uses the rest")]
mod stores;

mod child;
mod client;
mod filled;
mod lists;
mod publishing;
mod relayed;
mod serving;
mod start;
mod tail;

use gymhook_benches::{Outcome, Report, Wanted};

use crate::stores::Postgres;

const TASKS: [&str; 6] = [relayed::TASK, publishing::TASK, lists::API, lists::PAGE, start::TASK, tail::TASK];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let [mode, file] = &*arguments
        && mode == child::SERVE
    {
        return runtime.block_on(child::serve(file));
    }
    let wanted = Wanted::from_args(&["--quick"], |_| TASKS)?;
    let is_quick = wanted.options().has("--quick");
    let mut report = Report::new(["task", "what", "result", "ratio", "goal"], [2, 3]);
    runtime.block_on(measure(is_quick, &wanted, &mut report))?;
    report.print();
    Ok(())
}

async fn measure(is_quick: bool, wanted: &Wanted, report: &mut Report) -> Outcome<()> {
    if wanted.contains(relayed::TASK) {
        relayed::measure(is_quick, &Postgres::start()?, report).await?;
    }
    if wanted.contains(publishing::TASK) {
        publishing::measure(is_quick, report).await?;
    }
    if wanted.contains(lists::API) {
        lists::api(is_quick, report).await?;
    }
    if wanted.contains(lists::PAGE) {
        lists::page(is_quick, report).await?;
    }
    if wanted.contains(start::TASK) {
        start::measure(is_quick, report).await?;
    }
    if wanted.contains(tail::TASK) {
        tail::measure(is_quick, report).await?;
    }
    Ok(())
}

/// Adds a line, and tells it at once: the whole takes minutes.
fn add(report: &mut Report, cells: [&str; 5], met: Option<bool>) {
    let [task, what, result, ratio, _] = cells;
    eprintln!("{task}, {what}: {result} {ratio}");
    report.add(cells.map(str::to_owned), met);
}
