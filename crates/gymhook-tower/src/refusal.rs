//! `Refusal` and `RefusalReason`: why a request was refused, and how it is answered.

use core::fmt;
use core::time::Duration;

use gymhook::signature::{NotBodySigned, Proof, RejectReason};
use gymhook::{AdmitError, ReceiveError};
use http::StatusCode;

use crate::Answer;
use crate::read_body::BoxError;

/// Why a request was refused. `Display` is for the operator, [`Refusal::answer`] for the peer.
///
/// No message contains a secret, a signature or a byte of a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The proof holds but does not cover the body, which the handler requires. The platform's scheme, as configured, never signs
    /// bodies: a mistake in the handler.
    #[error(
        "the body is not signed, but the handler requires a signed one ({proof}): accept any proof, or ask the platform for a signature"
    )]
    BodyNotSigned {
        /// What was proved.
        proof: Box<Proof>,
    },
    /// The memory for request bodies is used up. The same request may be accepted later.
    #[error("the memory for request bodies is used up: this body was dropped")]
    Busy,
    /// The body ended early, or its framing is broken. Caused by the peer or the network.
    #[error("the request is malformed: {problem}")]
    Malformed {
        /// The HTTP implementation's message.
        problem: BoxError,
    },
    /// The method is not allowed.
    #[error("the method is not {}", if *probes_allowed { "POST, GET or HEAD" } else { "POST" })]
    MethodNotAllowed {
        /// Whether GET and HEAD are allowed.
        probes_allowed: bool,
    },
    /// A GET or HEAD, if these are allowed, to test whether the URL exists. Neither counted nor logged as a refusal.
    #[error("a probe, not a webhook")]
    Probe,
    /// The receiver refused it.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// The body did not arrive before the deadline. Caused by the peer or the network.
    #[error("the body did not arrive within {deadline:?}")]
    TimedOut {
        /// The deadline.
        deadline: Duration,
    },
    /// The body is longer than an outer layer allows.
    #[error("the body is longer than an outer layer allows")]
    TooLongForOuterLayer,
}

impl<T> From<NotBodySigned<T>> for Refusal {
    fn from(NotBodySigned(sender_only): NotBodySigned<T>) -> Self {
        Self::BodyNotSigned { proof: Box::new(sender_only.proof().clone()) }
    }
}

impl Refusal {
    /// The `Retry-After` of a request for which there was no memory: 1 s (our default).
    const RETRY_AFTER: Duration = Duration::from_secs(1);

    /// What to answer, and all that the peer needs to know.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::BodyNotSigned { .. } => Answer::of(StatusCode::UNAUTHORIZED),
            Self::Busy => Answer::later(StatusCode::SERVICE_UNAVAILABLE, Self::RETRY_AFTER),
            Self::Malformed { .. } => Answer::of(StatusCode::BAD_REQUEST),
            Self::MethodNotAllowed { probes_allowed: false } => Answer::method_not_allowed("POST"),
            Self::MethodNotAllowed { probes_allowed: true } => Answer::method_not_allowed("GET, HEAD, POST"),
            Self::Probe => Answer::OK,
            Self::Receive(refusal) => Answer::of(refusal.status()),
            Self::TimedOut { .. } => Answer::of(StatusCode::REQUEST_TIMEOUT),
            Self::TooLongForOuterLayer => Answer::of(StatusCode::PAYLOAD_TOO_LARGE),
        }
    }

    /// The closed set of reasons, for a metric's label; `None` for a probe.
    #[must_use]
    pub const fn reason(&self) -> Option<RefusalReason> {
        Some(match self {
            Self::BodyNotSigned { .. } => RefusalReason::BodyNotSigned,
            Self::Busy => RefusalReason::Busy,
            Self::Malformed { .. } => RefusalReason::MalformedRequest,
            Self::MethodNotAllowed { .. } => RefusalReason::MethodNotAllowed,
            Self::Probe => return None,
            Self::Receive(ReceiveError::NotAdmitted(AdmitError::BodyTooLarge { .. }))
            | Self::TooLongForOuterLayer => RefusalReason::BodyTooLarge,
            Self::Receive(ReceiveError::NotAdmitted(AdmitError::ContentEncoding | _)) => {
                RefusalReason::ContentEncoding
            }
            Self::Receive(ReceiveError::NotVerified(problem)) => RefusalReason::NotVerified(problem.reason()),
            Self::Receive(ReceiveError::Unreadable(_) | _) => RefusalReason::Unreadable,
            Self::TimedOut { .. } => RefusalReason::TimedOut,
        })
    }

    /// What was proved about the request.
    pub(crate) fn proof(&self) -> Option<&Proof> {
        match self {
            Self::BodyNotSigned { proof } => Some(proof),
            Self::Receive(ReceiveError::Unreadable(unreadable)) => Some(unreadable.proof()),
            Self::Receive(ReceiveError::NotAdmitted(_) | ReceiveError::NotVerified(_) | _)
            | Self::Busy
            | Self::Malformed { .. }
            | Self::MethodNotAllowed { .. }
            | Self::Probe
            | Self::TimedOut { .. }
            | Self::TooLongForOuterLayer => None,
        }
    }
}

/// A refusal without its evidence: the label `reason` of the counter `gymhook_refusals_total`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// A signed body is required.
    BodyNotSigned,
    /// The body is longer than allowed.
    BodyTooLarge,
    /// No memory is left for bodies.
    Busy,
    /// An inbox has another body under the same id.
    Conflict,
    /// The body is compressed.
    ContentEncoding,
    /// The request's framing is broken.
    MalformedRequest,
    /// The method is not POST, nor GET or HEAD where these are allowed.
    MethodNotAllowed,
    /// The proof failed.
    NotVerified(RejectReason),
    /// The inbox could not be written to.
    Store,
    /// The body took too long.
    TimedOut,
    /// The proof held, but the body could not be read.
    Unreadable,
    /// No inbox can ever store it.
    Unstorable,
}

impl RefusalReason {
    /// The reason in kebab case, such as `body-too-large`, or `signature-mismatch` of a failed proof.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BodyNotSigned => "body-not-signed",
            Self::BodyTooLarge => "body-too-large",
            Self::Busy => "busy",
            Self::Conflict => "conflict",
            Self::ContentEncoding => "content-encoding",
            Self::MalformedRequest => "malformed-request",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::NotVerified(reason) => reason.as_str(),
            Self::Store => "store",
            Self::TimedOut => "timed-out",
            Self::Unreadable => "unreadable",
            Self::Unstorable => "unstorable",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
