//! `mark` and `check`: refuse a form if the settings that it showed have been changed since, so that nobody undoes
//! another person's change.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::Problem;

/// A text for the values of a form's fields.
pub(super) fn mark<'f>(fields: impl IntoIterator<Item = &'f str>) -> String {
    let mut digest = Sha256::new();
    for field in fields {
        // Each with its length, so that none runs into the next.
        digest.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(field);
    }
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

/// Refuses what was entered in a form that showed something else than there is now.
pub(super) fn check(seen: &str, now: &str) -> Result<(), Problem> {
    if seen == now {
        return Ok(());
    }
    Err(Problem::conflict(
        "it was changed since this form was loaded: load the form again to see how, or save once more to put what is entered in its place",
    ))
}

/// Refuses what was entered in a field that does not show all that there is, since it would be taken for another.
pub(super) fn cannot_hold(place: &str) -> Problem {
    Problem::invalid(place, "there are entries that this field cannot hold: change them through the API")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_forms_have_the_same_mark() {
        let marks = [["a", "b"], ["ab", ""], ["", "ab"], ["b", "a"]].map(mark);
        for (place, one) in marks.iter().enumerate() {
            assert_eq!(marks.iter().position(|other| other == one), Some(place));
        }
    }
}
