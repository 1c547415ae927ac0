//! Kills as many senders as it is told to: `campaign --sqlite 2000 --postgres 500`.

use std::path::PathBuf;

use gymhook_crash_tests::Failure;
use gymhook_crash_tests::drive::{Campaign, PostgresRound, SqliteRound, postgres, sqlite};
use gymhook_crash_tests::total::Totals;
use gymhook_test_postgres::Server;

const USAGE: &str = "usage: campaign [--sqlite KILLS] [--postgres KILLS] [--seed NUMBER]";

#[derive(Default)]
struct Wanted {
    sqlite: usize,
    postgres: usize,
    seed: u64,
}

fn read_arguments() -> Result<Wanted, Failure> {
    let mut wanted = Wanted::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--sqlite" => wanted.sqlite = value.parse()?,
            "--postgres" => wanted.postgres = value.parse()?,
            "--seed" => wanted.seed = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(wanted)
}

/// The sender is built beside this program.
fn sender() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?.with_file_name("sender");
    if !program.exists() {
        return Err("build the sender first: cargo build -p gymhook-crash-tests --bins".into());
    }
    Ok(program)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let wanted = read_arguments()?;
    let program = sender()?;
    let mut all = Totals::default();
    for (first, kills) in (Campaign { kills: wanted.sqlite, in_a_round: 50 }).rounds() {
        let seed = wanted.seed ^ (first as u64).rotate_left(20);
        // Every fourth round goes through all named points again.
        let round = SqliteRound { program: program.clone(), seed, kills, first: first % 200 };
        all += sqlite(&round).await.map_err(|problem| format!("seed {seed}: {problem}"))?;
        println!("SQLite: {all}");
    }
    if wanted.postgres > 0 {
        let server = Server::start()?;
        let mut all = Totals::default();
        for (first, kills) in (Campaign { kills: wanted.postgres, in_a_round: 50 }).rounds() {
            let seed = wanted.seed ^ (first as u64).rotate_left(40);
            let first = first % 200;
            let round =
                PostgresRound { program: program.clone(), seed, kills, first, senders: 3, outages: 3 };
            let ended = postgres(&round, &server).await;
            all += ended.map_err(|problem| format!("seed {seed}: {problem}"))?;
            println!("PostgreSQL: {all}");
        }
    }
    Ok(())
}
