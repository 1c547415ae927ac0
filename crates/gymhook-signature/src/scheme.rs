//! A way of proving who sent a request.

mod api_key;
mod body_hmac;
mod request_id_md5;
mod standard_webhooks;
mod timestamped_hmac;

use core::fmt::Debug;

use http::{HeaderMap, HeaderName, HeaderValue};
use time::UtcDateTime;

pub use self::api_key::ApiKey;
pub use self::body_hmac::BodyHmac;
pub use self::request_id_md5::RequestIdMd5;
pub use self::standard_webhooks::StandardWebhooks;
pub use self::timestamped_hmac::TimestampedHmac;
use crate::header::exactly_once;
use crate::{Assurance, Key, Keyring, KeyringError, Proof, RequestId, SignError, VerifyError};

/// A way of proving who sent a request: five are here, and a platform's own can join them.
///
/// What an implementation owes: it accepts only what a key of the ring that is valid at `now` vouches for; wants each of its
/// headers exactly once; compares in constant time; never panics, whatever the bytes and the clock; claims no more in its
/// [`Proof`] than it checked.
pub trait SignatureScheme: Debug + Send + Sync {
    /// The headers that carry the proof. A sender lets nobody else set them; a receiver keeps them out of its logs.
    fn header_names(&self) -> Vec<HeaderName>;

    /// What an accepted request proves, as this scheme is configured.
    fn assurance(&self) -> Assurance;

    /// Whether these keys can be used with this scheme.
    ///
    /// # Errors
    /// [`KeyringError`], caused by the configuration.
    fn check_keyring(&self, keyring: &Keyring) -> Result<(), KeyringError>;

    /// Judges a request: presence, form, signature, time.
    ///
    /// # Errors
    /// [`VerifyError`], caused by the peer.
    fn verify(
        &self,
        keyring: &Keyring,
        headers: &HeaderMap,
        body: &[u8],
        now: UtcDateTime,
    ) -> Result<Proof, VerifyError>;

    /// The id that a request claims, **unproved**; `None` where requests of this scheme have none, or this one has not.
    ///
    /// For a sender that cannot sign, and yet says which requests are repeats.
    ///
    /// # Errors
    /// [`VerifyError`]: the header is duplicated, or holds what no id may be.
    fn claimed_id(&self, headers: &HeaderMap) -> Result<Option<RequestId>, VerifyError> {
        let _ = headers;
        Ok(None)
    }

    /// What a request of this scheme carries though nobody has set a secret: no signature, and the id where it has a header of its
    /// own. Nothing, unless a scheme says otherwise.
    ///
    /// # Errors
    /// [`SignError`]: the id is one that the header cannot hold.
    fn unsigned_headers(&self, id: &str) -> Result<HeaderMap, SignError> {
        let _ = id;
        Ok(HeaderMap::new())
    }

    /// The headers that prove this body (and this id, if the scheme signs one), their values marked sensitive.
    ///
    /// # Errors
    /// [`SignError`].
    fn sign(
        &self,
        keyring: &Keyring,
        id: &str,
        body: &[u8],
        now: UtcDateTime,
    ) -> Result<HeaderMap, SignError>;
}

/// What the keys of an HMAC scheme have to be: few enough, and different ones to HMAC.
fn fit_for_hmac(keyring: &Keyring) -> Result<(), KeyringError> {
    at_most_tried(keyring)?;
    keyring.check_for_hmac_sha256()
}

/// Keys that a scheme without a key name in the request has to try one after another.
///
/// Two cover a rotation; more would let a stranger buy work with a single request.
const MAX_KEYS_TRIED: usize = 4;

fn at_most_tried(keyring: &Keyring) -> Result<(), KeyringError> {
    match keyring.most_valid_at_once() {
        valid if valid > MAX_KEYS_TRIED => Err(KeyringError::TooManyKeys { valid, max: MAX_KEYS_TRIED }),
        _ => Ok(()),
    }
}

fn mismatch(keyring: &Keyring, header: &HeaderName, now: UtcDateTime) -> VerifyError {
    let keys_tried = keyring.valid_at(now).count();
    VerifyError::SignatureMismatch {
        header: header.clone(),
        keys_tried,
        keys_outside_window: keyring.len().saturating_sub(keys_tried),
        warning: keyring.edge_at(now),
    }
}

/// The id in this header, if it is there, whatever else the request shows.
fn id_claimed_in(
    headers: &HeaderMap,
    header: &HeaderName,
    delimiter: u8,
) -> Result<Option<RequestId>, VerifyError> {
    if !headers.contains_key(header) {
        return Ok(None);
    }
    let [id] = exactly_once(headers, [header])?;
    let id = RequestId::new(id.as_bytes(), delimiter).map_err(|problem| problem.in_header(header))?;
    Ok(Some(id))
}

fn preferred_key(keyring: &Keyring, now: UtcDateTime) -> Result<&Key, SignError> {
    keyring.valid_at(now).next().ok_or(SignError::NoValidKey { keys: keyring.len(), now })
}

fn insert_sensitive(headers: &mut HeaderMap, name: &HeaderName, value: &str) -> Result<(), SignError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| SignError::Unsendable)?;
    value.set_sensitive(true);
    headers.insert(name.clone(), value);
    Ok(())
}
