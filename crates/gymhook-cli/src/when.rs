//! Reads and writes times, dates and lengths of time for people: `instant`, `length`, `since`, `local`, `span`.

use core::time::Duration;

use gymhook::text::parse_length;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcDateTime, UtcOffset};

/// Reads RFC 3339, or Unix seconds or milliseconds.
pub(crate) fn instant(text: &str) -> Result<UtcDateTime, String> {
    const WANTED: &str = "write it as 2026-01-31T12:00:00Z, or as Unix seconds or milliseconds";
    if let Ok(number) = text.parse::<i64>() {
        // Milliseconds have twelve digits or more since 1973, seconds have them from the year 5138 on.
        let nanos = i128::from(number)
            * if number.unsigned_abs() < 100_000_000_000 { 1_000_000_000 } else { 1_000_000 };
        return UtcDateTime::from_unix_timestamp_nanos(nanos)
            .map_err(|_| format!("{text} is no time that a calendar has: {WANTED}"));
    }
    UtcDateTime::parse(text, &Rfc3339).map_err(|_| format!("{text:?} is not a valid time: {WANTED}"))
}

/// Reads `90`, `90s`, `1500ms`, `10m`, `2h`, `1d`, and several in a row: `1h30m`. A bare number counts seconds.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    parse_length(text).map_err(|error| format!("{text:?} is {error}"))
}

/// As [`instant`], or how long ago: `10m`.
pub(crate) fn since(text: &str) -> Result<UtcDateTime, String> {
    let looks_like_a_length = text.ends_with(|c: char| c.is_ascii_alphabetic() && c != 'Z');
    if looks_like_a_length {
        let wrong = |_| {
            format!(
                "{text:?} is not a valid time: write how long ago it was, as 10m, 2h or 1d, or the time itself as 2026-01-31T12:00:00Z"
            )
        };
        return length(text).map(|ago| earlier(UtcDateTime::now(), ago)).map_err(wrong);
    }
    instant(text)
}

/// The instant this long before another one.
pub(crate) fn earlier(instant: UtcDateTime, by: Duration) -> UtcDateTime {
    time::Duration::try_from(by).ok().and_then(|by| instant.checked_sub(by)).unwrap_or(UtcDateTime::MIN)
}

/// An instant in UTC, as RFC 3339 writes it.
pub(crate) fn text(instant: UtcDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

/// An instant on this machine's clock, with its distance from UTC.
pub(crate) fn local(instant: UtcDateTime) -> String {
    let instant = OffsetDateTime::from(instant);
    let offset = UtcOffset::local_offset_at(instant).unwrap_or(UtcOffset::UTC);
    let local = instant.checked_to_offset(offset).unwrap_or(instant);
    let (hours, minutes, _) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    format!(
        "{} {:02}:{:02}:{:02} {sign}{:02}:{:02}",
        local.date(),
        local.hour(),
        local.minute(),
        local.second(),
        hours.unsigned_abs(),
        minutes.unsigned_abs()
    )
}

/// A length of time in whole units; below a minute with the first decimal.
pub(crate) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 if length.is_zero() => "0 s".to_owned(),
        0 if length.as_millis() == 0 => format!("{} µs", length.subsec_micros()),
        0 => format!("{} ms", length.subsec_millis()),
        1..60 if length.subsec_millis() >= 100 => format!("{seconds}.{} s", length.subsec_millis() / 100),
        1..60 => format!("{seconds} s"),
        _ => {
            let units = [
                (seconds / 86_400, "d"),
                (seconds / 3_600 % 24, "h"),
                (seconds / 60 % 60, "min"),
                (seconds % 60, "s"),
            ];
            let written = units.iter().filter(|(count, _)| *count > 0).take(3);
            written.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
        }
    }
}

/// Milliseconds, as far as they fit.
pub(crate) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written_in_logs_and_headers() {
        // 1667921312188 is 2022-11-08T15:28:32.188Z, EGYM's published example.
        let egym = instant("1667921312188").unwrap();
        assert_eq!(text(egym), "2022-11-08T15:28:32.188Z");
        assert_eq!(text(instant("1667921312").unwrap()), "2022-11-08T15:28:32Z");
        assert_eq!(instant("2022-11-08T16:28:32.188+01:00").unwrap(), egym);
        for wrong in ["", "yesterday", "2022-11-08", "99999999999999999", "-9223372036854775808", "1e9"] {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lengths_have_units() {
        for (written, seconds) in
            [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5_400), ("2d", 172_800), ("1500ms", 1)]
        {
            assert_eq!(length(written).unwrap().as_secs(), seconds, "{written}");
        }
        for wrong in ["", "-5s", "5x", "s", "1.5h", "99999999999999999999s"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
        let wrong = since("yesterday").unwrap_err();
        assert!(wrong.contains("\"yesterday\"") && wrong.contains("2026-01-31T12:00:00Z"), "{wrong}");
        assert_eq!(span(Duration::from_secs(9_420)), "2 h 37 min");
        assert_eq!(span(Duration::from_millis(1_550)), "1.5 s");
    }
}
