//! When a sender dies.

use core::time::Duration;

use crate::orders::{CrashPoint, Signal};
use crate::random::Random;

/// When a sender dies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// By itself, at this point.
    At(CrashPoint),
    /// This long after it was started, drawn in milliseconds.
    AfterStart(Duration),
    /// This long after it first enqueued something, drawn in microseconds.
    AtWork(Duration),
}

/// Every operation that a sender's engine uses, each before and after, with how often it may be reached before.
pub const CRASH_POINTS: [(&str, &str, u64); 18] = [
    ("now", "before", 12),
    ("now", "after", 12),
    ("put-subscription", "before", 6),
    ("put-subscription", "after", 6),
    ("subscription", "before", 4),
    ("subscription", "after", 4),
    ("enqueue", "before", 20),
    ("enqueue", "after", 20),
    ("lease", "before", 8),
    ("lease", "after", 8),
    ("commit", "before", 25),
    ("commit", "after", 25),
    ("fetch", "before", 15),
    ("fetch", "after", 15),
    ("take-over", "before", 1),
    ("take-over", "after", 1),
    ("work-arrived", "before", 8),
    ("work-arrived", "after", 8),
];

impl Moment {
    /// The moment of the kill with this number: first every point in turn, then any moment.
    #[must_use]
    pub fn of(kill: usize, random: &mut Random) -> Self {
        if let Some((operation, when, most)) = CRASH_POINTS.get(kill) {
            let nth = 1 + random.below(*most);
            return Self::At(CrashPoint {
                operation: (*operation).to_owned(),
                when: (*when).to_owned(),
                nth,
                signal: Signal::Kill,
            });
        }
        if random.below(4) == 0 {
            return Self::AfterStart(Duration::from_millis(random.below(120)));
        }
        Self::AtWork(Duration::from_micros(random.below(300_000)))
    }

    /// The point, if it is one.
    #[must_use]
    pub fn point(&self) -> Option<CrashPoint> {
        match self {
            Self::At(point) => Some(point.clone()),
            Self::AfterStart(_) | Self::AtWork(_) => None,
        }
    }
}
