//! `ProfileLine`: a provider as a table for people: the setting, its value, and its source.

use core::fmt;
use core::time::Duration;

use gymhook_delivery::BreakerPolicy;
use gymhook_retry::{Anchor, AttemptNumber, Jitter, Outcome, RetryPolicy, Verdict};
use http::StatusCode;

use crate::profile::{DigestDedupe, ResponseCapture, UrlRule};
use crate::{Profile, Provider, Setting, Source};

/// One line of a [`Provider`]'s table: a setting, its value, and its source.
///
/// `Display` is the line as [`Provider`] prints it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProfileLine {
    /// The setting's name.
    pub name: &'static str,
    /// Its value, in words.
    pub value: String,
    /// Its source; `None` for the vendor's name and its page.
    pub source: Option<Source>,
}

impl ProfileLine {
    fn new(name: &'static str, value: &dyn fmt::Display, source: Source) -> Self {
        Self { name, value: value.to_string(), source: Some(source) }
    }

    fn plain(name: &'static str, value: &dyn fmt::Display) -> Self {
        Self { name, value: value.to_string(), source: None }
    }

    fn setting<T: fmt::Display>(name: &'static str, setting: &Setting<T>) -> Self {
        Self::new(name, &setting.value, setting.source)
    }
}

impl fmt::Display for ProfileLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{:<16}{:<42} [{source}]", self.name, self.value),
            None => write!(f, "{:<16}{}", self.name, self.value),
        }
    }
}

impl<N> Provider<N> {
    /// The whole profile, line by line, to build your own table.
    #[must_use]
    pub fn lines(&self) -> Vec<ProfileLine> {
        let headers: Vec<String> = self.scheme().header_names().iter().map(ToString::to_string).collect();
        let signing = &self.profile().signing;
        let mut lines = vec![
            ProfileLine::plain("vendor", &self.vendor()),
            ProfileLine::new("headers", &headers.join(", "), signing.headers),
            ProfileLine::setting("signature", &signing.signature),
            ProfileLine::new("proves", &self.scheme().assurance(), signing.proves),
            ProfileLine::setting("secret", &signing.secret),
        ];
        lines.extend(signing.request_id.iter().map(|id| ProfileLine::setting("request id", id)));
        lines.extend(signing.time.iter().map(|time| ProfileLine::setting("signed time", time)));
        lines.extend(self.profile().lines());
        lines
    }
}

impl Profile {
    /// The profile, line by line; [`Provider::lines`] has the signature's before these.
    #[must_use]
    pub fn lines(&self) -> Vec<ProfileLine> {
        const OWN_FAULTS: Source = Source::OurDefault("the platforms do not speak of their own faults");
        const RATE: Source = Source::OurDefault("the page names neither");
        let (retry, breaker) = (&self.retry.value, self.breaker.value);
        let own_faults = format!("again after {}, not counted", Span(retry.own_fault_delay()));
        let in_flight = format!("at most {}", self.max_in_flight.value);
        let equal =
            self.digest_dedupe.value.map_or_else(|| "as many events".to_owned(), |dedupe| dedupe.to_string());
        let test_event = self.test_event.value.unwrap_or("none");
        let same_url = if self.unique_url.value { "refused within a gym" } else { "allowed" };
        let unsigned = if self.without_secret.value { "sent unsigned" } else { "nothing is sent" };
        vec![
            ProfileLine::new("without secret", &unsigned, self.without_secret.source),
            ProfileLine::new("content type", &"application/json", self.content_type),
            ProfileLine::new("success", &Success(retry), self.success),
            ProfileLine::new("attempt timeout", &Span(retry.attempt_timeout()), self.attempt_timeout_source),
            ProfileLine::new("retries", &Retries(retry), self.retry.source),
            ProfileLine::new("Retry-After", &RetryAfterRule(retry), self.retry_after),
            ProfileLine::new("own faults", &own_faults, OWN_FAULTS),
            ProfileLine::setting("URLs", &self.url_rule),
            ProfileLine::new("same URL twice", &same_url, self.unique_url.source),
            ProfileLine::new("in flight", &in_flight, self.max_in_flight.source),
            ProfileLine::new("rate, order", &"no rate limit, order not kept", RATE),
            ProfileLine::new("breaker", &Breaker(breaker), self.breaker.source),
            ProfileLine::setting("auto-disable", &self.auto_disable),
            ProfileLine::setting("response kept", &self.response_capture),
            ProfileLine::new("test event", &test_event, self.test_event.source),
            ProfileLine::new("equal bodies", &equal, self.digest_dedupe.source),
            ProfileLine::plain("page", &self.page),
        ]
    }
}

