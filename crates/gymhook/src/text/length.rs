//! `parse_length`: reads lengths of time as people write them.

use core::time::Duration;

/// A text is not a length of time. Caused by whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("not a valid length of time: write it as 90s, 1500ms, 10m, 2h or 1d")]
pub struct LengthError;

/// Reads `90`, `90s`, `1500ms`, `10m` (or `10min`), `2h`, `1d`, and several in a row: `1h30m`. A bare number counts seconds.
///
/// A part counts at most `u64::MAX` milliseconds; a number above `u64::MAX` is refused.
///
/// ```
/// use core::time::Duration;
/// use gymhook::text::parse_length;
///
/// assert_eq!(parse_length("1h30m"), Ok(Duration::from_secs(5_400)));
/// assert_eq!(parse_length("1500ms"), Ok(Duration::from_millis(1_500)));
/// assert!(parse_length("soon").is_err());
/// ```
///
/// # Errors
/// [`LengthError`].
pub fn parse_length(text: &str) -> Result<Duration, LengthError> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(LengthError);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, behind) = rest.split_at_checked(digits).ok_or(LengthError)?;
        let unit_length = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at_checked(unit_length).ok_or(LengthError)?;
        let number: u64 = number.parse().map_err(|_| LengthError)?;
        let millis: u64 = match unit {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(LengthError),
        };
        total = total.saturating_add(Duration::from_millis(number.saturating_mul(millis)));
        rest = next;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_one_part_or_several() {
        for (written, millis) in [
            ("90", 90_000),
            ("90s", 90_000),
            (" 2h ", 7_200_000),
            ("10m", 600_000),
            ("10min", 600_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1500ms", 1_500),
            ("0", 0),
            ("1m1", 61_000),
        ] {
            assert_eq!(parse_length(written), Ok(Duration::from_millis(millis)), "{written}");
        }
    }

    #[test]
    fn what_is_too_long_is_as_long_as_can_be_written() {
        let longest = Duration::from_millis(u64::MAX);
        assert_eq!(parse_length("18446744073709551615ms"), Ok(longest));
        assert_eq!(parse_length("18446744073709551615d"), Ok(longest));
        assert_eq!(parse_length("18446744073709551615d1s"), Ok(longest + Duration::from_secs(1)));
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for wrong in
            ["", " ", "-5s", "5x", "s", "1.5h", "h1", "1 h", "5m x", "18446744073709551616", "5M", "+5"]
        {
            assert_eq!(parse_length(wrong), Err(LengthError), "{wrong:?}");
        }
    }
}
