//! `detect`: finds out whether a connection pooler gives each transaction another session.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::connection::Sessions;
use super::error::{Failure, Result};
use super::listener::Dial;
use gymhook_store::{Arrivals, StoreError};

/// Finds out by which server processes two connections are served: a session that is not shared has one, from its beginning
/// to its end, and nobody else has that.
pub(super) async fn detect(dial: &Dial, place: &str) -> Result<Sessions> {
    // Nothing is listened to here.
    let arrivals = Arrivals::default();
    let (first, _first_task) =
        dial(arrivals.clone()).await.map_err(|error| Failure::from(error).at(place))?;
    let (second, _second_task) = dial(arrivals).await.map_err(|error| Failure::from(error).at(place))?;
    let pids = (pid(&first).await?, begin(&second).await?);
    // As long as the second one is in its transaction, the first cannot have the same process.
    if pids.0 == pids.1 || pid(&first).await? != pids.0 {
        return Ok(Sessions::Shared);
    }
    second.batch_execute("ROLLBACK").await?;
    // A pooler that takes its connections in turn would go on to the next one.
    for _ in 0..4 {
        if pid(&first).await? != pids.0 || pid(&second).await? != pids.1 {
            return Ok(Sessions::Shared);
        }
    }
    Ok(Sessions::Own)
}

async fn begin(client: &Client) -> Result<String> {
    match client.batch_execute("BEGIN").await {
        Ok(()) => pid(client).await,
        // PgBouncer answers this with pool_mode = statement.
        Err(error) if error.code().is_some_and(|code| code.code() == "08P01") => {
            let problem = format!(
                "a pooler in between takes no transactions ({}): have it pool transactions or sessions",
                error.as_db_error().map_or("", |said| said.message())
            );
            Err(StoreError::Invalid { problem }.into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn pid(client: &Client) -> Result<String> {
    let said = client.simple_query("SELECT pg_backend_pid()").await?;
    let row = said.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        SimpleQueryMessage::CommandComplete(_) | SimpleQueryMessage::RowDescription(_) | _ => None,
    });
    let nothing = || StoreError::Unavailable { problem: "the server told no process".to_owned() };
    Ok(row.ok_or_else(nothing)?.to_owned())
}
