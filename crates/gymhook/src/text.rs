//! Text from outside: made fit for a log, a terminal or an identifier, read as a length of time, or compared with known names.

mod length;
mod nearest;

use sha2::{Digest as _, Sha256};

pub use self::length::{LengthError, parse_length};
pub use self::nearest::nearest;
pub(crate) use self::nearest::nearest_beginning;

/// The longest line that [`one_line`] makes, in characters.
const MAX_CHARACTERS: usize = 300;

/// Whether a character changes how the text around it is displayed, or is not displayed at all: control characters, Unicode's
/// format characters (among them those that reverse the direction), line and paragraph separators.
///
/// ```
/// use gymhook::text::alters_display;
///
/// assert!(alters_display('\n') && alters_display('\u{1b}') && alters_display('\u{202e}'));
/// assert!(!alters_display('ß') && !alters_display(' '));
/// ```
#[must_use]
pub fn alters_display(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A text as one line of a log: whoever wrote it may have put anything into it. Characters that [alter the
/// display](alters_display) become U+FFFD, and what follows the first 300 characters is cut.
///
/// ```
/// use gymhook::text::one_line;
///
/// assert_eq!(one_line("a\r\nERROR forged \u{202e}x"), "a\u{FFFD}\u{FFFD}ERROR forged \u{FFFD}x");
/// assert_eq!(one_line(&"ü".repeat(1_000)).chars().count(), 300);
/// ```
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if alters_display(c) { '\u{FFFD}' } else { c }).take(MAX_CHARACTERS).collect()
}

/// A name of a fixed length for a text that is too long for one, or has characters that one may not have: `sha256:` and the
/// text's SHA-256 in lower-case hexadecimal. Equal texts have equal names.
///
/// ```
/// use gymhook::text::digest_name;
///
/// let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// assert_eq!(digest_name(""), empty);
/// ```
#[must_use]
pub fn digest_name(text: &str) -> String {
    format!("sha256:{}", const_hex::encode(Sha256::digest(text)))
}
