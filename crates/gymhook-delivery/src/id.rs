//! `DeliveryId`, `EndpointId`, `BodyDigest` and `LeaseEpoch`. An id has 16 bytes, so that ten million of them fit in
//! memory.

use core::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of one delivery: the idempotency key, equal in all of its attempts.
///
/// ```
/// use gymhook_delivery::DeliveryId;
///
/// let id = DeliveryId::from_u128(0x0192_ab34_0000_7000_8000_0000_0000_0001);
/// assert_eq!(id.to_string(), "0192ab34-0000-7000-8000-000000000001");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(Uuid);

/// The id of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EndpointId(Uuid);

/// The SHA-256 digest of a notification's body, or any other 32 bytes that distinguish two bodies.
///
/// The machine compares digests and knows nothing else about bodies: equal digests under one id are one delivery
/// enqueued twice, different ones are a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyDigest([u8; 32]);

/// The epoch of a lease on an endpoint. A later owner's epoch is higher, so that an earlier owner's answers are recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseEpoch(u64);

macro_rules! uuid_id {
    ($name:ident) => {
        impl $name {
            /// The id with these 128 bits.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }

            /// The id as a UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

uuid_id!(DeliveryId);
uuid_id!(EndpointId);

impl BodyDigest {
    /// The digest with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl LeaseEpoch {
    /// The epoch with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LeaseEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
