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
use gymhook_benches::request::SECRET;
use gymhook_benches::wire::{Requests, rate, request};
use gymhook_benches::{Goal, Outcome, Rounds};
use time::UtcDateTime;
use tokio::runtime::Handle;

use crate::adapter;
use crate::child;
use crate::send::body;
use crate::table::{FIRST, Row, table};

pub(crate) const TASK: &str = "listen";

const GOAL: Goal = Goal::AtLeast(0.70, FIRST);

/// One of those who take turns.
struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it on a free port, and waits until it listens.
    fn start(name: &'static str, mut command: Command, port: &str) -> Outcome<Self> {
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        command.args([port, &address.port().to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { name, child, address };
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
    let (fewest, time) = if is_quick { (3, 500) } else { (11, 1_000) };
    let time = Duration::from_millis(time);
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
    let servers = [
        Server::start("axum, Webhook (Point)", adapter, adapter::MODE)?,
        Server::start("gymhook listen", recording, "--port")?,
        Server::start("gymhook listen --no-record", not_recording, "--port")?,
    ];
    let rounds = tokio::task::block_in_place(|| {
        Rounds::play(servers.len(), fewest, Duration::ZERO, |server| {
            let server = servers.get(server).ok_or("no such server")?;
            let (requests, number) = (requests()?, AtomicU64::new(0));
            Ok(1e9 / Handle::current().block_on(rate(server.address, &requests, &number, time))?)
        })
    })?;
    let rows = servers.iter().enumerate().map(|(at, server)| Row {
        name: server.name,
        figure: format!("{:.0}", rounds.rate(at)),
        ratio: rounds.ratio_of_rates(at, 0),
    });
    table(["server", "requests/s", "ratio to the first"], rows, GOAL).print();
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
