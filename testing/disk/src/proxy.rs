//! Between an engine and its PostgreSQL server: counts what the engine says, and at a given message something happens.
//!
//! The messages are those of the frontend protocol: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

mod relay;
mod trouble;

use core::sync::atomic::{AtomicU64, Ordering};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

pub use self::trouble::{Blow, Statement, Trouble};
use crate::Failure;

/// The name of a server's socket in its folder.
const SOCKET: &str = ".s.PGSQL.5432";

/// A proxy on a Unix socket of its own. It is gone, with every connection through it, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    folder: TempDir,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    server: Config,
    socket: std::path::PathBuf,
    /// The schema whose tables are held up.
    schema: String,
    armed: Mutex<Option<Trouble>>,
    /// How many messages of each kind there were since it was armed.
    seen: [AtomicU64; Statement::ALL.len()],
    hits: tokio::sync::watch::Sender<u64>,
}

impl Proxy {
    /// Begins to pass on to this server, on the Tokio runtime of the caller, with nothing armed.
    ///
    /// # Errors
    /// The server is not on a Unix socket, or the proxy's cannot be made.
    pub fn start(server: Config, schema: &str) -> Result<Self, Failure> {
        let folder = TempDir::with_prefix_in("gymhook-proxy-", "/tmp")?;
        let listener = UnixListener::bind(folder.path().join(SOCKET))?;
        let socket = match server.get_hosts() {
            [Host::Unix(folder), ..] => folder.join(SOCKET),
            _ => return Err("the server is not on a Unix socket".into()),
        };
        let shared = Arc::new(Shared {
            server,
            socket,
            schema: schema.to_owned(),
            armed: Mutex::default(),
            seen: Default::default(),
            hits: tokio::sync::watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { folder, shared, accepting })
    }

    /// The folder of its socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// From now on, messages are counted for this.
    pub fn arm(&self, trouble: Trouble) {
        let mut armed = self.shared.armed();
        for seen in &self.shared.seen {
            seen.store(0, Ordering::SeqCst);
        }
        *armed = Some(trouble);
    }

    /// Nothing more is to happen.
    pub fn disarm(&self) {
        *self.shared.armed() = None;
    }

    /// How many messages of this kind were counted.
    #[must_use]
    pub fn reached(&self, at: Statement) -> u64 {
        self.shared.seen.get(at.index()).map_or(0, |seen| seen.load(Ordering::SeqCst))
    }

    /// How often something happened.
    #[must_use]
    pub fn hits(&self) -> u64 {
        *self.shared.hits.borrow()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn armed(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to happen at a message of this kind.
    fn strikes(&self, kind: u8) -> Option<Trouble> {
        let trouble = (*self.armed())?;
        let at = Statement::of(kind)?;
        let seen = self.seen.get(at.index())?.fetch_add(1, Ordering::SeqCst) + 1;
        (at == trouble.at && seen == trouble.nth).then_some(trouble)
    }

    fn hit(&self) {
        self.hits.send_modify(|hits| *hits += 1);
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(relay::relay(client, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}
