//! `Moment`, `length`, `rights` and `bytes`: times, lengths, rights and sizes, as people read them.

use core::time::Duration;

use gymhook_engine::store::ApiKeyRights;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A moment, for a `time` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// RFC 3339.
    pub(super) machine: String,
    /// To the second, in UTC.
    pub(super) text: String,
    /// How far from now.
    pub(super) relative: String,
}

impl Moment {
    pub(super) fn new(at: UtcDateTime, now: UtcDateTime) -> Self {
        let to_second = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        Self {
            machine: at.format(&Rfc3339).unwrap_or_default(),
            text: at.format(to_second).unwrap_or_default(),
            relative: relative(at, now),
        }
    }
}

fn relative(at: UtcDateTime, now: UtcDateTime) -> String {
    let distance = (at - now).unsigned_abs();
    match (distance.as_secs(), at > now) {
        (0, _) => "now".to_owned(),
        (_, true) => format!("in {}", largest(distance.as_secs())),
        (_, false) => format!("{} ago", largest(distance.as_secs())),
    }
}

/// A length in its largest unit alone.
fn largest(seconds: u64) -> String {
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        _ => format!("{} d", seconds / DAY),
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A length of time, in its largest unit or two.
pub(super) fn length(length: Duration) -> String {
    let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {smaller}"),
    };
    match length.as_secs() {
        0 => format!("{} ms", length.as_millis()),
        seconds @ 1..MINUTE => format!("{seconds} s"),
        seconds @ MINUTE..HOUR => {
            two(seconds / MINUTE, "min", if seconds < 10 * MINUTE { seconds % MINUTE } else { 0 }, "s")
        }
        seconds @ HOUR..DAY => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        seconds => two(seconds / DAY, "d", if seconds < 10 * DAY { seconds % DAY / HOUR } else { 0 }, "h"),
    }
}

/// What a key may do.
pub(super) const fn rights(of: ApiKeyRights) -> &'static str {
    match of {
        ApiKeyRights::Read => "read only",
        ApiKeyRights::Retry => "read and retry",
        ApiKeyRights::Write => "read and write",
    }
}

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes.
pub(super) fn bytes(size: usize) -> String {
    match size {
        0..1_024 => format!("{size} B"),
        1_024..1_048_576 => format!("{}.{} KiB", size / 1_024, size % 1_024 * 10 / 1_024),
        _ => format!("{}.{} MiB", size / 1_048_576, size % 1_048_576 * 10 / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn a_moment_is_exact_and_relative() {
        let noon = utc_datetime!(2026-01-01 12:00);
        let moment = Moment::new(noon, noon + Duration::from_secs(90));
        assert_eq!(moment.machine, "2026-01-01T12:00:00Z");
        assert_eq!((moment.text.as_str(), moment.relative.as_str()), ("2026-01-01 12:00:00", "1 min ago"));
        assert_eq!(Moment::new(noon, noon).relative, "now");
        assert_eq!(Moment::new(noon + Duration::from_secs(7_260), noon).relative, "in 2 h");
    }

    #[test]
    fn lengths_and_sizes() {
        let lengths = [
            (0, "0 ms"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (90_000, "1 d 1 h"),
        ];
        for (seconds, text) in lengths {
            assert_eq!(length(Duration::from_secs(seconds)), text);
        }
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1_023, 1_536, 5 << 20].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 MiB"]);
    }
}
