//! Does the delivery machine keep its promises in a world of slow, dead and lying endpoints, crashes and clock steps?
//!
//! ```text
//! cargo run --release --example simulate -- --seed 7 --deliveries 2000     one world
//! cargo run --release --example simulate -- --seeds 0..20000               many small ones
//! cargo run --release --example simulate -- --planted all                  would it notice? bugs on purpose
//! cargo run --release --example simulate -- --exhaustive 1,1               the smallest world, in all possible ways
//! ```
//!
//! The same seed gives the same hash. A seed that fails prints its smallest part that still fails.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

use gymhook_simulation::{Campaign, Exhaustive, Run, Totals, planted_bugs};

const USAGE: &str = "usage: simulate [--seed N | --seeds A..B] [--deliveries N] [--keep I,J,…]
       simulate --planted NAME|all
       simulate --exhaustive CRASHES,EXPIRED_LEASES";

fn main() -> ExitCode {
    let Some(wish) = Wish::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    if let Some(bug) = wish.planted {
        return hunt(&bug);
    }
    if let Some((crashes, expiries)) = wish.exhaustive {
        return search(crashes, expiries);
    }
    let Some(seeds) = wish.seeds else {
        let run = Run::new(wish.seed, wish.deliveries.unwrap_or(2_000));
        return only(&wish.keep.map_or_else(|| run.clone(), |steps| run.clone().keeping(steps)));
    };
    let threads = available_parallelism().map_or(1, usize::from);
    let campaign = Campaign::play(seeds, wish.deliveries.unwrap_or(60), threads);
    for failure in campaign.failures.iter().take(3) {
        println!("{}\n", failure.shrunk());
    }
    print_totals(&campaign.totals);
    println!("{} passed, {} failed", campaign.passed, campaign.failures.len());
    if campaign.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn only(run: &Run) -> ExitCode {
    match run.play() {
        Ok(totals) => {
            print_totals(&totals);
            println!("1 passed, 0 failed");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{}\n0 passed, 1 failed", failure.shrunk());
            ExitCode::FAILURE
        }
    }
}

/// Builds a copy of the machine that has all planted bugs in it, switched off, and a program that hunts them one by one.
fn hunt(bug: &str) -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workshop = root.join("target/planted");
    if let Err(error) = planted_bugs::workshop(&root, &workshop) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workshop).args(["run", "--quiet", "--release", "--package", "hunt", "--", bug]);
    match cargo.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

/// Two owners, two endpoints, three deliveries, three attempts; a number of crashes and expired leases on each path.
fn search(crashes: u32, expiries: u32) -> ExitCode {
    match Exhaustive::new(3, crashes, expiries).search() {
        Ok(seen) => {
            println!("states  {:>12}", seen.states);
            println!("steps   {:>12}", seen.steps);
            println!("ends    {:>12}", seen.ends);
            println!("1 passed, 0 failed");
            ExitCode::SUCCESS
        }
        Err(told) => {
            println!("{told}\n0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

fn print_totals(totals: &Totals) {
    println!("deliveries    {:>14}", totals.deliveries);
    println!("rounds ended  {:>14}", totals.rounds);
    println!("attempts      {:>14}", totals.attempts);
    println!("crashes       {:>14}", totals.crashes);
    println!("restores      {:>14}", totals.restores);
    println!("leases moved  {:>14}", totals.leases_moved);
    println!("clock steps   {:>14}", totals.clock_steps);
    println!("late answers  {:>14}", totals.late_answers);
    println!("outputs       {:>14}", totals.outputs);
    println!("virtual days  {:>14}", totals.virtual_days());
    println!("trace hash    {:016x}", totals.hash);
}

struct Wish {
    seed: u64,
    seeds: Option<core::ops::Range<u64>>,
    deliveries: Option<u64>,
    keep: Option<Vec<usize>>,
    planted: Option<String>,
    exhaustive: Option<(u32, u32)>,
}

impl Wish {
    fn read(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut wish =
            Self { seed: 0, seeds: None, deliveries: None, keep: None, planted: None, exhaustive: None };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let value = arguments.next()?;
            match name.as_str() {
                "--seed" => wish.seed = value.parse().ok()?,
                "--seeds" => {
                    let (from, to) = value.split_once("..")?;
                    wish.seeds = Some(from.parse().ok()?..to.parse().ok()?);
                }
                "--deliveries" => wish.deliveries = Some(value.parse().ok()?),
                "--keep" => {
                    wish.keep = Some(value.split(',').map(str::parse).collect::<Result<_, _>>().ok()?)
                }
                "--exhaustive" => {
                    let (crashes, expiries) = value.split_once(',')?;
                    wish.exhaustive = Some((crashes.parse().ok()?, expiries.parse().ok()?));
                }
                "--planted" => wish.planted = Some(value),
                _ => return None,
            }
        }
        Some(wish)
    }
}
