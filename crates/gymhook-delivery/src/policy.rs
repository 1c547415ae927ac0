//! `EndpointPolicy`, the settings of one endpoint, with its `Rate`, its `BreakerPolicy` and its `AutoDisable`. The
//! machine never changes them.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_retry::RetryPolicy;
use serde::{Deserialize, Serialize};

/// The settings of one endpoint: retries, limits, breaker, auto-disable, order.
///
/// ```
/// use core::num::NonZeroU32;
/// use core::time::Duration;
/// use gymhook_delivery::{EndpointPolicy, Rate};
/// use gymhook_retry::{RetryPolicy, RetrySchedule};
///
/// let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(600), 3));
/// let policy = EndpointPolicy::new(retry)
///     .with_max_in_flight(NonZeroU32::new(4).unwrap())
///     .with_rate(Some(Rate::new(NonZeroU32::new(10).unwrap(), Duration::from_secs(1))));
/// assert_eq!(
///     policy.auto_disable().to_string(),
///     "disabled after 10 failed deliveries in a row, or after failing for 120 h; warned at 50 % and 80 %",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointPolicy {
    retry: RetryPolicy,
    max_in_flight: NonZeroU32,
    rate: Option<Rate>,
    breaker: Option<BreakerPolicy>,
    auto_disable: AutoDisable,
    ordered: bool,
}

/// The maximum number of attempts in a span of time: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    attempts: NonZeroU32,
    per: Duration,
    burst: NonZeroU32,
}

/// When to stop sending to an endpoint that only fails, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerPolicy {
    trips_after: NonZeroU32,
    open_for: Duration,
    open_for_max: Duration,
}

/// When an endpoint that keeps failing is disabled, and when its owner is warned.
///
/// `Display` gives the rule in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoDisable {
    failed_in_a_row: Option<NonZeroU32>,
    failing_for: Option<Duration>,
    warn_at_percent: Vec<u8>,
}

impl EndpointPolicy {
    /// The default maximum number of attempts in flight: 8 (our default).
    pub const DEFAULT_MAX_IN_FLIGHT: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);

    /// A policy with this retry policy, [`EndpointPolicy::DEFAULT_MAX_IN_FLIGHT`], no rate limit, the default breaker
    /// and the default auto-disable, not ordered.
    #[must_use]
    pub fn new(retry: RetryPolicy) -> Self {
        Self {
            retry,
            max_in_flight: Self::DEFAULT_MAX_IN_FLIGHT,
            rate: None,
            breaker: Some(BreakerPolicy::default()),
            auto_disable: AutoDisable::default(),
            ordered: false,
        }
    }

    /// With another retry policy.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// With at most `max` attempts in flight at a time. An [ordered](Self::with_ordered) endpoint has one.
    ///
    /// ```
    /// use core::num::NonZeroU32;
    /// use gymhook_delivery::EndpointPolicy;
    /// use gymhook_retry::RetryPolicy;
    ///
    /// let four = NonZeroU32::new(4).unwrap();
    /// let policy = EndpointPolicy::new(RetryPolicy::gympoint()).with_max_in_flight(four);
    /// assert_eq!(policy.max_in_flight(), four);
    /// assert_eq!(policy.with_ordered(true).max_in_flight(), NonZeroU32::MIN);
    /// ```
    #[must_use]
    pub const fn with_max_in_flight(mut self, max: NonZeroU32) -> Self {
        self.max_in_flight = max;
        self
    }

    /// With this rate limit, or none.
    #[must_use]
    pub const fn with_rate(mut self, rate: Option<Rate>) -> Self {
        self.rate = rate;
        self
    }

    /// With this circuit breaker, or none.
    #[must_use]
    pub const fn with_breaker(mut self, breaker: Option<BreakerPolicy>) -> Self {
        self.breaker = breaker;
        self
    }

    /// With this auto-disable rule.
    #[must_use]
    pub fn with_auto_disable(mut self, auto_disable: AutoDisable) -> Self {
        self.auto_disable = auto_disable;
        self
    }

    /// Whether deliveries are sent one at a time, in the order of enqueueing.
    ///
    /// The cost: a delivery that fails blocks all later ones until it is delivered, given up or cancelled.
    #[must_use]
    pub const fn with_ordered(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// When a delivery is attempted again, and when it is given up.
    #[must_use]
    pub const fn retry(&self) -> &RetryPolicy {
        &self.retry
    }

    /// The maximum number of attempts in flight; 1 if ordered.
    #[must_use]
    pub const fn max_in_flight(&self) -> NonZeroU32 {
        if self.ordered { NonZeroU32::MIN } else { self.max_in_flight }
    }

    /// The rate limit.
    #[must_use]
    pub const fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// The circuit breaker.
    #[must_use]
    pub const fn breaker(&self) -> Option<BreakerPolicy> {
        self.breaker
    }

    /// The auto-disable rule.
    #[must_use]
    pub const fn auto_disable(&self) -> &AutoDisable {
        &self.auto_disable
    }

    /// Whether deliveries are sent in order.
    #[must_use]
    pub const fn is_ordered(&self) -> bool {
        self.ordered
    }
}

