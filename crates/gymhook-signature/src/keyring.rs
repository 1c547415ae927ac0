//! `Keyring`: the set of keys a request may be signed with, and `KeyringError`.

use time::UtcDateTime;
use zeroize::Zeroizing;

use crate::digest_index::DigestIndex;
use crate::mac::hmac_sha256;
use crate::{Key, KeyId, KeyWarning, SecretHint};

/// One or more [`Key`]s, each with its own id and validity window: the secrets of a rotation, or the API keys of 10,000 studios.
///
/// The order is the order of preference: if a scheme has room for one signature, the first valid key signs.
///
/// ```
/// use gymhook_signature::{Key, Keyring, Secret};
///
/// let keyring = Keyring::new([
///     Key::new("studio-berlin", Secret::new("8c1f6d9b-berlin")?),
///     Key::new("studio-poznan", Secret::new("47aa90e2-poznan")?),
/// ])?;
/// assert_eq!(keyring.len(), 2);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<Key>,
    by_secret: DigestIndex,
    /// The secrets with suspicious edges, found once: a refusal must not read ten thousand secrets.
    edges: Vec<(usize, SecretHint)>,
}

impl Keyring {
    /// A keyring with these keys, in order of preference.
    ///
    /// # Errors
    /// - [`KeyringError::Empty`]: no key, so nothing could ever be verified.
    /// - [`KeyringError::DuplicateId`]: two keys with one id; a proof could not say which one matched.
    /// - [`KeyringError::DuplicateSecret`]: two ids for one secret, for the same reason. If a platform gave several studios the
    ///   same secret, register it once with an id that shows it.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyringError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(KeyringError::Empty);
        }
        let mut ids: Vec<&KeyId> = keys.iter().map(Key::id).collect();
        ids.sort_unstable();
        for pair in ids.windows(2) {
            if let [one, other] = pair
                && one == other
            {
                return Err(KeyringError::DuplicateId { id: KeyId::clone(one) });
            }
        }
        let by_secret = DigestIndex::new(keys.iter().map(|key| key.secret().expose_secret()));
        let edge = |key: &Key| key.secret().hints().find(|hint| hint.is_at_an_edge());
        let edges = keys.iter().zip(0..).filter_map(|(key, at)| Some((at, edge(key)?))).collect();
        let keyring = Self { keys, by_secret, edges };
        match keyring.by_secret.duplicate() {
            None => Ok(keyring),
            Some((first, second)) => {
                let (first, second) = (keyring.id_at(first), keyring.id_at(second));
                Err(KeyringError::DuplicateSecret { first, second })
            }
        }
    }

    /// A keyring with a single key that is always valid.
    ///
    /// # Errors
    /// None today; the signature is that of [`Keyring::new`].
    pub fn single(id: impl Into<KeyId>, secret: crate::Secret) -> Result<Self, KeyringError> {
        Self::new([Key::new(id, secret)])
    }

    /// How many keys there are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a keyring is never empty")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// All keys, in order of preference.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.keys.iter()
    }

    /// The keys that are valid at `now`, in order of preference.
    pub fn valid_at(&self, now: UtcDateTime) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.is_valid_at(now))
    }

    /// The key whose secret is exactly these bytes, valid or not.
    ///
    /// It takes one keyed digest and one look-up, however many keys there are; its time reveals nothing about the secrets.
    #[must_use]
    pub fn find_by_secret(&self, presented: &[u8]) -> Option<&Key> {
        self.keys.get(self.by_secret.position(presented)?)
    }

    /// Checks that HMAC-SHA256 can distinguish all keys, valid or not; a [`SignatureScheme`](crate::SignatureScheme) based on
    /// HMAC calls this in its `check_keyring`.
    ///
    /// HMAC pads a key with zero bytes to 64 and hashes a longer one (RFC 2104, section 2), so that `"k"` and `"k\0"`, or 65
    /// bytes and their SHA-256, are one key to it. A proof would name whichever of the two comes first.
    ///
    /// # Errors
    /// [`KeyringError::EqualToHmac`].
    pub fn check_for_hmac_sha256(&self) -> Result<(), KeyringError> {
        let [_, _, ..] = self.keys.as_slice() else { return Ok(()) };
        // Equal keys, and only those, have equal tags under one message: nothing needs to be padded or hashed here.
        let tag = |key: &Key| Zeroizing::new(hmac_sha256(key.secret(), &[b"gymhook: which key is this?"]));
        let mut tags: Vec<_> = self.keys.iter().map(tag).zip(0_usize..).collect();
        tags.sort_unstable_by(|(one, first), (other, second)| (**one, first).cmp(&(**other, second)));
        let twins = tags.windows(2).find_map(|pair| match pair {
            [(one, first), (other, second)] if **one == **other => Some((*first, *second)),
            _ => None,
        });
        twins.map_or(Ok(()), |(first, second)| {
            Err(KeyringError::EqualToHmac { first: self.id_at(first), second: self.id_at(second) })
        })
    }

    fn id_at(&self, position: usize) -> KeyId {
        self.keys.get(position).map_or_else(|| KeyId::new(""), |key| key.id().clone())
    }

    /// The ids of the keys whose secrets are [weak](crate::Secret::is_weak), for the operator.
    pub fn weak_keys(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().filter(|key| key.secret().is_weak()).map(Key::id)
    }

    /// Everything that looks odd about the secrets, key by key, for the operator; see [`SecretHint`].
    pub fn warnings(&self) -> impl Iterator<Item = KeyWarning> {
        self.keys
            .iter()
            .flat_map(|key| key.secret().hints().map(|hint| KeyWarning { key: key.id().clone(), hint }))
    }

    /// The first key valid at `now` whose secret has suspicious edges: the likely reason why nothing matches.
    pub(crate) fn edge_at(&self, now: UtcDateTime) -> Option<KeyWarning> {
        self.edges.iter().find_map(|&(at, hint)| {
            let key = self.keys.get(at).filter(|key| key.is_valid_at(now))?;
            Some(KeyWarning { key: key.id().clone(), hint })
        })
    }

    /// The largest number of keys that are valid at the same time.
    pub(crate) fn most_valid_at_once(&self) -> usize {
        // The number can only rise where a window opens.
        let openings = self.keys.iter().map(|key| key.not_before().unwrap_or(UtcDateTime::MIN));
        openings.map(|instant| self.valid_at(instant).count()).max().unwrap_or(0)
    }
}

