//! `KeyWindow`: when the keys of a source are valid: a key that has expired explains why nothing is accepted any more.

use gymhook::signature::Keyring;
use time::UtcDateTime;

/// A key of a source: all but its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyWindow {
    pub(crate) id: String,
    pub(crate) state: KeyState,
    pub(crate) from: Option<UtcDateTime>,
    pub(crate) until: Option<UtcDateTime>,
}

/// Whether a key is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Valid,
    Expired,
    NotYetValid,
}

impl KeyState {
    /// Its name in the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
        }
    }
}

/// All keys of this keyring, as they are now.
pub(super) fn all_of(keyring: &Keyring, now: UtcDateTime) -> Vec<KeyWindow> {
    let window = |key: &gymhook::signature::Key| KeyWindow {
        id: key.id().as_str().to_owned(),
        state: if key.is_valid_at(now) {
            KeyState::Valid
        } else if key.not_before().is_some_and(|from| now < from) {
            KeyState::NotYetValid
        } else {
            KeyState::Expired
        },
        from: key.not_before(),
        until: key.not_after(),
    };
    keyring.keys().map(window).collect()
}

#[cfg(test)]
mod tests {
    use gymhook::signature::{Key, Secret};
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn a_key_is_valid_within_its_window() {
        let now = utc_datetime!(2026-06-01 00:00);
        let key = |id: &str| Key::new(id, Secret::new(format!("0123456789abcdef-{id}")).unwrap());
        let keys = Keyring::new([
            key("always"),
            key("old").valid_until(utc_datetime!(2026-05-31 23:59)),
            key("new").valid_from(utc_datetime!(2026-06-01 00:01)),
            key("now")
                .valid_from(utc_datetime!(2026-05-01 00:00))
                .valid_until(utc_datetime!(2026-07-01 00:00)),
        ]);
        let states: Vec<_> =
            all_of(&keys.unwrap(), now).into_iter().map(|key| (key.id, key.state.as_str())).collect();
        let expected = [("always", "valid"), ("old", "expired"), ("new", "not-yet-valid"), ("now", "valid")];
        assert_eq!(states, expected.map(|(id, state)| (id.to_owned(), state)));
    }
}
