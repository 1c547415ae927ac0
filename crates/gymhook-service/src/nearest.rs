//! What somebody may have meant.

/// The word that is nearest, if it is near enough: up to a third of the letters may differ.
pub(crate) fn nearest<'a>(text: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text: String = text.to_lowercase().chars().take(64).collect();
    let measured = words.map(|word| (strsim::damerau_levenshtein(&text, word), word));
    let (distance, word) = measured.min_by_key(|(distance, _)| *distance)?;
    (distance <= (text.chars().count() / 3).max(1)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_a_third_of_the_letters_may_differ() {
        let nearest = |text: &str| nearest(text, ["check-in", "state", "url"].into_iter());
        assert_eq!(
            [nearest("checkin"), nearest("STAET"), nearest("ur")],
            [Some("check-in"), Some("state"), Some("url")]
        );
        assert_eq!([nearest("zzzz"), nearest(""), nearest(&"state".repeat(1_000))], [None; 3]);
    }
}