impl Rate {
    /// At most `attempts` in every `per`, evenly spaced. A `per` of zero is no limit.
    #[must_use]
    pub const fn new(attempts: NonZeroU32, per: Duration) -> Self {
        Self { attempts, per, burst: NonZeroU32::MIN }
    }

    /// With up to `burst` attempts at once after a pause.
    ///
    /// ```
    /// use core::num::NonZeroU32;
    /// use core::time::Duration;
    /// use gymhook_delivery::Rate;
    ///
    /// let minute = Duration::from_secs(60);
    /// let rate = Rate::new(NonZeroU32::new(120).unwrap(), minute).with_burst(NonZeroU32::new(10).unwrap());
    /// assert_eq!(rate.interval(), Duration::from_millis(500));
    ///
    /// // An interval is rounded up to a microsecond, so that the limit holds.
    /// let a_third = Rate::new(NonZeroU32::new(3).unwrap(), Duration::from_secs(1));
    /// assert_eq!(a_third.interval(), Duration::from_micros(333_334));
    /// ```
    #[must_use]
    pub const fn with_burst(mut self, burst: NonZeroU32) -> Self {
        self.burst = burst;
        self
    }

    /// How many attempts there may be in every [`Rate::per`].
    #[must_use]
    pub const fn attempts(self) -> NonZeroU32 {
        self.attempts
    }

    /// The span of time that [`Rate::attempts`] is about; zero is no limit.
    #[must_use]
    pub const fn per(self) -> Duration {
        self.per
    }

    /// How many attempts may come at once after a pause.
    #[must_use]
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
    }

    /// The average interval between attempts: a whole number of microseconds, rounded up, so that the limit holds.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_micros(self.interval_micros().unsigned_abs())
    }

    pub(crate) fn interval_micros(self) -> i64 {
        let nanos = self.per.as_nanos().div_ceil(u128::from(self.attempts.get()));
        i64::try_from(nanos.div_ceil(1_000)).unwrap_or(i64::MAX)
    }

    /// How much earlier than evenly spaced the last attempt of a burst may be.
    pub(crate) fn tolerance_micros(self) -> i64 {
        self.interval_micros().saturating_mul(i64::from(self.burst.get() - 1))
    }
}

impl BreakerPolicy {
    /// Opens after `trips_after` failed attempts in a row, for `open_for`; each probe that fails doubles that, up to
    /// `open_for_max`.
    ///
    /// ```
    /// use core::num::NonZeroU32;
    /// use core::time::Duration;
    /// use gymhook_delivery::BreakerPolicy;
    ///
    /// let (short, long) = (Duration::from_secs(30), Duration::from_secs(100));
    /// let breaker = BreakerPolicy::new(NonZeroU32::new(5).unwrap(), short, long);
    /// assert_eq!([0, 1, 2, 3].map(|failed| breaker.open_for(failed).as_secs()), [30, 60, 100, 100]);
    ///
    /// // A maximum below the first length is that length.
    /// let breaker = BreakerPolicy::new(NonZeroU32::MIN, long, short);
    /// assert_eq!(breaker.open_for(7), long);
    /// ```
    #[must_use]
    pub fn new(trips_after: NonZeroU32, open_for: Duration, open_for_max: Duration) -> Self {
        Self { trips_after, open_for, open_for_max: open_for_max.max(open_for) }
    }

    /// How many failed attempts in a row open it.
    #[must_use]
    pub const fn trips_after(self) -> NonZeroU32 {
        self.trips_after
    }

