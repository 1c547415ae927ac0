//! The table of durable delivery: `cargo bench -p gymhook-benches --bench durable [-- --quick | --huge] [WORD...]`.
//!
//! It runs the tasks whose names contain a word, or all. `--huge` has 10 million wait at 10,000 endpoints where else a million
//! waits at 1,000, and 10 million in the log; that takes 20 GB of disk. Everything is on this machine: the engine, the server that it sends to,
//! SQLite files and a private PostgreSQL with real syncs. Where a ratio has a goal, both sides took turns in one process, and the
//! ratio is the median of the rounds'.

mod ceilings;
mod costs;
mod dead_endpoint;
mod end_to_end;
mod enqueueing;
mod growth;
mod load;
mod log;
mod log_rows;
mod million;
mod overload;
mod peer;
mod receiver;
mod report;
mod stores;
mod takeover;
mod watched;

use gymhook_benches::{Outcome, Wanted};

use crate::report::Report;
use crate::stores::Postgres;

const TASKS: [&str; 9] = [
    end_to_end::TASK,
    enqueueing::TASK,
    million::TASK,
    log::TASK,
    overload::TASK,
    takeover::TASK,
    growth::ENDPOINTS,
    growth::WORKERS,
    dead_endpoint::TASK,
];

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Size {
    is_quick: bool,
    is_huge: bool,
}

impl Size {
    const fn pick(self, full: u64, quick: u64) -> u64 {
        if self.is_quick { quick } else { full }
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match &*arguments {
        [mode, file] if mode == million::START_UP => return runtime.block_on(million::start_up(file)),
        [mode, order] if mode == overload::OBEY => return runtime.block_on(overload::obey(order)),
        _ => {}
    }
    let wanted = Wanted::from_args(&["--quick", "--huge"], |_| TASKS)?;
    let size = Size { is_quick: wanted.options().has("--quick"), is_huge: wanted.options().has("--huge") };
    let mut report = Report::new();
    runtime.block_on(measure(size, &wanted, &mut report))?;
    report.print();
    Ok(())
}

async fn measure(size: Size, wanted: &Wanted, report: &mut Report) -> Outcome<()> {
    let postgres = Postgres::start()?;
    if wanted.contains(end_to_end::TASK) {
        end_to_end::measure(size, &postgres, report).await?;
    }
    if wanted.contains(enqueueing::TASK) {
        enqueueing::measure(size, &postgres, report).await?;
    }
    if wanted.contains(million::TASK) {
        million::measure(size, report).await?;
    }
    if wanted.contains(log::TASK) {
        log::measure(size, &postgres, report).await?;
    }
    if wanted.contains(overload::TASK) {
        overload::measure(size, &postgres, report).await?;
    }
    if wanted.contains(takeover::TASK) {
        takeover::measure(&postgres, report).await?;
    }
    if wanted.contains(growth::ENDPOINTS) {
        growth::endpoints(size, &postgres, report).await?;
    }
    if wanted.contains(growth::WORKERS) {
        growth::workers(size, &postgres, report).await?;
    }
    if wanted.contains(dead_endpoint::TASK) {
        dead_endpoint::measure(size, report).await?;
    }
    Ok(())
}
