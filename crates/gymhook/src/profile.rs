//! What a platform does around its requests, each setting with where it is known from.

use core::fmt;
use core::time::Duration;

use gymhook_delivery::{AutoDisable, EndpointPolicy};
use gymhook_retry::RetryPolicy;
use gymhook_retry::moment::elapsed;
use time::UtcDateTime;

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// The user of this library set it.
    Configured,
    /// The vendor did not publish it; it is our default, and the text says what it rests on.
    OurDefault(&'static str),
    /// The vendor published it on the profile's page.
    Published,
}

/// A value with its [`Source`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it is known from.
    pub source: Source,
}

impl<T> Setting<T> {
    /// A value that the vendor published.
    #[must_use]
    pub const fn published(value: T) -> Self {
        Self { value, source: Source::Published }
    }

    /// A default of ours, with what it rests on.
    #[must_use]
    pub const fn our_default(value: T, because: &'static str) -> Self {
        Self { value, source: Source::OurDefault(because) }
    }

    /// A value that the user set.
    #[must_use]
    pub const fn configured(value: T) -> Self {
        Self { value, source: Source::Configured }
    }
}

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
pub struct ResponseCapture {
    /// The largest number of characters kept.
    pub max_characters: usize,
}

/// For how long an equal body, sent again, is a repeat, where a request has no [key](crate::Received::dedupe_key).
///
/// Two real events within the window whose bodies are equal are taken for one. So it is for types whose bodies tell two events
/// apart, or that mean the same when they come twice.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct DigestDedupe {
    /// For how long, from the first one on: longer than the platform tries.
    pub window: Duration,
    /// The types that it holds for; `None` for every type. Two equal bodies of another type are two events.
    pub only: Option<&'static [&'static str]>,
}

impl DigestDedupe {
    /// Whether it holds for this type.
    #[must_use]
    pub fn holds_for(&self, event_type: &str) -> bool {
        self.only.is_none_or(|only| only.contains(&event_type))
    }
}

/// What a platform does around its requests, beyond scheme and payload.
///
/// [`Provider::profile`](crate::Provider::profile) gives the five; `Display` prints a profile as a table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    /// The vendor's page that "published" refers to.
    pub page: &'static str,
    /// How long one attempt may take, until the whole response is read.
    pub attempt_timeout: Setting<Duration>,
    /// When a failed delivery is attempted again.
    pub retry: Setting<RetryPolicy>,
    /// Which URLs are sent to.
    pub url_rule: Setting<UrlRule>,
    /// How much of a response is kept.
    pub response_capture: Setting<ResponseCapture>,
    /// When a failing endpoint is switched off.
    pub auto_disable: Setting<AutoDisable>,
    /// The type of the event that tests an endpoint, where there is one.
    pub test_event: Setting<Option<&'static str>>,
    /// Whether an equal body, sent again, is a repeat, and for how long.
    pub digest_dedupe: Setting<Option<DigestDedupe>>,
}

impl Profile {
    /// How the delivery machine is to treat an endpoint of this platform: its retries and its auto-disable rule, the
    /// rest by the machine's defaults.
    #[must_use]
    pub fn endpoint_policy(&self) -> EndpointPolicy {
        EndpointPolicy::new(self.retry.value.clone()).with_auto_disable(self.auto_disable.value.clone())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("configured"),
            Self::OurDefault(because) => write!(f, "our default: {because}"),
            Self::Published => f.write_str("published"),
        }
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

impl fmt::Display for ResponseCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "first {} characters", self.max_characters)
    }
}

impl fmt::Display for DigestDedupe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one within {:?}", self.window)?;
        self.only.map_or(Ok(()), |only| write!(f, ", of {} types", only.len()))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timeout = format!("{:?}", self.attempt_timeout.value);
        row(f, "attempt timeout", &timeout, &self.attempt_timeout.source)?;
        row(f, "retries", &Retries(&self.retry.value), &self.retry.source)?;
        row(f, "URLs", &self.url_rule.value, &self.url_rule.source)?;
        row(f, "response kept", &self.response_capture.value, &self.response_capture.source)?;
        row(f, "auto-disable", &self.auto_disable.value, &self.auto_disable.source)?;
        row(f, "test event", &self.test_event.value.unwrap_or("none"), &self.test_event.source)?;
        let equal =
            self.digest_dedupe.value.map_or_else(|| "as many events".to_owned(), |dedupe| dedupe.to_string());
        row(f, "equal bodies", &equal, &self.digest_dedupe.source)?;
        writeln!(f, "{:<16}{}", "page", self.page)
    }
}

/// How many retries there are, and when the last one begins at the latest.
struct Retries<'p>(&'p RetryPolicy);

impl fmt::Display for Retries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = UtcDateTime::UNIX_EPOCH;
        let preview = self.0.preview(start);
        match preview.clone().count().saturating_sub(1) {
            0 => f.write_str("none"),
            retries => write!(f, "{retries}, over after {:?}", elapsed(start, preview.gives_up_at())),
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display, source: &Source) -> fmt::Result {
    writeln!(f, "{name:<16}{:<42}{source}", value.to_string())
}
