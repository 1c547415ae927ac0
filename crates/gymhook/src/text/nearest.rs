//! `nearest`: suggests the name that a misspelt one most resembles.

/// The name nearest to the given one, if it is near enough: up to a third of its letters may differ. Upper and lower case do not
/// count, and of a long text only the first 64 characters do.
///
/// ```
/// use gymhook::text::nearest;
///
/// let keys = ["listen", "database", "log_level"];
/// assert_eq!(nearest("listn", keys.into_iter()), Some("listen"));
/// assert_eq!(nearest("zebra", keys.into_iter()), None);
/// ```
pub fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    pick(written, names.map(|name| (name, name)))
}

/// The first name whose beginning is nearest to the given one.
pub(crate) fn nearest_beginning<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    // One letter may be missing, or too many.
    let beginnings = names.flat_map(move |name| {
        let end = |letters: usize| name.char_indices().nth(letters).map_or(name.len(), |(at, _)| at);
        let cut = move |letters: usize| name.get(..end(letters)).unwrap_or(name);
        [length, length + 1, length.saturating_sub(1)].map(|letters| (name, cut(letters)))
    });
    pick(written, beginnings)
}

fn pick<'a>(written: &str, names: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let written: Vec<char> = written.to_lowercase().chars().take(64).collect();
    let near_enough = (written.len() / 3).max(1);
    let measured = names.map(|(name, compared)| (distance(&written, &compared.to_lowercase()), name));
    let (distance, name) = measured.min_by_key(|(distance, _)| *distance)?;
    (distance <= near_enough).then_some(name)
}

/// How many letters have to be put in, taken out, changed, or swapped with their neighbour (optimal string alignment).
fn distance(one: &[char], other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let of = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let changed = of(&last, column) + usize::from(letter != against);
            let mut cheapest = changed.min(of(&last, column + 1) + 1).min(of(&current, column) + 1);
            let is_swapped = column > 0
                && row > 0
                && other.get(column - 1) == Some(letter)
                && one.get(row - 1) == Some(against);
            if is_swapped {
                cheapest = cheapest.min(of(&before_last, column - 1) + 1);
            }
            current.push(cheapest);
        }
        before_last = core::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        // Counted by hand.
        for (one, other, steps) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("abcd", "acbd", 1),
        ] {
            assert_eq!(distance(&one.chars().collect::<Vec<_>>(), other), steps, "{one} {other}");
        }
    }

    #[test]
    fn what_is_far_away_is_not_named() {
        let names = || ["member.created", "checkin.created"].into_iter();
        assert_eq!(nearest("checkin.create", names()), Some("checkin.created"));
        assert_eq!(nearest("zzzzzzzzzzzzzz", names()), None);
        assert_eq!(nearest("", names()), None);
        assert_eq!(nearest(&"checkin.created".repeat(1_000), names()), None);
        assert_eq!(nearest("ur", ["check-in", "url"].into_iter()), Some("url"));
        assert_eq!(nearest_beginning("chekin.", names()), Some("checkin.created"));
        assert_eq!(nearest_beginning("x.", names()), None);
        assert_eq!(nearest("größe", core::iter::empty()), None);
    }
}
