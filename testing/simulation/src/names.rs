//! The ids that endpoints and deliveries go by.

use gymhook_delivery::{DeliveryId, EndpointId};

use crate::random::hash_of;

pub(crate) fn endpoint_id(number: usize) -> EndpointId {
    EndpointId::from_u128(number as u128 + 1)
}

pub(crate) fn endpoint_number(id: EndpointId) -> usize {
    usize::try_from(id.as_uuid().as_u128()).unwrap_or(0).saturating_sub(1)
}

/// The ids of later deliveries are not the greater ones.
pub(crate) fn delivery_id(seed: u64, number: u64) -> DeliveryId {
    let high = u128::from(hash_of(&[seed, number]));
    DeliveryId::from_u128(high << 64 | u128::from(number))
}

pub(crate) fn delivery_hash(id: DeliveryId) -> u64 {
    let (high, low) = id.as_uuid().as_u64_pair();
    high ^ low.rotate_left(32)
}
