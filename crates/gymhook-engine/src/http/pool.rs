//! `Pool` and `PooledConnection`: connections that are kept between requests.
//!
//! A connection is known by where it leads and by what its TLS was made with: one that was made with a client's certificate, or
//! trusting a private authority, never carries the request of a subscription with others.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::time::Instant;

use super::client::Outgoing;
use super::connector::Target;
use super::stream::Progress;
use super::tls::TlsIdentity;

/// What two requests must have in common to share a connection.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct PoolKey {
    tls: bool,
    host: String,
    port: u16,
    identity: TlsIdentity,
}

impl PoolKey {
    pub(super) fn new(target: &Target, identity: TlsIdentity) -> Self {
        Self { tls: target.tls, host: target.host.to_string(), port: target.port, identity }
    }
}

/// The kept connections. Cloning shares them.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most_idle: usize,
    idle_timeout: Duration,
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    /// HTTP/1.1: one request at a time, so only those that are not in use are here.
    idle: BTreeMap<PoolKey, Vec<Idle>>,
    /// HTTP/2: many requests at a time on one connection.
    shared: BTreeMap<PoolKey, SharedConnection>,
    swept: bool,
}

#[derive(Debug)]
struct Idle {
    sender: http1::SendRequest<Full<Bytes>>,
    progress: Progress,
    since: Instant,
}

#[derive(Debug)]
struct SharedConnection {
    sender: http2::SendRequest<Full<Bytes>>,
    progress: Progress,
    users: Arc<()>,
    since: Instant,
}

impl SharedConnection {
    /// Besides its place in the pool.
    fn users(&self) -> usize {
        Arc::strong_count(&self.users).saturating_sub(1)
    }
}

/// How requests are put on a connection.
#[derive(Debug)]
pub(super) enum Kept {
    Exclusive(http1::SendRequest<Full<Bytes>>),
    Shared(http2::SendRequest<Full<Bytes>>),
}

impl Pool {
    pub(super) fn new(most_idle: usize, idle_timeout: Duration) -> Self {
        Self(Arc::new(Shared { most_idle, idle_timeout, shelves: Mutex::default() }))
    }

    /// A kept connection, as far as this side knows still open.
    pub(super) fn take(&self, key: &PoolKey) -> Option<PooledConnection> {
        let mut shelves = self.0.shelves();
        if let Some(shared) = shelves.shared.get_mut(key) {
            if shared.sender.is_ready()
                && (shared.users() > 0 || shared.since.elapsed() < self.0.idle_timeout)
            {
                shared.since = Instant::now();
                return Some(self.join_shared(key, shared, true));
            }
            shelves.shared.remove(key);
        }
        let idle = shelves.idle.get_mut(key)?;
        while let Some(Idle { sender, progress, since }) = idle.pop() {
            if sender.is_ready() && since.elapsed() < self.0.idle_timeout {
                return Some(self.connection(
                    key,
                    Kept::Exclusive(sender),
                    progress,
                    KeepAlive::Reused { others: false },
                ));
            }
        }
        shelves.idle.remove(key);
        None
    }

    /// A connection that was just made. Of HTTP/2, whichever was first is used by all.
    pub(super) fn pool_new(&self, key: &PoolKey, kept: Kept, progress: Progress) -> PooledConnection {
        let sender = match kept {
            Kept::Shared(sender) if self.0.most_idle > 0 => sender,
            kept @ (Kept::Exclusive(_) | Kept::Shared(_)) => {
                return self.connection(key, kept, progress, KeepAlive::FirstRequest);
            }
        };
        let mut shelves = self.0.shelves();
        if let Some(shared) = shelves.shared.get(key).filter(|shared| shared.sender.is_ready()) {
            return self.join_shared(key, shared, true);
        }
        let shared = SharedConnection { sender, progress, users: Arc::default(), since: Instant::now() };
        let connection = self.join_shared(key, &shared, false);
        shelves.shared.insert(key.clone(), shared);
        self.sweep_later(&mut shelves);
        connection
    }

    fn join_shared(&self, key: &PoolKey, shared: &SharedConnection, again: bool) -> PooledConnection {
        let keep_alive =
            if again { KeepAlive::Reused { others: shared.users() > 0 } } else { KeepAlive::FirstRequest };
        let mut connection =
            self.connection(key, Kept::Shared(shared.sender.clone()), shared.progress.clone(), keep_alive);
        connection.user = Some(Arc::clone(&shared.users));
        connection
    }

