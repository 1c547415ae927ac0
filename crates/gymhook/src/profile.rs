//! `Profile`: what a platform does around its requests, each setting with its source: `Signing`, `UrlRule`,
//! `ResponseCapture`, `DigestDedupe`.

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_delivery::{AutoDisable, BreakerPolicy, EndpointPolicy};
use gymhook_retry::RetryPolicy;

use crate::{Setting, Source};

/// Which URLs a platform sends to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum UrlRule {
    /// `https` only, on any port.
    Https,
    /// `https` on port 443 only.
    HttpsOn443,
}

/// How much of a response is kept in the delivery log, in characters.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct ResponseCapture {
    /// The largest number of characters kept.
    pub max_characters: usize,
}

impl ResponseCapture {
    /// Keeps the first characters of a response, up to this number.
    #[must_use]
    pub const fn new(max_characters: usize) -> Self {
        Self { max_characters }
    }
}

/// How a platform signs, in words, with the source of each part.
///
/// The scheme itself is [`Provider::scheme`](crate::Provider::scheme); this description is for people, and has no effect.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Signing {
    /// The source of the headers' names.
    pub headers: Source,
    /// What the headers contain.
    pub signature: Setting<&'static str>,
    /// The source of what the signature covers.
    pub proves: Source,
    /// Which bytes form the secret.
    pub secret: Setting<&'static str>,
    /// Which ids a request may have, where it has one beside its body.
    pub request_id: Option<Setting<&'static str>>,
    /// How the signed time is written and judged, where there is one.
    pub time: Option<Setting<&'static str>>,
}

impl Signing {
    /// A scheme that the user of this library set up.
    #[must_use]
    pub const fn configured() -> Self {
        Self {
            headers: Source::Configured,
            signature: Setting::configured("as the scheme is set up"),
            proves: Source::Configured,
            secret: Setting::configured("as it was made"),
            request_id: None,
            time: None,
        }
    }
}

/// How long an equal body counts as a repeat, if a request has no [key](crate::Received::dedupe_key).
///
/// Two real events with equal bodies within the window count as one. So use it for types whose bodies distinguish events, or
/// whose repetition has no effect.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct DigestDedupe {
    /// How long, counted from the first one: longer than the platform retries.
    pub window: Duration,
    /// The types that it applies to; `None` for every type. Two equal bodies of another type are two events.
    pub only: Option<&'static [&'static str]>,
}

impl DigestDedupe {
    /// Repeats of every type are recognised for this long.
    #[must_use]
    pub const fn new(window: Duration) -> Self {
        Self { window, only: None }
    }

    /// The same window for these types only.
    #[must_use]
    pub const fn only_for(self, types: &'static [&'static str]) -> Self {
        Self { only: Some(types), ..self }
    }

    /// Whether it applies to this type.
    #[must_use]
    pub fn holds_for(&self, event_type: &str) -> bool {
        self.only.is_none_or(|only| only.contains(&event_type))
    }
}

