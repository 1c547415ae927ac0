//! `Step` and `joined`: the path to a place in a JSON text, such as `payload[0].content.contractId`.

use core::fmt::{self, Write as _};

/// One step from the outside in.
pub(crate) enum Step<'a> {
    Index(usize),
    Key(&'a str),
}

const MAX_STEPS: usize = 16;
const MAX_STEP_LENGTH: usize = 32;

/// The steps as one line of printable ASCII: at most 16 of at most 32 characters each, since keys may be a stranger's text.
pub(crate) fn joined<'a>(steps: impl ExactSizeIterator<Item = Step<'a>>) -> String {
    let mut path = String::new();
    let count = steps.len();
    // The last step says which key it is; steps between are what is left out.
    let skipped = count.saturating_sub(MAX_STEPS);
    for (number, step) in steps.enumerate() {
        if number == MAX_STEPS - 1 && skipped > 0 {
            path.push_str("[...]");
        }
        if number >= MAX_STEPS - 1 && number + 1 < count {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = write_step(&mut path, &step);
    }
    path
}

fn write_step(path: &mut String, step: &Step<'_>) -> fmt::Result {
    match step {
        Step::Index(index) => write!(path, "[{index}]"),
        Step::Key(key) => {
            let plain =
                |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
            if !key.is_empty() && key.len() <= MAX_STEP_LENGTH && key.chars().all(plain) {
                let dot = if path.is_empty() { "" } else { "." };
                return write!(path, "{dot}{key}");
            }
            let escaped: String =
                key.chars().flat_map(char::escape_default).take(MAX_STEP_LENGTH - 3).collect();
            let cut =
                if key.chars().flat_map(char::escape_default).count() > escaped.len() { "..." } else { "" };
            write!(path, "[\"{escaped}{cut}\"]")
        }
    }
}
