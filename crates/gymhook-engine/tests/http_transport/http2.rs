//! HTTP/2, where both sides want it.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gymhook_engine::http::HttpTransportBuilder;
use gymhook_engine::{Answer, HttpTransport, TlsSettings, Transport};
use gymhook_retry::{Fault, Outcome, OwnFault};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response, StatusCode, Version, header};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{Answers, BODY, PATIENT, answered, builder, failed, send, sending, subscription};
use crate::tls::Authority;

type Handler = Arc<dyn Fn(usize, Request<Bytes>, SendResponse<Bytes>) -> Then + Send + Sync>;

/// What a server does with its connection after a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    GoOn,
    /// Closes it, without a word.
    HangUp,
}

struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
    authority: Authority,
}

impl Server {
    /// Speaks HTTP/2 only. `handler` gets the number of each request on its connection, from 1.
    async fn start(
        handler: impl Fn(usize, Request<Bytes>, SendResponse<Bytes>) -> Then + Send + Sync + 'static,
    ) -> Self {
        let authority = Authority::new("ours");
        let mut config = authority.issue("receiver.example", |_| ());
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, connections: Arc::default(), requests: Arc::default(), authority };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        let handler: Handler = Arc::new(handler);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, handler, requests) =
                    (acceptor.clone(), Arc::clone(&handler), Arc::clone(&requests));
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await.unwrap();
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    let mut number = 0;
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        number += 1;
                        let (handler, requests) = (Arc::clone(&handler), Arc::clone(&requests));
                        let handling = tokio::spawn(async move {
                            let (parts, body) = request.into_parts();
                            let request = Request::from_parts(parts, read(body).await);
                            requests.lock().unwrap().push(request.clone());
                            handler(number, request, respond)
                        });
                        // Driven on meanwhile: a body does not arrive otherwise.
                        let then = tokio::select! {
                            then = handling => then.unwrap(),
                            _ = core::future::poll_fn(|cx| connection.poll_closed(cx)) => Then::HangUp,
                        };
                        if then == Then::HangUp {
                            return;
                        }
                    }
                });
            }
        });
        server
    }

    fn builder(&self) -> HttpTransportBuilder {
        builder().with_resolver(Answers::new([&["127.0.0.1"]])).with_roots_pem(self.authority.pem())
    }

    fn transport(&self) -> HttpTransport {
        self.builder().build().unwrap()
    }

    fn url(&self) -> String {
        format!("https://receiver.example:{}/hooks?a=b", self.port)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn send(&self, transport: &HttpTransport) -> Answer {
        send(transport, &self.url(), PATIENT).await
    }
}

async fn read(mut body: RecvStream) -> Bytes {
    let mut read = Vec::new();
    while let Some(Ok(data)) = body.data().await {
        body.flow_control().release_capacity(data.len()).unwrap();
        read.extend_from_slice(&data);
    }
    read.into()
}

fn answer(mut respond: SendResponse<Bytes>, body: &'static [u8]) -> Then {
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream.send_data(Bytes::from_static(body), true).unwrap();
    Then::GoOn
}

