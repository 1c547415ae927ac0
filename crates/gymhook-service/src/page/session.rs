//! `Session` and `SessionSecret`: who signed in, in a cookie that this service has authenticated, and the tokens of
//! forms.
//!
//! Nothing is kept here. A session names a key, and the key is looked up at each request, so that revoking it ends its sessions.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gymhook::signature::{Secret, SecretError};
use hmac::Mac as _;
use time::{Duration, UtcDateTime};
use uuid::Uuid;

/// How long a session lasts. Our choice: a working day.
pub(super) const LASTS: Duration = Duration::hours(12);

/// What sessions are authenticated with.
#[derive(Clone, Debug)]
pub(crate) struct SessionSecret(Arc<Secret>);

/// Somebody who has signed in with a key, until it expires. `nonce` makes two sessions of one key different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) key: Uuid,
    pub(super) nonce: Uuid,
    /// In seconds since 1970.
    pub(super) expires: i64,
}

/// A browser that is about to sign in: what the form of the sign-in page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guest(Uuid);

/// What is authenticated differs in its first byte, so that one cannot be taken for another.
#[derive(Clone, Copy)]
enum Purpose {
    Session,
    SessionForms,
    Guest,
    GuestForms,
}

/// How many bytes an authenticator has.
const TAG: usize = 32;

impl SessionSecret {
    /// The one that was set, or 244 random bits, which no other process knows.
    pub(crate) fn new(set: Option<Arc<Secret>>) -> Result<Self, SecretError> {
        if let Some(set) = set {
            return Ok(Self(set));
        }
        let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        Ok(Self(Arc::new(Secret::new(random)?)))
    }

    pub(super) fn begin(&self, key: Uuid, now: UtcDateTime) -> (Session, String) {
        let expires = now.unix_timestamp().saturating_add(LASTS.whole_seconds());
        let session = Session { key, nonce: Uuid::new_v4(), expires };
        (session, self.seal(Purpose::Session, &session.bytes()))
    }

    /// The session in this cookie, if this service made it and it has not expired.
    pub(super) fn session(&self, cookie: &str, now: UtcDateTime) -> Option<Session> {
        let session = Session::from_bytes(&self.open(Purpose::Session, cookie)?)?;
        (now.unix_timestamp() < session.expires).then_some(session)
    }

    /// What a form of this session has to bring along.
    pub(super) fn token(&self, session: &Session) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(Purpose::SessionForms, &session.bytes()))
    }

    pub(super) fn token_fits(&self, session: &Session, token: &str) -> bool {
        self.fits(Purpose::SessionForms, &session.bytes(), token)
    }

    pub(super) fn greet(&self) -> (Guest, String) {
        let guest = Guest(Uuid::new_v4());
        (guest, self.seal(Purpose::Guest, guest.0.as_bytes()))
    }

    pub(super) fn guest(&self, cookie: &str) -> Option<Guest> {
        let bytes = self.open(Purpose::Guest, cookie)?;
        Uuid::from_slice(&bytes).ok().map(Guest)
    }

    pub(super) fn guest_token(&self, guest: Guest) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(Purpose::GuestForms, guest.0.as_bytes()))
    }

    pub(super) fn guest_token_fits(&self, guest: Guest, token: &str) -> bool {
        self.fits(Purpose::GuestForms, guest.0.as_bytes(), token)
    }

    fn seal(&self, purpose: Purpose, what: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode([what, &self.tag(purpose, what)].concat())
    }

    fn open(&self, purpose: Purpose, sealed: &str) -> Option<Vec<u8>> {
        let mut what = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let tag = what.split_off(what.len().checked_sub(TAG)?);
        self.authenticator(purpose, &what).verify_slice(&tag).ok().map(|()| what)
    }

    fn fits(&self, purpose: Purpose, what: &[u8], token: &str) -> bool {
        let token = URL_SAFE_NO_PAD.decode(token);
        token.is_ok_and(|token| self.authenticator(purpose, what).verify_slice(&token).is_ok())
    }

    fn tag(&self, purpose: Purpose, what: &[u8]) -> [u8; TAG] {
        self.authenticator(purpose, what).finalize().into_bytes().into()
    }

    fn authenticator(&self, purpose: Purpose, what: &[u8]) -> hmac::Hmac<sha2::Sha256> {
        let mut authenticator = self.0.hmac_sha256();
        let purpose: u8 = match purpose {
            Purpose::Session => 1,
            Purpose::SessionForms => 2,
            Purpose::Guest => 3,
            Purpose::GuestForms => 4,
        };
        authenticator.update(&[purpose]);
        authenticator.update(what);
        authenticator
    }
}

impl Session {
    fn bytes(&self) -> Vec<u8> {
        [&self.key.as_bytes()[..], self.nonce.as_bytes(), &self.expires.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk::<16>()?;
        let (nonce, expires) = rest.split_first_chunk::<16>()?;
        let expires = i64::from_be_bytes(expires.try_into().ok()?);
        Some(Self { key: Uuid::from_bytes(*key), nonce: Uuid::from_bytes(*nonce), expires })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    const NOON: UtcDateTime = utc_datetime!(2026-01-01 12:00);

    fn secret() -> SessionSecret {
        SessionSecret::new(None).unwrap()
    }

    #[test]
    fn a_session_is_read_until_it_expires_and_by_the_secret_that_made_it() {
        let secret = secret();
        let key = Uuid::from_u128(7);
        let (session, cookie) = secret.begin(key, NOON);
        assert_eq!(session.key, key);
        assert_eq!(secret.session(&cookie, NOON + LASTS - Duration::SECOND), Some(session));
        assert_eq!(secret.session(&cookie, NOON + LASTS), None);
        assert_eq!(SessionSecret::new(None).unwrap().session(&cookie, NOON), None);
    }

    #[test]
    fn every_changed_bit_of_a_cookie_is_noticed() {
        let secret = secret();
        let (_, cookie) = secret.begin(Uuid::from_u128(7), NOON);
        let sealed = URL_SAFE_NO_PAD.decode(&cookie).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(secret.session(&URL_SAFE_NO_PAD.encode(changed), NOON), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(secret.session(&URL_SAFE_NO_PAD.encode(&sealed[..length]), NOON), None);
        }
    }

    #[test]
    fn a_token_is_of_one_session_and_one_purpose() {
        let secret = secret();
        let (session, cookie) = secret.begin(Uuid::from_u128(7), NOON);
        let (other, _) = secret.begin(Uuid::from_u128(7), NOON);
        let token = secret.token(&session);
        assert!(secret.token_fits(&session, &token));
        assert!(!secret.token_fits(&other, &token));
        assert!(!secret.token_fits(&session, "") && !secret.token_fits(&session, &cookie));
        let (guest, greeting) = secret.greet();
        assert_eq!(secret.guest(&greeting), Some(guest));
        assert_eq!(secret.guest(&cookie), None);
        assert_eq!(secret.session(&greeting, NOON), None);
        assert!(secret.guest_token_fits(guest, &secret.guest_token(guest)));
        assert!(!secret.guest_token_fits(guest, &token));
    }
}
