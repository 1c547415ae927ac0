//! `of_inbox`, `of_key`, `of_body` and `of_unreadable`: the ids of inboxes and of what they keep, which follow from
//! names, keys and bodies: the same input always gives the same id.

use gymhook::event::Notification;
use gymhook::signature::Tenant;
use gymhook::{DedupeBasis, Identity, Received, ScopedDedupeKey};
use gymhook_delivery::{DeliveryId, EndpointId};
use sha2::{Digest as _, Sha256};

use crate::ids;

/// The delivery that this key stands for in this inbox.
pub(super) fn of_key(inbox: EndpointId, vendor: &str, key: &ScopedDedupeKey) -> DeliveryId {
    let basis = match key.basis() {
        DedupeBasis::SignedId => "signed",
        DedupeBasis::VendorId => "vendor",
        DedupeBasis::UnprovedId => "unproved",
        DedupeBasis::Derived => "derived",
        _ => "other",
    };
    let scope = key.scope().map(Tenant::as_str);
    let digest = Sha256::new().chain_update(b"gymhook-inbox\0").chain_update(inbox.as_uuid().as_bytes());
    to_name(with_parts(digest, [Some(vendor), Some(basis), scope, Some(key.id())]))
}

/// What a notification with this body is kept as, where another one has the name that its derived key stands for.
pub(super) fn of_body(named: DeliveryId, body: [u8; 32]) -> DeliveryId {
    let digest = Sha256::new().chain_update(b"gymhook-resembling\0").chain_update(named.as_uuid().as_bytes());
    to_name(digest.chain_update(body))
}

/// The inbox that is called so.
pub(super) fn of_inbox(name: &str) -> EndpointId {
    EndpointId::from(ids::from_digest(Sha256::new().chain_update(b"gymhook-inbox-name\0").chain_update(name)))
}

/// What a body that could not be read is kept as in this inbox.
pub(super) fn of_unreadable(inbox: EndpointId, identity: &Identity, body: &[u8]) -> DeliveryId {
    let digest = Sha256::new()
        .chain_update(b"gymhook-unreadable\0")
        .chain_update(inbox.as_uuid().as_bytes())
        .chain_update(Sha256::digest(body));
    to_name(with_identity(digest, identity))
}

/// The delivery that is read from what is kept under this name, where it has no key.
pub(super) fn of_reading(kept: DeliveryId) -> DeliveryId {
    to_name(Sha256::new().chain_update(b"gymhook-read-again\0").chain_update(kept.as_uuid().as_bytes()))
}

/// What a repeat without a key has in common with the first: its body, whose it is, and whether that was proved.
pub(super) fn fingerprint<N: Notification>(received: &Received<N>, is_proved: bool) -> [u8; 32] {
    let digest = Sha256::new()
        .chain_update(b"gymhook-repeat\0")
        .chain_update([u8::from(is_proved)])
        .chain_update(received.body_digest());
    let digest = with_parts(digest, [Some(received.vendor().as_str())]);
    with_identity(digest, received.identity()).finalize().into()
}

fn with_identity(digest: Sha256, identity: &Identity) -> Sha256 {
    let signed_id = identity.signed_id.as_ref();
    with_parts(digest, [identity.scope.as_ref().map(Tenant::as_str), signed_id.map(|id| id.as_str())])
}

/// Each part with its length before it, so that no two lists of parts are one text.
fn with_parts<const N: usize>(mut digest: Sha256, parts: [Option<&str>; N]) -> Sha256 {
    for part in parts {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        digest = digest.chain_update(length.to_le_bytes()).chain_update(part.unwrap_or_default());
    }
    digest
}

fn to_name(digest: Sha256) -> DeliveryId {
    DeliveryId::from(ids::from_digest(digest))
}
