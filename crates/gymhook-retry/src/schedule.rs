//! `RetrySchedule`: the delay after each failed attempt, fixed, constant or exponential.

use core::time::Duration;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::AttemptNumber;

/// How many retries there are, and how long each waits after the attempt that failed.
///
/// [`RetrySchedule::delay_after`] is the only way to read it, so there is no index that could be off by one. All arithmetic
/// is on integers and saturates: a schedule never panics and never wraps around to a short delay.
///
/// ```
/// use core::time::Duration;
/// use gymhook_retry::{AttemptNumber, RetrySchedule};
///
/// let minutes = |n: u64| Duration::from_secs(60 * n);
/// let schedule = RetrySchedule::exponential(minutes(1), 4, minutes(60), 4)?;
/// let delays: Vec<_> =
///     (1..=5).filter_map(AttemptNumber::new).map(|failed| schedule.delay_after(failed)).collect();
/// assert_eq!(delays, [Some(minutes(1)), Some(minutes(4)), Some(minutes(16)), Some(minutes(60)), None]);
/// # Ok::<(), gymhook_retry::ScheduleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct RetrySchedule(pub(crate) Form);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    Fixed(Cow<'static, [Duration]>),
    Constant { delay: Duration, retries: u32 },
    Exponential { initial: Duration, factor: u32, max: Duration, retries: u32 },
}

impl RetrySchedule {
    /// No retries: the first attempt is the only one.
    ///
    /// ```
    /// use gymhook_retry::{AttemptNumber, RetrySchedule};
    ///
    /// assert_eq!(RetrySchedule::never().delay_after(AttemptNumber::FIRST), None);
    /// ```
    #[must_use]
    pub const fn never() -> Self {
        Self(Form::Fixed(Cow::Borrowed(&[])))
    }

    /// One retry for each delay in the list, in order. An empty list is [`RetrySchedule::never`].
    ///
    /// ```
    /// use core::time::Duration;
    /// use gymhook_retry::{AttemptNumber, RetrySchedule};
    ///
    /// let schedule = RetrySchedule::fixed(vec![Duration::from_secs(5), Duration::from_secs(300)]);
    /// assert_eq!(schedule.delay_after(AttemptNumber::FIRST.next()), Some(Duration::from_secs(300)));
    /// assert_eq!(schedule.retries(), 2);
    /// ```
    #[must_use]
    pub fn fixed(delays: impl Into<Cow<'static, [Duration]>>) -> Self {
        Self(Form::Fixed(delays.into()))
    }

    /// `retries` retries, each `delay` after the attempt that failed.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gymhook_retry::{AttemptNumber, RetrySchedule};
    ///
    /// let schedule = RetrySchedule::constant(Duration::from_secs(600), 1);
    /// assert_eq!(schedule.delay_after(AttemptNumber::FIRST), Some(Duration::from_secs(600)));
    /// assert_eq!(schedule.delay_after(AttemptNumber::FIRST.next()), None); // that was the only retry
    ///
    /// assert_eq!(RetrySchedule::constant(Duration::MAX, 0).retries(), 0);
    /// ```
    #[must_use]
    pub const fn constant(delay: Duration, retries: u32) -> Self {
        Self(Form::Constant { delay, retries })
    }

    /// `retries` retries whose delays grow from `initial` by `factor` each time and stop growing at `max`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gymhook_retry::{AttemptNumber, RetrySchedule, ScheduleError};
    ///
    /// let seconds = Duration::from_secs;
    /// let schedule = RetrySchedule::exponential(seconds(1), 10, seconds(60), u32::MAX)?;
    /// let delay = |failed| AttemptNumber::new(failed).and_then(|failed| schedule.delay_after(failed));
    /// assert_eq!([1, 2, 3, 4].map(delay), [1, 10, 60, 60].map(seconds).map(Some));
    ///
    /// // It never overflows, and there is never a retry after the last attempt number.
    /// assert_eq!(delay(u32::MAX - 1), Some(seconds(60)));
    /// assert_eq!(delay(u32::MAX), None);
    ///
    /// let refused = RetrySchedule::exponential(seconds(60), 2, seconds(1), 3);
    /// assert_eq!(refused, Err(ScheduleError::MaxBelowInitial { initial: seconds(60), max: seconds(1) }));
    /// # Ok::<(), ScheduleError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ScheduleError::ZeroFactor`]: with a factor of zero, every delay but the first would be zero.
    /// - [`ScheduleError::ZeroInitial`]: a delay of zero never grows.
    /// - [`ScheduleError::MaxBelowInitial`]: the first delay would already exceed the cap.
    pub fn exponential(
        initial: Duration,
        factor: u32,
        max: Duration,
        retries: u32,
    ) -> Result<Self, ScheduleError> {
        Form::Exponential { initial, factor, max, retries }.try_into()
    }

