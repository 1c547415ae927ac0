//! `HandlerTransport`, the transport that calls a function of this process instead of sending a request, and
//! `HandlerError`.

mod inbox_handlers;
mod inbox_item;
mod typed;

use core::fmt;

use gymhook_retry::Outcome;
use http::StatusCode;

pub(crate) use self::inbox_handlers::Handle;
pub use self::inbox_handlers::InboxHandlers;
pub use self::inbox_item::{InboxItem, ReadItemError};
pub use self::typed::InboxHandler;
use crate::store::NewNotification;
use crate::{Answer, Direction, Sending, Transport};

/// Delivers to an async function that takes whatever comes: with it, an engine handles what an [inbox](crate::Inbox) accepts.
///
/// [`InboxHandlers`] calls functions with the notification read and its proof; here the function reads it itself.
///
/// ```
/// use gymhook::event::pg_next;
/// use gymhook_engine::{HandlerError, HandlerTransport, InboxItem};
///
/// let transport = HandlerTransport::new(|item: InboxItem| async move {
///     let hook = item.read::<pg_next::Notification>()?;
///     println!("studio {}: {} events", hook.proof().key(), hook.value().events().count());
///     Ok::<(), HandlerError>(())
/// });
/// # let _ = transport;
/// ```
pub struct HandlerTransport<F>(F);

/// Why a handler did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct HandlerError {
    reason: String,
    again: bool,
}

impl HandlerError {
    /// It may work later: the retry policy decides when.
    #[must_use]
    pub fn retry(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: true }
    }

    /// It will never work: keep it as undeliverable, for a person to look at.
    #[must_use]
    pub fn reject(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: false }
    }
}

/// What cannot be read, or is not proved, is [rejected](HandlerError::reject); what another handler could read is
/// [retried](HandlerError::retry), since a deployment may bring that handler.
impl From<ReadItemError> for HandlerError {
    fn from(error: ReadItemError) -> Self {
        let reason = error.to_string();
        match error {
            ReadItemError::NotProved | ReadItemError::Unreadable(_) => Self::reject(reason),
            ReadItemError::OtherVendor { .. } | ReadItemError::UnknownVendor => Self::retry(reason),
        }
    }
}

impl<F> HandlerTransport<F> {
    /// Delivers to this function. It runs at least once for each delivery, and again after a crash: let its effects and the
    /// delivery's id become durable together. A panic is a failure: the attempt counts, and the schedule says when the next one is.
    pub const fn new<R>(handle: F) -> Self
    where
        F: Fn(InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send,
    {
        Self(handle)
    }

    /// The same for a function that passes on: what it returns is enqueued in the transaction that records that the item was
    /// handled ([`Answer::with_follow_ups`]). A crash in between leaves neither, and the function runs again: let the ids of what
    /// it returns follow from [`InboxItem::delivery`], as those of [`Engine::fan_out`](crate::Engine::fan_out) do from the event's.
    ///
    /// ```
    /// use gymhook_engine::store::SqliteStore;
    /// use gymhook_engine::{Engine, HandlerError, HandlerTransport, InboxItem, Publication};
    ///
    /// /// Passes everything on to the application's subscriptions.
    /// async fn start(store: SqliteStore) -> Result<Engine<SqliteStore>, Box<dyn std::error::Error>> {
    ///     let sender = Engine::builder(store.clone()).enqueue_only();
    ///     let handler = HandlerTransport::passing_on(move |item: InboxItem| {
    ///         let sender = sender.clone();
    ///         async move {
    ///             let event = Publication::new("standard-webhooks", "hook.received", item.body().clone());
    ///             let id = item.delivery().to_string();
    ///             let follow_ups = sender.fan_out("my-application", &id, &event).await;
    ///             follow_ups.map_err(|error| HandlerError::retry(error.to_string()))
    ///         }
    ///     });
    ///     Ok(Engine::builder(store).start(handler).await?)
    /// }
    /// # let _ = start;
    /// ```
    pub const fn passing_on<R>(handle: F) -> Self
    where
        F: Fn(InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send,
    {
        Self(handle)
    }
}

/// What a handler's success is logged as: done, and nothing to say.
const DONE: StatusCode = StatusCode::NO_CONTENT;
/// What a handler's failure is logged as.
const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
/// What a handler's refusal is logged as.
pub(crate) const REJECTED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// What a handler's success is: nothing more, or what follows from it.
pub trait Handled: sealed::Sealed {
    #[doc(hidden)]
    fn follow_ups(self) -> Vec<NewNotification>;
}

impl Handled for () {
    fn follow_ups(self) -> Vec<NewNotification> {
        Vec::new()
    }
}

impl Handled for Vec<NewNotification> {
    fn follow_ups(self) -> Vec<NewNotification> {
        self
    }
}

mod sealed {
    use crate::store::NewNotification;

    pub trait Sealed {}

    impl Sealed for () {}
    impl Sealed for Vec<NewNotification> {}
}

fn answer_to(handled: Result<Vec<NewNotification>, HandlerError>) -> Answer {
    match handled {
        Ok(follow_ups) => Answer::new(Outcome::response(DONE)).with_follow_ups(follow_ups),
        Err(HandlerError { reason, again }) => {
            Answer::new(Outcome::response(if again { FAILED } else { REJECTED })).with_detail(reason)
        }
    }
}

impl<F, R, H> Transport for HandlerTransport<F>
where
    F: Fn(InboxItem) -> R + Send + Sync + 'static,
    R: Future<Output = Result<H, HandlerError>> + Send,
    H: Handled,
{
    async fn send(&self, sending: Sending) -> Answer {
        answer_to((self.0)(sending.into_item()).await.map(Handled::follow_ups))
    }

    fn direction(&self) -> Direction {
        Direction::Incoming
    }
}

impl<F> fmt::Debug for HandlerTransport<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerTransport")
    }
}
