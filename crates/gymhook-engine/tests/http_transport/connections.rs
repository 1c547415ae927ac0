//! Connections are kept, and their end is nobody's failure.

use core::time::Duration;
use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, mpsc};

use gymhook_retry::{Fault, Outcome, OwnFault};
use http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::{OK, PATIENT, Server, answered, builder, send, transport};

#[tokio::test]
async fn an_answer_that_was_read_whole_leaves_its_connection_for_the_next() {
    for response in [
        OK,
        "HTTP/1.1 500 x\r\ncontent-length: 2\r\n\r\nno",
        "HTTP/1.1 204 x\r\n\r\n",
        "HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        let server = Server::answering(response).await;
        let transport = transport();
        for _ in 0..5 {
            send(&transport, &server.url(), PATIENT).await;
        }
        assert_eq!((server.requests().len(), server.connections()), (5, 1), "{response:?}");
    }
}

#[tokio::test]
async fn a_body_up_to_the_cap_is_drained_and_a_longer_one_costs_the_connection() {
    for (length, connections) in [(16 * 1024, 1), (1 << 20, 3), (1 << 24, 3)] {
        let response = format!("HTTP/1.1 200 x\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length));
        let server = Server::answering(response.leak()).await;
        let transport = transport();
        for _ in 0..3 {
            let answer = send(&transport, &server.url(), PATIENT).await;
            assert_eq!(answer.outcome, answered(StatusCode::OK));
            assert_eq!(answer.captured.map(|kept| kept.len()), Some(1000));
        }
        assert_eq!(server.connections(), connections, "{length} bytes");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_while_it_was_idle_fails_nobody() {
    let server = Server::start(|mut stream, requests| async move {
        requests.read(&mut stream).await?;
        stream.write_all(OK.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
    let transport = transport();
    for round in 0..20 {
        let answer = send(&transport, &server.url(), PATIENT).await;
        assert_eq!(answer.outcome, answered(StatusCode::OK), "round {round}: {answer:?}");
        // Time for the end of the connection to arrive.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.requests().len(), 20, "nothing was sent twice");
}

/// The closing has arrived, and nothing in this thread has had the time to notice.
#[tokio::test]
async fn a_connection_that_closes_while_it_is_asked_again_fails_nobody() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (close, closing) = mpsc::channel::<()>();
    let (closed, is_closed) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            // Small as it is, it comes in one piece.
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
            stream.write_all(OK.as_bytes()).unwrap();
            closing.recv().unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    let transport = transport();
    assert_eq!(send(&transport, &url, PATIENT).await.outcome, answered(StatusCode::OK));
    close.send(()).unwrap();
    is_closed.recv().unwrap();
    let again = send(&transport, &url, PATIENT).await.outcome;
    let noticed_in_time = answered(StatusCode::OK);
    assert!([noticed_in_time, Outcome::Internal(OwnFault::Network)].contains(&again), "{again:?}");
}

/// Answers the first request of each connection; the second gets these bytes, and the connection ends.
async fn second_request_gets(bytes: &'static str) -> Server {
    Server::start(move |mut stream, requests| async move {
        requests.read(&mut stream).await?;
        stream.write_all(OK.as_bytes()).await?;
        requests.read(&mut stream).await?;
        stream.write_all(bytes.as_bytes()).await
    })
    .await
}

#[tokio::test]
async fn a_second_request_without_any_answer_blames_nobody_and_is_not_repeated() {
    let server = second_request_gets("").await;
    let transport = transport();
    for round in 1..=3 {
        assert_eq!(send(&transport, &server.url(), PATIENT).await.outcome, answered(StatusCode::OK));
        let answer = send(&transport, &server.url(), PATIENT).await;
        assert_eq!(answer.outcome, Outcome::Internal(OwnFault::Network), "{answer:?}");
        assert_eq!((server.requests().len(), server.connections()), (2 * round, round));
    }
}

#[tokio::test]
async fn a_second_request_with_half_an_answer_is_the_endpoints_failure() {
    let server = second_request_gets("HTTP/1.1 200 OK\r\n").await;
    let transport = transport();
    send(&transport, &server.url(), PATIENT).await;
    let answer = send(&transport, &server.url(), PATIENT).await;
    assert_eq!(answer.outcome, Outcome::Failure(Fault::Reset), "{answer:?}");
}

/// So that a worker with all of its slots at one host, of one endpoint or of a thousand, need not connect again and again.
#[tokio::test]
async fn as_many_connections_are_kept_for_a_host_as_a_worker_has_attempts_in_flight() {
    const AT_ONCE: usize = 256;
    let all_arrived = Arc::new(Barrier::new(AT_ONCE));
    let server = Server::start(move |mut stream, requests| {
        let all_arrived = Arc::clone(&all_arrived);
        async move {
            loop {
                requests.read(&mut stream).await?;
                all_arrived.wait().await;
                stream.write_all(OK.as_bytes()).await?;
            }
        }
    })
    .await;
    let transport = Arc::new(builder().with_idle_timeout(PATIENT).build().unwrap());
    for _ in 0..3 {
        let mut attempts = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (transport, url) = (Arc::clone(&transport), server.url());
            attempts.spawn(async move { send(&transport, &url, PATIENT).await.outcome });
        }
        let outcomes = attempts.join_all().await;
        assert!(outcomes.iter().all(|outcome| *outcome == answered(StatusCode::OK)), "{outcomes:?}");
    }
    assert_eq!(server.connections(), AT_ONCE);
}

#[tokio::test]
async fn no_connection_is_kept_where_none_is_wanted() {
    let server = Server::answering(OK).await;
    let transport = builder().with_idle_connections(0).build().unwrap();
    for _ in 0..3 {
        send(&transport, &server.url(), PATIENT).await;
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn many_attempts_at_once_all_arrive() {
    let server = Server::answering(OK).await;
    let transport = transport();
    let attempts: Vec<_> = (0..200)
        .map(|_| {
            let (transport, url) = (transport.clone(), server.url());
            tokio::spawn(async move { send(&transport, &url, PATIENT).await.outcome })
        })
        .collect();
    for attempt in attempts {
        assert_eq!(attempt.await.unwrap(), answered(StatusCode::OK));
    }
    assert_eq!(server.requests().len(), 200);
}

/// In the role of the child, this very test is run again with few file descriptors.
#[tokio::test]
async fn being_out_of_file_descriptors_is_this_sides_fault() {
    const CHILD: &str = "GYMHOOK_TEST_FEW_DESCRIPTORS";
    if std::env::var_os(CHILD).is_some() {
        let server = Server::answering(OK).await;
        let transport = transport();
        let mut open = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            open.push(file);
        }
        let ours = Outcome::Internal(OwnFault::Resources);
        assert_eq!(send(&transport, &server.url(), PATIENT).await.outcome, ours);
        drop(open);
        assert_eq!(send(&transport, &server.url(), PATIENT).await.outcome, answered(StatusCode::OK));
        return;
    }

    let mut child = Command::new("sh");
    child.args([
        "-c",
        "ulimit -n 64 && exec \"$0\" --exact connections::being_out_of_file_descriptors_is_this_sides_fault",
    ]);
    child.arg(std::env::current_exe().unwrap()).env(CHILD, "1");
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
