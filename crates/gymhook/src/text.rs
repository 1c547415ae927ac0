//! Text from outside, made fit for a log or a terminal.

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
