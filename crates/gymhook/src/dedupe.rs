//! [`DedupeWindow`]: recognises repeats in memory, for receivers.
//!
//! ```
//! use core::time::Duration;
//! use gymhook::dedupe::{Claim, DedupeWindow};
//! use gymhook::delivery::BodyDigest;
//! use gymhook::signature::{Keyring, Secret};
//! use gymhook::{Provider, Receiver};
//! use time::macros::utc_datetime;
//!
//! let keyring = Keyring::single("berlin", Secret::new("a secret of 128 random bits")?)?;
//! let receiver = Receiver::new(&Provider::pg_next(), keyring)?;
//! let mut window = DedupeWindow::new(100_000, Duration::from_secs(86_400), Duration::from_secs(60));
//!
//! let body = r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f",
//!     "payload":[{"timestamp":1642779144176,"type":"CUSTOMER_CHECKIN"}]}"#;
//! # let digest = BodyDigest::new([1; 32]); // SHA-256 of the body
//! # let now = utc_datetime!(2026-01-01 12:00);
//! # let headers = receiver.verifier().signer().sign("", body.as_bytes(), now)?;
//! let verified = receiver.receive(&headers, body, now)?;
//! let key = verified.value().dedupe_key().ok_or("PG Next gives an id")?;
//! // A vendor's id with two different bodies is a conflict; a derived key is only a hint.
//! let claim = match key.basis().is_authoritative() {
//!     true => window.claim(key.clone(), digest, now)?,
//!     false => window.claim_derived(key.clone(), digest, now)?,
//! };
//! match claim {
//!     Claim::New(token) | Claim::Resembling(token) => {
//!         // Handle the notification, then:
//!         window.commit(&key, token, now)?; // or `release`, if it could not be handled
//!     }
//!     Claim::Duplicate => {}                  // answer 200
//!     Claim::InProgress | Claim::Conflict => {} // answer 503; answer 409 and look at it
//! }
//! # assert_eq!(window.claim(key, digest, now)?, Claim::Duplicate);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use core::time::Duration;
use std::collections::BTreeMap;

use gymhook_delivery::BodyDigest;
use gymhook_retry::time_math::later;
use time::UtcDateTime;

/// Remembers accepted notifications for a while, to recognise repeats.
///
/// Claiming and committing are separate, so that neither a crash nor a failure of the handler loses anything:
///
/// ```text
///             claim                  commit
///   unknown ─────────▶ in progress ──────────▶ committed
///      ▲                    │                      │
///      ├────────────────────┘                      │
///      │  release, or the claim expires            │
///      └───────────────────────────────────────────┘
///                 the retention is over
/// ```
///
/// | state × input | claim, same body | claim, other body | commit | release |
/// |---|---|---|---|---|
/// | unknown | in progress: [`Claim::New`] | in progress: [`Claim::New`] | refused | refused |
/// | in progress | [`Claim::InProgress`] | [`Claim::Conflict`] | committed, with the claim's own token | unknown, with the claim's own token |
/// | committed | [`Claim::Duplicate`] | [`Claim::Conflict`] | refused | refused |
///
/// A derived key (the vendor gives no id) is a hint, not a proof: [`DedupeWindow::claim_derived`] compares key and body together,
/// and treats the same key with another body as [resembling](Claim::Resembling), never as a conflict.
///
/// Its memory is bounded: a full window accepts nothing new until something expires, because forgetting early would let a repeat
/// through. Answer 503 then, and the sender retries.
///
/// Derive the key from authenticated data, and scope it to its sender. Keep it for at least the sum of both tolerances: how far
/// a signed time may be in the past, plus how far in the future. If the scheme signs no time, keep it for as long as the secret is in use.
///
/// ```
/// use core::time::Duration;
/// use gymhook::dedupe::{Claim, DedupeWindow};
/// use gymhook::delivery::BodyDigest;
/// use time::macros::utc_datetime;
///
/// let now = utc_datetime!(2026-01-01 12:00);
/// let mut window = DedupeWindow::new(100_000, Duration::from_secs(86_400), Duration::from_secs(60));
/// let body = BodyDigest::new([1; 32]);
///
/// let Claim::New(token) = window.claim("evt_1", body, now)? else { panic!("it is new") };
/// assert_eq!(window.claim("evt_1", body, now)?, Claim::InProgress); // answer 503, or wait
/// window.commit(&"evt_1", token, now)?;
/// assert_eq!(window.claim("evt_1", body, now)?, Claim::Duplicate); // answer 200
/// assert_eq!(window.claim("evt_1", BodyDigest::new([2; 32]), now)?, Claim::Conflict);
///
/// // A key derived from an account, a type and a time:
/// let Claim::New(_) = window.claim_derived("egym:1:a", body, now)? else { panic!("it is new") };
/// let other = window.claim_derived("egym:1:a", BodyDigest::new([2; 32]), now)?;
/// assert!(matches!(other, Claim::Resembling(_))); // handle it, then commit or release
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DedupeWindow<K> {
    capacity: usize,
    retention: Duration,
    claim_timeout: Duration,
    /// The latest time that was passed to the window.
    now: Option<UtcDateTime>,
    entries: BTreeMap<(K, Bodies), Entry>,
    expiries: BTreeMap<(UtcDateTime, u64), (K, Bodies)>,
    next_serial: u64,
}

/// The result of claiming a key. Exhaustive on purpose: a receiver answers each of them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// The key is new: handle the notification, then commit or release.
    New(ClaimToken),
    /// The notification is new, though the same derived key was seen with another body: handle it, then commit or release.
    Resembling(ClaimToken),
    /// It is being handled.
    InProgress,
    /// It was handled.
    Duplicate,
    /// The same key was seen with another body: not a repeat but a contradiction.
    Conflict,
}

