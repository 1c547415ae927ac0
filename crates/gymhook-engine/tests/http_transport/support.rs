//! Servers of every character, and attempts against them.

use core::net::IpAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex};

use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret};
use gymhook_delivery::{Attempt, AttemptRef, EndpointPolicy, LeaseEpoch};
use gymhook_engine::http::{HttpTransport, HttpTransportBuilder, Resolve, Resolving};
use gymhook_engine::{Answer, DeliveryId, EndpointId, Sending, Subscription, Transport};
use gymhook_retry::{AttemptNumber, Fault, Outcome, RetryPolicy};
use http::StatusCode;
use time::UtcDateTime;
use time::macros::utc_datetime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
pub(crate) const SECRET: &str = "canary-secret-4f1d";
pub(crate) const BODY: &str = r#"{"canary-body":"7c22"}"#;
/// Long enough never to be the reason that a test on a busy machine ends.
pub(crate) const PATIENT: Duration = Duration::from_secs(60);
/// How long a server is given that never comes to an end.
pub(crate) const BRIEF: Duration = Duration::from_millis(300);

// ---------------------------------------------------------------- attempts

pub(crate) fn keyring() -> Keyring {
    Keyring::single("main", Secret::new(SECRET).unwrap()).unwrap()
}

pub(crate) fn subscription_to(url: EndpointUrl) -> Subscription {
    let policy = EndpointPolicy::new(RetryPolicy::point());
    Subscription::new(EndpointId::from_u128(1), "berlin", "point", url, Arc::new(keyring()), policy)
}

/// To a URL that nobody has checked.
pub(crate) fn subscription(url: &str) -> Subscription {
    subscription_to(EndpointUrl::dangerous_without_rule(url).unwrap())
}

pub(crate) fn sending(subscription: Subscription, timeout: Duration) -> Sending {
    let attempt = AttemptRef {
        delivery: DeliveryId::from_u128(0x0192_ab34_0000_7000_8000_0000_0000_0001),
        endpoint: subscription.id(),
        send: 1,
        lease: LeaseEpoch::default(),
    };
    let attempt = Attempt {
        attempt,
        sequence: 1,
        number: AttemptNumber::FIRST,
        round: core::num::NonZeroU32::MIN,
        deadline: NOW,
        test: false,
        probe: false,
    };
    Sending::new(attempt, Arc::new(subscription), "workout.created", BODY, NOW, timeout)
}

pub(crate) fn builder() -> HttpTransportBuilder {
    HttpTransport::builder().dangerous_allow("127.0.0.1/32".parse().unwrap())
}

pub(crate) fn transport() -> HttpTransport {
    builder().build().unwrap()
}

pub(crate) async fn send(transport: &HttpTransport, url: &str, timeout: Duration) -> Answer {
    transport.send(sending(subscription(url), timeout)).await
}

pub(crate) const fn failed(fault: Fault) -> Outcome {
    Outcome::Failure(fault)
}

pub(crate) const fn answered(status: StatusCode) -> Outcome {
    Outcome::response(status)
}

// ---------------------------------------------------------------- servers

/// A server that does with each connection what it was told, and counts.
pub(crate) struct Server {
    pub(crate) address: core::net::SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// On 127.0.0.1.
    pub(crate) async fn start<F, C>(character: F) -> Self
    where
        F: Fn(TcpStream, Requests) -> C + Send + Sync + 'static,
        C: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::start_on("127.0.0.1:0", character).await
    }

    pub(crate) async fn start_on<F, C>(address: &str, character: F) -> Self
    where
        F: Fn(TcpStream, Requests) -> C + Send + Sync + 'static,
        C: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(character(stream, Requests(Arc::clone(&requests))));
            }
        });
        server
    }

    /// Answers every request with these bytes and keeps the connection.
    pub(crate) async fn answering(response: &'static str) -> Self {
        Self::start(move |stream, requests| answer_all(stream, requests, response)).await
    }

    /// As [`Server::answering`], on the address that must not be reached, at this port.
    pub(crate) async fn internal(port: u16) -> Self {
        let address = format!("127.0.0.2:{port}");
        Self::start_on(&address, move |stream, requests| answer_all(stream, requests, OK)).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Where a server writes down what it was sent.
#[derive(Clone)]
pub(crate) struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    /// Reads one request to the end of its body; `None` when there is no more.
    pub(crate) async fn read(&self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<String>> {
        let mut request = Vec::new();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(None);
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        self.0.lock().unwrap().push(request.clone());
        Ok(Some(request))
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

pub(crate) async fn answer_all(
    mut stream: TcpStream,
    requests: Requests,
    response: &'static str,
) -> io::Result<()> {
    while requests.read(&mut stream).await?.is_some() {
        stream.write_all(response.as_bytes()).await?;
    }
    Ok(())
}

// ---------------------------------------------------------------- resolvers

/// Answers one question after another from a list, then the last answer for ever.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    answers: Arc<Vec<Vec<IpAddr>>>,
    asked: Arc<AtomicUsize>,
}

impl Answers {
    pub(crate) fn new<const N: usize>(answers: [&[&str]; N]) -> Self {
        let parsed = |answer: &[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Self { answers: Arc::new(answers.into_iter().map(parsed).collect()), asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Answers {
    fn resolve<'r>(&'r self, _host: &'r str) -> Resolving<'r> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Box::pin(async move { Ok(self.answers[turn].clone()) })
    }
}
