//! `SignatureScheme`, the trait of a way of proving who sent a request, and what schemes share.

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

/// A way of proving who sent a request. This crate has five; you can implement your own.
///
/// An implementation must accept only what was signed with a key of the keyring that is valid at `now`; require each of its
/// headers exactly once; compare in constant time; never panic, whatever the bytes and the clock; and claim no more in its
/// [`Proof`] than it checked.
pub trait SignatureScheme: Debug + Send + Sync {
    /// The headers that carry the proof. A sender must not let anybody else set them; a receiver must not log them.
    fn header_names(&self) -> Vec<HeaderName>;

    /// What an accepted request proves, as this scheme is configured.
    fn assurance(&self) -> Assurance;

    /// Whether these keys can be used with this scheme.
    ///
    /// # Errors
    /// [`KeyringError`], caused by the configuration.
    fn check_keyring(&self, keyring: &Keyring) -> Result<(), KeyringError>;

    /// Verifies a request: presence, form, signature, time.
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

    /// The id that a request claims, **unproved**; `None` if the scheme has no ids, or this request has none.
    ///
    /// For a sender that does not sign, but identifies repeats.
    ///
    /// # Errors
    /// [`VerifyError`]: the header is repeated, or its value is not a valid id.
    fn claimed_id(&self, headers: &HeaderMap) -> Result<Option<RequestId>, VerifyError> {
        let _ = headers;
        Ok(None)
    }

    /// The headers of a request without a secret: no signature, and the id if it has its own header. Empty by default.
    ///
    /// # Errors
    /// [`SignError`]: a header cannot carry the id.
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

/// What an HMAC scheme requires of its keys: few enough, and distinct to HMAC.
fn fit_for_hmac(keyring: &Keyring) -> Result<(), KeyringError> {
    at_most_tried(keyring)?;
    keyring.check_for_hmac_sha256()
}

/// Keys that a scheme without a key name in the request has to try one after another.
///
/// Two cover a rotation; with more, an attacker could cause a lot of work with a single request.
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

/// The id in this header, if it is present, whatever else the request has.
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
