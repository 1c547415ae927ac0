//! `draw`: a reproducible pseudo-random number for each attempt, without a random source.

use crate::AttemptNumber;

/// The draw from which the jitter after `attempt` of the delivery `delivery_id` is made.
///
/// It depends on nothing else, so a restart, a replay and a second machine all compute the same wait, while different
/// deliveries to one endpoint spread out. The function is fixed for good: 64-bit FNV-1a over the id's bytes followed
/// by the attempt number as four little-endian bytes, then the finaliser of SplitMix64 (two multiply-xorshift rounds)
/// so that every input bit reaches every output bit. It spreads load; it is not cryptographic.
///
/// ```
/// use gymhook_retry::{AttemptNumber, draw};
///
/// let first = draw("dlv_01", AttemptNumber::FIRST);
/// assert_eq!(first, draw(b"dlv_01", AttemptNumber::FIRST));
/// assert_ne!(first, draw("dlv_01", AttemptNumber::FIRST.next()));
/// assert_ne!(first, draw("dlv_02", AttemptNumber::FIRST));
/// ```
#[must_use]
pub fn draw(delivery_id: impl AsRef<[u8]>, attempt: AttemptNumber) -> u64 {
    let number = attempt.get().to_le_bytes();
    let hash = delivery_id
        .as_ref()
        .iter()
        .chain(&number)
        .fold(FNV_OFFSET_BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    mix(hash)
}

/// RFC 9923 (The FNV Non-Cryptographic Hash Algorithm), 64-bit parameters.
const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The finaliser of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014,
/// with the constants of Stafford's variant 13).
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