/// The whole profile as a table: the setting, its value, and its source.
impl<N> fmt::Display for Provider<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for UrlRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Https => "https",
            Self::HttpsOn443 => "https on port 443",
        })
    }
}

impl fmt::Display for DigestDedupe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one within {}", Span(self.window))?;
        self.only.map_or(Ok(()), |only| write!(f, ", of {} types", only.len()))
    }
}

impl fmt::Display for ResponseCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "first {} characters", self.max_characters)
    }
}

/// What counts as success, and what 410 means; redirects are a failure under every policy.
struct Success<'p>(&'p RetryPolicy);

impl fmt::Display for Success<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("2xx; all else fails, redirects are not followed, ")?;
        f.write_str(match self.0.classify().verdict(&Outcome::response(StatusCode::GONE)) {
            Verdict::Gone => "410 disables the endpoint",
            Verdict::Reject => "410 is given up at once",
            Verdict::Accept => "410 is a success, too",
            Verdict::Retry | Verdict::Throttle | Verdict::OurFault => "410 is a failure like any other",
        })
    }
}

/// How many retries there are, and after which waits.
struct Retries<'p>(&'p RetryPolicy);

/// A longer list of waits is not printed in full.
const MAX_WAITS: u32 = 12;

impl fmt::Display for Retries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schedule = self.0.schedule();
        let retries = schedule.retries();
        if retries == 0 {
            return f.write_str("none");
        }
        let waits = (1..=retries.min(MAX_WAITS)).filter_map(AttemptNumber::new);
        let waits: Vec<String> = waits
            .filter_map(|failed| schedule.delay_after(failed))
            .map(|wait| Span(wait).to_string())
            .collect();
        let more = if retries > MAX_WAITS { ", …" } else { "" };
        write!(f, "{retries}, after {}{more}", waits.join(", "))?;
        f.write_str(match self.0.anchor() {
            Anchor::FailedAttempt => ", each from the failed attempt",
            Anchor::FirstFailure => ", each from the first failure",
            _ => ", each from a moment of its own",
        })?;
        match self.0.jitter() {
            Jitter::None => Ok(()),
            Jitter::Full => f.write_str(", spread from zero to the whole wait"),
            Jitter::Equal => f.write_str(", spread over the upper half of the wait"),
            Jitter::Decorrelated => f.write_str(", spread up to thrice the wait before"),
            Jitter::Proportional { percent } => write!(f, ", spread by {percent} % to either side"),
            _ => f.write_str(", spread"),
        }
    }
}

struct RetryAfterRule<'p>(&'p RetryPolicy);

impl fmt::Display for RetryAfterRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.retry_after_max() {
            Duration::ZERO => f.write_str("ignored"),
            max => write!(f, "respected for at most {}", Span(max)),
        }
    }
}

struct Breaker(Option<BreakerPolicy>);

impl fmt::Display for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some(breaker) => write!(
                f,
                "after {} failed attempts in a row nothing is sent for {}, up to {}",
                breaker.trips_after(),
                Span(breaker.open_for(0)),
                Span(breaker.open_for(u32::MAX)),
            ),
        }
    }
}

/// A duration in its largest whole unit.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_nanos()) {
            (0, _) | (_, 1..) => write!(f, "{:?}", self.0),
            (seconds, 0) if seconds.is_multiple_of(3_600) => write!(f, "{} h", seconds / 3_600),
            (seconds, 0) if seconds.is_multiple_of(60) => write!(f, "{} min", seconds / 60),
            (seconds, 0) => write!(f, "{seconds} s"),
        }
    }
}
