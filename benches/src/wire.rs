//! Connections that are kept alive and send one request after another.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Outcome;

/// How many connections send at a time.
pub const CONNECTIONS: usize = 64;

/// The bytes of an HTTP/1.1 request.
///
/// # Errors
/// If a header is no text.
pub fn request(path: &str, headers: &HeaderMap, body: &[u8]) -> Outcome<Vec<u8>> {
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: gym/1\r\naccept: */*\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
    }
    Ok([head.as_bytes(), b"\r\n", body].concat())
}

/// What a task returns.
pub type Sent<T> = Result<T, Box<dyn core::error::Error + Send + Sync>>;

/// Which request is sent, by number.
pub type Requests = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// Sends for so long, and returns how many requests a second were answered 200.
///
/// # Errors
/// Any other answer.
pub async fn rate(
    address: SocketAddr,
    requests: &Requests,
    first: &AtomicU64,
    time: Duration,
) -> Outcome<f64> {
    let mut sending = JoinSet::new();
    let began = Instant::now();
    let numbers = Arc::new(AtomicU64::new(first.load(Ordering::Relaxed)));
    for _ in 0..CONNECTIONS {
        let (requests, numbers) = (Arc::clone(requests), Arc::clone(&numbers));
        sending.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (mut answer, mut answered) = (Vec::with_capacity(1_024), 0_u64);
            while began.elapsed() < time {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                stream.write_all(&requests(number)).await?;
                answer.clear();
                while !answer.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut answer).await? == 0 {
                        return Err("the server closed".into());
                    }
                }
                if !answer.starts_with(b"HTTP/1.1 200") {
                    return Err(String::from_utf8_lossy(&answer).into_owned().into());
                }
                answered += 1;
            }
            Sent::Ok(answered)
        });
    }
    let mut answered = 0;
    while let Some(sent) = sending.join_next().await {
        answered += sent?.map_err(|error| error.to_string())?;
    }
    first.store(numbers.load(Ordering::Relaxed), Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(answered as f64 / began.elapsed().as_secs_f64())
}
