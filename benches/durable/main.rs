//! The table of durable delivery: `cargo bench -p gymhook-benches --bench durable [-- --quick | --huge] [WORD...]`.
//!
//! It runs the tasks whose names contain a word, or all. `--huge` has 10 million wait at 10,000 endpoints where else a million
//! waits at 1,000; that takes 8 GB of disk. Everything is on this machine: the engine, the server that it sends to,
//! SQLite files and a private PostgreSQL with real syncs. Where a ratio has a goal, both sides took turns in one process, and the
//! ratio is the median of the rounds'.

mod ceilings;
mod dead_endpoint;
mod end_to_end;
mod enqueueing;
mod growth;
mod load;
mod million;
mod overload;
mod peer;
mod receiver;
mod report;
mod stores;
mod takeover;
mod watched;

use gymhook_benches::Outcome;

use crate::report::Report;
use crate::stores::Postgres;

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
    let (options, words): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match (options.first().map(String::as_str), &*words) {
        (Some("--start-up"), [file]) => return runtime.block_on(million::start_up(file)),
        (Some("--overload"), [order]) => return runtime.block_on(overload::obey(order)),
        _ => {}
    }
    let has = |wanted: &str| options.iter().any(|option| option == wanted);
    let size = Size { is_quick: has("--quick"), is_huge: has("--huge") };
    let is_wanted = |task: &str| words.is_empty() || words.iter().any(|word| task.contains(word.as_str()));
    let mut report = Report::new();
    runtime.block_on(measure(size, is_wanted, &mut report))?;
    report.print();
    Ok(())
}

async fn measure(size: Size, is_wanted: impl Fn(&str) -> bool, report: &mut Report) -> Outcome<()> {
    let postgres = Postgres::start()?;
    if is_wanted(end_to_end::TASK) {
        end_to_end::measure(size, &postgres, report).await?;
    }
    if is_wanted(enqueueing::TASK) {
        enqueueing::measure(size, &postgres, report).await?;
    }
    if is_wanted(million::TASK) {
        million::measure(size, report).await?;
    }
    if is_wanted(overload::TASK) {
        overload::measure(size, &postgres, report).await?;
    }
    if is_wanted(takeover::TASK) {
        takeover::measure(&postgres, report).await?;
    }
    if is_wanted(growth::ENDPOINTS) {
        growth::endpoints(size, &postgres, report).await?;
    }
    if is_wanted(growth::WORKERS) {
        growth::workers(size, &postgres, report).await?;
    }
    if is_wanted(dead_endpoint::TASK) {
        dead_endpoint::measure(size, report).await?;
    }
    Ok(())
}
