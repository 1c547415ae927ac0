//! `AcceptError`: why an inbox did not accept a notification, and what to answer.

use core::time::Duration;

use gymhook_delivery::{DeliveryId, EndpointId};
use http::StatusCode;

use crate::store::{StoreError, Unstorable};

/// Why an incoming notification was not accepted. [`AcceptError::status`] is what to answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// One with the same id, which the vendor gave, and another body was accepted before. Somebody replays an id whose signature does not cover the
    /// body, or two events share an id: answer 409, and have a person look at it.
    #[error(
        "delivery {delivery} was accepted before with the same id and another body: compare both, one of them may be forged"
    )]
    Conflict {
        /// The name of the one that was accepted.
        delivery: DeliveryId,
    },
    /// The inbox was deleted. Whoever set the service up caused it: answer 503, and nothing is lost until that is mended.
    #[error(
        "there is no inbox {inbox} in this store: it was deleted; open one under another id, or stop receiving"
    )]
    Gone {
        /// The inbox.
        inbox: EndpointId,
    },
    /// It could not be written: answer 503 with `Retry-After`.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can never be stored, however often it is sent: answer 413 to too long a body, and else 422.
    #[error("the notification cannot be stored: its {field} {problem}")]
    Unstorable {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: Unstorable,
    },
}

impl AcceptError {
    /// When a platform may send again where nothing else is known: a minute (our default).
    const RETRY_AFTER: Duration = Duration::from_secs(60);

    /// What to answer: 409 to a conflict, 413 or 422 to what can never be stored, and 503 where the same may be accepted later.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Unstorable { field, problem: Unstorable::TooLong { .. } } if is_body(field) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Unstorable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Gone { .. } | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer's `Retry-After`, at least a second: the store's hint where it is [busy](StoreError::Busy), else a minute for
    /// a 503; `None` where sending again does not help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store(StoreError::Busy { retry_after }) => {
                // The header counts whole seconds.
                let part = u64::from(retry_after.subsec_nanos() > 0);
                Some(Duration::from_secs(retry_after.as_secs().saturating_add(part).max(1)))
            }
            Self::Gone { .. } | Self::Store(_) => Some(Self::RETRY_AFTER),
            Self::Conflict { .. } | Self::Unstorable { .. } => None,
        }
    }
}

const fn is_body(field: &str) -> bool {
    matches!(field.as_bytes(), b"body")
}
