//! `Received`: a notification that was received, with the bytes of its body, and `ScopedDedupeKey`.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use gymhook_event::{DedupeKey, Event, Notification, Vendor};
use gymhook_signature::{Proof, RequestId, SenderAssurance, Tenant};
use sha2::{Digest as _, Sha256};

use crate::DigestDedupe;
use crate::reader::Reader;
use crate::text::digest_name;

/// A typed notification beside the exact bytes of its body.
///
/// Anything that the types do not know yet (new fields, new events) is still in [`Received::body`].
#[derive(Clone)]
pub struct Received<N> {
    body: Bytes,
    notification: N,
    identity: Identity,
    digest_dedupe: Option<DigestDedupe>,
    duplicate_keys_allowed: bool,
}

/// What a proof says about a request's identity, apart from its body.
///
/// Exhaustive on purpose: whoever stores an identity stores every part of it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Identity {
    /// The studio: the tenant of the key that matched. `None` if the keys are generations of one secret and no
    /// [tenant](gymhook_signature::Key::with_tenant) was set.
    pub scope: Option<Tenant>,
    /// The id that the sender signed.
    pub signed_id: Option<RequestId>,
    /// The id that the request claims, unproved.
    pub claimed_id: Option<RequestId>,
}

impl From<&Proof> for Identity {
    fn from(proof: &Proof) -> Self {
        // A shared key *is* the studio, unless a tenant was set. The keys of the other schemes are generations of one secret: a
        // repeat that is signed with the next one, or that lost one of two signatures, is still a repeat.
        let scope = match proof.assurance().sender {
            SenderAssurance::BearerSecret => Some(proof.tenant()),
            SenderAssurance::KeyedDigest | SenderAssurance::Hmac | _ => proof.named_tenant(),
        };
        Self { scope: scope.cloned(), signed_id: proof.id().copied(), claimed_id: None }
    }
}

impl<N: Notification> Received<N> {
    pub(crate) fn new(body: Bytes, notification: N, identity: Identity, reader: &Reader<N>) -> Self {
        let (digest_dedupe, duplicate_keys_allowed) =
            (reader.digest_dedupe(), reader.duplicate_keys_allowed());
        Self { body, notification, identity, digest_dedupe, duplicate_keys_allowed }
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

    /// The key that identifies repeats of this request, if there is a reliable one.
    ///
    /// `None` if two real events could look the same: then an equal body is a repeat for the length of
    /// [`Received::repeat_window`], and otherwise each such request is new. Keep the keys for as long as a repeat can arrive:
    /// at least twice the tolerance if the time is signed, otherwise as long as the secret is in use.
    ///
    /// With an id from the vendor, another body is a conflict; with a derived key it is another notification that resembles the
    /// first: [`DedupeBasis::is_authoritative`] distinguishes the two.
    #[must_use]
    pub fn dedupe_key(&self) -> Option<ScopedDedupeKey> {
        let Identity { signed_id, claimed_id, .. } = &self.identity;
        let claimed = || claimed_id.as_ref().map(|id| (id, DedupeBasis::UnprovedId));
        let id = signed_id.as_ref().map(|id| (id, DedupeBasis::SignedId)).or_else(claimed);
        let (id, basis) = match (id, self.notification.dedupe_key()) {
            (Some((id, basis)), _) => (id.as_str().to_owned(), basis),
            (None, Some(DedupeKey::Provided(id))) => (id, DedupeBasis::VendorId),
            (None, Some(DedupeKey::Derived(id))) => (id, DedupeBasis::Derived),
            (None, None) => return None,
        };
        Some(ScopedDedupeKey { scope: self.identity.scope.clone(), id: bounded(id), basis })
    }

    /// How long an equal body of the same studio is a repeat of this request, counted from the first one, as the platform's
    /// [profile](crate::Profile::digest_dedupe) assumes.
    ///
    /// `None` if there is a [key](Received::dedupe_key), which is more reliable, or if two equal bodies are two events.
    #[must_use]
    pub fn repeat_window(&self) -> Option<Duration> {
        let dedupe = self.digest_dedupe?;
        let is_one =
            self.dedupe_key().is_none() && self.events().all(|event| dedupe.holds_for(event.event_type));
        is_one.then_some(dedupe.window)
    }
}

impl<N> Received<N> {
    /// The vendor's own form.
    #[must_use]
    pub fn notification(&self) -> &N {
        &self.notification
    }

