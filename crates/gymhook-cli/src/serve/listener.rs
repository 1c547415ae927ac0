//! The HTTP server: bounded in connections, time and bytes, and stopped without losing a request.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::tls::Certificates;
use crate::failure::Failure;

/// For a request's head, from the end of the one before: a proxy keeps connections open for some time.
const HEAD_DEADLINE: Duration = Duration::from_secs(75);
/// Between two parts of a body.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// For the handshake of TLS.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 64 << 10;

/// A port that is listened on.
#[derive(Debug)]
pub(crate) struct Listener(TcpListener);

/// What a server takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) body_bytes: usize,
    /// How long requests under way may take once it is to stop.
    pub(crate) grace: Duration,
}

impl Listener {
    /// Listens, or says who does.
    pub(crate) async fn bind(address: SocketAddr, option: &str) -> Result<Self, Failure> {
        TcpListener::bind(address).await.map(Self).map_err(|error| {
            let problem = if error.kind() == io::ErrorKind::AddrInUse {
                let holder = crate::commands::port_holder(address.port());
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

    /// Serves until `stop` completes; then takes no new connection, and waits for the requests under way.
    pub(crate) async fn serve(
        self,
        router: Router,
        certificates: Option<Arc<Certificates>>,
        limits: Limits,
        stop: impl Future<Output = ()>,
    ) {
        let router = router
            .layer(RequestBodyLimitLayer::new(limits.body_bytes))
            .layer(RequestBodyTimeoutLayer::new(BODY_DEADLINE));
        let places = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        let accept = async {
            loop {
                // Those that find no place wait in the system's queue.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (stream, peer) = self.accept().await;
                let (router, certificates) = (router.clone(), certificates.clone());
                let watcher = graceful.watcher();
                tokio::spawn(async move {
                    let _place = place;
                    // Small answers are not held back to be joined; a socket that refuses this works all the same.
                    let _ = stream.set_nodelay(true);
                    let Some(certificates) = certificates else {
                        return serve_connection(stream, peer, router, watcher).await;
                    };
                    let handshake = certificates.acceptor().accept(stream);
                    match tokio::time::timeout(HANDSHAKE_DEADLINE, handshake).await {
                        Ok(Ok(stream)) => serve_connection(stream, peer, router, watcher).await,
                        Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
                    }
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = stop => {}
        }
        drop(self);
        if tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_err() {
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
    watcher: hyper_util::server::graceful::Watcher,
) {
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
