//! Requests a second, beside a server that only verifies.

use core::net::SocketAddr;
use core::sync::atomic::AtomicU64;
use core::time::Duration;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use gymhook::event::point;
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_benches::stats::median;
use gymhook_benches::wire::{Requests, rate, request};
use gymhook_benches::{Outcome, Report};
use time::UtcDateTime;

use crate::adapter;
use crate::child::{self, SECRET};
use crate::send::body;

const GOAL: f64 = 0.70;

/// One of those who take turns.
struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    rates: Vec<f64>,
}

impl Server {
    /// Starts it on a free port, and waits until it listens.
    fn start(name: &'static str, mut command: Command, port: &str) -> Outcome<Self> {
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        command.args([port, &address.port().to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { name, child, address, rates: Vec::new() };
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if std::net::TcpStream::connect(address).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("{name} does not listen").into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Prints the table.
pub(crate) async fn measure(gymhook: &Path, is_quick: bool) -> Outcome<()> {
    let (rounds, time) = if is_quick { (3, 500) } else { (11, 1_000) };
    let folder = tempfile::tempdir()?;
    let listen = || {
        let mut command = child::command(gymhook);
        command.args(["listen", "point"]);
        command
    };
    let (mut recording, mut not_recording) = (listen(), listen());
    recording.arg("--record").arg(folder.path().join("requests.db"));
    not_recording.arg("--no-record");
    let adapter = Command::new(std::env::current_exe()?);
    let mut servers = [
        Server::start("axum, Webhook (Point)", adapter, adapter::MODE)?,
        Server::start("gymhook listen", recording, "--port")?,
        Server::start("gymhook listen --no-record", not_recording, "--port")?,
    ];
    let mut turns: Vec<usize> = (0..servers.len()).collect();
    for _ in 0..rounds {
        fastrand::shuffle(&mut turns);
        for turn in &turns {
            let Some(server) = servers.get_mut(*turn) else { continue };
            let rate =
                rate(server.address, &requests()?, &AtomicU64::new(0), Duration::from_millis(time)).await?;
            server.rates.push(rate);
        }
    }
    print(&servers);
    Ok(())
}

/// One request of Point, signed now.
fn requests() -> Outcome<Requests> {
    let keyring = Keyring::single("main", Secret::new(SECRET)?)?;
    let receiver: Receiver<point::Notification> = Receiver::new(&Provider::point(), keyring)?;
    let body = body()?.as_bytes();
    let headers = receiver.verifier().signer().sign("msg_1", body, UtcDateTime::now())?;
    let bytes = request("/hooks", &headers, body)?;
    Ok(Arc::new(move |_| bytes.clone()))
}

fn print(servers: &[Server]) {
    let mut report = Report::new(["server", "requests/s", "ratio to the first", "goal"], [1, 2, 3]);
    let first = servers.first().map_or(&[][..], |first| &*first.rates);
    for (at, server) in servers.iter().enumerate() {
        let ratio = median(server.rates.iter().zip(first).map(|(rate, first)| rate / first));
        let is_judged = at > 0;
        report.add(
            [
                server.name.to_owned(),
                format!("{:.0}", median(server.rates.iter().copied())),
                format!("{ratio:.2}"),
                if is_judged { format!("{GOAL:.2}") } else { String::new() },
            ],
            is_judged.then_some(ratio >= GOAL),
        );
    }
    report.print();
}
