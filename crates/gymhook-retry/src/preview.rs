//! `Preview`: computes the times of all attempts of a policy in advance.

use core::iter::FusedIterator;

use time::UtcDateTime;

use crate::time_math::{elapsed, later};
use crate::{AttemptNumber, RetryPolicy};

/// The attempts of a delivery that never succeeds, in order; made by [`RetryPolicy::preview`].
///
/// A lazy iterator, so that a policy with a billion retries costs nothing until it is asked.
///
/// ```
/// use gymhook_retry::RetryPolicy;
/// use time::macros::utc_datetime;
///
/// let policy = RetryPolicy::gympoint();
/// let preview = policy.preview(utc_datetime!(2026-01-01 12:00));
/// let earliest: Vec<_> = preview.clone().map(|attempt| attempt.earliest).collect();
/// assert_eq!(earliest.last(), Some(&utc_datetime!(2026-01-01 14:35)));
/// // Four attempts, each of which may take 30 s:
/// assert_eq!(preview.gives_up_at(), utc_datetime!(2026-01-01 14:37));
/// ```
#[derive(Clone, Debug)]
pub struct Preview<'a> {
    policy: &'a RetryPolicy,
    start: UtcDateTime,
    next: Option<PreviewedAttempt>,
    /// The attempt that was read last; the first, before any was read.
    read: PreviewedAttempt,
}

/// When one attempt takes place if all earlier ones failed. It ignores internal faults, which are not charged, and lost attempts,
/// which are followed sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreviewedAttempt {
    /// Its number.
    pub attempt: AttemptNumber,
    /// If every attempt fails at once and every draw is the lowest.
    pub earliest: UtcDateTime,
    /// If every attempt takes the whole [`RetryPolicy::attempt_timeout`] and every draw is the highest.
    pub latest: UtcDateTime,
    /// As `latest`, if in addition every answer asks to wait at least as long as [`RetryPolicy::retry_after_max`].
    pub latest_throttled: UtcDateTime,
}

impl<'a> Preview<'a> {
    pub(crate) fn new(policy: &'a RetryPolicy, start: UtcDateTime) -> Self {
        let first = PreviewedAttempt {
            attempt: AttemptNumber::FIRST,
            earliest: start,
            latest: start,
            latest_throttled: start,
        };
        Self { policy, start, next: Some(first), read: first }
    }

    /// The latest moment of giving up, if no answer asks to wait: the end of the last attempt.
    ///
    /// Takes one step for each remaining attempt.
    #[must_use]
    pub fn gives_up_at(&self) -> UtcDateTime {
        later(self.last_attempt().latest, self.policy.attempt_timeout())
    }

    /// The latest moment of giving up whatever the endpoint answers: the worst case of [`Self::gives_up_at`] with a
    /// `Retry-After` in every answer.
    #[must_use]
    pub fn gives_up_at_throttled(&self) -> UtcDateTime {
        later(self.last_attempt().latest_throttled, self.policy.attempt_timeout())
    }

    fn last_attempt(&self) -> PreviewedAttempt {
        self.clone().last().unwrap_or(self.read)
    }

    fn after(&self, failed: PreviewedAttempt) -> Option<PreviewedAttempt> {
        let timeout = self.policy.attempt_timeout();
        let waits = |first: UtcDateTime, now: UtcDateTime| {
            self.policy.spread_after(failed.attempt, elapsed(first, now))
        };
        let first_end = later(self.start, timeout);
        let latest_end = later(failed.latest, timeout);
        let throttled_end = later(failed.latest_throttled, timeout);
        let throttled = self
            .policy
            .no_sooner_than(self.policy.retry_after_max(), waits(first_end, throttled_end)?)
            .longest();
        Some(PreviewedAttempt {
            attempt: failed.attempt.next(),
            earliest: later(failed.earliest, waits(self.start, failed.earliest)?.shortest()),
            latest: later(latest_end, waits(first_end, latest_end)?.longest()),
            latest_throttled: later(throttled_end, throttled),
        })
    }
}

impl Iterator for Preview<'_> {
    type Item = PreviewedAttempt;

    fn next(&mut self) -> Option<PreviewedAttempt> {
        let current = self.next.take()?;
        self.next = self.after(current);
        self.read = current;
        Some(current)
    }
}

impl FusedIterator for Preview<'_> {}
