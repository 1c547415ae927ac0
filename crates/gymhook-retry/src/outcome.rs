//! `Outcome`: what was observed at the end of an attempt, classified by whose fault it is (`Fault`, `OwnFault`).

use core::fmt;
use core::str::FromStr;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::RetryAfter;

/// What was observed at the end of one attempt.
///
/// Exhaustive on purpose: code that counts, logs or classifies outcomes must handle each; [`Fault`] and [`OwnFault`] may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The endpoint answered.
    Response {
        /// The status of the answer.
        status: StatusCode,
        /// Its `Retry-After`, if there is a valid one.
        retry_after: Option<RetryAfter>,
    },
    /// The endpoint, or the way to it, failed before there was an answer.
    Failure(Fault),
    /// The sender failed: the endpoint was not called, or is not at fault.
    Internal(OwnFault),
    /// The process that made the attempt is gone (crash, lost lease), so its outcome is unknown.
    ///
    /// It costs an attempt, so that a delivery that crashes its worker is given up in the end. The next attempt follows soon, see
    /// [`RetryPolicy::with_lost_delay`](crate::RetryPolicy::with_lost_delay).
    Crashed,
    /// The code that made the attempt panicked, and the process survived: a bug in the sender.
    ///
    /// It costs an attempt, so that a body that always panics is given up in the end; it says nothing about the endpoint.
    Panicked,
}

impl Outcome {
    /// An answer without `Retry-After`.
    #[must_use]
    pub const fn response(status: StatusCode) -> Self {
        Self::Response { status, retry_after: None }
    }

    /// The status of the response; `None` if there was none.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Response { status, .. } => Some(*status),
            Self::Failure(_) | Self::Internal(_) | Self::Crashed | Self::Panicked => None,
        }
    }

    /// Whether this is a failure of the endpoint, which a circuit breaker and auto-disable may count.
    ///
    /// A success is not, nor is an internal fault, a crash or a panic.
    #[must_use]
    pub fn blames_endpoint(&self) -> bool {
        match self {
            Self::Response { status, .. } => !status.is_success(),
            Self::Failure(_) => true,
            Self::Internal(_) | Self::Crashed | Self::Panicked => false,
        }
    }

    /// When the endpoint asked to be called again, if it did.
    #[must_use]
    pub const fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Response { retry_after, .. } => *retry_after,
            Self::Failure(_) | Self::Internal(_) | Self::Crashed | Self::Panicked => None,
        }
    }
}

/// How the endpoint, or the way to it, failed before there was an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// No complete answer before the attempt's deadline.
    Timeout,
    /// The connection failed: refused, unreachable.
    Connect,
    /// The name was not resolved.
    Dns,
    /// The TLS handshake failed, or the certificate was not valid.
    Tls,
    /// The connection broke after it was established.
    Reset,
    /// The answer was not HTTP, or violated its rules or the client's limits.
    Protocol,
    /// The address must not be called (a private network, a forbidden port).
    Forbidden,
}

impl Fault {
    /// Every fault, in the order of its declaration.
    pub const ALL: [Self; 7] =
        [Self::Timeout, Self::Connect, Self::Dns, Self::Tls, Self::Reset, Self::Protocol, Self::Forbidden];

    /// Its name in kebab case, as in logs and conformance vectors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::Forbidden => "forbidden",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == name).ok_or(UnknownFault)
    }
}

/// How the sender failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OwnFault {
    /// The attempt was given up because this process is shutting down.
    Shutdown,
    /// The notification or its endpoint could not be read from storage.
    Storage,
    /// The request could not be signed: the secret is missing or unreadable.
    Signing,
    /// There were no sockets, memory or permits left.
    Resources,
    /// The sender's network is down.
    Network,
}

/// A name of no [`Fault`]. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault has this name: see Fault::ALL")]
#[non_exhaustive]
pub struct UnknownFault;