/// What a platform does around its requests, besides scheme and payload.
///
/// [`Provider::profile`](crate::Provider::profile) gives each platform's; printing a [`Provider`](crate::Provider) shows
/// every line with its source. [`Profile::endpoint_policy`] passes these settings to the delivery machine.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The vendor's page that "published" refers to.
    pub page: &'static str,
    /// How it signs, in words.
    pub signing: Signing,
    /// Whether requests may be sent unsigned if their owner has set no secret.
    pub without_secret: Setting<bool>,
    /// Whether a gym may register each URL only once.
    pub unique_url: Setting<bool>,
    /// The source of the content type, `application/json`.
    pub content_type: Source,
    /// The source of the rule that 2xx is success and every other status a failure, as [`Profile::retry`] classifies them.
    pub success: Source,
    /// The source of [`Profile::attempt_timeout`]; the value itself is part of [`Profile::retry`].
    pub attempt_timeout_source: Source,
    /// When a failed delivery is attempted again, and how long one attempt may take.
    pub retry: Setting<RetryPolicy>,
    /// The source of how [`Profile::retry`] treats `Retry-After`.
    pub retry_after: Source,
    /// Which URLs are allowed.
    pub url_rule: Setting<UrlRule>,
    /// The maximum number of attempts in flight to one endpoint.
    pub max_in_flight: Setting<NonZeroU32>,
    /// When to stop sending to an endpoint that only fails; none for the platforms, since a page that promises a delivery within
    /// seconds does not allow for a pause of minutes.
    pub breaker: Setting<Option<BreakerPolicy>>,
    /// When a failing endpoint is disabled.
    pub auto_disable: Setting<AutoDisable>,
    /// How much of a response is kept.
    pub response_capture: Setting<ResponseCapture>,
    /// The type of the test event, if there is one.
    pub test_event: Setting<Option<&'static str>>,
    /// Whether an equal body counts as a repeat, and for how long.
    pub digest_dedupe: Setting<Option<DigestDedupe>>,
}

impl Profile {
    /// A profile with these retries and their attempt timeout; everything else is our default until it is set.
    #[must_use]
    pub const fn new(page: &'static str, retry: Setting<RetryPolicy>) -> Self {
        let success = retry.source;
        Self {
            page,
            signing: Signing::configured(),
            without_secret: Setting::our_default(false, "an unsigned request could be anybody's"),
            unique_url: Setting::our_default(false, "the page does not forbid it"),
            content_type: Source::OurDefault("every platform here sends JSON"),
            success,
            attempt_timeout_source: success,
            retry,
            retry_after: Source::OurDefault("no platform's page mentions it"),
            url_rule: Setting::our_default(UrlRule::Https, "what is not encrypted is read on the way"),
            max_in_flight: Setting::our_default(
                EndpointPolicy::DEFAULT_MAX_IN_FLIGHT,
                "no platform's page names a number",
            ),
            breaker: Setting::our_default(None, "no platform's page holds deliveries back"),
            auto_disable: Setting::our_default(AutoDisable::never(), "the page names no rule"),
            response_capture: Setting::our_default(
                ResponseCapture::new(1000),
                "PerfectGym's limit, the only published one",
            ),
            test_event: Setting::our_default(None, "the page names none"),
            digest_dedupe: Setting::our_default(None, "two events may have equal bodies"),
        }
    }

    /// How long one attempt may take, until the whole response is read.
    #[must_use]
    pub const fn attempt_timeout(&self) -> Setting<Duration> {
        Setting { value: self.retry.value.attempt_timeout(), source: self.attempt_timeout_source }
    }

    /// The same profile with another attempt timeout.
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Setting<Duration>) -> Self {
        self.retry.value = self.retry.value.with_attempt_timeout(timeout.value);
        Self { attempt_timeout_source: timeout.source, ..self }
    }

    /// The delivery machine's policy for an endpoint of this platform: its retries, attempts in flight, breaker and
    /// auto-disable rule; no rate limit, and not ordered.
    ///
    /// ```
    /// use gymhook::Provider;
    /// use gymhook::delivery::BreakerPolicy;
    ///
    /// let policy = Provider::perfectgym().profile().endpoint_policy();
    /// assert_eq!(policy.breaker(), None);
    /// // Ask for a circuit breaker if a first attempt may be held back for up to two minutes:
    /// let with_breaker = policy.with_breaker(Some(BreakerPolicy::default()));
    /// # let _ = with_breaker;
    /// ```
    #[must_use]
    pub fn endpoint_policy(&self) -> EndpointPolicy {
        EndpointPolicy::new(self.retry.value.clone())
            .with_max_in_flight(self.max_in_flight.value)
            .with_rate(None)
            .with_breaker(self.breaker.value)
            .with_auto_disable(self.auto_disable.value.clone())
            .with_ordered(false)
    }
}
