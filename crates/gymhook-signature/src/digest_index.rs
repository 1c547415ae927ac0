//! `DigestIndex`: finds a secret by one keyed digest and one look-up, whether there is one key or ten thousand.
//!
//! The digests are HMAC-SHA256 under a key derived from the secrets themselves. An attacker who measures how far a look-up got
//! learns a few bits of a digest that only the holder of all secrets can compute, hence nothing about any secret.

use core::fmt;

use constant_time_eq::constant_time_eq_32;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

type Tag = [u8; 32];

pub(crate) struct DigestIndex {
    keyed: Hmac<Sha256>,
    /// Sorted by tag; the second part is the secret's position in the keyring.
    entries: Vec<(Tag, usize)>,
    /// Where each bucket begins in `entries`, and where the last one ends. There are as many buckets as entries, and tags are
    /// spread evenly, so that a bucket holds one entry on average.
    bounds: Vec<usize>,
}

impl DigestIndex {
    pub(crate) fn new<'s>(secrets: impl Iterator<Item = &'s [u8]> + Clone) -> Self {
        let keyed = keyed_by(secrets.clone());
        let mut entries: Vec<(Tag, usize)> =
            secrets.enumerate().map(|(position, secret)| (tag(&keyed, secret), position)).collect();
        entries.sort_unstable();
        let count = entries.len();
        let begin = |bucket| entries.partition_point(|(tag, _)| bucket_of(tag, count) < bucket);
        let bounds = (0..=count).map(begin).collect();
        Self { keyed, entries, bounds }
    }

    /// The positions of two equal secrets, if there are any.
    pub(crate) fn duplicate(&self) -> Option<(usize, usize)> {
        let mut pairs = self.entries.windows(2);
        pairs.find_map(|pair| match pair {
            [(one, first), (other, second)] if one == other => Some((*first, *second)),
            _ => None,
        })
    }

    pub(crate) fn position(&self, presented: &[u8]) -> Option<usize> {
        let wanted = tag(&self.keyed, presented);
        let bucket = bucket_of(&wanted, self.entries.len());
        let (begin, end) = (*self.bounds.get(bucket)?, *self.bounds.get(bucket + 1)?);
        let mut candidates = self.entries.get(begin..end)?.iter();
        candidates.find(|(tag, _)| constant_time_eq_32(tag, &wanted)).map(|(_, position)| *position)
    }
}

impl Drop for DigestIndex {
    fn drop(&mut self) {
        self.entries.iter_mut().for_each(|(tag, _)| tag.zeroize());
    }
}

impl fmt::Debug for DigestIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DigestIndex({} tags)", self.entries.len())
    }
}

/// HMAC under the digest of all secrets, each with its length so that no two sets run together.
fn keyed_by<'s>(secrets: impl Iterator<Item = &'s [u8]>) -> Hmac<Sha256> {
    let mut all = Sha256::new();
    for secret in secrets {
        all.update((secret.len() as u64).to_be_bytes());
        all.update(secret);
    }
    // Written and wiped in place: the digest would make every tag guessable, and moving leaves copies.
    let mut digest = Zeroizing::new([0; 32]);
    all.finalize_into_reset((&mut *digest).into());
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    // RFC 2104 pads a short key with zeros: the same key, in the exact block size that this constructor takes infallibly.
    Hmac::new((&*block).into())
}

/// The bucket of this tag out of `count`: a later tag is never in an earlier bucket.
fn bucket_of(tag: &Tag, count: usize) -> usize {
    let leading = tag.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    usize::try_from((u128::from(leading) * count as u128) >> 64).unwrap_or(usize::MAX)
}

fn tag(keyed: &Hmac<Sha256>, secret: &[u8]) -> Tag {
    let mut mac = keyed.clone();
    mac.update(secret);
    mac.finalize().into_bytes().into()
}