    /// How long it stays open after `probes_failed` failed probes in a row.
    #[must_use]
    pub fn open_for(self, probes_failed: u32) -> Duration {
        let factor = 1_u32.checked_shl(probes_failed).unwrap_or(u32::MAX);
        self.open_for.saturating_mul(factor).min(self.open_for_max)
    }
}

impl Default for BreakerPolicy {
    /// Opens after 5 failed attempts in a row, for 30 s, doubling up to 2 min (our default): an endpoint that
    /// recovers is found soon, and a probe every two minutes costs nothing.
    fn default() -> Self {
        let trips_after = NonZeroU32::MIN.saturating_add(4);
        Self::new(trips_after, Duration::from_secs(30), Duration::from_secs(120))
    }
}

impl AutoDisable {
    /// Never disables an endpoint for failing. A 410 still does, if the retry policy
    /// [takes it for the end](gymhook_retry::Classify::disabling_on_gone).
    #[must_use]
    pub const fn never() -> Self {
        Self { failed_in_a_row: None, failing_for: None, warn_at_percent: Vec::new() }
    }

    /// The number of failed *deliveries* (not attempts) in a row after which the endpoint is disabled; `None` for no
    /// such limit.
    #[must_use]
    pub const fn with_failed_in_a_row(mut self, deliveries: Option<NonZeroU32>) -> Self {
        self.failed_in_a_row = deliveries;
        self
    }

    /// How long attempts must fail, without a success, before the endpoint is disabled; `None` for no such limit.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gymhook_delivery::AutoDisable;
    ///
    /// let rule = AutoDisable::never().with_failing_for(Some(Duration::from_secs(3_600)));
    /// assert_eq!(rule.to_string(), "disabled after failing for 1 h");
    /// assert_eq!(AutoDisable::never().to_string(), "never disabled for failing");
    /// ```
    #[must_use]
    pub const fn with_failing_for(mut self, span: Option<Duration>) -> Self {
        self.failing_for = span;
        self
    }

    /// The percentages of a limit at which a warning is recorded; 0 and anything above 99 is ignored.
    ///
    /// ```
    /// use gymhook_delivery::AutoDisable;
    ///
    /// let rule = AutoDisable::default().with_warnings([90, 50, 50, 0, 100]);
    /// assert_eq!(rule.warnings(), [50, 90]);
    /// ```
    #[must_use]
    pub fn with_warnings(mut self, percents: impl IntoIterator<Item = u8>) -> Self {
        self.warn_at_percent = percents.into_iter().filter(|percent| (1..=99).contains(percent)).collect();
        self.warn_at_percent.sort_unstable();
        self.warn_at_percent.dedup();
        self
    }

    /// The number of failed deliveries in a row after which the endpoint is disabled.
    #[must_use]
    pub const fn failed_in_a_row(&self) -> Option<NonZeroU32> {
        self.failed_in_a_row
    }

    /// How long attempts must fail before the endpoint is disabled.
    #[must_use]
    pub const fn failing_for(&self) -> Option<Duration> {
        self.failing_for
    }

    /// At which percentages of a limit a warning is given, ascending.
    #[must_use]
    pub fn warnings(&self) -> &[u8] {
        &self.warn_at_percent
    }

    /// How much of each limit is used up, in percent; 100 or more means: disable.
    pub(crate) fn judge(&self, failed_in_a_row: u32, failing_for: Duration) -> Judgement {
        let by_count =
            self.failed_in_a_row.map_or(0, |limit| percent(failed_in_a_row.into(), limit.get().into()));
        let by_span = self.failing_for.map_or(0, |limit| percent(failing_for.as_nanos(), limit.as_nanos()));
        Judgement { by_count, by_span }
    }
}

/// How much of each limit of an [`AutoDisable`] is used up, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) by_count: u64,
    pub(crate) by_span: u64,
}

/// A limit of zero is always reached.
fn percent(part: u128, whole: u128) -> u64 {
    u64::try_from(part.saturating_mul(100).checked_div(whole).unwrap_or(100)).unwrap_or(u64::MAX)
}

