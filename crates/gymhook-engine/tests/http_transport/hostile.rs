//! Endpoints that answer too much, too slowly, wrongly or not at all.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use gymhook_retry::{Fault, Outcome, OwnFault};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{BRIEF, OK, PATIENT, Server, answered, builder, failed, send, transport};

/// What the kernel's buffers of both sides may hold beyond what was read, with room to spare: far from "all of it".
const BUFFERED: u64 = 32 << 20;

/// What a hostile server got rid of before it was cut off.
#[derive(Clone, Default)]
struct Written {
    bytes: Arc<AtomicU64>,
    cut_off: Arc<Notify>,
}

impl Written {
    /// Writes `head`, then `more` again and again, at this pace, until the connection is cut.
    async fn flood(
        self,
        mut stream: TcpStream,
        head: String,
        more: Vec<u8>,
        pace: Duration,
    ) -> io::Result<()> {
        let cut = async {
            stream.read_buf(&mut Vec::with_capacity(4096)).await?;
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(&more).await?;
                self.bytes.fetch_add(more.len() as u64, Ordering::SeqCst);
                if !pace.is_zero() {
                    tokio::time::sleep(pace).await;
                }
            }
        };
        let error: io::Result<()> = cut.await;
        self.cut_off.notify_one();
        error
    }

    /// How many bytes it was, once the connection is cut.
    async fn until_cut_off(&self) -> u64 {
        tokio::time::timeout(PATIENT, self.cut_off.notified()).await.unwrap();
        self.bytes.load(Ordering::SeqCst)
    }
}

async fn flooding(head: &str, more: &[u8], pace: Duration) -> (Server, Written) {
    let (head, more, written) = (head.to_owned(), more.to_vec(), Written::default());
    let counted = written.clone();
    let server =
        Server::start(move |stream, _| counted.clone().flood(stream, head.clone(), more.clone(), pace)).await;
    (server, written)
}

const AT_ONCE: Duration = Duration::ZERO;
const DRIP: Duration = Duration::from_millis(20);

#[tokio::test]
async fn an_endless_body_is_cut_and_judged_by_its_status() {
    let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
    let endless = "HTTP/1.1 200 OK\r\n";
    for (head, more) in [
        (format!("{endless}content-length: 10737418240\r\n\r\n"), vec![b'x'; 0x4000]),
        (format!("{endless}transfer-encoding: chunked\r\n\r\n"), chunk),
        (format!("{endless}\r\n"), vec![b'x'; 0x4000]),
    ] {
        let (server, written) = flooding(&head, &more, AT_ONCE).await;
        let answer = send(&transport(), &server.url(), PATIENT).await;
        assert_eq!(answer.outcome, answered(StatusCode::OK), "{head:?}: {answer:?}");
        assert_eq!(answer.captured.unwrap(), "x".repeat(1000));
        let written = written.until_cut_off().await;
        assert!(written < BUFFERED, "{head:?}: {written} bytes");
    }
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let status = "HTTP/1.1 200 OK\r\n";
    let one_long = format!("{status}x: ");
    for (head, more) in [(status, b"a: b\r\n".repeat(500)), (one_long.as_str(), vec![b'x'; 4096])] {
        let (server, written) = flooding(head, &more, AT_ONCE).await;
        let answer = send(&transport(), &server.url(), PATIENT).await;
        assert_eq!(answer.outcome, failed(Fault::Protocol), "{head:?}: {answer:?}");
        let written = written.until_cut_off().await;
        assert!(written < BUFFERED, "{head:?}: {written} bytes");
    }
}

