//! `Client`: sends one request over a kept or a new connection, with HTTP/1.1 or HTTP/2, within the limits on response
//! heads; `NoAnswer` if it fails.

use core::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, Version, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::connect_error::ConnectError;
use super::connector::{Connector, Target};
use super::pool::{Kept, Pool, PoolKey, PooledConnection};
use super::tls::ReceiverTls;

/// What an answer's status line and headers may hold at most, with their line ends; in HTTP/2, the size of the header list as
/// RFC 9113, section 6.5.2, counts it.
pub(super) const MOST_HEADER_BYTES: usize = 32 * 1024;
/// Of headers, hyper takes 100 unless told otherwise. It makes room for these many while it reads an answer.
pub(super) const MOST_HEADERS: usize = 1024;
/// How long a connection may take to become free after its answer was read whole: usually no time at all, but an answer may
/// be complete before its request is.
const SETTLING: Duration = Duration::from_millis(100);

/// Sends requests, and keeps connections.
#[derive(Debug)]
pub(super) struct Client {
    connector: Connector,
    pool: Pool,
}

impl Client {
    pub(super) fn new(connector: Connector, pool: Pool) -> Self {
        Self { connector, pool }
    }

    /// Sends it once. A kept connection that turns out to be closed before any of the request was sent is replaced.
    pub(super) async fn send(&self, outgoing: &Outgoing, tls: &ReceiverTls) -> Result<Exchange, NoAnswer> {
        let target = Target::of(&outgoing.uri).map_err(NoAnswer::Connect)?;
        let key = PoolKey::new(&target, tls.identity());
        loop {
            let mut connection = match self.pool.take(&key) {
                Some(connection) => connection,
                None => self.connect(&target, &key, tls).await?,
            };
            match connection.send(outgoing).await {
                Ok(response) => return Ok(Exchange { response, connection }),
                Err(failed) if failed.unsent && connection.is_reused() => {}
                Err(failed) => {
                    let kept = connection.was_closed_meanwhile(&failed.error);
                    return Err(NoAnswer::Broken {
                        error: failed.error,
                        kept,
                        asked: connection.asked_for_certificate(),
                    });
                }
            }
        }
    }

    async fn connect(
        &self,
        target: &Target,
        key: &PoolKey,
        tls: &ReceiverTls,
    ) -> Result<PooledConnection, NoAnswer> {
        let stream = self.connector.connect(target, tls).await.map_err(NoAnswer::Connect)?;
        let (progress, is_h2) = (stream.progress(), stream.is_h2());
        let broken = |error| NoAnswer::Broken { error, kept: false, asked: progress.asked_for_certificate() };
        let kept = if is_h2 {
            let (sender, connection) = h2().handshake(TokioIo::new(stream)).await.map_err(broken)?;
            tokio::spawn(connection);
            Kept::Shared(sender)
        } else {
            let (sender, connection) = h1().handshake(TokioIo::new(stream)).await.map_err(broken)?;
            tokio::spawn(connection);
            Kept::Exclusive(sender)
        };
        Ok(self.pool.pool_new(key, kept, progress))
    }
}

/// A request that is not bound to a connection yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Outgoing {
    /// `POST /path`, with `Host` before all other headers (RFC 9110, section 7.2).
    pub(super) fn http1(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        let path = self.uri.path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 1);
        if let Some(Ok(host)) = self.host().map(http::HeaderValue::try_from) {
            headers.insert(header::HOST, host);
        }
        headers.extend(self.headers.clone());
        *request.headers_mut() = headers;
        request
    }

    /// The whole URL, from which the pseudo-headers are made.
    pub(super) fn http2(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// The host, and the port unless it is the scheme's own.
    fn host(&self) -> Option<String> {
        let authority = self.uri.authority()?;
        let usual = if self.uri.scheme_str() == Some("https") { 443 } else { 80 };
        let host = authority.host();
        Some(match authority.port_u16() {
            Some(port) if port != usual => format!("{host}:{port}"),
            _ => host.to_owned(),
        })
    }
}

/// An answer whose head is there, on a connection that is still needed for its body.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) response: Response<Incoming>,
    pub(super) connection: PooledConnection,
}

/// Keeps a connection whose answer was read whole.
pub(super) async fn keep(connection: PooledConnection) {
    // One that is not free soon is closed.
    let _ = tokio::time::timeout(SETTLING, connection.give_back()).await;
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    Connect(ConnectError),
    Broken {
        error: hyper::Error,
        /// That it was kept in use was this side's choice, and it was closed before any of an answer came.
        kept: bool,
        /// Whether the receiver asked for a client's certificate and got none.
        asked: bool,
    },
}

/// Answers are read leniently: whoever answers is not ours to teach, and the status line tells what has to be known.
fn h1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_headers(MOST_HEADERS)
        .max_header_size(MOST_HEADER_BYTES)
        .max_buf_size(MOST_HEADER_BYTES);
    builder
}

fn h2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_LIST)
        // Nothing is pushed to a client that sends webhooks, and little is read of an answer.
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * 16);
    builder
}

/// What h2 compares with is the first size that it refuses.
const HEADER_LIST: u32 = 32 * 1024 + 1;
/// The least that RFC 9113, section 6.9.2, starts with: four times what is read of a body.
const WINDOW: u32 = 65_535;
