//! An application behind the gateway: it checks one Standard Webhooks signature, with another implementation than ours, and keeps
//! what came.

use core::sync::atomic::{AtomicU16, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::Webhook;

/// `whsec_` and 32 bytes.
pub(crate) const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const PATIENCE: Duration = Duration::from_secs(60);

/// Cloning shares it.
#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    secret: Mutex<String>,
    status: AtomicU16,
    attempts: Mutex<Vec<Request>>,
}

/// A request whose signature is valid.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What it was answered.
    pub(crate) status: u16,
}

impl Request {
    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let (secret, attempts) = (Mutex::new(SECRET.to_owned()), Mutex::default());
        let inner = Arc::new(Inner { secret, status: AtomicU16::new(204), attempts });
        let router = Router::new().route("/hooks", post(receive)).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner }
    }

    /// Checks signatures with this secret from now on.
    pub(crate) fn set_secret(&self, secret: &str) {
        secret.clone_into(&mut self.inner.secret.lock().unwrap());
    }

    /// Answers with this status from now on.
    pub(crate) fn answer_with(&self, status: u16) {
        self.inner.status.store(status, Ordering::SeqCst);
    }

    /// Every request, those included that were not answered with a success.
    pub(crate) fn attempts(&self) -> Vec<Request> {
        self.inner.attempts.lock().unwrap().clone()
    }

    /// What it has taken.
    pub(crate) fn taken(&self) -> Vec<Request> {
        self.attempts().into_iter().filter(|request| (200..300).contains(&request.status)).collect()
    }

    /// Waits until there are at least so many attempts.
    pub(crate) async fn until_attempted(&self, count: usize) -> Vec<Request> {
        self.wait(count, Self::attempts).await
    }

    /// Waits until it has taken at least so many.
    pub(crate) async fn until_taken(&self, count: usize) -> Vec<Request> {
        self.wait(count, Self::taken).await
    }

    async fn wait(&self, count: usize, of: impl Fn(&Self) -> Vec<Request>) -> Vec<Request> {
        let waiting = async {
            while of(self).len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("{} of {count} requests came: {:?}", of(self).len(), of(self)));
        of(self)
    }
}

async fn receive(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let secret = inner.secret.lock().unwrap().clone();
    if let Err(problem) = Webhook::new(&secret).unwrap().verify(&body, &headers) {
        eprintln!("a signature was refused: {problem}");
        return StatusCode::UNAUTHORIZED;
    }
    let status = inner.status.load(Ordering::SeqCst);
    inner.attempts.lock().unwrap().push(Request { headers, body, status });
    StatusCode::from_u16(status).unwrap()
}
