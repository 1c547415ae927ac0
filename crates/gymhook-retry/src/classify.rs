//! `Classify` and `Verdict`: what an outcome means, in one table, by fault and by specification.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// What an outcome means for the delivery and its endpoint. Exhaustive on purpose: code that acts on it must handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The endpoint has the notification.
    Accept,
    /// The attempt failed and may succeed later.
    Retry,
    /// As [`Verdict::Retry`], and the endpoint asked for less: slow down everything that goes to it.
    Throttle,
    /// The attempt failed and repeating the same request is pointless.
    Reject,
    /// The endpoint wants no more notifications at all.
    Gone,
    /// The sender failed: retry, without charging the delivery.
    OurFault,
}

/// The table from outcome to verdict.
///
/// | outcome | verdict |
/// |---|---|
/// | 2xx | accept |
/// | 410 | retry, as the platforms here document for any status but 2xx; or [gone](Classify::disabling_on_gone) |
/// | 429, 503 with `Retry-After` | throttle |
/// | 408, 425, 429, 5xx | retry |
/// | 3xx | retry, and the redirect is never followed; or [reject](Classify::rejecting_redirects) |
/// | other 4xx | retry, as every platform here documents for any status but 2xx; or [reject](Classify::rejecting_client_errors) |
/// | any other status | retry |
/// | timeout, connect, DNS, TLS, … | retry |
/// | a crash, a panic | retry |
/// | an internal fault | our fault |
///
/// ```
/// use gymhook_retry::{Classify, Outcome, Verdict};
/// use http::StatusCode;
///
/// let unsupported = Outcome::response(StatusCode::UNSUPPORTED_MEDIA_TYPE);
/// assert_eq!(Classify::new().verdict(&unsupported), Verdict::Retry);
/// assert_eq!(Classify::new().rejecting_client_errors().verdict(&unsupported), Verdict::Reject);
///
/// // An endpoint that answers 409 to what it already has:
/// let classify = Classify::new().with(StatusCode::CONFLICT, Verdict::Accept);
/// assert_eq!(classify.verdict(&Outcome::response(StatusCode::CONFLICT)), Verdict::Accept);
///
/// // An endpoint that may end its subscription with 410:
/// let classify = Classify::new().disabling_on_gone();
/// assert_eq!(classify.verdict(&Outcome::response(StatusCode::GONE)), Verdict::Gone);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classify {
    reject_redirects: bool,
    reject_client_errors: bool,
    // Policies stored before there was a choice treat 410 as gone.
    #[serde(default = "as_before_the_choice")]
    disable_on_gone: bool,
    exceptions: BTreeMap<u16, Verdict>,
}

impl Classify {
    /// The table above, with every failure retried.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            reject_redirects: false,
            reject_client_errors: false,
            disable_on_gone: false,
            exceptions: BTreeMap::new(),
        }
    }

    /// Gives up on a redirect at once, since the same URL will redirect again.
    #[must_use]
    pub const fn rejecting_redirects(mut self) -> Self {
        self.reject_redirects = true;
        self
    }

    /// Gives up at once on every 4xx but 408, 425 and 429, which say that a later attempt may succeed.
    #[must_use]
    pub const fn rejecting_client_errors(mut self) -> Self {
        self.reject_client_errors = true;
        self
    }

    /// Treats 410 as the end of the subscription: the delivery ends and the endpoint is disabled, whatever its auto-disable
    /// rule (RFC 9110, section 15.5.11; Standard Webhooks, "Delivery success and failure").
    #[must_use]
    pub const fn disabling_on_gone(mut self) -> Self {
        self.disable_on_gone = true;
        self
    }

    /// An exception for one status, which precedes the table.
    #[must_use]
    pub fn with(mut self, status: StatusCode, verdict: Verdict) -> Self {
        self.exceptions.insert(status.as_u16(), verdict);
        self
    }

    /// What this outcome means.
    #[must_use]
    pub fn verdict(&self, outcome: &Outcome) -> Verdict {
        match outcome {
            Outcome::Response { status, retry_after } => self.of_status(*status, retry_after.is_some()),
            Outcome::Failure(_) | Outcome::Crashed | Outcome::Panicked => Verdict::Retry,
            Outcome::Internal(_) => Verdict::OurFault,
        }
    }

    fn of_status(&self, status: StatusCode, asked_to_wait: bool) -> Verdict {
        if let Some(verdict) = self.exceptions.get(&status.as_u16()) {
            return *verdict;
        }
        match status.as_u16() {
            200..=299 => Verdict::Accept,
            410 if self.disable_on_gone => Verdict::Gone,
            429 | 503 if asked_to_wait => Verdict::Throttle,
            408 | 425 | 429 => Verdict::Retry,
            300..=399 if self.reject_redirects => Verdict::Reject,
            400..=499 if self.reject_client_errors => Verdict::Reject,
            _ => Verdict::Retry,
        }
    }
}

const fn as_before_the_choice() -> bool {
    true
}
