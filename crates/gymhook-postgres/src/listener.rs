//! `Listener`: the connection on which the server notifies workers of new work, which is dialled again when it breaks.

use core::future::poll_fn;
use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{sleep, timeout};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, SimpleQueryMessage, Socket};

use super::arrivals::hear;
use super::error::{READ_ONLY, Result as Attempted};
use super::schema_name::Schema;
use gymhook_store::{Arrivals, StoreError};

/// A wait before another attempt to connect: doubled from the first up to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// How often the connection is tried, and how long an answer may take: one that was cut far away says nothing, and on one to a
/// server that takes no writes any more nobody will ever say anything.
const HEARTBEAT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5));

/// A connection, and the task that ends with it.
type Connected = (Client, JoinHandle<()>);

type Dialling = Pin<Box<dyn Future<Output = Result<Connected, tokio_postgres::Error>> + Send>>;

/// Makes a connection that reports to the arrivals, whatever kind of TLS is in use.
pub(super) type Dial = Arc<dyn Fn(Arrivals) -> Dialling + Send + Sync>;

pub(super) fn dialler<T>(config: Config, tls: T) -> Dial
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    Arc::new(move |arrivals| {
        let (config, tls) = (config.clone(), tls.clone());
        Box::pin(async move {
            let (client, mut connection) = config.connect(tls).await?;
            // It ends with the client.
            let task = tokio::spawn(async move {
                while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                    if let AsyncMessage::Notification(told) = message {
                        hear(&arrivals, told.payload());
                    }
                }
            });
            Ok((client, task))
        })
    })
}

/// A task that listens, and connects again whenever the connection is lost. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Listener(AbortHandle);

impl Listener {
    pub(super) fn start(dial: Dial, arrivals: Arrivals, schema: &Schema) -> Self {
        let listen = format!("LISTEN \"{}\"", schema.channel());
        Self(tokio::spawn(keep_listening(dial, arrivals, listen)).abort_handle())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep_listening(dial: Dial, arrivals: Arrivals, listen: String) {
    let mut wait = BACKOFF.0;
    loop {
        match timeout(HEARTBEAT.1, begin(&dial, &arrivals, &listen)).await {
            Ok(Ok(mut connection)) => {
                wait = BACKOFF.0;
                // Whatever came before this connection was told to nobody.
                arrivals.add_anywhere();
                watch(&mut connection).await;
                tracing::warn!("the connection that listens for new work was lost");
            }
            Ok(Err(failure)) => {
                tracing::warn!(problem = %failure.error, "the connection that listens for new work failed")
            }
            Err(_) => tracing::warn!("the connection that listens for new work failed: no response"),
        }
        sleep(wait).await;
        wait = BACKOFF.1.min(wait.saturating_mul(2));
    }
}

async fn begin(dial: &Dial, arrivals: &Arrivals, listen: &str) -> Attempted<Connected> {
    let (client, task) = dial(arrivals.clone()).await?;
    check_writable(&client).await?;
    client.batch_execute(listen).await?;
    Ok((client, task))
}

/// Whether what workers wait for can be said on this server.
async fn check_writable(client: &Client) -> Attempted<()> {
    let asked = "SELECT 1 WHERE pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";
    let said = client.simple_query(asked).await?;
    if said.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))) {
        return Err(StoreError::ReadOnly { problem: READ_ONLY.to_owned() }.into());
    }
    Ok(())
}

/// Returns when the connection is lost, or leads to a server that no longer accepts writes.
async fn watch(connection: &mut Connected) {
    let (client, task) = connection;
    while timeout(HEARTBEAT.0, &mut *task).await.is_err() {
        match timeout(HEARTBEAT.1, check_writable(client)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                return tracing::warn!(problem = %failure.error, "the connection that listens for new work is closed");
            }
            Err(_) => return,
        }
    }
}
