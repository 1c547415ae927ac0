//! One connection.

use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio_postgres::{Client, NoTls};

use super::Shared;
use super::trouble::{Blow, Trouble};

/// Longer than a call of the engine may take; see `PostgresBackend`.
const HELD_UP: Duration = Duration::from_millis(1_500);

/// What both directions of a connection know.
#[derive(Debug, Default)]
struct Session {
    /// The server's process.
    backend: AtomicI32,
    /// Whether answers no longer arrive.
    swallows: AtomicBool,
    /// Rung when the server says that it is ready for more.
    ready: Notify,
}

/// Passes on until one side is gone, or the connection is cut.
pub(super) async fn relay(client: UnixStream, shared: Arc<Shared>) {
    let Ok(server) = UnixStream::connect(&shared.socket).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let session = Session::default();
    // Whichever ends first takes the other with it, and both sockets are closed.
    tokio::select! {
        _ended = forward(from_client, to_server, &shared, &session) => {}
        _ended = answer(from_server, to_client, &session) => {}
    }
}

/// A message with its kind and its length; `None` for one without a kind, as the first one is.
async fn message(from: &mut OwnedReadHalf, has_kind: bool) -> io::Result<(Option<u8>, Vec<u8>)> {
    let kind = if has_kind { Some(from.read_u8().await?) } else { None };
    let length = from.read_u32().await?;
    let mut whole: Vec<u8> = kind.into_iter().collect();
    whole.extend_from_slice(&length.to_be_bytes());
    let start = whole.len();
    let rest = usize::try_from(length).map_err(io::Error::other)?.saturating_sub(size_of_val(&length));
    whole.resize(start + rest, 0);
    from.read_exact(whole.get_mut(start..).unwrap_or_default()).await?;
    Ok((kind, whole))
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    session: &Session,
) -> io::Result<()> {
    let mut has_kind = false;
    loop {
        let (kind, whole) = message(&mut from, has_kind).await?;
        has_kind = true;
        let trouble = kind.and_then(|kind| shared.strikes(kind));
        match trouble {
            None => to.write_all(&whole).await?,
            Some(Trouble { blow: Blow::CutBefore, .. }) => {
                shared.hit();
                return Ok(());
            }
            Some(Trouble { blow: Blow::CutAfter, .. }) => {
                shared.hit();
                session.swallows.store(true, Ordering::SeqCst);
                to.write_all(&whole).await?;
                if matches!(kind, Some(b'S' | b'Q')) {
                    session.ready.notified().await;
                }
                return Ok(());
            }
            Some(Trouble { blow: Blow::Terminate, .. }) => {
                signal(shared, session, "pg_terminate_backend").await.map_err(io::Error::other)?;
                shared.hit();
                to.write_all(&whole).await?;
            }
            Some(Trouble { blow: Blow::Cancel, .. }) => {
                to.write_all(&whole).await?;
                signal(shared, session, "pg_cancel_backend").await.map_err(io::Error::other)?;
                shared.hit();
            }
            Some(Trouble { blow: Blow::HoldUp, .. }) => {
                if let Ok(holder) = hold_up(shared).await {
                    shared.hit();
                    to.write_all(&whole).await?;
                    tokio::spawn(async move {
                        tokio::time::sleep(HELD_UP).await;
                        // The transaction ends with its session.
                        drop(holder);
                    });
                } else {
                    to.write_all(&whole).await?;
                }
            }
        }
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, session: &Session) -> io::Result<()> {
    loop {
        let (kind, whole) = message(&mut from, true).await?;
        match kind {
            // The server's process, and the key to cancel with.
            Some(b'K') => {
                let backend =
                    whole.get(5..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_be_bytes);
                session.backend.store(backend, Ordering::SeqCst);
            }
            Some(b'Z') if session.swallows.load(Ordering::SeqCst) => session.ready.notify_one(),
            _ => {}
        }
        if !session.swallows.load(Ordering::SeqCst) {
            to.write_all(&whole).await?;
        }
    }
}

async fn control(shared: &Shared) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = shared.server.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn signal(shared: &Shared, session: &Session, how: &str) -> Result<(), tokio_postgres::Error> {
    let backend = session.backend.load(Ordering::SeqCst);
    control(shared).await?.batch_execute(&format!("SELECT {how}({backend})")).await
}

/// Locks the tables, unless somebody else has a part of them for long.
async fn hold_up(shared: &Shared) -> Result<Client, tokio_postgres::Error> {
    let client = control(shared).await?;
    let schema = &shared.schema;
    let lock = format!(
        "SET lock_timeout = '200ms'; BEGIN; LOCK TABLE {schema}.deliveries, {schema}.subscriptions IN ACCESS EXCLUSIVE MODE"
    );
    client.batch_execute(&lock).await?;
    Ok(client)
}
