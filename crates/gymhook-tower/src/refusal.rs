//! Why a request was not received, and what it is answered.

use core::fmt;
use core::time::Duration;

use gymhook::signature::{NotBodySigned, Proof, RejectReason};
use gymhook::{AdmitError, ReceiveError};
use http::StatusCode;

use crate::Answer;
use crate::read::BoxError;

/// Why a request was not received. `Display` is for the operator, [`Refusal::answer`] for the peer.
///
/// No message holds a secret, a signature or a byte of a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The proof holds and does not cover the body, which is asked for here. The platform's scheme never signs bodies, or it
    /// was set up so: a mistake in the handler.
    #[error(
        "the body is not signed, and a signed one is asked for ({proof}): take what any proof allows, or ask the platform for a signature"
    )]
    BodyNotSigned {
        /// What was proved.
        proof: Box<Proof>,
    },
    /// The bodies that are being read take as much memory as they may together. The same request may be accepted later.
    #[error("the bodies that are being read take as much memory as they may: nothing of this one is kept")]
    Busy,
    /// The body ended before its end, or its framing is broken. Caused by the peer or the network.
    #[error("the request is malformed: {problem}")]
    Malformed {
        /// What the server's HTTP says.
        problem: BoxError,
    },
    /// A method that nothing is received with.
    #[error("the method is not POST")]
    MethodNotAllowed {
        /// Whether GET and HEAD are allowed.
        probes_allowed: bool,
    },
    /// A GET or HEAD, where these are allowed: whoever sent it wants to know whether the URL is there. Neither counted nor
    /// logged as a refusal.
    #[error("a probe: there is nothing to receive")]
    Probe,
    /// The receiver refused it.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// The body was not there at the deadline. Caused by the peer or the network.
    #[error("the body was not there after {deadline:?}")]
    TimedOut {
        /// How long was waited.
        deadline: Duration,
    },
    /// The body is longer than a layer around this one allows.
    #[error("the body is longer than a layer around this one allows")]
    TooLongForOuterLayer,
}

impl<T> From<NotBodySigned<T>> for Refusal {
    fn from(NotBodySigned(sender_only): NotBodySigned<T>) -> Self {
        Self::BodyNotSigned { proof: Box::new(sender_only.proof().clone()) }
    }
}

impl Refusal {
    /// When a platform may send again what there was no memory for: 1 s (our default).
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

    /// What was proved nevertheless.
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
    /// A signed body was asked for.
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
    /// The method is not POST.
    MethodNotAllowed,
    /// The proof failed.
    NotVerified(RejectReason),
    /// An inbox could not be written to.
    Store,
    /// The body took too long.
    TimedOut,
    /// The proof held, and the body could not be read.
    Unreadable,
    /// No inbox can ever keep it.
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