/// The right to commit or release one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimToken {
    serial: u64,
    bodies: Bodies,
}

/// Which bodies a key identifies: any, or, if it was derived, only this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Bodies {
    All,
    Only(BodyDigest),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    body: BodyDigest,
    expires_at: UtcDateTime,
    serial: u64,
    committed: bool,
}

impl<K: Ord + Clone> DedupeWindow<K> {
    /// A window for at most `capacity` keys: a committed one is kept for `retention`, a claim that is neither committed
    /// nor released is void after `claim_timeout`.
    #[must_use]
    pub const fn new(capacity: usize, retention: Duration, claim_timeout: Duration) -> Self {
        Self {
            capacity,
            retention,
            claim_timeout,
            now: None,
            entries: BTreeMap::new(),
            expiries: BTreeMap::new(),
            next_serial: 0,
        }
    }

    /// Claims a key for a notification with this body.
    ///
    /// # Errors
    ///
    /// [`WindowFull`]: the key is new and there is no room for it; answer 503.
    pub fn claim(&mut self, key: K, body: BodyDigest, now: UtcDateTime) -> Result<Claim, WindowFull> {
        self.claim_for(key, Bodies::All, body, now)
    }

    /// Claims a key that was derived from fields of the body, for a notification with this body.
    ///
    /// # Errors
    ///
    /// As [`DedupeWindow::claim`].
    pub fn claim_derived(&mut self, key: K, body: BodyDigest, now: UtcDateTime) -> Result<Claim, WindowFull> {
        self.claim_for(key, Bodies::Only(body), body, now)
    }

    fn claim_for(
        &mut self,
        key: K,
        bodies: Bodies,
        body: BodyDigest,
        now: UtcDateTime,
    ) -> Result<Claim, WindowFull> {
        let now = self.advance(now);
        let named = (key, bodies);
        if let Some(entry) = self.entries.get(&named) {
            return Ok(match entry {
                entry if entry.body != body => Claim::Conflict,
                Entry { committed: true, .. } => Claim::Duplicate,
                Entry { committed: false, .. } => Claim::InProgress,
            });
        }
        if self.entries.len() >= self.capacity {
            let retry_at = self.expiries.keys().next().map(|(at, _)| *at);
            return Err(WindowFull { retry_at });
        }
        let entry = Entry {
            body,
            expires_at: later(now, self.claim_timeout),
            serial: self.next_serial,
            committed: false,
        };
        self.next_serial += 1;
        let resembles = bodies != Bodies::All && self.has_other_body(&named.0);
        self.insert(named, entry);
        let token = ClaimToken { serial: entry.serial, bodies };
        Ok(if resembles { Claim::Resembling(token) } else { Claim::New(token) })
    }

    fn has_other_body(&self, key: &K) -> bool {
        let first = (key.clone(), Bodies::All);
        self.entries.range(first..).next().is_some_and(|((found, _), _)| found == key)
    }

    /// Records that the notification was handled: from now on it is a duplicate, for as long as the window keeps it.
    ///
    /// # Errors
    ///
    /// [`NotClaimed`]: the claim is void. If another one was made in the meantime, the notification is being handled twice.
    pub fn commit(&mut self, key: &K, token: ClaimToken, now: UtcDateTime) -> Result<(), NotClaimed> {
        let now = self.advance(now);
        let entry = self.take_claimed(key, token)?;
        let expires_at = later(now, self.retention);
        self.insert((key.clone(), token.bodies), Entry { expires_at, committed: true, ..entry });
        Ok(())
    }

    /// Gives the claim up: the notification was not handled, and the next one may claim it.
    ///
    /// # Errors
    ///
    /// [`NotClaimed`]: the claim is already void.
    pub fn release(&mut self, key: &K, token: ClaimToken, now: UtcDateTime) -> Result<(), NotClaimed> {
        self.advance(now);
        self.take_claimed(key, token).map(drop)
    }

    /// The number of keys, including expired ones that have not been removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A `now` before the last one counts as the last one.
    fn advance(&mut self, now: UtcDateTime) -> UtcDateTime {
        let now = self.now.map_or(now, |last| last.max(now));
        self.now = Some(now);
        while let Some(expiry) = self.expiries.first_entry().filter(|expiry| expiry.key().0 <= now) {
            let key = expiry.remove();
            self.entries.remove(&key);
        }
        now
    }

    fn insert(&mut self, key: (K, Bodies), entry: Entry) {
        self.expiries.insert((entry.expires_at, entry.serial), key.clone());
        self.entries.insert(key, entry);
    }

    fn take_claimed(&mut self, key: &K, token: ClaimToken) -> Result<Entry, NotClaimed> {
        let named = (key.clone(), token.bodies);
        let entry = *self.entries.get(&named).ok_or(NotClaimed)?;
        if entry.committed || entry.serial != token.serial {
            return Err(NotClaimed);
        }
        self.entries.remove(&named);
        self.expiries.remove(&(entry.expires_at, entry.serial));
        Ok(entry)
    }
}

/// There is no room for a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the dedupe window is full: answer 503, and the sender retries")]
#[non_exhaustive]
pub struct WindowFull {
    /// When the next key expires; `None` if the window has room for none at all.
    pub retry_at: Option<UtcDateTime>,
}

/// The claim is void: committed, released or expired. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this claim is void: it was committed or released, or it expired")]
pub struct NotClaimed;
