//! Deliveries a second, beside a client that only sends.

use core::time::Duration;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use gymhook_benches::{Goal, Outcome, Rounds};
use tokio::net::TcpListener;

use crate::table::{FIRST, Row, table};
use crate::{bare_client, child};

pub(crate) const TASK: &str = "send";

const GOAL: Goal = Goal::AtLeast(0.80, FIRST);
const CONCURRENCY: &str = "64";

/// What is sent: the sample of one of Point's types.
pub(crate) fn body() -> Outcome<&'static str> {
    let sample = gymhook::event::samples().find(|sample| sample.event_type == "workout.created");
    Ok(sample.ok_or("no sample of Point")?.body)
}

/// Prints the table.
pub(crate) async fn measure(gymhook: &Path, is_quick: bool) -> Outcome<()> {
    let count: u32 = if is_quick { 5_000 } else { 50_000 };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/hooks", listener.local_addr()?);
    let routes = Router::new().route("/hooks", post(|_: Bytes| async {}));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut bare = Command::new(std::env::current_exe()?);
    bare.args([bare_client::MODE, &url, &count.to_string(), CONCURRENCY]).stdin(Stdio::null());
    let play = |more: &[&str]| {
        let mut command = child::command(gymhook);
        command.args(["send", "point", "workout.created", "--to", &url, "--count", &count.to_string()]);
        command.args(["--concurrency", CONCURRENCY]).args(more);
        command
    };
    let mut contenders = [
        ("hyper's client in a loop", bare),
        ("gymhook send", play(&[])),
        ("gymhook send --quiet", play(&["--quiet"])),
        ("gymhook --json send", play(&["--json"])),
    ];
    let fewest = if is_quick { 3 } else { 11 };
    let rounds = tokio::task::block_in_place(|| {
        Rounds::play(contenders.len(), fewest, Duration::ZERO, |contender| {
            let (_, command) = contenders.get_mut(contender).ok_or("no such contender")?;
            let began = Instant::now();
            child::run(command)?;
            Ok(began.elapsed().as_secs_f64() * 1e9 / f64::from(count))
        })
    })?;
    let rows = contenders.iter().enumerate().map(|(at, (name, _))| Row {
        name,
        figure: format!("{:.0}", rounds.rate(at)),
        ratio: rounds.ratio_of_rates(at, 0),
    });
    table(["process", "requests/s", "ratio to the first"], rows, GOAL).print();
    Ok(())
}