#[tokio::test]
async fn a_receiver_that_offers_it_gets_http2_on_one_connection() {
    let server = Server::start(|_, _, respond| answer(respond, b"ok")).await;
    let transport = server.transport();
    for _ in 0..3 {
        let answer = server.send(&transport).await;
        assert_eq!((answer.outcome, answer.captured.as_deref()), (answered(StatusCode::OK), Some("ok")));
    }
    let sent: Vec<_> = (0..20).map(|_| (transport.clone(), server.url())).collect();
    let sent = sent
        .into_iter()
        .map(|(transport, url)| tokio::spawn(async move { send(&transport, &url, PATIENT).await.outcome }));
    for sent in sent.collect::<Vec<_>>() {
        assert_eq!(sent.await.unwrap(), answered(StatusCode::OK));
    }
    assert_eq!(server.connections(), 1);

    let requests = server.requests.lock().unwrap();
    assert_eq!(requests.len(), 23);
    let request = &requests[0];
    assert_eq!((request.method().as_str(), request.version()), ("POST", Version::HTTP_2));
    assert_eq!(request.uri().to_string(), server.url());
    assert_eq!(request.body(), BODY);
    let headers = request.headers();
    assert_eq!(headers[header::CONTENT_LENGTH], BODY.len().to_string());
    assert!(headers.contains_key("point-signature"));
    // RFC 9113, section 8.2.2, and 8.3.1: no field of a connection, and the authority is said once.
    for name in ["host", "connection", "transfer-encoding", "keep-alive", "upgrade", "te"] {
        assert!(!headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn whoever_wants_no_http2_offers_none() {
    let authority = Authority::new("ours");
    let mut config = authority.issue("receiver.example", |_| ());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = crate::tls::serve(config).await;
    let old = builder()
        .with_resolver(Answers::new([&["127.0.0.1"]]))
        .with_roots_pem(authority.pem())
        .without_http2()
        .build()
        .unwrap();
    assert_eq!(send(&old, &crate::tls::url(&server), PATIENT).await.outcome, answered(StatusCode::OK));
    assert!(server.requests()[0].starts_with("POST /hooks HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_empty_body_has_its_length() {
    let server = Server::start(|_, _, respond| answer(respond, b"ok")).await;
    let mut sending = sending(subscription(&server.url()), PATIENT);
    sending.body = Bytes::new();
    assert_eq!(server.transport().send(sending).await.outcome, answered(StatusCode::OK));
    assert_eq!(server.requests.lock().unwrap()[0].headers()[header::CONTENT_LENGTH], "0");
}

#[tokio::test]
async fn the_list_of_headers_has_the_same_limit() {
    // RFC 9113, section 6.5.2: 32 for each field, the status's included.
    const STATUS: usize = ":status".len() + "204".len() + 32;
    for (bytes, accepted) in [(32 * 1024, true), (32 * 1024 + 1, false), (40_000, false)] {
        let server = Server::start(move |_, _, mut respond| {
            let value = "y".repeat(bytes - STATUS - 1 - 32);
            let response = Response::builder().status(204).header("x", value).body(()).unwrap();
            respond.send_response(response, true).unwrap();
            Then::GoOn
        })
        .await;
        let answer = server.send(&server.transport()).await;
        let expected = if accepted { answered(StatusCode::NO_CONTENT) } else { failed(Fault::Protocol) };
        assert_eq!(answer.outcome, expected, "{bytes}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_or_is_too_long_costs_neither_status_nor_connection() {
    let server = Server::start(|number, _, mut respond| {
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        match number {
            1 => {
                stream.send_data(Bytes::from_static(b"abc"), false).unwrap();
                // A reset drops what has not been sent yet.
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    stream.send_reset(Reason::INTERNAL_ERROR);
                });
            }
            2 => stream.send_data(Bytes::from(vec![b'x'; 1 << 20]), true).unwrap(),
            _ => stream.send_data(Bytes::from_static(b"ok"), true).unwrap(),
        }
        Then::GoOn
    })
    .await;
    let transport = server.transport();
    for (note, captured) in [("body was cut after 3 bytes", "abc"), ("body was capped", "x"), ("", "ok")] {
        let answer = server.send(&transport).await;
        assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
        assert!(answer.detail.unwrap_or_default().contains(note));
        assert!(answer.captured.unwrap().starts_with(captured));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_that_the_server_has_not_looked_at_blames_nobody_unless_it_was_the_first() {
    for refuse_first in [true, false] {
        let server = Server::start(move |number, _, mut respond| {
            if number > 1 || refuse_first {
                respond.send_reset(Reason::REFUSED_STREAM);
                return Then::GoOn;
            }
            answer(respond, b"ok")
        })
        .await;
        let transport = server.transport();
        let first = server.send(&transport).await.outcome;
        assert_eq!(first, if refuse_first { failed(Fault::Reset) } else { answered(StatusCode::OK) });
        let second = server.send(&transport).await.outcome;
        assert_eq!(second, Outcome::Internal(OwnFault::Network));
    }
}

#[tokio::test]
async fn a_request_that_the_server_reset_is_its_failure() {
    let server = Server::start(|number, _, mut respond| {
        if number == 2 {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return Then::GoOn;
        }
        answer(respond, b"ok")
    })
    .await;
    let transport = server.transport();
    for expected in [answered(StatusCode::OK), failed(Fault::Reset), answered(StatusCode::OK)] {
        let answer = server.send(&transport).await;
        assert_eq!(answer.outcome, expected, "{answer:?}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_ends_under_a_request_is_replaced_by_the_next() {
    let server =
        Server::start(|number, _, respond| if number == 2 { Then::HangUp } else { answer(respond, b"ok") })
            .await;
    let transport = server.transport();
    for round in 1..=3 {
        assert_eq!(server.send(&transport).await.outcome, answered(StatusCode::OK), "round {round}");
        // It was answered before and was alone: whether it was idle, only the server knows. Acknowledgements of its own do count
        // as a sign of life.
        let broken = server.send(&transport).await.outcome;
        assert!([Outcome::Internal(OwnFault::Network), failed(Fault::Reset)].contains(&broken), "{broken:?}");
        assert_eq!(server.connections(), round);
    }
}

#[tokio::test]
async fn subscriptions_with_other_tls_settings_do_not_share_a_connection() {
    let server = Server::start(|_, _, respond| answer(respond, b"ok")).await;
    let transport = server.transport();
    let clients = Authority::new("clients");
    let (chain, key) = clients.issue_client("a.example");
    let settings = [TlsSettings::new(), TlsSettings::new().with_client_certificate(chain, key)];
    for _ in 0..3 {
        for tls in &settings {
            let answer =
                transport.send(sending(subscription(&server.url()).with_tls(tls.clone()), PATIENT)).await;
            assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
        }
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn no_connection_is_kept_where_none_is_wanted() {
    let server = Server::start(|_, _, respond| answer(respond, b"ok")).await;
    let transport = server.builder().with_idle_connections(0).build().unwrap();
    for _ in 0..3 {
        assert_eq!(server.send(&transport).await.outcome, answered(StatusCode::OK));
    }
    assert_eq!(server.connections(), 3);
}
