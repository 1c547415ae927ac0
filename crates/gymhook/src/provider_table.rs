//! A provider as a table for people: the setting, its value, and where it is known from.

use core::fmt;
use core::time::Duration;

use gymhook_delivery::BreakerPolicy;
use gymhook_retry::{Anchor, AttemptNumber, Jitter, Outcome, RetryPolicy, Verdict};
use http::StatusCode;

use crate::profile::{DigestDedupe, ResponseCapture, UrlRule};
use crate::{Profile, Provider, Setting, Source};

/// The whole profile as a table: the setting, its value, and where it is known from.
impl<N> fmt::Display for Provider<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<String> = self.scheme().header_names().iter().map(ToString::to_string).collect();
        let signing = &self.profile().signing;
        writeln!(f, "{:<16}{}", "vendor", self.vendor())?;
        row(f, "headers", &headers.join(", "), &signing.headers)?;
        setting(f, "signature", &signing.signature)?;
        row(f, "proves", &self.scheme().assurance(), &signing.proves)?;
        setting(f, "secret", &signing.secret)?;
        signing.request_id.iter().try_for_each(|request_id| setting(f, "request id", request_id))?;
        signing.time.iter().try_for_each(|time| setting(f, "signed time", time))?;
        self.profile().fmt(f)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OWN_FAULTS: Source = Source::OurDefault("the platforms do not speak of their own faults");
        let (retry, breaker) = (&self.retry.value, self.breaker.value);
        let own_faults = format!("again after {}, not counted", Span(retry.own_fault_delay()));
        row(f, "content type", &"application/json", &self.content_type)?;
        row(f, "success", &Success(retry), &self.success)?;
        row(f, "attempt timeout", &Span(retry.attempt_timeout()), &self.attempt_timeout_source)?;
        row(f, "retries", &Retries(retry), &self.retry.source)?;
        row(f, "Retry-After", &RetryAfterRule(retry), &self.retry_after)?;
        row(f, "own faults", &own_faults, &OWN_FAULTS)?;
        setting(f, "URLs", &self.url_rule)?;
        row(f, "in flight", &format!("at most {}", self.max_in_flight.value), &self.max_in_flight.source)?;
        row(
            f,
            "rate, order",
            &"no rate limit, order not kept",
            &Source::OurDefault("the page names neither"),
        )?;
        row(f, "breaker", &Breaker(breaker), &self.breaker.source)?;
        setting(f, "auto-disable", &self.auto_disable)?;
        setting(f, "response kept", &self.response_capture)?;
        row(f, "test event", &self.test_event.value.unwrap_or("none"), &self.test_event.source)?;
        let equal =
            self.digest_dedupe.value.map_or_else(|| "as many events".to_owned(), |dedupe| dedupe.to_string());
        row(f, "equal bodies", &equal, &self.digest_dedupe.source)?;
        writeln!(f, "{:<16}{}", "page", self.page)
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
        write!(f, "one within {:?}", self.window)?;
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
            Verdict::Accept => "but for 410",
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

/// A length of time in its largest whole unit.
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

fn setting<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, setting: &Setting<T>) -> fmt::Result {
    row(f, name, &setting.value, &setting.source)
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display, source: &Source) -> fmt::Result {
    writeln!(f, "{name:<16}{:<42} [{source}]", value.to_string())
}
