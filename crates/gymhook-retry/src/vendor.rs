//! The `RetryPolicy` presets: what each platform publishes about its retries. What it does not publish is our default,
//! and marked as such.

use core::time::Duration;
use std::borrow::Cow;

use crate::schedule::Form;
use crate::{Classify, Jitter, RetryPolicy, RetrySchedule};

/// Presets. In each, every status but 2xx is a failure that is retried, 410 included, and redirects are never followed:
/// GymPoint ("a non-2xx status code"), PG Next ("in case of any error") and Point ("all non 2xx") state it. Only
/// [`RetryPolicy::standard_webhooks`] takes 410 for the end of the endpoint, as its specification does; for a platform,
/// that is [`Classify::disabling_on_gone`] away. No platform publishes what it does with `Retry-After`: the defaults here
/// apply.
impl RetryPolicy {
    /// GymPoint: retries 5 minutes, 30 minutes and 2 hours "after failure"; 30 s an attempt.
    ///
    /// <https://gympoint.ai/knowledge-base/settings/integrations-api>, "Webhook retry behavior". "After failure" is
    /// read as: after the attempt that failed last (attempts at 0, 5 min, 35 min, 2 h 35 min). For the other reading
    /// (0, 5 min, 30 min, 2 h) set [`Anchor::FirstFailure`](crate::Anchor::FirstFailure).
    #[must_use]
    pub const fn gympoint() -> Self {
        Self::new(RetrySchedule(Form::Fixed(Cow::Borrowed(&GYMPOINT_DELAYS))))
            .with_attempt_timeout(seconds(30))
    }

    /// EGYM: no retries; 5 s an attempt.
    ///
    /// <https://developer.egym.com/general/webhooks> gives the 5 s and says nothing of retries. Not published by the
    /// vendor: that there are none is our default; [`RetryPolicy::with_schedule`] sets others.
    #[must_use]
    pub const fn egym() -> Self {
        Self::new(RetrySchedule::never()).with_attempt_timeout(seconds(5))
    }

    /// PerfectGym (classic): no automatic retries; 5 s an attempt.
    ///
    /// <https://kb.perfectgym.com/article/how-use-and-set-webhooks> gives the 5 s, tells receivers to expect the same
    /// request again, and shows a button that repeats one by hand. Whether and when it is repeated automatically is not
    /// published by the vendor: that it is not is our default; [`RetryPolicy::with_schedule`] sets a schedule.
    #[must_use]
    pub const fn perfectgym() -> Self {
        Self::new(RetrySchedule::never()).with_attempt_timeout(seconds(5))
    }

    /// PG Next: up to 3 repeats, 10 minutes after each failed attempt; 5 s an attempt.
    ///
    /// <https://developer.sportalliance.com/apis/perfectgym/webhooks/general-information>: "In case of any error, Webhook
    /// request will be resend after 10 minutes. We will try to send that request for a total of 3 repeats." The same page
    /// also says that there is no retry, see [`RetryPolicy::pg_next_no_retry`]. "A total of 3 repeats" is read as three
    /// after the first attempt, four requests in all.
    #[must_use]
    pub const fn pg_next() -> Self {
        Self::new(RetrySchedule::constant(seconds(10 * 60), 3)).with_attempt_timeout(seconds(5))
    }

    /// PG Next by its other sentence: no retries; 5 s an attempt.
    ///
    /// <https://developer.sportalliance.com/apis/perfectgym/webhooks/general-information>: "For any unsuccessful webhook
    /// deliveries there is no retry." [`RetryPolicy::pg_next`] follows the page's later, more detailed sentences.
    #[must_use]
    pub const fn pg_next_no_retry() -> Self {
        Self::new(RetrySchedule::never()).with_attempt_timeout(seconds(5))
    }

    /// Point: 4 retries after 1, 4, 16 and 60 minutes, each at full jitter; 30 s an attempt.
    ///
    /// <https://www.areyouonpoint.co/docs/webhooks-overview> gives the 30 s and says that every status but 2xx is
    /// retried. How often and when is not published by the vendor: the schedule and its jitter are ours.
    #[must_use]
    pub const fn point() -> Self {
        Self::new(RetrySchedule(Form::Exponential {
            initial: seconds(60),
            factor: 4,
            max: seconds(60 * 60),
            retries: 4,
        }))
        .with_jitter(Jitter::Full)
        .with_attempt_timeout(seconds(30))
    }

    /// Standard Webhooks: the example schedule of its specification, ten attempts over three days; 30 s an attempt.
    ///
    /// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>, "Deliverability and
    /// reliability": at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h. It recommends "some level
    /// of random jitter" (10 % to either side is our choice) and a request timeout from 15 to 30 s. A 410 ends the endpoint
    /// ("Delivery success and failure").
    #[must_use]
    pub const fn standard_webhooks() -> Self {
        Self::classifying(
            RetrySchedule(Form::Fixed(Cow::Borrowed(&STANDARD_WEBHOOKS_DELAYS))),
            Classify::new().disabling_on_gone(),
        )
        .with_jitter(Jitter::Proportional { percent: 10 })
        .with_attempt_timeout(seconds(30))
    }
}

const GYMPOINT_DELAYS: [Duration; 3] = [seconds(5 * 60), seconds(30 * 60), seconds(2 * HOUR)];

const STANDARD_WEBHOOKS_DELAYS: [Duration; 9] = [
    seconds(5),
    seconds(5 * 60),
    seconds(30 * 60),
    seconds(2 * HOUR),
    seconds(5 * HOUR),
    seconds(10 * HOUR),
    seconds(14 * HOUR),
    seconds(20 * HOUR),
    seconds(24 * HOUR),
];

const HOUR: u64 = 60 * 60;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
