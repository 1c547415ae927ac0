//! `InboxItem`: an inbox's item as a handler gets it, with its body, its proof and its typed notification.

use core::fmt;

use bytes::Bytes;
use gymhook::event::{Notification, Vendor};
use gymhook::signature::{KeyId, Proof, Verified};
use gymhook::{PlatformNotification, Provider, ReadError, Received, Receiver, Unverified};
use gymhook_delivery::{Attempt, AttemptRef, EndpointId};
use time::UtcDateTime;

use crate::stored_arrival::Arrival;
use crate::{DeliveryId, Inbox};

/// A notification that an [inbox](crate::Inbox) has accepted, as its handler gets it.
///
/// [`InboxItem::read`] gives back what was accepted: the typed notification with its proof. [`InboxHandlers`] does so before it
/// calls a handler, which then takes the item for what is around it: its id, its attempt, when it was received.
///
/// [`InboxHandlers`]: crate::InboxHandlers
#[derive(Clone)]
pub struct InboxItem {
    attempt: Attempt,
    vendor: Option<String>,
    /// At least one, if it was accepted as readable.
    event_types: Vec<String>,
    arrival: Arrival,
    body: Bytes,
    received_at: UtcDateTime,
}

impl InboxItem {
    pub(crate) fn new(
        attempt: Attempt,
        event_type: String,
        arrival: Option<Arrival>,
        body: Bytes,
        enqueued_at: UtcDateTime,
    ) -> Self {
        let mut arrival = arrival.unwrap_or_default();
        let mut event_types = core::mem::take(&mut arrival.event_types);
        if event_types.is_empty() {
            event_types.push(event_type);
        }
        // A row of a version that did not keep it. An inbox that was opened by its platform's name tells.
        let is_named_after = |vendor: &Vendor| Inbox::id_of(vendor.as_str()) == attempt.attempt.endpoint;
        let by_name = || Vendor::ALL.iter().find(|vendor| is_named_after(vendor));
        let vendor = arrival.vendor.take().or_else(|| by_name().map(|vendor| vendor.as_str().to_owned()));
        let received_at = arrival.received_at.unwrap_or(enqueued_at);
        Self { attempt, vendor, event_types, arrival, body, received_at }
    }

    /// Its id, equal each time it is handled: what an effect is recognised by.
    #[must_use]
    pub const fn delivery(&self) -> DeliveryId {
        self.attempt.attempt.delivery
    }

    /// The inbox that it came through.
    #[must_use]
    pub const fn inbox(&self) -> EndpointId {
        self.attempt.attempt.endpoint
    }

