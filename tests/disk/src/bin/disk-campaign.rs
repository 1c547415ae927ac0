//! Fails as many disks and databases as it is told to: `disk-campaign --sqlite 2000 --postgres 300`.

use std::process::ExitCode;

use gymhook_disk_tests::Failure;
use gymhook_disk_tests::drive::{walk_on, walks};

const USAGE: &str = "usage: disk-campaign [--sqlite FAULTS] [--postgres FAULTS] [--seed NUMBER]";

#[derive(Default)]
struct Wanted {
    sqlite: u64,
    postgres: u64,
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

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let wanted = read_arguments()?;
    let totals = walk_on(walks(wanted.seed), wanted.sqlite).await;
    println!("SQLite: {totals}");
    Ok(ExitCode::SUCCESS)
}
