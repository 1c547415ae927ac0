//! Secrets of destinations: Standard Webhooks', drawn here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gymhook::signature::{Key, Keyring, Secret};
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Problem;

/// A new secret as its receiver enters it: `whsec_` and 32 bytes in base64.
pub(super) fn draw() -> Zeroizing<String> {
    let digest =
        Sha256::new().chain_update(Uuid::new_v4()).chain_update(Uuid::new_v4()).chain_update(Uuid::new_v4());
    let bytes = Zeroizing::new(<[u8; 32]>::from(digest.finalize()));
    Zeroizing::new(format!("whsec_{}", STANDARD.encode(*bytes)))
}

/// A key with an id that no other one has, and that tells when it was made.
pub(super) fn key(secret: &str) -> Result<Key, Problem> {
    let secret =
        Secret::from_whsec(secret).map_err(|error| Problem::invalid("/secret", error.to_string()))?;
    if secret.is_weak() {
        let detail = "this secret is too short to be safe: leave it out, and one is drawn";
        return Err(Problem::invalid("/secret", detail));
    }
    let drawn = Uuid::new_v4().simple().to_string();
    Ok(Key::new(format!("{}-{}", UtcDateTime::now().date(), drawn.get(..8).unwrap_or_default()), secret))
}

pub(super) fn keyring(key: Key) -> Result<Keyring, Problem> {
    let keys = Keyring::new([key]).map_err(|error| Problem::invalid("/secret", error.to_string()))?;
    keys.check_for_hmac_sha256().map_err(|error| Problem::invalid("/secret", error.to_string()))?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_secret_is_one_of_standard_webhooks() {
        let (one, other) = (draw(), draw());
        assert_ne!(*one, *other);
        assert_eq!(Secret::from_whsec(&one).unwrap().expose_secret().len(), 32);
        assert!(keyring(key(&one).unwrap()).is_ok());
        assert!(key("whsec_AAAA").is_err() && key("not base64!").is_err());
    }
}
