//! `Jitter` and `Spread`: spreading attempts, by a number that the caller draws.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AttemptNumber, RetrySchedule};

/// How a scheduled delay is spread, so that what failed together does not come back together.
///
/// Jitter is a pure function of the schedule, the attempt and a `u64` that the caller draws (see [`draw`]). For every
/// draw the wait lies within [`Jitter::spread`], uniformly, and never exceeds [`RetrySchedule::cap`].
///
/// [`draw`]: crate::draw()
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Jitter {
    /// Exactly the scheduled delay.
    #[default]
    None,
    /// Anything from zero to the scheduled delay: spreads a crowd best.
    Full,
    /// Anything from half the scheduled delay to all of it: spreads, yet always leaves a pause.
    Equal,
    /// Anything from the schedule's first delay to three times the previous one.
    ///
    /// The well-known rule of this name looks back at the previous delay *as drawn*, which a stateless decision does
    /// not know. Here the previous delay is the *scheduled* one (the first delay, when there is none before), which
    /// keeps the shape and survives a restart. Meant for exponential schedules.
    Decorrelated,
    /// The scheduled delay, up to a percentage less or more.
    Proportional {
        /// Per cent of the delay to either side; more than 100 counts as 100.
        percent: u8,
    },
}

impl Jitter {
    /// The shortest and the longest wait after attempt `failed`; `None` when the schedule has no retry left.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gymhook_retry::{AttemptNumber, Jitter, RetrySchedule};
    ///
    /// let schedule = RetrySchedule::constant(Duration::from_secs(60), 3);
    /// let spread = Jitter::Equal.spread(&schedule, AttemptNumber::FIRST).expect("a first retry");
    /// assert_eq!((spread.shortest(), spread.longest()), (Duration::from_secs(30), Duration::from_secs(60)));
    /// assert_eq!(spread.pick(u64::MAX / 2), Duration::from_nanos(45_000_000_000));
    /// ```
    #[must_use]
    pub fn spread(self, schedule: &RetrySchedule, failed: AttemptNumber) -> Option<Spread> {
        let delay = schedule.delay_after(failed)?;
        let spread = match self {
            Self::None | Self::Full | Self::Equal | Self::Proportional { .. } => self.around(delay),
            Self::Decorrelated => {
                let first = schedule.delay_after(AttemptNumber::FIRST)?;
                let previous =
                    AttemptNumber::new(failed.predecessors()).and_then(|n| schedule.delay_after(n));
                Spread::new(first, previous.unwrap_or(first).saturating_mul(3))
            }
        };
        Some(spread.capped(schedule.cap()))
    }

    /// The spread of a single delay that is not part of a schedule.
    pub(crate) fn around(self, delay: Duration) -> Spread {
        match self {
            Self::None => Spread::new(delay, delay),
            Self::Full => Spread::new(Duration::ZERO, delay),
            Self::Equal => Spread::new(delay / 2, delay),
            Self::Decorrelated => Spread::new(delay, delay.saturating_mul(3)),
            Self::Proportional { percent } => {
                let part = percent_of(delay, percent.min(100));
                Spread::new(delay - part, delay.saturating_add(part))
            }
        }
    }
}

/// The shortest and the longest wait that jitter can choose; both are within reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    shortest: Duration,
    longest: Duration,
}

impl Spread {
    /// The shortest wait: the one for a draw of zero.
    #[must_use]
    pub const fn shortest(self) -> Duration {
        self.shortest
    }

    /// The longest wait: the one for a draw of `u64::MAX`.
    #[must_use]
    pub const fn longest(self) -> Duration {
        self.longest
    }

    /// The wait for this draw: uniform over the spread, growing with the draw.
    ///
    /// The grain is a nanosecond; for a spread wider than 584 years, whole seconds.
    #[must_use]
    pub fn pick(self, draw: u64) -> Duration {
        let width = self.longest.saturating_sub(self.shortest);
        let part = match u64::try_from(width.as_nanos()) {
            Ok(nanos) => Duration::from_nanos(share_of(nanos, draw)),
            Err(_) => Duration::from_secs(share_of(width.as_secs(), draw)),
        };
        self.shortest.saturating_add(part)
    }

    fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest: longest.max(shortest) }
    }

    /// Cut at the top; the draws are then uniform over the rest, instead of accumulating at the cap.
    fn capped(self, cap: Option<Duration>) -> Self {
        match cap {
            Some(cap) => Self { shortest: self.shortest.min(cap), longest: self.longest.min(cap) },
            None => self,
        }
    }

    /// Counted from an earlier anchor: `lead` later, less the `passed` time since then, and never later than this.
    pub(crate) fn anchored(self, lead: Duration, passed: Duration) -> Self {
        let shift = |wait: Duration| lead.saturating_add(wait).saturating_sub(passed).min(wait);
        Self { shortest: shift(self.shortest), longest: shift(self.longest) }
    }

    /// Moved up, at its own width, so that it begins no earlier than `floor`, and cut at `ceiling` above that.
    pub(crate) fn raised(self, floor: Duration, ceiling: Duration) -> Self {
        if floor <= self.shortest {
            return self;
        }
        let width = self.longest.saturating_sub(self.shortest);
        Self::new(floor, floor.saturating_add(width).min(ceiling))
    }
}

/// A whole number from 0 to `most`, both included, each equally likely over all draws.
fn share_of(most: u64, draw: u64) -> u64 {
    let scaled = (u128::from(draw) * (u128::from(most) + 1)) >> 64;
    u64::try_from(scaled).unwrap_or(most)
}

/// `percent` hundredths of `delay`; no intermediate overflows for a `percent` up to 100.
fn percent_of(delay: Duration, percent: u8) -> Duration {
    (delay / 100).saturating_mul(u32::from(percent))
}