    fn connection(
        &self,
        key: &PoolKey,
        kept: Kept,
        progress: Progress,
        keep_alive: KeepAlive,
    ) -> PooledConnection {
        let read_before = progress.bytes_read();
        PooledConnection {
            pool: self.clone(),
            key: key.clone(),
            kept,
            progress,
            keep_alive,
            read_before,
            user: None,
        }
    }

    fn put(&self, key: PoolKey, sender: http1::SendRequest<Full<Bytes>>, progress: Progress) {
        let mut shelves = self.0.shelves();
        let idle = shelves.idle.entry(key).or_default();
        if idle.len() < self.0.most_idle {
            idle.push(Idle { sender, progress, since: Instant::now() });
            self.sweep_later(&mut shelves);
        }
    }

    /// Sees to it that what is never asked for again is closed.
    fn sweep_later(&self, shelves: &mut Shelves) {
        if !core::mem::replace(&mut shelves.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0), self.0.idle_timeout));
        }
    }
}

impl Shared {
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        // Every change of it is a single step, so what a panic left behind is whole.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Often enough that a connection is closed at most half its time late.
async fn sweep(pool: Weak<Shared>, idle_timeout: Duration) {
    let pace = (idle_timeout / 2).max(Duration::from_millis(10));
    loop {
        tokio::time::sleep(pace).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut shelves = pool.shelves();
        let Shelves { idle, shared, swept } = &mut *shelves;
        for connections in idle.values_mut() {
            connections.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < idle_timeout);
        }
        idle.retain(|_, connections| !connections.is_empty());
        shared.retain(|_, shared| {
            !shared.sender.is_closed() && (shared.users() > 0 || shared.since.elapsed() < idle_timeout)
        });
        if idle.is_empty() && shared.is_empty() {
            *swept = false;
            return;
        }
    }
}

/// A connection for one request.
#[derive(Debug)]
pub(super) struct PooledConnection {
    pool: Pool,
    key: PoolKey,
    kept: Kept,
    progress: Progress,
    keep_alive: KeepAlive,
    read_before: u64,
    user: Option<Arc<()>>,
}

/// Whether it has carried a request before this one.
#[derive(Clone, Copy, Debug)]
enum KeepAlive {
    FirstRequest,
    Reused {
        /// Whether other requests were under way on it.
        others: bool,
    },
}

/// A request that was not answered.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: hyper::Error,
    /// Whether certainly none of it was sent.
    pub(super) unsent: bool,
}

impl PooledConnection {
    pub(super) async fn send(&mut self, outgoing: &Outgoing) -> Result<Response<Incoming>, Failed> {
        let sent = match &mut self.kept {
            Kept::Exclusive(sender) => sender.try_send_request(outgoing.http1()).await,
            Kept::Shared(sender) => sender.try_send_request(outgoing.http2()).await,
        };
        sent.map_err(|mut error: TrySendError<_>| {
            let unsent = error.take_message().is_some();
            Failed { error: error.into_error(), unsent }
        })
    }

    pub(super) const fn is_reused(&self) -> bool {
        matches!(self.keep_alive, KeepAlive::Reused { .. })
    }

    /// Whether the receiver asked for a client's certificate when the connection was made, and got none.
    pub(super) fn asked_for_certificate(&self) -> bool {
        self.progress.asked_for_certificate()
    }

    /// Whether the connection had answered before, and was closed before any of an answer to this request came.
    ///
    /// A server may close a connection that is not in use at any moment, also while the next request is on its way to it. The
    /// request may have arrived, so it is not sent again at once; but nobody has failed. Of a connection that others were using
    /// at the time, only the server itself can tell: it says which requests it has not looked at.
    pub(super) fn was_closed_meanwhile(&self, error: &hyper::Error) -> bool {
        let KeepAlive::Reused { others } = self.keep_alive else { return false };
        match &self.kept {
            Kept::Exclusive(_) => self.progress.bytes_read() == self.read_before,
            Kept::Shared(_) => {
                let untouched = h2_error(error).is_some_and(was_not_processed);
                untouched || (!others && self.progress.bytes_read() == self.read_before)
            }
        }
    }

    /// For the next request; the answer was read whole.
    pub(super) async fn give_back(self) {
        let Self { pool, key, kept, progress, .. } = self;
        if let Kept::Exclusive(mut sender) = kept
            && pool.0.most_idle > 0
            && sender.ready().await.is_ok()
        {
            pool.put(key, sender, progress);
        }
    }
}

/// What is below an error of hyper's, if it is about HTTP/2.
pub(super) fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    core::error::Error::source(error)?.downcast_ref()
}

/// RFC 9113, sections 6.8 and 8.7: the server has not looked at the request.
fn was_not_processed(error: &h2::Error) -> bool {
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let goes_away = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    error.is_remote() && (refused || goes_away)
}