/// Why a [`Keyring`] cannot be created or used with a scheme. Caused by the configuration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Two keys have the same id.
    #[error("two keys have the id {id}: give each key its own id")]
    DuplicateId {
        /// The repeated id.
        id: KeyId,
    },
    /// Two keys have the same secret.
    #[error(
        "keys {first} and {second} have the same secret: no proof could distinguish them, so register it once"
    )]
    DuplicateSecret {
        /// The earlier key.
        first: KeyId,
        /// The later key.
        second: KeyId,
    },
    /// Two keys differ, but not for the HMAC of this scheme.
    #[error(
        "keys {first} and {second} are the same key to HMAC-SHA256, which pads a key with zero bytes to 64 and hashes a longer one: \
         no proof could distinguish them, so register it once"
    )]
    EqualToHmac {
        /// The earlier key.
        first: KeyId,
        /// The later key.
        second: KeyId,
    },
    /// There is no key.
    #[error("the keyring is empty: add at least one key")]
    Empty,
    /// The secret cannot be sent in a header, as this scheme does.
    #[error(
        "the secret of key {id} cannot be sent in a header: an API key is 1 to {max} printable ASCII characters, without leading or trailing spaces"
    )]
    NotAHeaderValue {
        /// The key.
        id: KeyId,
        /// The largest number of bytes.
        max: usize,
    },
    /// More keys are valid at the same time than a scheme that tries them all accepts.
    #[error(
        "{valid} keys are valid at the same time, but this scheme tries each of them on every request, at most {max}: limit the validity of old keys"
    )]
    TooManyKeys {
        /// How many are valid at once.
        valid: usize,
        /// The largest number accepted.
        max: usize,
    },
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;
    use crate::Secret;

    fn key(id: &str, secret: &str) -> Key {
        Key::new(id, Secret::new(secret).unwrap())
    }

    #[test]
    fn refuses_what_could_not_be_told_apart() {
        assert_eq!(Keyring::new([]).map(|_| ()), Err(KeyringError::Empty));
        assert_eq!(
            Keyring::new([key("a", "1"), key("b", "2"), key("a", "3")]).map(|_| ()),
            Err(KeyringError::DuplicateId { id: "a".into() })
        );
        assert_eq!(
            Keyring::new([key("a", "1"), key("b", "2"), key("c", "1")]).map(|_| ()),
            Err(KeyringError::DuplicateSecret { first: "a".into(), second: "c".into() })
        );
    }

    #[test]
    fn finds_each_of_many_secrets_and_nothing_else() {
        let keyring =
            Keyring::new((0..1000).map(|n| key(&format!("studio-{n}"), &format!("secret-{n}")))).unwrap();
        for n in 0..1000 {
            let found = keyring.find_by_secret(format!("secret-{n}").as_bytes()).unwrap();
            assert_eq!(found.id().as_str(), format!("studio-{n}"));
        }
        for absent in ["", "secret-", "secret-1000", "secret-1 ", "SECRET-1"] {
            assert!(keyring.find_by_secret(absent.as_bytes()).is_none(), "{absent:?}");
        }
    }

    #[test]
    fn counts_keys_that_overlap_not_keys_that_follow_one_another() {
        let month =
            |number: u8| utc_datetime!(2026-01-01 00:00) + time::Duration::days(30 * i64::from(number));
        let monthly = (0..8)
            .map(|n| key(&format!("{n}"), &format!("s{n}")).valid_from(month(n)).valid_until(month(n + 1)));
        let keyring = Keyring::new(monthly).unwrap();
        assert_eq!(
            keyring.most_valid_at_once(),
            2,
            "a window's end and the next one's start are one instant"
        );
    }

    #[test]
    fn names_the_weak_keys() {
        let keyring = Keyring::new([key("weak", "1234"), key("strong", "0123456789abcdef0123")]).unwrap();
        assert_eq!(keyring.weak_keys().map(KeyId::as_str).collect::<Vec<_>>(), ["weak"]);
    }
}
