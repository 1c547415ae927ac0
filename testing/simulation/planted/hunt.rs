//! Switches one planted bug on after the other, and counts the seeds until the simulation finds it.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gymhook_retry::planted::plant;
use gymhook_simulation::{Run, planted_bugs};

/// The number of seeds that are tried for one bug.
const SEEDS: u64 = 20_000;
const DELIVERIES: u64 = 60;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "all".to_owned());
    let bugs: Vec<(usize, String)> = (1..).zip(planted_bugs::bugs().into_iter().map(|bug| bug.name)).collect();
    let bugs: Vec<(usize, String)> =
        bugs.into_iter().filter(|(_, name)| wanted == "all" || *name == wanted).collect();
    if bugs.is_empty() {
        eprintln!("no bug is named {wanted:?}");
        return ExitCode::FAILURE;
    }
    set_hook(Box::new(|_| {}));
    println!("{:>6}  {:<62} found as", "seeds", "planted bug");
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((number, name)) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let hunted = hunt(*number, bugs.len() == 1);
                    match &hunted {
                        Some((seeds, promise)) => println!("{seeds:>6}  {name:<62} {promise}"),
                        None => println!("     –  {name:<62} NOT FOUND in {SEEDS} seeds"),
                    }
                    found.lock().unwrap().push(hunted);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let passed = found.iter().filter(|hunted| hunted.is_some()).count();
    println!("{passed} passed, {} failed", found.len() - passed);
    if passed == found.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many seeds it takes, and which promise is seen broken.
fn hunt(number: usize, tells: bool) -> Option<(u64, String)> {
    plant(number);
    (0..SEEDS).find_map(|seed| {
        let run = Run::new(seed, DELIVERIES);
        match catch_unwind(AssertUnwindSafe(|| run.play())) {
            Ok(Ok(_)) => None,
            Ok(Err(failure)) => {
                if tells {
                    println!("{}\n", failure.shrunk());
                }
                Some((seed + 1, failure.promise()))
            }
            Err(_) => Some((seed + 1, "a panic".to_owned())),
        }
    })
}
