//! Where everything is sent to: a server on loopback, in this process.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use gymhook_benches::Outcome;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Reads each request whole and answers 200.
#[derive(Debug)]
pub(crate) struct Receiver {
    origin: String,
    arrived: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// How long `/slow` takes to answer.
    pub(crate) const SLOW: Duration = Duration::from_millis(20);

    pub(crate) async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let arrived = Arc::new(AtomicU64::new(0));
        let app = Router::new()
            .route("/hook", post(accept))
            .route("/slow", post(accept_slowly))
            .route("/never", post(|_body: Bytes| core::future::pending::<()>()))
            .with_state(Arc::clone(&arrived));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the receiver stopped: {error}");
            }
        });
        Ok(Self { origin, arrived, server })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// How many requests have come in.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(State(arrived): State<Arc<AtomicU64>>, _body: Bytes) {
    arrived.fetch_add(1, Ordering::Relaxed);
}

async fn accept_slowly(arrived: State<Arc<AtomicU64>>, body: Bytes) {
    tokio::time::sleep(Receiver::SLOW).await;
    accept(arrived, body).await;
}
