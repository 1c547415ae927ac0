//! Kills as many gateways as it is told to: `gateway-campaign --sqlite 1000 --postgres 500`.

use std::path::PathBuf;

use gymhook_crash_tests::drive::Campaign;
use gymhook_gateway_tests::Failure;
use gymhook_gateway_tests::check::Totals;
use gymhook_gateway_tests::drive::{Round, postgres, sqlite};
use gymhook_test_postgres::Server;

const USAGE: &str = "usage: gateway-campaign [--sqlite KILLS] [--postgres KILLS] [--seed NUMBER]";
/// How many kills one database goes through.
const IN_A_ROUND: usize = 40;

#[derive(Default)]
struct Asked {
    sqlite: usize,
    postgres: usize,
    seed: u64,
}

fn read_arguments() -> Result<Asked, Failure> {
    let mut asked = Asked::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--sqlite" => asked.sqlite = value.parse()?,
            "--postgres" => asked.postgres = value.parse()?,
            "--seed" => asked.seed = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(asked)
}

/// The gateway is built beside this program.
fn gateway() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?.with_file_name("gateway");
    if !program.exists() {
        return Err("build the gateway first: cargo build -p gymhook-gateway-tests --bins".into());
    }
    Ok(program)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let asked = read_arguments()?;
    let program = gateway()?;
    let mut all = Totals::default();
    for (first, kills) in (Campaign { kills: asked.sqlite, in_a_round: IN_A_ROUND }).rounds() {
        let seed = asked.seed ^ (first as u64).rotate_left(20);
        let round = Round { program: program.clone(), seed, kills };
        all += sqlite(&round).await.map_err(|problem| format!("seed {seed}: {problem}"))?;
        println!("SQLite: {all}");
    }
    if asked.postgres > 0 {
        let server = Server::start()?;
        let mut all = Totals::default();
        for (first, kills) in (Campaign { kills: asked.postgres, in_a_round: IN_A_ROUND }).rounds() {
            let seed = asked.seed ^ (first as u64).rotate_left(40);
            let round = Round { program: program.clone(), seed, kills };
            let ended = postgres(&round, &server).await;
            all += ended.map_err(|problem| format!("seed {seed}: {problem}"))?;
            println!("PostgreSQL: {all}");
        }
    }
    Ok(())
}
