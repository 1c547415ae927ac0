//! `hmac_sha256` and `Tags`: HMAC-SHA256 over parts that are never joined, compared in constant time with every
//! signature of a request.

use constant_time_eq::constant_time_eq_32;
use hmac::Mac as _;
use time::UtcDateTime;

use crate::{Key, Keyring, Malformed, Secret};

pub(crate) type Tag = [u8; 32];

/// The HMAC-SHA256 of the parts, one after another.
pub(crate) fn hmac_sha256(secret: &Secret, parts: &[&[u8]]) -> Tag {
    let mut mac = secret.hmac_sha256();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The first valid key that made one of the tags; every key and every tag is tried before the answer is "none".
pub(crate) fn find_key<'k>(
    keyring: &'k Keyring,
    tags: &[Tag],
    parts: &[&[u8]],
    now: UtcDateTime,
) -> Option<&'k Key> {
    keyring.valid_at(now).find(|key| {
        let own = hmac_sha256(key.secret(), parts);
        tags.iter().fold(false, |found, tag| found | constant_time_eq_32(tag, &own))
    })
}

/// The well-formed signatures of one header.
///
/// Filled in place: moving it would cost more than decoding a signature.
pub(crate) struct Tags {
    tags: [Tag; Self::MAX],
    count: usize,
    candidates: usize,
    problem: Option<Malformed>,
}

impl Tags {
    /// More signatures in one header are refused; a rotation needs two.
    pub(crate) const MAX: usize = 16;

    pub(crate) const fn new() -> Self {
        Self { tags: [[0; 32]; Self::MAX], count: 0, candidates: 0, problem: None }
    }

    /// Adds one more signature, decoded or not.
    pub(crate) fn add(&mut self, candidate: Result<Tag, Malformed>) -> Result<(), Malformed> {
        self.candidates += 1;
        if self.candidates > Self::MAX {
            return Err(Malformed::TooManySignatures { max: Self::MAX });
        }
        match (candidate, self.tags.get_mut(self.count)) {
            (Ok(tag), Some(slot)) => {
                *slot = tag;
                self.count += 1;
            }
            (Err(undecodable), _) => self.problem = self.problem.or(Some(undecodable)),
            (Ok(_), None) => {}
        }
        Ok(())
    }

    /// The decoded signatures. Undecodable ones are ignored if there is a good one; otherwise the first problem is reported.
    pub(crate) fn decoded(&self, absent: Malformed) -> Result<&[Tag], Malformed> {
        match self.tags.get(..self.count) {
            Some(tags @ [_, ..]) => Ok(tags),
            _ => Err(self.problem.unwrap_or(absent)),
        }
    }
}
