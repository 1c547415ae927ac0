//! `NewKey`: the secrets that requests to subscriptions and destinations are signed with: given, or drawn here and
//! shown once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gymhook::signature::{Key, Keyring, Secret, SecretError};
use time::UtcDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Problem;
use crate::actions::platforms::STANDARD_WEBHOOKS;
use crate::outgoing::DESTINATION;

/// A new key, with its secret as the receiver enters it if that was drawn.
#[derive(Debug)]
pub(crate) struct NewKey {
    pub(crate) key: Key,
    pub(crate) drawn: Option<Zeroizing<String>>,
}

impl NewKey {
    /// With the secret that was given for this platform, or a drawn one. Its id is one that no other key has, and tells when it was
    /// made.
    pub(crate) fn new(platform: &str, given: Option<&str>) -> Result<Self, Problem> {
        let drawn = match given {
            Some(_) => None,
            None => Some(draw(platform)),
        };
        let text = given.or_else(|| drawn.as_deref().map(String::as_str)).unwrap_or_default();
        let secret = read(platform, text).map_err(|error| Problem::invalid("/secret", error.to_string()))?;
        if platform == DESTINATION && secret.is_weak() {
            let detail = "this secret is too short to be safe: leave it out, and one is drawn";
            return Err(Problem::invalid("/secret", detail));
        }
        let mark = Uuid::new_v4().simple().to_string();
        let id = format!("{}-{}", UtcDateTime::now().date(), mark.get(..8).unwrap_or_default());
        Ok(Self { key: Key::new(id, secret), drawn })
    }
}

/// The keys of what is signed with this one alone.
pub(crate) fn keyring(platform: &str, key: Key) -> Result<Keyring, Problem> {
    let keys = Keyring::new([key]).map_err(|error| Problem::invalid("/secret", error.to_string()))?;
    if is_standard(platform) {
        keys.check_for_hmac_sha256().map_err(|error| Problem::invalid("/secret", error.to_string()))?;
    }
    Ok(keys)
}

/// Whether secrets are written as Standard Webhooks does.
fn is_standard(platform: &str) -> bool {
    matches!(platform, STANDARD_WEBHOOKS | DESTINATION)
}

/// The secret that a person or a program entered.
fn read(platform: &str, text: &str) -> Result<Secret, SecretError> {
    if is_standard(platform) { Secret::from_whsec(text) } else { Secret::new(text) }
}

/// A new secret of 244 random bits.
fn draw(platform: &str) -> Zeroizing<String> {
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
    if is_standard(platform) {
        let bytes = Zeroizing::new([one.into_bytes(), other.into_bytes()].concat());
        let encoded = Zeroizing::new(STANDARD.encode(&*bytes));
        Zeroizing::new(format!("whsec_{}", *encoded))
    } else {
        Zeroizing::new(format!("{}{}", one.simple(), other.simple()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::platforms;

    #[test]
    fn a_drawn_secret_is_one_that_its_platform_reads() {
        for platform in platforms::names().chain([DESTINATION]) {
            let [one, other] = [(); 2].map(|()| NewKey::new(platform, None).unwrap());
            let (drawn, second) = (one.drawn.unwrap(), other.drawn.unwrap());
            assert_ne!(*drawn, *second);
            assert_ne!(one.key.id(), other.key.id());
            let secret = read(platform, &drawn).unwrap();
            assert_eq!(secret.expose_secret(), one.key.secret().expose_secret());
            assert!(!secret.is_weak() && secret.expose_secret().len() >= 32, "{platform}");
            assert_eq!(drawn.starts_with("whsec_"), is_standard(platform));
            assert!(drawn.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(keyring(platform, one.key).is_ok(), "{platform}");
        }
    }

    #[test]
    fn a_given_secret_is_not_shown_and_a_destination_s_is_not_weak() {
        assert!(
            NewKey::new(DESTINATION, Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap().drawn.is_none()
        );
        for (platform, text) in [
            (DESTINATION, "whsec_AAAA"),
            (DESTINATION, "not base64!"),
            (STANDARD_WEBHOOKS, "not base64!"),
            ("egym", ""),
        ] {
            assert_eq!(
                NewKey::new(platform, Some(text)).unwrap_err().pointer(),
                Some("/secret"),
                "{platform} {text}"
            );
        }
    }
}
