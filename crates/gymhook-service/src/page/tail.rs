//! `Changes`: tells an open page, by server-sent events, that something has changed.

use core::convert::Infallible;
use core::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use time::UtcDateTime;
use tokio::time::{Instant, timeout_at};

use super::visitor::Visitor;
use crate::api::tail::{Filter, Heard, Tail};

/// A page is told no more often than this, however much happens. Our choice.
const PAUSE: Duration = Duration::from_secs(1);

/// An event `changed` whenever something happened that this key reaches, at most one a second, with how much it was. The page then
/// asks for itself again, so that there is one way in which everything is written. It ends with the session.
pub(super) async fn tail(visitor: Visitor) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let left = visitor.session.expires.saturating_sub(UtcDateTime::now().unix_timestamp());
    let now = Instant::now();
    let filter = Filter::all(&visitor.caller);
    let changes = Changes {
        tail: Tail::new(visitor.caller, filter),
        told: now,
        ends: now + Duration::from_secs(u64::try_from(left).unwrap_or(0)),
    };
    let events = stream::unfold(changes, async |mut changes| {
        let happened = changes.next().await?;
        Some((Ok(Event::default().event("changed").data(happened.to_string())), changes))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// What happens, counted.
struct Changes {
    tail: Tail,
    told: Instant,
    ends: Instant,
}

impl Changes {
    /// How much happened, as soon as something has; `None` if nobody may listen any longer.
    async fn next(&mut self) -> Option<u64> {
        let number = |heard| match heard {
            Heard::Happening(_) => 1,
            Heard::Missed(missed) => missed,
        };
        let mut happened = timeout_at(self.ends, self.tail.next()).await.ok()?.map(number)?;
        let until = (self.told + PAUSE).min(self.ends);
        while Instant::now() < until {
            if let Ok(heard) = timeout_at(until, self.tail.next()).await {
                happened += number(heard?);
            }
        }
        self.told = Instant::now();
        Some(happened)
    }
}
