//! What happens now, for pages that are open: server-sent events.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use gymhook_engine::store::ApiKeyOwner;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep_until, timeout};

use super::visitor::Visitor;
use crate::activity::Happening;
use crate::app::App;

/// A page is told no more often than this, however much happens. Our choice.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the key is looked at again: a revoked one ends the stream.
const LOOK: Duration = Duration::from_secs(10);

/// An event `changed` whenever something happened that this key reaches, at most one a second, with how much it was. The page then
/// asks for itself again, so that there is one way in which everything is written.
pub(super) async fn tail(
    State(app): State<Arc<App>>,
    visitor: Visitor,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let listener = Listener {
        receiver: app.activity.listen(),
        owner: visitor.key().owner.clone(),
        key: visitor.session.key,
        expires: visitor.session.expires,
        told: Instant::now(),
        app,
    };
    let events = stream::unfold(listener, async |mut listener| {
        let happened = listener.wait().await?;
        Some((Ok(Event::default().event("changed").data(happened.to_string())), listener))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

struct Listener {
    receiver: Receiver<Happening>,
    owner: ApiKeyOwner,
    key: uuid::Uuid,
    expires: i64,
    told: Instant,
    app: Arc<App>,
}

impl Listener {
    /// How much happened, as soon as something has; `None` if nobody may listen any longer.
    async fn wait(&mut self) -> Option<u64> {
        sleep_until(self.told + PAUSE).await;
        let mut happened = self.what_came()?;
        while happened == 0 {
            match timeout(LOOK, self.receiver.recv()).await {
                Ok(Ok(happening)) => happened = u64::from(self.reaches(&happening)),
                Ok(Err(RecvError::Lagged(missed))) => happened = missed,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) if !self.still_counts().await => return None,
                Err(_) => {}
            }
        }
        if !self.still_counts().await {
            return None;
        }
        self.told = Instant::now();
        Some(happened)
    }

    /// What waits already.
    fn what_came(&mut self) -> Option<u64> {
        let mut happened = 0;
        loop {
            match self.receiver.try_recv() {
                Ok(happening) => happened += u64::from(self.reaches(&happening)),
                Err(TryRecvError::Lagged(missed)) => happened += missed,
                Err(TryRecvError::Empty) => return Some(happened),
                Err(TryRecvError::Closed) => return None,
            }
        }
    }

    /// Of another gym's deliveries nothing is told, nor of what came in.
    fn reaches(&self, happening: &Happening) -> bool {
        match (&self.owner, happening) {
            (ApiKeyOwner::All, _) => true,
            (ApiKeyOwner::Gym(own), Happening::Attempt { gym, .. }) => own == gym,
            (ApiKeyOwner::Gym(_), Happening::Received { .. }) => false,
        }
    }

    async fn still_counts(&self) -> bool {
        let now = time::UtcDateTime::now().unix_timestamp();
        now < self.expires && self.app.outgoing.api_key(self.key).await.is_ok_and(|key| key.is_some())
    }
}
