//! How long a retry waits: the rules of the retry policy, reckoned a second time in plain integers.

use core::time::Duration;

use gymhook_retry::Jitter;

use crate::random::mixed;
use crate::settings::{Schedule, Settings};

/// Lengths in nanoseconds; wide enough that nothing here can overflow.
type Nanos = u128;

/// The earliest and the latest wait.
#[derive(Clone, Copy, Debug)]
struct Span {
    least: Nanos,
    most: Nanos,
}

/// What the wait after a failed attempt depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    pub(crate) id: &'a [u8],
    /// The number of the attempt that failed.
    pub(crate) number: u32,
    /// How long ago the round's first failure was.
    pub(crate) since_first: Duration,
    /// How long the endpoint asked to be left alone, within what the policy respects.
    pub(crate) asked: Duration,
}

/// How long to wait after this failure, or `None` when it was the last attempt.
pub(crate) fn after_failure(settings: &Settings, failure: Failure<'_>) -> Option<Duration> {
    let mut span = spread(settings, failure.number)?;
    if settings.from_first_failure {
        let (lead, passed) =
            (lead_before(&settings.schedule, failure.number), failure.since_first.as_nanos());
        let shifted = |wait: Nanos| wait.min((lead + wait).saturating_sub(passed));
        span = Span { least: shifted(span.least), most: shifted(span.most) };
    }
    let asked = failure.asked.as_nanos();
    if asked > span.least {
        let ceiling = match cap(&settings.schedule) {
            Some(cap) if asked <= cap => cap,
            _ => settings.retry_after_max.as_nanos().max(span.most),
        };
        span = Span { least: asked, most: (asked + span.most - span.least).min(ceiling).max(asked) };
    }
    Some(drawn(span, failure.id, failure.number))
}

/// How long to wait after an attempt of which nobody knows how it ended, or `None` when it was the last one: soon, later
/// after each attempt, and no longer than after a failure.
pub(crate) fn after_loss(settings: &Settings, failure: Failure<'_>) -> Option<Duration> {
    let after_failure = after_failure(settings, failure)?;
    let most = (1..failure.number).fold(settings.lost_delay.as_nanos(), |delay, _| delay.saturating_mul(2));
    let soon = drawn(Span { least: most / 2, most }, failure.id, failure.number);
    Some(soon.min(after_failure))
}

/// How long to wait after a fault of the sender's own.
pub(crate) fn after_own_fault(settings: &Settings, id: &[u8], number: u32) -> Duration {
    drawn(around(settings.jitter, settings.own_fault_delay.as_nanos()), id, number)
}

fn spread(settings: &Settings, number: u32) -> Option<Span> {
    let delay = scheduled(&settings.schedule, number)?;
    let span = if settings.jitter == Jitter::Decorrelated {
        let first = scheduled(&settings.schedule, 1)?;
        let previous = scheduled(&settings.schedule, number.saturating_sub(1).max(1))?;
        Span { least: first, most: first.max(previous * 3) }
    } else {
        around(settings.jitter, delay)
    };
    let cut = cap(&settings.schedule).unwrap_or(Nanos::MAX);
    Some(Span { least: span.least.min(cut), most: span.most.min(cut) })
}

const fn around(jitter: Jitter, delay: Nanos) -> Span {
    match jitter {
        Jitter::None => Span { least: delay, most: delay },
        Jitter::Full => Span { least: 0, most: delay },
        Jitter::Equal => Span { least: delay / 2, most: delay },
        Jitter::Decorrelated => Span { least: delay, most: delay * 3 },
        Jitter::Proportional { percent } => {
            let part = delay / 100 * percent as Nanos;
            Span { least: delay - part, most: delay + part }
        }
        // No wait fits a jitter that this reference does not know.
        _ => Span { least: Nanos::MAX, most: 0 },
    }
}

fn scheduled(schedule: &Schedule, number: u32) -> Option<Nanos> {
    match schedule {
        Schedule::List(delays) => {
            let index = usize::try_from(number.checked_sub(1)?).ok()?;
            delays.get(index).map(Duration::as_nanos)
        }
        Schedule::Constant { delay, retries } => (number <= *retries).then_some(delay.as_nanos()),
        Schedule::Exponential { initial, factor, max, retries } => (number <= *retries).then(|| {
            let grown = (1..number).fold(initial.as_nanos(), |delay, _| delay * Nanos::from(*factor));
            grown.min(max.as_nanos())
        }),
    }
}

const fn cap(schedule: &Schedule) -> Option<Nanos> {
    match schedule {
        Schedule::Exponential { max, .. } => Some(max.as_nanos()),
        Schedule::List(_) | Schedule::Constant { .. } => None,
    }
}

/// What lies between the first failure and the attempt, by the schedule; a list's entries are offsets themselves.
fn lead_before(schedule: &Schedule, number: u32) -> Nanos {
    match schedule {
        Schedule::List(_) => 0,
        Schedule::Constant { .. } | Schedule::Exponential { .. } => {
            (1..number).filter_map(|earlier| scheduled(schedule, earlier)).sum()
        }
    }
}

/// Uniform over the span, growing with the draw: nothing for zero, all of it for the greatest.
fn drawn(span: Span, id: &[u8], number: u32) -> Duration {
    let width = span.most - span.least;
    let part = Nanos::from(draw(id, number)).saturating_mul(width.saturating_add(1)) >> 64;
    let wait = span.least + part;
    Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
}

/// The documented draw: FNV-1a (RFC 9923) over the id and the attempt's number, then SplitMix64's finaliser.
fn draw(id: &[u8], number: u32) -> u64 {
    let bytes = id.iter().copied().chain(number.to_le_bytes());
    mixed(
        bytes
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)),
    )
}
