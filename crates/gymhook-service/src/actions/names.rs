//! Checks the names that callers give: `check_event_name`, `check_gym` and `check_label`.

use crate::Problem;

/// The longest id of an event and the longest type, in bytes. Our choice.
pub(crate) const LONGEST_NAME: usize = 256;
/// The longest gym, in bytes: a store keeps no longer one.
const LONGEST_GYM: usize = 1_024;
/// The longest label, in characters. Our choice.
const LONGEST_LABEL: usize = 200;

/// Checks an event's id or its type.
pub(crate) fn check_event_name(name: &str, place: &str) -> Result<(), Problem> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
        let detail = format!("it has from 1 to {LONGEST_NAME} bytes, and no control character");
        return Err(Problem::invalid(place, detail));
    }
    Ok(())
}

/// Checks the name of a gym.
pub(crate) fn check_gym(gym: &str, place: &str) -> Result<(), Problem> {
    if gym.is_empty() || gym.len() > LONGEST_GYM || gym.contains(char::is_control) {
        let detail = "the gym is a name of 1 to 1,024 bytes without control characters";
        return Err(Problem::invalid(place, detail));
    }
    Ok(())
}

/// Checks what people call something.
pub(super) fn check_label(label: &str) -> Result<(), Problem> {
    if label.chars().count() > LONGEST_LABEL || label.contains('\0') {
        let detail = format!("the label has more than {LONGEST_LABEL} characters, or a NUL");
        return Err(Problem::invalid("/label", detail));
    }
    Ok(())
}
