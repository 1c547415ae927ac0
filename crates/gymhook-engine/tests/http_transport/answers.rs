//! The status line and the headers decide; the body is for the log.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use gymhook::send::EndpointUrl;
use gymhook_delivery::EndpointPolicy;
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{AttemptQuery, NewNotification, Store};
use gymhook_engine::{Answer, DeliveryId, EndpointId, Engine, HttpTransport, Subscription, Transport};
use gymhook_retry::{Classify, Fault, RetryPolicy};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::support::{
    BRIEF, NOW, OK, PATIENT, Server, answered, builder, failed, keyring, send, sending, subscription,
    transport,
};
use crate::tls::{Authority, trusting, url};

/// How a server ends a connection.
#[derive(Clone, Copy, Debug)]
enum End {
    Orderly,
    Reset,
    /// It never does.
    Stalled,
}

/// Answers with these bytes, and ends the connection.
async fn ending(bytes: &'static str, end: End) -> Server {
    Server::start(move |mut stream, requests| async move {
        requests.read(&mut stream).await?;
        stream.write_all(bytes.as_bytes()).await?;
        finish(stream, end).await
    })
    .await
}

async fn finish(mut stream: TcpStream, end: End) -> io::Result<()> {
    match end {
        End::Orderly => stream.shutdown().await,
        End::Reset => {
            // Both sides' buffers are on this machine: once the other side has read, nothing of the head can be lost.
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.set_zero_linger()
        }
        End::Stalled => stream.read_buf(&mut Vec::with_capacity(1)).await.map(drop),
    }
}

