//! `accept_unreadable` keeps bodies that were verified but cannot be parsed; `read_again` reads them later.

use gymhook::event::Notification;
use gymhook::{ReadError, Receiver, Unreadable};
use gymhook_delivery::DeliveryId;

use super::{AcceptError, Accepted, Inbox, ids};
use crate::store::{DeliveryRow, NewNotification, State, Store, StoreError};
use crate::stored_arrival::Arrival;

/// Why what was kept was not accepted when it was read again. It is kept as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadAgainError {
    /// It could be read now, but was not accepted.
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// There is no such one in this inbox: it was read already, or purged, or the id is another delivery's.
    #[error(
        "delivery {delivery} is no unreadable one of this inbox: it was read already or purged, or the id is another's"
    )]
    NotKept {
        /// The id asked for.
        delivery: DeliveryId,
    },
    /// It still cannot be read.
    #[error("delivery {delivery} still cannot be read: {problem}")]
    Unreadable {
        /// The id asked for.
        delivery: DeliveryId,
        /// Why.
        problem: ReadError,
    },
}

impl From<StoreError> for ReadAgainError {
    fn from(error: StoreError) -> Self {
        Self::Accept(error.into())
    }
}

/// What the log says that an unreadable notification is; its own type cannot be known.
const EVENT_TYPE: &str = "unreadable";

impl<S: Store> Inbox<S> {
    /// Keeps a body that was proved and could not be read: it is on disk when this returns, with its proof and the problem, so
    /// answer 2xx. No handler gets it.
    ///
    /// It is in the log ([`Engine::deliveries`](crate::Engine::deliveries) of [`State::Unreadable`]) until somebody
    /// [reads it again](Inbox::read_again), or it is purged. The same body again, with the same signed id if there is one, is a
    /// duplicate of what is kept.
    ///
    /// # Errors
    /// As [`Inbox::accept`].
    pub async fn accept_unreadable(&self, unreadable: &Unreadable) -> Result<KeptUnreadable, AcceptError> {
        let arrival = Arrival::of_unreadable(unreadable);
        let body = unreadable.body();
        let delivery = ids::of_unreadable(self.id, &arrival.identity(), body);
        let new = NewNotification {
            origin: Some(arrival.to_text()),
            unreadable: true,
            ..NewNotification::new(delivery, self.id, EVENT_TYPE, body.clone())
        };
        let is_new = self.keep(new).await?;
        if is_new {
            tracing::warn!(inbox = %self.id, %delivery, problem = %unreadable.problem(), "a body was proved and cannot be read: it is kept");
        }
        Ok(if is_new { KeptUnreadable::New { delivery } } else { KeptUnreadable::Duplicate { delivery } })
    }

    /// Reads again what could not be read when it came in, with a newer version of this crate or a receiver that allows more,
    /// and accepts it as [`Inbox::accept`] would have: the handler gets it under another id, with the proof that was given then.
    ///
    /// What was kept is forgotten in the same transaction. If the platform has sent it again meanwhile, and it was accepted,
    /// this one is a duplicate.
    ///
    /// # Errors
    /// [`ReadAgainError`]; then it is kept as before.
    pub async fn read_again<N: Notification + Sync>(
        &self,
        receiver: &Receiver<N>,
        delivery: DeliveryId,
    ) -> Result<Accepted, ReadAgainError> {
        let is_kept = |row: &DeliveryRow| row.endpoint == self.id && row.state == State::Unreadable;
        let row = self.engine.store().delivery(delivery).await?.filter(is_kept);
        let row = row.ok_or(ReadAgainError::NotKept { delivery })?;
        let body = self.engine.store().body(delivery).await?.unwrap_or_default();
        let arrival = row.origin.as_deref().and_then(Arrival::from_text).filter(|arrival| {
            // Its name is made of all that it is read from.
            ids::of_unreadable(self.id, &arrival.identity(), &body) == delivery
        });
        let Some(arrival) = arrival.filter(|arrival| arrival.problem.is_some()) else {
            let problem = format!("what is kept as delivery {delivery} is not what came in");
            return Err(StoreError::Damaged { problem }.into());
        };
        let received = receiver.read_again(body, arrival.identity());
        let received = received.map_err(|problem| ReadAgainError::Unreadable { delivery, problem })?.0;
        let read = Arrival::of(&received, arrival.proof.as_ref());
        let read = Arrival { received_at: Some(row.enqueued_at), ..read };
        Ok(self.take(&received, read, Some(delivery)).await?)
    }
}

/// What came of keeping a body that could not be read. Answer 2xx to both.
///
/// Exhaustive on purpose: what is kept is new, or was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum KeptUnreadable {
    /// It is new, and on disk.
    New {
        /// Under this name.
        delivery: DeliveryId,
    },
    /// It was kept before.
    Duplicate {
        /// Under this name.
        delivery: DeliveryId,
    },
}