    /// The delay after attempt `failed`, before jitter; `None` if it was the last attempt.
    ///
    /// There is never a retry after [`AttemptNumber::MAX`].
    #[must_use]
    pub fn delay_after(&self, failed: AttemptNumber) -> Option<Duration> {
        if failed == AttemptNumber::MAX {
            return None;
        }
        match &self.0 {
            Form::Fixed(delays) => {
                delays.get(usize::try_from(failed.predecessors()).unwrap_or(usize::MAX)).copied()
            }
            Form::Constant { delay, retries } => (failed.get() <= *retries).then_some(*delay),
            Form::Exponential { initial, factor, max, retries } => (failed.get() <= *retries)
                .then(|| grown(*initial, *factor, failed.predecessors()).map_or(*max, |d| d.min(*max))),
        }
    }

    /// How many retries follow the first attempt.
    #[must_use]
    pub fn retries(&self) -> u32 {
        let retries = match &self.0 {
            Form::Fixed(delays) => u32::try_from(delays.len()).unwrap_or(u32::MAX),
            Form::Constant { retries, .. } | Form::Exponential { retries, .. } => *retries,
        };
        retries.min(AttemptNumber::MAX.predecessors())
    }

    /// The delay that jitter may never exceed: an exponential schedule's `max`; the other forms set none.
    #[must_use]
    pub const fn cap(&self) -> Option<Duration> {
        match &self.0 {
            Form::Exponential { max, .. } => Some(*max),
            Form::Fixed(_) | Form::Constant { .. } => None,
        }
    }

    /// The time between the first failure and the point from which `delay_after(failed)` counts, if delays are anchored at
    /// the first failure: the sum of the earlier delays for a rule; zero for a list, whose entries are then offsets
    /// themselves.
    pub(crate) fn lead_before(&self, failed: AttemptNumber) -> Duration {
        let earlier = failed.predecessors();
        match &self.0 {
            Form::Fixed(_) => Duration::ZERO,
            Form::Constant { delay, .. } => delay.saturating_mul(earlier),
            Form::Exponential { initial, factor, max, .. } => sum_grown(*initial, *factor, *max, earlier),
        }
    }
}

impl TryFrom<Form> for RetrySchedule {
    type Error = ScheduleError;

    fn try_from(form: Form) -> Result<Self, ScheduleError> {
        if let Form::Exponential { initial, factor, max, .. } = form {
            if factor == 0 {
                return Err(ScheduleError::ZeroFactor);
            }
            if initial.is_zero() {
                return Err(ScheduleError::ZeroInitial);
            }
            if max < initial {
                return Err(ScheduleError::MaxBelowInitial { initial, max });
            }
        }
        Ok(Self(form))
    }
}

impl From<RetrySchedule> for Form {
    fn from(schedule: RetrySchedule) -> Self {
        schedule.0
    }
}

/// Why an exponential schedule was refused. Caused by the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// With a factor of zero, every delay but the first would be zero.
    #[error("the factor of an exponential schedule is zero: set at least 1")]
    ZeroFactor,
    /// A delay of zero never grows.
    #[error("the first delay of an exponential schedule is zero, and would never grow: set a longer one")]
    ZeroInitial,
    /// The first delay already exceeds the cap.
    #[error("the first delay {initial:?} exceeds the longest delay {max:?}: swap or change them")]
    MaxBelowInitial {
        /// The first delay.
        initial: Duration,
        /// The cap on every delay.
        max: Duration,
    },
}

/// `initial × factor^times`, or `None` beyond what a `Duration` holds.
fn grown(initial: Duration, factor: u32, times: u32) -> Option<Duration> {
    from_nanos(u128::from(factor).checked_pow(times)?.checked_mul(initial.as_nanos())?)
}

/// The sum of the first `terms` delays of an exponential schedule.
///
/// No step overflows: a `Duration` has less than 2^94 nanoseconds, and `factor` and `terms` less than 2^32.
fn sum_grown(initial: Duration, factor: u32, max: Duration, terms: u32) -> Duration {
    if factor == 1 {
        return initial.saturating_mul(terms);
    }
    let (mut sum, mut delay, max) = (0, initial.as_nanos(), max.as_nanos());
    for done in 0..terms {
        if delay >= max {
            sum += max * u128::from(terms - done);
            break;
        }
        sum += delay;
        delay *= u128::from(factor);
    }
    from_nanos(sum).unwrap_or(Duration::MAX)
}

fn from_nanos(nanos: u128) -> Option<Duration> {
    if let Ok(nanos) = u64::try_from(nanos) {
        return Some(Duration::from_nanos(nanos)); // spares the division in 128 bits, which is slow
    }
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).ok()?;
    let rest = u32::try_from(nanos % NANOS_PER_SECOND).ok()?;
    Some(Duration::new(seconds, rest))
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
