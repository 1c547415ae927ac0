//! `HttpServer`, the gateway's server: its deadlines and limits on connections and bodies, TLS handshakes, and a stop
//! that loses no request.

use core::convert::Infallible;
use core::future::pending;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tower::ServiceExt as _;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::signals::Stopping;
use super::tls::Certificates;
use crate::failure::Failure;

/// For the first head of a connection: whoever connects has something to ask.
const FIRST_HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// For any other head, from the end of the request before: a proxy keeps connections open for some time.
const HEAD_DEADLINE: Duration = Duration::from_secs(75);
/// Between two parts of a body.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// For the handshake of TLS.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 64 << 10;
/// For the first request of a connection, once the server is to stop.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// A port that is listened on.
#[derive(Debug)]
pub(crate) struct HttpServer(TcpListener);

/// What a server takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) body_bytes: usize,
    /// How long requests under way may take once it is to stop.
    pub(crate) grace: Duration,
}

impl HttpServer {
    /// Listens, or says who does.
    pub(crate) async fn bind(address: SocketAddr, option: &str) -> Result<Self, Failure> {
        TcpListener::bind(address).await.map(Self).map_err(|error| {
            let problem = if error.kind() == io::ErrorKind::AddrInUse {
                let holder = crate::port_holder::port_holder(address.port());
                format!(
                    "another program listens there{holder}: stop it, or choose another port with {option}"
                )
            } else if error.kind() == io::ErrorKind::PermissionDenied {
                format!("ports below 1024 are root's: choose another with {option}, or put a proxy in front")
            } else if error.kind() == io::ErrorKind::AddrNotAvailable {
                format!("this machine has no such address: choose another with {option}")
            } else {
                error.to_string()
            };
            Failure::usage(format!("cannot listen on {address}: {problem}"))
        })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, Failure> {
        self.0.local_addr().map_err(Failure::failed)
    }

    /// Serves until it is to stop; then takes no new connection, and waits for the requests under way.
    pub(crate) async fn serve(
        self,
        router: Router,
        certificates: Option<Arc<Certificates>>,
        limits: Limits,
        stopping: Stopping,
    ) {
        let router = router
            .layer(RequestBodyLimitLayer::new(limits.body_bytes))
            .layer(RequestBodyTimeoutLayer::new(BODY_DEADLINE));
        let places = Arc::new(Semaphore::new(limits.connections));
        // Each connection holds a sender: when all are gone, the receiver is told.
        let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
        let accept = async {
            loop {
                // Those that find no place wait in the system's queue.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (stream, peer) = self.accept().await;
                let (router, certificates) = (router.clone(), certificates.clone());
                let (stopping, open) = (stopping.clone(), open.clone());
                tokio::spawn(async move {
                    let _held = (place, open);
                    // Small answers are not held back to be joined; a socket that refuses this works all the same.
                    let _ = stream.set_nodelay(true);
                    let Some(certificates) = certificates else {
                        return serve_connection(stream, peer, router, stopping).await;
                    };
                    let handshake = certificates.acceptor().accept(stream);
                    match tokio::time::timeout(HANDSHAKE_DEADLINE, handshake).await {
                        Ok(Ok(stream)) => serve_connection(stream, peer, router, stopping).await,
                        Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
                    }
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = stopping.clone().asked() => {}
        }
        drop((self, open));
        if tokio::time::timeout(limits.grace, all_closed.recv()).await.is_err() {
            tracing::warn!(grace = ?limits.grace, "some requests were still under way when the time for them was over");
        }
    }

    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    // A connection that was gone already needs no pause; a process without file descriptors does.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    router: Router,
    stopping: Stopping,
) {
    let (requested, has_requested) = watch::channel(false);
    let service = router.map_request(move |mut request: Request<Incoming>| {
        requested.send_replace(true);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let is_asked = async {
        stopping.asked().await;
        // What was sent before may not have been read: hyper would close a connection without a request at once.
        let _ = tokio::time::timeout(FIRST_REQUEST, first_request(has_requested.clone())).await;
    };
    let is_idle = async {
        if tokio::time::timeout(FIRST_HEAD_DEADLINE, first_request(has_requested.clone())).await.is_ok() {
            pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = is_idle => {
            tracing::debug!(%peer, "a connection was closed that brought no request");
            return;
        }
        () = is_asked => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// Waits until a connection has had a request, or has ended.
async fn first_request(mut requested: watch::Receiver<bool>) {
    let _ = requested.wait_for(|requested| *requested).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    /// For how long a connection is served whose peer sends this and then nothing.
    async fn served_for(sent: &[u8]) -> Duration {
        let (mut peer, stream) = tokio::io::duplex(4_096);
        let began = Instant::now();
        peer.write_all(sent).await.unwrap();
        // Held: a receiver without a sender is told to stop.
        let (_stop, stopping) = Stopping::new();
        serve_connection(stream, SocketAddr::from(([127, 0, 0, 1], 1)), Router::new(), stopping).await;
        let took = began.elapsed();
        let mut answer = Vec::new();
        peer.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer.starts_with(b"HTTP/1.1 404"), sent.ends_with(b"\r\n\r\n"));
        took
    }

    /// The clock is the test's.
    #[tokio::test(start_paused = true)]
    async fn a_connection_waits_for_its_first_request_shorter_than_for_another() {
        let begun = b"GET / HTTP/1.1\r\nhost: a\r\n";
        assert_eq!(served_for(b"").await.as_secs(), FIRST_HEAD_DEADLINE.as_secs());
        assert_eq!(served_for(begun).await.as_secs(), FIRST_HEAD_DEADLINE.as_secs());
        assert_eq!(served_for(&[begun, &b"\r\n"[..]].concat()).await.as_secs(), HEAD_DEADLINE.as_secs());
    }
}
