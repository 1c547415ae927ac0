//! Every message of this crate's errors, for a person to read: what happened, where, what to do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use core::error::Error;

use gymhook_delivery::{
    AddEndpointError, CancelError, DeliveryId, End, EndpointId, EnqueueError, ForgetError, RedeliverError,
    RestoreDeliveryError, SetAsideError, Snapshot, SnapshotError, UnknownEndpoint,
};

const DELIVERY: DeliveryId = DeliveryId::from_u128(7);
const ENDPOINT: EndpointId = EndpointId::from_u128(1);

fn row(error: impl Error + 'static, said: &str) -> (Box<dyn Error>, &str) {
    (Box::new(error), said)
}

/// The ids are written as `DELIVERY` and `ENDPOINT` here.
#[test]
fn every_message_says_what_happened_where_and_what_to_do() {
    let malformed = Snapshot::from_json(b"[]").unwrap_err();
    assert!(matches!(malformed, SnapshotError::Malformed(_)), "{malformed:?}");
    let rows = [
        row(UnknownEndpoint { endpoint: ENDPOINT }, "there is no endpoint ENDPOINT: add or restore it first"),
        row(
            AddEndpointError::AlreadyHere { endpoint: ENDPOINT },
            "endpoint ENDPOINT was already added: update its policy instead",
        ),
        row(AddEndpointError::Full, "the dispatcher cannot hold more endpoints"),
        row(
            EnqueueError::UnknownEndpoint { endpoint: ENDPOINT },
            "there is no endpoint ENDPOINT: add or restore it first",
        ),
        row(
            EnqueueError::Conflict { delivery: DELIVERY },
            "delivery DELIVERY is already held, with another body, endpoint or purpose",
        ),
        row(EnqueueError::Full, "the dispatcher cannot hold more deliveries: forget finished ones"),
        row(CancelError::Unknown { delivery: DELIVERY }, "there is no delivery DELIVERY"),
        row(
            CancelError::Finished { delivery: DELIVERY, end: End::Delivered },
            "delivery DELIVERY has already ended",
        ),
        row(ForgetError::Unknown { delivery: DELIVERY }, "there is no delivery DELIVERY"),
        row(
            ForgetError::Unfinished { delivery: DELIVERY },
            "delivery DELIVERY has not ended: cancel it, or set it aside",
        ),
        row(
            RedeliverError::Unknown { delivery: DELIVERY },
            "there is no delivery DELIVERY: restore it first",
        ),
        row(
            RestoreDeliveryError::UnknownEndpoint { endpoint: ENDPOINT },
            "there is no endpoint ENDPOINT: add or restore it first",
        ),
        row(RestoreDeliveryError::AlreadyHeld { delivery: DELIVERY }, "delivery DELIVERY is already held"),
        row(RestoreDeliveryError::Full, "the dispatcher cannot hold more deliveries: forget finished ones"),
        row(SetAsideError::NotWaiting { delivery: DELIVERY }, "delivery DELIVERY is not waiting"),
        row(
            SetAsideError::Ordered { endpoint: ENDPOINT },
            "endpoint ENDPOINT is ordered: its waiting deliveries cannot be set aside",
        ),
        row(SetAsideError::Unknown { delivery: DELIVERY }, "there is no delivery DELIVERY"),
        row(SnapshotError::CutShort, "the snapshot is truncated: restore an older one"),
        row(SnapshotError::Inconsistent, "the snapshot is inconsistent: restore an older one"),
        row(malformed, "these bytes are not a snapshot"),
        row(
            SnapshotError::OtherVersion { found: 9 },
            "the snapshot has version 9, not 1: use the version of this crate that wrote it",
        ),
    ];
    for (error, said) in rows {
        let message = error.to_string().replace(&DELIVERY.to_string(), "DELIVERY");
        assert_eq!(message.replace(&ENDPOINT.to_string(), "ENDPOINT"), said, "{error:?}");
        assert!(!said.ends_with('.') && !said.starts_with(char::is_uppercase), "{said}");
    }
}