fn detail(answer: &Answer) -> &str {
    answer.detail.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_cut_answer_is_judged_by_its_head() {
    for (status, headers, body) in [
        (200, "content-length: 100\r\n", "abc"),
        (200, "transfer-encoding: chunked\r\n", "5\r\nabc"),
        (200, "transfer-encoding: chunked\r\n", "3\r\nabc\r\n"),
        (410, "content-length: 100\r\n", "abc"),
        (401, "content-length: 100\r\n", "abc"),
        (500, "content-length: 100\r\n", "abc"),
    ] {
        for end in [End::Orderly, End::Reset] {
            let bytes = format!("HTTP/1.1 {status} x\r\n{headers}\r\n{body}");
            let server = ending(bytes.leak(), end).await;
            let answer = send(&transport(), &server.url(), PATIENT).await;
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(answer.outcome, answered(status), "{headers:?} {end:?}: {answer:?}");
            assert!(detail(&answer).contains("body was cut after 3 bytes"), "{end:?}: {answer:?}");
            assert_eq!(answer.captured.as_deref(), Some("abc"), "{headers:?} {end:?}");
            assert_eq!(server.connections(), 1, "an attempt is one request");
        }
    }
}

/// From the socket to the store: the head of a cut answer disables the endpoint, where 410 does.
#[tokio::test]
async fn a_cut_410_disables_the_endpoint() {
    let server = ending("HTTP/1.1 410 x\r\ncontent-length: 100\r\n\r\nabc", End::Orderly).await;
    let store = MemoryStore::with_system_clock();
    let engine = Engine::builder(store.clone()).start(transport()).await.unwrap();
    let retry = RetryPolicy::point().with_classify(Classify::new().disabling_on_gone());
    let url = EndpointUrl::dangerous_without_rule(&server.url()).unwrap();
    let (id, policy) = (EndpointId::from_u128(1), EndpointPolicy::new(retry));
    let subscription = Subscription::new(id, "berlin", "point", url, Arc::new(keyring()), policy);
    engine.put_subscription(&subscription).await.unwrap();
    let delivery = DeliveryId::from_u128(1);
    let new = NewNotification::new(delivery, id, "workout.created", Bytes::from_static(b"{}"));
    let _new = engine.enqueue(vec![new]).await.unwrap();
    let disabled = async {
        while engine.stats().await.unwrap().disabled == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENT, disabled).await.expect("it is never disabled");
    engine.shutdown().await;
    let attempts = store.attempts(AttemptQuery::new(delivery, 100)).await.unwrap().items;
    assert_eq!(attempts.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [Some(410)]);
    assert!(attempts[0].detail.as_ref().unwrap().contains("cut"), "{attempts:?}");
}

#[tokio::test]
async fn a_cut_429_still_says_when_to_come_again() {
    let server =
        ending("HTTP/1.1 429 x\r\nretry-after: 60\r\ncontent-length: 100\r\n\r\nabc", End::Orderly).await;
    let answer = send(&transport(), &server.url(), PATIENT).await;
    let until = answer.outcome.retry_after().unwrap().until();
    assert!(until - NOW >= time::Duration::seconds(60), "{until}");
}

#[tokio::test]
async fn a_stalled_body_costs_a_short_part_of_the_time_and_not_the_status() {
    for (status, headers) in [
        (200, "content-length: 100\r\n"),
        (401, "content-length: 100\r\n"),
        (410, "transfer-encoding: chunked\r\n"),
        (503, ""),
    ] {
        let bytes = format!("HTTP/1.1 {status} x\r\n{headers}\r\n");
        let server = ending(bytes.leak(), End::Stalled).await;
        let answer = send(&transport(), &server.url(), BRIEF).await;
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(answer.outcome, answered(status), "{answer:?}");
        assert!(detail(&answer).contains("body timed out after 0 bytes"), "{answer:?}");
    }
}

#[tokio::test]
async fn how_a_body_ended_is_noted_unless_it_is_complete() {
    let complete = Server::answering(OK).await;
    assert_eq!(send(&transport(), &complete.url(), PATIENT).await.detail, None);
    let long = format!("HTTP/1.1 200 x\r\ncontent-length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let capped = Server::answering(long.leak()).await;
    let answer = send(&transport(), &capped.url(), PATIENT).await;
    assert_eq!(answer.outcome, answered(StatusCode::OK));
    assert!(detail(&answer).contains("body was capped at"), "{answer:?}");
}

#[tokio::test]
async fn whoever_wants_it_so_counts_a_cut_success_as_a_failure() {
    let strict = || builder().with_complete_success_required().build().unwrap();
    let outcome = async |bytes: &'static str, end| {
        let server = ending(bytes, end).await;
        send(&strict(), &server.url(), if matches!(end, End::Stalled) { BRIEF } else { PATIENT })
            .await
            .outcome
    };
    let cut = "HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nabc";
    assert_eq!(outcome(cut, End::Orderly).await, failed(Fault::Reset));
    assert_eq!(outcome(cut, End::Stalled).await, failed(Fault::Timeout));
    let broken = "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n";
    assert_eq!(outcome(broken, End::Orderly).await, failed(Fault::Protocol));
    // What is no success needs no body to be one.
    let gone = "HTTP/1.1 410 x\r\ncontent-length: 100\r\n\r\nabc";
    assert_eq!(outcome(gone, End::Orderly).await, answered(StatusCode::GONE));
    assert_eq!(outcome(gone, End::Stalled).await, answered(StatusCode::GONE));
    // One that is longer than what is read was not cut by anybody else.
    let long = format!("HTTP/1.1 200 x\r\ncontent-length: 100000\r\n\r\n{}", "x".repeat(100_000));
    assert_eq!(outcome(long.leak(), End::Orderly).await, answered(StatusCode::OK));
    assert_eq!(outcome(OK, End::Orderly).await, answered(StatusCode::OK));
}

#[tokio::test]
async fn odd_headers_are_read_leniently() {
    for odd in [
        "x-folded: one\r\n two\r\n\tthree\r\n",
        "x-space : before the colon\r\n",
        "x-\u{e4}\u{f6}: not ASCII\r\n",
        "no colon here\r\n",
        "x-empty:\r\n",
        "x-latin: caf\u{e9}\r\n",
        &"a: b\r\n".repeat(150),
        &"a:\r\n".repeat(1000),
    ] {
        let response =
            format!("HTTP/1.1 503 x\r\n{odd}retry-after : \r\n 120\r\ncontent-length: 2\r\n\r\nok");
        let server = Server::answering(response.leak()).await;
        let answer = send(&transport(), &server.url(), PATIENT).await;
        assert!(answer.outcome.retry_after().is_some(), "{odd:?}: {answer:?}");
        assert_eq!(answer.captured.as_deref(), Some("ok"), "{odd:?}");
    }
}

/// A whole head of exactly this many bytes, its blank line included.
fn head_of(bytes: usize) -> String {
    let (first, last) = ("HTTP/1.1 204 No Content\r\nx: ", "\r\n\r\n");
    format!("{first}{}{last}", "y".repeat(bytes - first.len() - last.len()))
}

#[tokio::test]
async fn the_head_may_hold_32_kib_and_not_a_byte_more() {
    const LIMIT: usize = 32 * 1024;
    for (bytes, accepted) in [(LIMIT - 1, true), (LIMIT, true), (LIMIT + 1, false), (40_000, false)] {
        for pieces in [1_usize, 7] {
            let head = head_of(bytes);
            let server = Server::start(move |mut stream, requests| {
                let head = head.clone();
                async move {
                    requests.read(&mut stream).await?;
                    for piece in head.as_bytes().chunks(head.len().div_ceil(pieces)) {
                        stream.write_all(piece).await?;
                        stream.flush().await?;
                        tokio::task::yield_now().await;
                    }
                    finish(stream, End::Stalled).await
                }
            })
            .await;
            let outcome = send(&transport(), &server.url(), PATIENT).await.outcome;
            let expected = if accepted { answered(StatusCode::NO_CONTENT) } else { failed(Fault::Protocol) };
            assert_eq!(outcome, expected, "{bytes} bytes in {pieces} pieces");
        }
    }
}

#[tokio::test]
async fn more_than_1024_headers_are_refused() {
    for (headers, accepted) in [(1024, true), (1025, false)] {
        let response = format!("HTTP/1.1 204 x\r\n{}\r\n", "a:\r\n".repeat(headers));
        let server = Server::answering(response.leak()).await;
        let outcome = send(&transport(), &server.url(), PATIENT).await.outcome;
        let expected = if accepted { answered(StatusCode::NO_CONTENT) } else { failed(Fault::Protocol) };
        assert_eq!(outcome, expected, "{headers} headers");
    }
}

/// Reads the beginning of a request, answers, and closes with the rest unread.
async fn too_large(response: &'static str) -> Server {
    Server::start(move |mut stream, _| async move {
        stream.read_exact(&mut [0; 1000]).await?;
        stream.write_all(response.as_bytes()).await
    })
    .await
}

async fn send_large(transport: &HttpTransport, url: &str, body: usize) -> Answer {
    let mut sending = sending(subscription(url), PATIENT);
    sending.body = Bytes::from(vec![b'x'; body]);
    transport.send(sending).await
}

#[tokio::test]
async fn an_early_answer_to_a_large_body_is_read_after_the_connection_broke() {
    for response in [
        "HTTP/1.1 413 x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 413 x\r\nconnection: close\r\ncontent-length: 9\r\n\r\ntoo large",
        "HTTP/1.1 413 x\r\nconnection: close\r\n\r\ntoo large",
    ] {
        let server = too_large(response).await;
        for body in [100_000, 6 << 20] {
            for round in 0..3 {
                let answer = send_large(&transport(), &server.url(), body).await;
                let expected = answered(StatusCode::PAYLOAD_TOO_LARGE);
                assert_eq!(answer.outcome, expected, "{body} bytes, round {round}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_early_answer_over_tls_is_read_after_the_connection_broke() {
    let authority = Authority::new("ours");
    let acceptor = TlsAcceptor::from(Arc::new(authority.issue("receiver.example", |_| ())));
    for response in [
        "HTTP/1.1 413 x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 413 x\r\nconnection: close\r\ncontent-length: 9\r\n\r\ntoo large",
        "HTTP/1.1 413 x\r\nconnection: close\r\n\r\ntoo large",
    ] {
        let acceptor = acceptor.clone();
        let server = Server::start(move |stream, _| {
            let acceptor = acceptor.clone();
            async move {
                // Else the answer waits here until the session tickets are acknowledged, and goes with the connection.
                stream.set_nodelay(true)?;
                let mut stream = acceptor.accept(stream).await?;
                stream.read_exact(&mut [0; 1000]).await?;
                stream.write_all(response.as_bytes()).await?;
                stream.flush().await
            }
        })
        .await;
        for body in [100_000, 6 << 20] {
            for round in 0..3 {
                let answer = send_large(&trusting(&[authority.pem()]), &url(&server), body).await;
                let expected = answered(StatusCode::PAYLOAD_TOO_LARGE);
                assert_eq!(answer.outcome, expected, "{body} bytes, round {round}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_large_body_without_an_answer_is_a_reset() {
    let server = too_large("").await;
    for body in [100_000, 6 << 20] {
        let answer = send_large(&transport(), &server.url(), body).await;
        assert_eq!(answer.outcome, failed(Fault::Reset), "{answer:?}");
    }
}

#[tokio::test]
async fn statuses_that_say_nothing_by_themselves_are_explained() {
    let explained = async |head: &str| {
        let response = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
        let server = Server::answering(response.leak()).await;
        let answer = send(&transport(), &server.url(), PATIENT).await;
        detail(&answer).replace(&server.address.to_string(), "HOST")
    };
    let switches = explained("101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade").await;
    assert!(switches.contains("another protocol"), "{switches}");
    let not_modified = explained("304 Not Modified").await;
    assert!(!not_modified.contains("redirect") && not_modified.contains("cache"), "{not_modified}");

    for (location, leads) in [
        ("https://other.example/new", "it leads to https://other.example/new:"),
        (
            "https://user:secret@other.example:8443/new?token=secret#secret",
            "it leads to https://other.example:8443/new:",
        ),
        ("/hooks/", "it leads to http://HOST/hooks/:"),
        ("//other.example", "it leads to http://other.example/:"),
        ("https://other.example/\u{e4}", "it leads to https://other.example/%C3%A4:"),
        ("http://[", "does not say where"),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let told = explained(&format!("{status} x\r\nlocation: {location}")).await;
            assert!(told.contains("redirects are not followed"), "{told}");
            assert!(told.contains(leads), "{location}: {told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }
    let long = explained(&format!("307 x\r\nlocation: https://other.example/{}", "x".repeat(5000))).await;
    assert!(long.chars().count() <= 300, "{}", long.len());
    let nowhere = explained("307 x").await;
    assert!(nowhere.contains("does not say where it leads"), "{nowhere}");
}