#[tokio::test]
async fn whatever_drips_is_cut_off_by_the_deadline() {
    let status = "HTTP/1.1 200 OK\r\n";
    for (head, more) in [
        ("", "H"),
        (status, "a: b\r\n"),
        ("HTTP/1.1 200 OK\r\nx: ", "y"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let (server, written) = flooding(head, more.as_bytes(), DRIP).await;
        let answer = send(&transport(), &server.url(), BRIEF).await;
        // A single letter may come to be refused before it comes to take too long.
        let protocol = head.is_empty() && answer.outcome == failed(Fault::Protocol);
        let expected =
            if head.ends_with("\r\n\r\n") { answered(StatusCode::OK) } else { failed(Fault::Timeout) };
        assert!(protocol || answer.outcome == expected, "{head:?} {more:?}: {answer:?}");
        written.until_cut_off().await;
    }
}

#[tokio::test]
async fn endless_informational_answers_end_at_the_deadline() {
    let (server, written) = flooding("", &b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(50), AT_ONCE).await;
    let answer = send(&transport(), &server.url(), BRIEF).await;
    assert_eq!(answer.outcome, failed(Fault::Timeout), "{answer:?}");
    written.until_cut_off().await;
}

#[tokio::test]
async fn servers_that_never_answer_delay_nobody_and_cost_their_deadline() {
    let silent = Server::start(|mut stream, requests| async move {
        requests.read(&mut stream).await?;
        // Until the other side hangs up.
        stream.read_buf(&mut Vec::with_capacity(1)).await.map(drop)
    })
    .await;
    let good = Server::answering(OK).await;
    let transport = transport();
    let mut stuck = JoinSet::new();
    for _ in 0..50 {
        let (transport, url) = (transport.clone(), silent.url());
        stuck.spawn(async move { send(&transport, &url, PATIENT * 60).await });
    }
    for _ in 0..50 {
        assert_eq!(send(&transport, &good.url(), PATIENT).await.outcome, answered(StatusCode::OK));
    }
    assert!(stuck.try_join_next().is_none(), "nobody waited for them, and they still wait");
    assert_eq!(send(&transport, &silent.url(), BRIEF).await.outcome, failed(Fault::Timeout));
}

/// Closes with a reset instead of an orderly end, as what was received and not read makes the system do.
fn reset(stream: TcpStream) -> io::Result<()> {
    let asked = stream.set_zero_linger();
    drop(stream);
    asked
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_reset() {
    let at_once = Server::start(|stream, _| async { reset(stream) }).await;
    let unanswered =
        Server::start(|mut stream, requests| async move { requests.read(&mut stream).await.map(drop) }).await;
    let after_request = Server::start(|mut stream, requests| async move {
        requests.read(&mut stream).await?;
        reset(stream)
    })
    .await;
    let within = |head: &'static str, orderly: bool| {
        Server::start(move |mut stream, requests| async move {
            requests.read(&mut stream).await?;
            stream.write_all(head.as_bytes()).await?;
            if orderly { stream.shutdown().await } else { reset(stream) }
        })
    };
    let within_headers = within("HTTP/1.1 200 OK\r\nx: ", true).await;
    let reset_within = within("HTTP/1.1 200 OK\r\nx: ", false).await;
    for server in [&at_once, &unanswered, &after_request, &within_headers, &reset_within] {
        let answer = send(&transport(), &server.url(), PATIENT).await;
        assert_eq!(answer.outcome, failed(Fault::Reset), "{answer:?}");
        assert!(answer.detail.unwrap().starts_with("127.0.0.1:"));
        assert_eq!(server.connections(), 1, "an attempt is one request");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_fault() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
        "<html>no status line</html>\r\n\r\n",
        "HTTP/3.7 200 OK\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ] {
        let server = Server::answering(answer).await;
        let outcome = send(&transport(), &server.url(), PATIENT).await.outcome;
        assert_eq!(outcome, failed(Fault::Protocol), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_compressed_stays_compressed() {
    // As much of a gzip stream as shows that nobody looked into it.
    let server =
        Server::answering("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\n\u{1f}zip!")
            .await;
    let answer = send(&transport(), &server.url(), PATIENT).await;
    assert_eq!(answer.captured.as_deref(), Some("\u{1f}zip!"));
    assert!(!server.requests()[0].to_lowercase().contains("accept-encoding"));
}

#[tokio::test]
async fn nobody_listening_is_a_connect_fault() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let answer = send(&transport(), &url, PATIENT).await;
    assert_eq!(answer.outcome, failed(Fault::Connect));
    let detail = answer.detail.unwrap();
    assert!(detail.contains("refused"), "{detail}");
    assert_eq!(detail.matches("127.0.0.1").count(), 1, "{detail}");
}

#[tokio::test]
async fn a_retry_after_is_read_and_counted_from_its_receipt() {
    let server = Server::answering("HTTP/1.1 503 x\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n").await;
    let answer = send(&transport(), &server.url(), PATIENT).await;
    let until = answer.outcome.retry_after().unwrap().until();
    let wait = until - crate::support::NOW;
    assert!(wait >= time::Duration::seconds(120) && wait < time::Duration::seconds(180), "{wait}");
    assert_eq!(answer.captured, None);
}

#[tokio::test]
async fn an_absurd_timeout_is_no_reason_to_panic() {
    let server = Server::answering(OK).await;
    let patient =
        builder().with_connect_timeout(Duration::MAX).with_idle_timeout(Duration::MAX).build().unwrap();
    assert_eq!(send(&patient, &server.url(), Duration::MAX).await.outcome, answered(StatusCode::OK));
    let hasty = send(&transport(), &server.url(), Duration::ZERO).await;
    assert_ne!(hasty.outcome, Outcome::Internal(OwnFault::Resources));
}
