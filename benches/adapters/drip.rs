//! Connections that send a byte of their body a second: what they take, and how honest requests fare meanwhile.

use core::net::SocketAddr;
use core::time::Duration;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use gymhook_axum::WebhookSource;
use gymhook_benches::Outcome;
use gymhook_benches::wire::request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::contender;

pub(crate) const TASK: &str = "drip";

/// The argument that makes of this program the client of another one.
pub(crate) const AS_CLIENT: &str = "--drip-client";

/// Prints what this number of connections takes.
pub(crate) async fn measure(is_quick: bool) -> Outcome<()> {
    let connections: u64 = if is_quick { 1_000 } else { 10_000 };
    allow_files()?;
    // Longer than this takes: none of them is refused meanwhile.
    let source = WebhookSource::new(contender::point()?).with_read_deadline(Duration::from_secs(3_600));
    let webhook =
        axum::routing::post(|_: gymhook_axum::Webhook<gymhook::event::point::Notification>| async {});
    let routes = axum::Router::new().route("/point", webhook.with_state(source));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let (before, without) = (resident()?, honest(address).await?);
    let mut client = start_client(address, connections)?;
    tokio::time::sleep(Duration::from_secs(if is_quick { 5 } else { 20 })).await;
    let with = honest(address).await?;
    let each = resident()?.saturating_sub(before) / connections;
    client.kill()?;
    client.wait()?;
    println!(
        "{connections} connections that drip: {each} bytes of resident memory each; the slowest of 200 honest requests took {with:?}, {without:?} without them"
    );
    Ok(())
}

/// How long the slowest of `count` requests took.
async fn honest(address: SocketAddr) -> Outcome<Duration> {
    let body = contender::body();
    let bytes = request("/point", &contender::sign(&contender::point()?, &body)?, &body)?;
    let mut slowest = Duration::ZERO;
    for _ in 0..200 {
        let began = Instant::now();
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&bytes).await?;
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await?;
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err("an honest request was refused".into());
        }
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(slowest)
}

fn start_client(address: SocketAddr, connections: u64) -> Outcome<Child> {
    let mut client = Command::new(std::env::current_exe()?);
    client.args([AS_CLIENT, &address.to_string(), &connections.to_string()]).stdin(Stdio::null());
    Ok(client.spawn()?)
}

/// Opens the connections, and sends a byte on each once a second until it is killed.
pub(crate) async fn be_the_client(address: SocketAddr, connections: usize) -> Outcome<()> {
    allow_files()?;
    let head = b"POST /point HTTP/1.1\r\nhost: localhost\r\ncontent-length: 200000\r\n\r\n";
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head).await?;
        streams.push(stream);
    }
    loop {
        for stream in &mut streams {
            stream.write_all(b" ").await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Lets this process have as many open files as it may.
fn allow_files() -> Outcome<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Resident memory of this process, in bytes.
fn resident() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split(' ').nth(1).ok_or("no such field")?.parse()?;
    Ok(pages * 4_096)
}