    /// The vendor's own form, without the bytes.
    #[must_use]
    pub fn into_notification(self) -> N {
        self.notification
    }

    /// What was proved about the request's identity, apart from its body.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether it was read by a receiver that [accepts](crate::Receiver::with_duplicate_keys_allowed) repeated keys: whoever
    /// reads its body again has to allow the same.
    #[must_use]
    pub fn duplicate_keys_allowed(&self) -> bool {
        self.duplicate_keys_allowed
    }

    /// The bytes as they arrived.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The SHA-256 of the body. The same [`ScopedDedupeKey`] with another digest is not a duplicate but a conflict, or, where
    /// the key is [derived](DedupeBasis::is_authoritative), another notification.
    #[must_use]
    pub fn body_digest(&self) -> [u8; 32] {
        Sha256::digest(&self.body).into()
    }
}

/// `Debug` shows only the body's length, since the body contains personal data.
impl<N> fmt::Debug for Received<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("body_bytes", &self.body.len())
            .field("scope", &self.identity.scope)
            .field("signed_id", &self.identity.signed_id)
            .field("claimed_id", &self.identity.claimed_id)
            .finish_non_exhaustive()
    }
}

/// What a [`ScopedDedupeKey`] is based on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum DedupeBasis {
    /// An id that the sender signed (PerfectGym, Standard Webhooks): the most reliable.
    SignedId,
    /// An id in the body (PG Next); as reliable as the body.
    VendorId,
    /// An id in a header of an unsigned request (PerfectGym's `X-PerfectGym-Request`); nothing proves it.
    UnprovedId,
    /// Derived from fields of the body (EGYM, Point), as the vendor's module documents: a hint, not a proof, since the vendor
    /// gives no id.
    Derived,
}

impl DedupeBasis {
    /// Whether the vendor gave the id, proved or not.
    ///
    /// If so, one id with two bodies is a conflict, to be refused and investigated. A derived key is this library's guess:
    /// with another body it is another notification that resembles the first, to be accepted and handled as new. Refusing it
    /// would lose an event, and make the vendor repeat it until it disables the endpoint.
    #[must_use]
    pub const fn is_authoritative(self) -> bool {
        match self {
            Self::SignedId | Self::VendorId | Self::UnprovedId => true,
            Self::Derived => false,
        }
    }
}

/// The key that identifies repeats: at most 256 bytes and a scope.
///
/// Ids of different studios may collide. So if the API key identifies the studio (EGYM, PG Next), its tenant is part of this key;
/// it stays the same across a rotation if both keys have the same [tenant](gymhook_signature::Key::with_tenant). Displayed as
/// `scope/id`, with unprintable characters escaped; compare and store the parts, not the text.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ScopedDedupeKey {
    scope: Option<Tenant>,
    id: String,
    basis: DedupeBasis,
}

impl ScopedDedupeKey {
    /// The studio: the tenant of the key that matched. `None` if the keys are generations of one secret and no
    /// [tenant](gymhook_signature::Key::with_tenant) was set.
    #[must_use]
    pub fn scope(&self) -> Option<&Tenant> {
        self.scope.as_ref()
    }

    /// The id within the scope.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the id is based on.
    #[must_use]
    pub fn basis(&self) -> DedupeBasis {
        self.basis
    }
}

impl fmt::Display for ScopedDedupeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scope) = &self.scope {
            write!(f, "{}/", scope.as_str().escape_debug())?;
        }
        write!(f, "{}", self.id.escape_debug())
    }
}

/// The writer of a body chooses its ids, so their length is limited: a window's number of keys then bounds its memory.
fn bounded(id: String) -> String {
    if id.len() <= RequestId::MAX_BYTES {
        return id;
    }
    digest_name(&id)
}