impl Default for AutoDisable {
    /// After 10 failed deliveries in a row or after failing for 120 hours, warned at 50 % and 80 % (our default: the
    /// platforms publish no more than that there is a limit).
    fn default() -> Self {
        Self::never()
            .with_failed_in_a_row(Some(NonZeroU32::MIN.saturating_add(9)))
            .with_failing_for(Some(Duration::from_secs(120 * 3_600)))
            .with_warnings([50, 80])
    }
}

impl fmt::Display for AutoDisable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.failed_in_a_row, self.failing_for) {
            (None, None) => return f.write_str("never disabled for failing"),
            (Some(count), None) => write!(f, "disabled after {count} failed deliveries in a row")?,
            (None, Some(span)) => write!(f, "disabled after failing for {}", Hours(span))?,
            (Some(count), Some(span)) => {
                write!(
                    f,
                    "disabled after {count} failed deliveries in a row, or after failing for {}",
                    Hours(span)
                )?;
            }
        }
        for (stage, percent) in self.warn_at_percent.iter().enumerate() {
            write!(f, "{} {percent} %", if stage == 0 { "; warned at" } else { " and" })?;
        }
        Ok(())
    }
}

struct Hours(Duration);

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds.is_multiple_of(3_600) && self.0.subsec_nanos() == 0 {
            write!(f, "{} h", seconds / 3_600)
        } else {
            write!(f, "{:?}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn count(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    #[test]
    fn an_interval_is_rounded_up_so_that_the_rate_holds() {
        let third = Rate::new(count(3), Duration::from_secs(1));
        assert_eq!(third.interval(), Duration::from_micros(333_334));
        assert_eq!(Rate::new(count(1), Duration::MAX).interval_micros(), i64::MAX);
        assert_eq!(Rate::new(count(5), Duration::ZERO).interval(), Duration::ZERO);
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_its_maximum() {
        let breaker = BreakerPolicy::new(count(1), Duration::from_secs(30), Duration::from_secs(100));
        let pauses = [0, 1, 2, 31, 32, u32::MAX].map(|failed| breaker.open_for(failed).as_secs());
        assert_eq!(pauses, [30, 60, 100, 100, 100, 100]);
        let inverted = BreakerPolicy::new(count(1), Duration::from_secs(30), Duration::ZERO);
        assert_eq!(inverted.open_for(3), Duration::from_secs(30));
    }

    #[test]
    fn each_limit_is_judged_by_itself() {
        let judge = |failed: u32, hours: u64| {
            AutoDisable::default().judge(failed, Duration::from_secs(hours * 3_600))
        };
        assert_eq!(judge(5, 96), Judgement { by_count: 50, by_span: 80 });
        assert_eq!(judge(9, 120), Judgement { by_count: 90, by_span: 100 });
        let never = AutoDisable::never().judge(u32::MAX, Duration::MAX);
        assert_eq!(never, Judgement { by_count: 0, by_span: 0 });
        let at_once = AutoDisable::never().with_failing_for(Some(Duration::ZERO));
        assert_eq!(at_once.judge(0, Duration::ZERO).by_span, 100);
    }

    #[test]
    fn warnings_are_sorted_and_within_the_limit() {
        let rule = AutoDisable::never().with_warnings([80, 0, 50, 100, 80, 255]);
        assert_eq!(rule.warnings(), [50, 80]);
    }

    #[test]
    fn a_rule_reads_as_one_sentence() {
        let never = AutoDisable::never();
        let (by_count, by_span) = (Some(count(3)), |span| Some(Duration::from_secs(span)));
        assert_eq!(never.to_string(), "never disabled for failing");
        let rule = never.clone().with_failed_in_a_row(by_count);
        assert_eq!(rule.to_string(), "disabled after 3 failed deliveries in a row");
        let rule = rule.with_failing_for(by_span(7_200)).with_warnings([25, 50, 75]);
        let whole = "disabled after 3 failed deliveries in a row, or after failing for 2 h; warned at 25 % and 50 % and 75 %";
        assert_eq!(rule.to_string(), whole);
        let rule = never.clone().with_failing_for(by_span(5_400));
        assert_eq!(rule.to_string(), "disabled after failing for 5400s");
        let odd = Duration::from_secs(3_600) + Duration::from_millis(1);
        let rule = never.with_failing_for(Some(odd));
        assert_eq!(rule.to_string(), "disabled after failing for 3600.001s");
    }
}
