//! Live tails while two thousand things happen a second: one that reads, and one that does not.

use core::time::Duration;
use std::time::Instant;

use gymhook_benches::wire::Sent;
use gymhook_benches::{Outcome, Report};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use crate::add;
use crate::child::{Gateway, api_key};
use crate::client::{Connection, asking};
use crate::filled::Filled;

pub(crate) const TASK: &str = "live tail";

const A_SECOND: u32 = 2_000;
const CONNECTIONS: u32 = 20;
const GOAL_MEBIBYTES: f64 = 4.0;

pub(crate) async fn measure(is_quick: bool, report: &mut Report) -> Outcome<()> {
    let filled = Filled::find(is_quick).await?;
    let key = api_key(&filled.file).await?;
    let gateway = Gateway::start(&filled.file).await?;
    let tail = asking("GET", "/v1/tail?what=received", &key, "");
    let listen = async || -> Sent<_> { Connection::open(gateway.address).await?.listen(&tail).await };
    let mut reads = listen().await.map_err(|error| error.to_string())?;
    // It is open, and nobody reads what comes.
    let _idle = listen().await.map_err(|error| error.to_string())?;
    let heard = tokio::spawn(async move {
        let (mut buffer, mut bytes) = (vec![0; 65_536], 0_u64);
        while let Ok(length @ 1..) = reads.read(&mut buffer).await {
            bytes += u64::try_from(length).unwrap_or(0);
        }
        bytes
    });
    let (first, second) = if is_quick { (2, 4) } else { (10, 30) };
    let began = Instant::now();
    let sent = send(gateway.address, Duration::from_secs(first)).await.map_err(|error| error.to_string())?;
    let before = gateway.resident_mebibytes()?;
    let sent =
        sent + send(gateway.address, Duration::from_secs(second)).await.map_err(|error| error.to_string())?;
    let rate = f64::from(sent) / began.elapsed().as_secs_f64();
    let after = gateway.resident_mebibytes()?;
    gateway.end().await?;
    let bytes = heard.await?;
    if bytes < u64::from(sent) {
        return Err(format!("{sent} things happened, and the tail had {bytes} bytes").into());
    }
    add(
        report,
        [
            &format!("{TASK}, {rate:.0} a second for {second} s"),
            "resident memory at the end",
            &format!("{after:.1} MiB"),
            &format!("{:+.1} MiB", after - before),
            "≤ +4 MiB",
        ],
        Some(after - before <= GOAL_MEBIBYTES && rate > f64::from(A_SECOND) * 0.9),
    );
    Ok(())
}

/// Requests that no source accepts, at a steady rate; returns how many.
async fn send(address: core::net::SocketAddr, time: Duration) -> Sent<u32> {
    let mut sending = JoinSet::new();
    let began = Instant::now();
    for _ in 0..CONNECTIONS {
        sending.spawn(async move {
            let request = b"POST /in/pg-next HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
            let mut connection = Connection::open(address).await?;
            let mut ticks = tokio::time::interval(Duration::from_secs(1) * CONNECTIONS / A_SECOND);
            let mut sent = 0;
            while began.elapsed() < time {
                ticks.tick().await;
                if connection.exchange(request).await?.status != 401 {
                    return Err("a request without a key is not refused".into());
                }
                sent += 1;
            }
            Sent::Ok(sent)
        });
    }
    let mut sent = 0;
    while let Some(done) = sending.join_next().await {
        sent += done??;
    }
    Ok(sent)
}
