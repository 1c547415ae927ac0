//! A transport that goes nowhere: a function of this process handles what is delivered.

use core::fmt;

use bytes::Bytes;
use gymhook_delivery::{AttemptRef, EndpointId};
use gymhook_retry::Outcome;
use http::StatusCode;

use crate::{Answer, DeliveryId, Direction, Origin, Sending, Transport};

/// Delivers to an async function: with it, an engine works an [inbox](crate::Inbox) off.
///
/// ```
/// use gymhook_engine::{Handled, HandlerError, HandlerTransport};
///
/// let transport = HandlerTransport::new(|handled: Handled| async move {
///     println!("{} of {} bytes", handled.event_type, handled.body.len());
///     if handled.body.is_empty() {
///         return Err(HandlerError::reject("nothing in it"));
///     }
///     Ok(())
/// });
/// # let _ = transport;
/// ```
pub struct HandlerTransport<F>(F);

/// What a handler gets.
#[derive(Clone)]
pub struct Handled {
    /// Its name, equal each time it is handled: what an effect is recognised by.
    pub delivery: DeliveryId,
    /// The inbox that it came through.
    pub inbox: EndpointId,
    /// Which attempt this is, from 1 in each round.
    pub attempt: u32,
    /// Which attempt under which lease; for logs.
    pub reference: AttemptRef,
    /// The type of its first event, in the vendor's spelling.
    pub event_type: String,
    /// The bytes as they came in, verified when they did.
    pub body: Bytes,
    /// What was proved when it came in, and for which key; `None` if it was accepted without a proof.
    pub origin: Option<Origin>,
}

/// `Debug` shows the body's length: its bytes are about people.
impl fmt::Debug for Handled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handled")
            .field("delivery", &self.delivery)
            .field("inbox", &self.inbox)
            .field("attempt", &self.attempt)
            .field("origin", &self.origin)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

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

impl<F, R> HandlerTransport<F>
where
    F: Fn(Handled) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), HandlerError>> + Send,
{
    /// Delivers to this function. It runs at least once for each delivery, and again after a crash: let its effects and the
    /// delivery's id become durable together. A panic is a failure: the attempt counts, and the schedule says when the next one is.
    pub const fn new(handle: F) -> Self {
        Self(handle)
    }
}

/// What a handler's success is logged as: done, and nothing to say.
const DONE: StatusCode = StatusCode::NO_CONTENT;
/// What a handler's failure is logged as.
const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
/// What a handler's refusal is logged as.
pub(crate) const REJECTED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

impl<F, R> Transport for HandlerTransport<F>
where
    F: Fn(Handled) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), HandlerError>> + Send,
{
    async fn send(&self, sending: Sending) -> Answer {
        let reference = sending.attempt.attempt;
        let handled = Handled {
            delivery: reference.delivery,
            inbox: reference.endpoint,
            attempt: sending.attempt.number.get(),
            reference,
            event_type: sending.event_type,
            body: sending.body,
            origin: sending.origin,
        };
        match (self.0)(handled).await {
            Ok(()) => Answer::new(Outcome::response(DONE)),
            Err(HandlerError { reason, again }) => {
                Answer::new(Outcome::response(if again { FAILED } else { REJECTED })).with_detail(reason)
            }
        }
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
