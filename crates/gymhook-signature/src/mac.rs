//! HMAC-SHA256 over parts that are never joined, compared in constant time with every signature of a request.

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
pub(crate) struct Tags {
    tags: [Tag; Self::MAX],
    count: usize,
}

impl Tags {
    /// More signatures in one header are refused; a rotation needs two.
    pub(crate) const MAX: usize = 16;

    /// Decodes each candidate. Undecodable ones are ignored beside a good one; without any good one the first problem is the answer.
    pub(crate) fn collect(
        candidates: impl Iterator<Item = Result<Tag, Malformed>>,
        absent: Malformed,
    ) -> Result<Self, Malformed> {
        let mut tags = Self { tags: [[0; 32]; Self::MAX], count: 0 };
        let mut problem = None;
        for (seen, candidate) in candidates.enumerate() {
            if seen == Self::MAX {
                return Err(Malformed::TooManySignatures { max: Self::MAX });
            }
            match (candidate, tags.tags.get_mut(tags.count)) {
                (Ok(tag), Some(slot)) => {
                    *slot = tag;
                    tags.count += 1;
                }
                (Err(undecodable), _) => problem = problem.or(Some(undecodable)),
                (Ok(_), None) => {}
            }
        }
        if tags.count == 0 { Err(problem.unwrap_or(absent)) } else { Ok(tags) }
    }

    pub(crate) fn as_slice(&self) -> &[Tag] {
        self.tags.get(..self.count).unwrap_or_default()
    }
}
