//! How a request ended, as the wire says it: the machine gets it parsed, the reference reads it by itself.

use core::time::Duration;

use gymhook_retry::{Fault, Outcome, OwnFault, RetryAfter};
use http::StatusCode;
use time::macros::format_description;

use crate::at::At;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The endpoint answered with this status, and perhaps with a wish.
    Status(u16, Option<Wish>),
    /// There was no answer.
    Broken(Fault),
    /// The request was not made.
    OwnFault,
}

/// The value of a `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Seconds(u64),
    /// An HTTP-date, in whole seconds.
    Until(At),
    /// More seconds than any clock has.
    Endless,
    /// One of many things that are no wish at all.
    Nonsense(u8),
}

impl Answer {
    pub(crate) const ACCEPTED: Self = Self::Status(204, None);

    /// As the machine gets it from a driver that received it at `now`.
    pub(crate) fn outcome(self, now: At) -> Outcome {
        match self {
            Self::Status(status, wish) => Outcome::Response {
                status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                retry_after: wish.and_then(|wish| RetryAfter::parse(wish.header(), now.utc())),
            },
            Self::Broken(fault) => Outcome::Failure(fault),
            Self::OwnFault => Outcome::Internal(OwnFault::Resources),
        }
    }

    pub(crate) fn is_accepted(self) -> bool {
        matches!(self, Self::Status(200..=299, _))
    }

    /// Until when the endpoint asked to be left alone, if it did, read at `now`.
    pub(crate) fn asked_until(self, now: At) -> Option<At> {
        match self {
            Self::Status(_, wish) => wish?.until(now),
            Self::Broken(_) | Self::OwnFault => None,
        }
    }
}

const NONSENSE: [&str; 8] = ["inf", "1e30", "-5", "3.5", "soon", "", "0x10", "Thu, 31 Feb 2026 00:00:00 GMT"];

impl Wish {
    fn header(self) -> String {
        let date = format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Until(at) => at.utc().format(date).unwrap_or_default(),
            Self::Endless => "9".repeat(40),
            Self::Nonsense(which) => {
                NONSENSE.get(usize::from(which) % NONSENSE.len()).copied().unwrap_or_default().to_owned()
            }
        }
    }

    pub(crate) const fn is_understood(self) -> bool {
        !matches!(self, Self::Nonsense(_))
    }

    fn until(self, now: At) -> Option<At> {
        match self {
            Self::Seconds(seconds) => Some(now.after(Duration::from_secs(seconds))),
            Self::Until(at) => Some(at),
            Self::Endless => Some(At::nanos(i64::MAX)),
            Self::Nonsense(_) => None,
        }
    }
}
