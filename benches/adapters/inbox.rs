//! The inbox on SQLite, behind a route and by itself.

use std::path::Path;

use gymhook::event::pg_next;
use gymhook::signature::Verified;
use gymhook::{Received, Receiver};
use gymhook_axum::InboxSource;
use gymhook_benches::Outcome;
use gymhook_benches::request::padded;
use gymhook_engine::store::SqliteStore;
use gymhook_engine::{EndpointId, Engine, Inbox};
use time::UtcDateTime;

use crate::contender;

pub(crate) type Source = InboxSource<SqliteStore, pg_next::Notification>;

/// An inbox in a file of its own. Nothing handles what is in it.
pub(crate) async fn open(folder: &Path, name: &str) -> Outcome<Source> {
    let store = SqliteStore::open(folder.join(format!("{name}.db")))?;
    let engine = Engine::builder(store).enqueue_only();
    let inbox = Inbox::open(engine, EndpointId::from_u128(1), name, Inbox::policy()).await?;
    Ok(InboxSource::new(contender::pg_next()?, inbox))
}

/// The notification with this number, in 300 bytes.
pub(crate) fn body(number: u64) -> Vec<u8> {
    padded(format!(
        r#"{{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-{number:012x}","payload":[{{"timestamp":1764885600176,"type":"CUSTOMER_CHECKIN","note":""#
    ))
}

/// A notification as a receiver returns it.
pub(crate) fn received(
    receiver: &Receiver<pg_next::Notification>,
    number: u64,
) -> Outcome<Verified<Received<pg_next::Notification>>> {
    let body = body(number);
    let headers = contender::sign(receiver, &body)?;
    Ok(receiver.receive(&headers, body, UtcDateTime::now())?)
}
