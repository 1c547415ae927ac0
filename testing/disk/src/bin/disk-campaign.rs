//! Fails as many disks and databases as it is told to: `disk-campaign --sqlite 2000 --postgres 300`.
//!
//! `--sample 20` fails 20 calls and messages of each kind, spread evenly over a run from its first to its last; `--whole` fails each
//! of them, which takes hours.

use std::process::ExitCode;

use gymhook_disk_tests::Failure;
use gymhook_disk_tests::drive::{
    cut_off, cut_off_sample, fill_up, fill_up_server, forbid_files, sessions, walk_on, walk_sample, walks,
};
use gymhook_disk_tests::total::Totals;
use gymhook_test_postgres::Server;

const USAGE: &str = "usage: disk-campaign [--sqlite FAULTS] [--postgres FAULTS] [--sample OF_EACH_KIND | --whole] [--seed NUMBER]";

#[derive(Default)]
struct Wanted {
    sqlite: u64,
    postgres: u64,
    sample: u64,
    seed: u64,
}

fn read_arguments() -> Result<Wanted, Failure> {
    let mut wanted = Wanted::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--whole" {
            wanted.sample = u64::MAX;
            continue;
        }
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--sqlite" => wanted.sqlite = value.parse()?,
            "--postgres" => wanted.postgres = value.parse()?,
            "--sample" => wanted.sample = value.parse()?,
            "--seed" => wanted.seed = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(wanted)
}

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let wanted = read_arguments()?;
    let mut broken = 0;
    if wanted.sqlite > 0 {
        // A quarter of them on disks that are full for real.
        let full = wanted.sqlite / 4;
        let filled = fill_up(wanted.seed, full).await?;
        println!("SQLite, full disks: {filled}");
        let walked = walk_on(walks(wanted.seed), wanted.sqlite - full).await;
        println!("SQLite, call by call: {walked}");
        let mut all = Totals::default();
        all += filled;
        all += walked;
        println!("SQLite: {all}");
        broken += all.broken;
    }
    if wanted.postgres > 0 {
        let server = Server::start()?;
        let full = wanted.postgres / 4;
        let filled = fill_up_server(wanted.seed, full, &server.config()).await?;
        println!("PostgreSQL, full disks: {filled}");
        let forbidden = wanted.postgres / 10;
        let limited = forbid_files(wanted.seed, forbidden, &server.config()).await?;
        println!("PostgreSQL, no temporary files: {limited}");
        let rest = wanted.postgres - full - forbidden;
        let cut = cut_off(sessions(wanted.seed), rest, &server.config()).await;
        println!("PostgreSQL, message by message: {cut}");
        let mut all = Totals::default();
        all += filled;
        all += limited;
        all += cut;
        println!("PostgreSQL: {all}");
        broken += all.broken;
    }
    if wanted.sample > 0 {
        let walked = walk_sample(wanted.seed, wanted.sample).await;
        println!("SQLite, from the first call to the last:\n{walked}");
        let server = Server::start()?;
        let cut = cut_off_sample(wanted.seed, wanted.sample, &server.config()).await;
        println!("PostgreSQL, from the first message to the last:\n{cut}");
        for reach in walked.reaches.iter().chain(&cut.reaches).filter(|reach| !reach.is_from_end_to_end()) {
            println!("not from end to end: {reach}");
            broken += 1;
        }
        broken += walked.totals.broken + cut.totals.broken;
    }
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