    /// Which attempt this is, from 1 in each round.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt.number.get()
    }

    /// Which attempt under which lease; for logs.
    #[must_use]
    pub const fn reference(&self) -> AttemptRef {
        self.attempt.attempt
    }

    /// The id of the platform that sent it. `None` only of what a version of this crate accepted that did not keep it, through an
    /// inbox that is not [named](crate::Inbox::named) after its platform.
    #[must_use]
    pub fn vendor(&self) -> Option<&str> {
        self.vendor.as_deref()
    }

    /// The key that it was verified with: the studio, or the generation of the secret. `None` if it was accepted without a proof.
    #[must_use]
    pub fn key(&self) -> Option<&KeyId> {
        self.proof().map(Proof::key)
    }

    /// What was proved when it came in, and for which key; `None` if it was accepted without a proof.
    #[must_use]
    pub const fn proof(&self) -> Option<&Proof> {
        self.arrival.proof.as_ref()
    }

    /// The types of all its events, each once, in the order received and in the vendor's spelling.
    ///
    /// Of a notification without events it is the platform's id.
    #[must_use]
    pub fn event_types(&self) -> &[String] {
        &self.event_types
    }

    /// When it was accepted, by the store's clock.
    #[must_use]
    pub const fn received_at(&self) -> UtcDateTime {
        self.received_at
    }

    /// The bytes as they came in.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// What was accepted: the notification, with the proof that it had.
    ///
    /// It is read as when it came in, with the same strict check, and its proof is what was proved then: where a
    /// [`BodySigned`](gymhook::signature::BodySigned) proof is asked for, a body that nobody signed is refused here as it was there.
    ///
    /// ```
    /// use gymhook::event::point;
    /// use gymhook::signature::{BodySigned, Verified};
    /// use gymhook::Received;
    /// use gymhook_engine::{HandlerError, InboxItem};
    ///
    /// fn pay_out(workout: &Verified<Received<point::Notification>, BodySigned>) { /* … */ }
    ///
    /// fn handle(item: &InboxItem) -> Result<(), HandlerError> {
    ///     let workout = item.read::<point::Notification>()?;
    ///     let workout = workout.into_body_signed().map_err(|error| HandlerError::reject(error.to_string()))?;
    ///     pay_out(&workout);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// What is not sorted by its proof does not compile:
    ///
    /// ```compile_fail,E0308
    /// # use gymhook::event::point;
    /// # use gymhook::signature::{BodySigned, Verified};
    /// # use gymhook::Received;
    /// # use gymhook_engine::{HandlerError, InboxItem};
    /// # fn pay_out(workout: &Verified<Received<point::Notification>, BodySigned>) { /* … */ }
    /// fn handle(item: &InboxItem) -> Result<(), HandlerError> {
    ///     let workout = item.read::<point::Notification>()?;
    ///     pay_out(&workout);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// An item whose [platform is not known](InboxItem::vendor) is read as `N`, if `N` is one platform's.
    ///
    /// # Errors
    /// [`ReadItemError`]. `?` in a handler makes a [`HandlerError`](crate::HandlerError) of it.
    pub fn read<N: PlatformNotification>(&self) -> Result<Verified<Received<N>>, ReadItemError> {
        self.read_as(&self.provider()?)
    }

    /// As [`InboxItem::read`], for a platform whose notification type does not say which it is.
    ///
    /// # Errors
    /// As [`InboxItem::read`].
    pub fn read_as<N: Notification>(
        &self,
        provider: &Provider<N>,
    ) -> Result<Verified<Received<N>>, ReadItemError> {
        let proof = self.proof().ok_or(ReadItemError::NotProved)?;
        let Unverified(received) = self.dangerous_read_unverified_as(provider)?;
        // The store has kept both, and checks the body against its digest.
        Ok(Verified::dangerous_from_kept(received, proof.clone()))
    }

    /// The notification without a proof: what [`Inbox::dangerous_accept_unsigned`] has accepted has none.
    ///
    /// # Errors
    /// As [`InboxItem::read`], except for the missing proof.
    pub fn dangerous_read_unverified<N: PlatformNotification>(
        &self,
    ) -> Result<Unverified<Received<N>>, ReadItemError> {
        self.dangerous_read_unverified_as(&self.provider()?)
    }

    /// As [`InboxItem::dangerous_read_unverified`], for a platform whose notification type does not say which it is.
    ///
    /// # Errors
    /// As [`InboxItem::dangerous_read_unverified`].
    pub fn dangerous_read_unverified_as<N: Notification>(
        &self,
        provider: &Provider<N>,
    ) -> Result<Unverified<Received<N>>, ReadItemError> {
        let reads = provider.vendor().as_str();
        if let Some(vendor) = self.vendor().filter(|vendor| *vendor != reads) {
            return Err(ReadItemError::OtherVendor { vendor: vendor.to_owned(), reads: reads.to_owned() });
        }
        let mut receiver = Receiver::dangerous_unsigned(provider);
        if self.arrival.duplicate_keys_allowed {
            receiver = receiver.with_duplicate_keys_allowed();
        }
        Ok(receiver.read_again(self.body.clone(), self.arrival.identity())?)
    }

    /// The one of this type's platforms that sent it.
    fn provider<N: PlatformNotification>(&self) -> Result<Provider<N>, ReadItemError> {
        let mut providers = N::providers();
        let Some(vendor) = self.vendor() else {
            let only = providers.next().filter(|_| providers.next().is_none());
            return only.ok_or(ReadItemError::UnknownVendor);
        };
        let mut reads = Vec::new();
        for provider in providers {
            if provider.vendor().as_str() == vendor {
                return Ok(provider);
            }
            reads.push(provider.vendor().as_str());
        }
        Err(ReadItemError::OtherVendor { vendor: vendor.to_owned(), reads: reads.join(", ") })
    }
}

/// `Debug` shows the body's length: it contains personal data.
impl fmt::Debug for InboxItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxItem")
            .field("delivery", &self.delivery())
            .field("inbox", &self.inbox())
            .field("attempt", &self.attempt())
            .field("vendor", &self.vendor())
            .field("proof", &self.proof())
            .field("event_types", &self.event_types())
            .field("received_at", &self.received_at())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Why an [`InboxItem`] was not read as a type. It stays what it is, and can be read as another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadItemError {
    /// It was accepted without a proof: a mistake in the handler, which asks for one.
    #[error("it was accepted without a proof: only dangerous_read_unverified reads it")]
    NotProved,
    /// It is another platform's: a mistake in the handler.
    #[error("it is from {vendor}, and was to be read as {reads}")]
    OtherVendor {
        /// The platform that sent it.
        vendor: String,
        /// What the type reads.
        reads: String,
    },
    /// It is not known which platform sent it, and the type reads several. See [`InboxItem::vendor`].
    #[error("its platform was not kept: read it as the type of the one that sends to this inbox")]
    UnknownVendor,
    /// Its body cannot be read by this version, though another one has.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}
