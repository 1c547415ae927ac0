//! A notification that was verified and read, with the bytes it came in.

use core::fmt;

use bytes::Bytes;
use gymhook_event::{DedupeKey, Event, Notification, Vendor};
use gymhook_signature::{KeyId, Proof, RequestId};
use sha2::{Digest as _, Sha256};

/// A typed notification beside the exact bytes of its body.
///
/// Whatever the types do not know yet (new fields, new events) is still in [`Received::body`].
#[derive(Clone, Debug)]
pub struct Received<N> {
    body: Bytes,
    notification: N,
    key: Option<KeyId>,
    signed_id: Option<RequestId>,
}

impl<N: Notification> Received<N> {
    pub(crate) fn new(body: Bytes, notification: N, proof: Option<&Proof>) -> Self {
        let key = proof.map(|proof| proof.key().clone());
        let signed_id = proof.and_then(Proof::id).copied();
        Self { body, notification, key, signed_id }
    }

    /// The vendor that wrote the notification.
    #[must_use]
    pub fn vendor(&self) -> Vendor {
        self.notification.vendor()
    }

    /// The one reading across vendors: the events of the notification, in their order.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.notification.events()
    }

    /// What a repeat of this request has in common with it, if anything reliable.
    ///
    /// `None` where two real events could look the same: treat each such request as new, or decide with
    /// [`Received::body_digest`] and a time limit of your own. Keep the keys for as long as a repeat can come: at least twice
    /// the tolerance where the time is signed, and as long as the secret is in use where it is not.
    #[must_use]
    pub fn duplicate_key(&self) -> Option<DuplicateKey> {
        let (id, basis) = match (&self.signed_id, self.notification.dedupe_key()) {
            (Some(signed), _) => (signed.as_str().to_owned(), DuplicateBasis::SignedId),
            (None, Some(DedupeKey::Provided(id))) => (id, DuplicateBasis::VendorId),
            (None, Some(DedupeKey::Derived(id))) => (id, DuplicateBasis::Derived),
            (None, None) => return None,
        };
        Some(DuplicateKey { scope: self.key.clone(), id, basis })
    }
}

impl<N> Received<N> {
    /// The vendor's own shape.
    #[must_use]
    pub fn notification(&self) -> &N {
        &self.notification
    }

    /// The vendor's own shape, without the bytes.
    #[must_use]
    pub fn into_notification(self) -> N {
        self.notification
    }

    /// The bytes as they arrived.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The SHA-256 of the body. The same [`DuplicateKey`] with another digest is not a duplicate but a conflict.
    #[must_use]
    pub fn body_digest(&self) -> [u8; 32] {
        Sha256::digest(&self.body).into()
    }
}

/// What a [`DuplicateKey`] rests on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum DuplicateBasis {
    /// An id that the sender signed (PerfectGym, Standard Webhooks): the best there is.
    SignedId,
    /// An id that stands in the body (PG Next); only as good as the body.
    VendorId,
    /// Derived from fields of the body (EGYM, Point), as the vendor's module documents; only as good as the body.
    Derived,
}

/// The key to recognise a repeat by, valid among the requests that matched the same key.
///
/// Ids of different studios may collide, so the key's scope is part of it. Shown as `scope/id`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DuplicateKey {
    scope: Option<KeyId>,
    id: String,
    basis: DuplicateBasis,
}

impl DuplicateKey {
    /// The key that the request matched; `None` for an unsigned request.
    #[must_use]
    pub fn scope(&self) -> Option<&KeyId> {
        self.scope.as_ref()
    }

    /// The id within the scope.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the id rests on.
    #[must_use]
    pub fn basis(&self) -> DuplicateBasis {
        self.basis
    }
}

impl fmt::Display for DuplicateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scope) = &self.scope {
            write!(f, "{scope}/")?;
        }
        f.write_str(&self.id)
    }
}
