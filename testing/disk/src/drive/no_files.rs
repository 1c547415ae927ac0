//! A PostgreSQL server whose statements may not write temporary files for a while: `temp_file_limit`.
//!
//! The notifications of a call are arrays that the server unfolds. Where they are larger than its `work_mem`, it does so in a
//! temporary file.

use core::time::Duration;

use gymhook_crash_tests::random::Random;
use gymhook_engine::store::StoreError;
use gymhook_test_postgres::fresh_schema;
use tokio_postgres::{Client, Config, NoTls};

use super::campaign::count;
use super::full::{FILLINGS, until_refused};
use super::stage::{Ended, Stage};
use crate::Failure;
use crate::backend::PostgresBackend;
use crate::check::Told;
use crate::script::Size;
use crate::total::Totals;

/// Many of the bodies are larger than the least `work_mem`.
const SIZE: Size = Size { each: 6, longest: 300_000 };

/// Forbids a server's statements to write temporary files until this many calls have failed. What breaks a promise is printed and
/// counted.
///
/// # Errors
/// The server does not take the settings.
pub async fn forbid_files(seed: u64, faults: u64, server: &Config) -> Result<Totals, Failure> {
    let (operator, connection) = server.connect(NoTls).await?;
    tokio::spawn(connection);
    set(&operator, "SET work_mem = '64kB'").await?;
    let mut totals = Totals::default();
    let mut round = 0;
    while totals.faults < faults {
        let seed = Random::new(seed ^ round).draw();
        round += 1;
        let backend = PostgresBackend::new(server, fresh_schema(), None);
        let ended = play(seed, &Stage::set(backend.clone(), seed, SIZE), &operator).await;
        set(&operator, "RESET temp_file_limit").await?;
        totals += count(ended, &format!("no temporary files, seed {seed}"));
        backend.remove().await?;
    }
    set(&operator, "RESET work_mem").await?;
    Ok(totals)
}

/// Changes a setting of the server, for sessions that are there, too.
async fn set(operator: &Client, what: &str) -> Result<(), Failure> {
    operator.batch_execute(&format!("ALTER SYSTEM {what}")).await?;
    Ok(operator.batch_execute("SELECT pg_reload_conf()").await?)
}

/// Whether it is `configuration_limit_exceeded`, and not a call that took too long.
fn is_the_limit(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { problem } if problem.contains("SQLSTATE 53400"))
}

async fn play(seed: u64, stage: &Stage<PostgresBackend>, operator: &Client) -> Result<Ended, Failure> {
    let (engine, working) = stage.put_to_work().await?;
    let mut random = Random::new(seed);
    let mut faults = 0;
    for _ in 0..FILLINGS {
        tokio::time::sleep(Duration::from_micros(random.below(20_000))).await;
        let before = stage.caller.ledger.refusals();
        set(operator, "SET temp_file_limit = 0").await?;
        let ledger = &stage.caller.ledger;
        until_refused(ledger, before, &mut random, &working).await;
        faults += u64::from(ledger.complaints().iter().skip(before).any(is_the_limit));
        set(operator, "RESET temp_file_limit").await?;
    }
    let process = working.await??;
    let last = stage.clone();
    process.run(async move { last.finish(engine).await }).await?;
    drop(process);
    let mut ended = stage.judge(Told::Unavailable).await?;
    (ended.totals.rounds, ended.totals.faults) = (1, faults);
    Ok(ended)
}
