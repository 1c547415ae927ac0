//! A transport that notes when each attempt was over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gymhook_delivery::{DeliveryId, EndpointId};
use gymhook_engine::{Answer, Sending, Transport};
use gymhook_retry::Outcome;
use http::StatusCode;

/// An attempt that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) delivery: DeliveryId,
    pub(crate) endpoint: EndpointId,
    pub(crate) at: Instant,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sightings(Arc<Mutex<Vec<Seen>>>);

impl Sightings {
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn add(&self, seen: Seen) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }
}

/// Hands on to another transport, and notes the answer.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    pub(crate) inner: T,
    pub(crate) sightings: Sightings,
}

impl<T: Transport> Transport for Watched<T> {
    async fn send(&self, sending: Sending) -> Answer {
        let (delivery, endpoint) = (sending.attempt.attempt.delivery, sending.attempt.attempt.endpoint);
        let answer = self.inner.send(sending).await;
        self.sightings.add(Seen { delivery, endpoint, at: Instant::now() });
        answer
    }
}

/// Sends nothing, and says that it was accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepting;

impl Transport for Accepting {
    async fn send(&self, _sending: Sending) -> Answer {
        Answer::new(Outcome::response(StatusCode::OK))
    }
}
