//! The only path without a proof, named accordingly.

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gymhook_event::{AnyNotification, Notification};
use gymhook_signature::{SignatureScheme, VerifyError};
use http::{HeaderMap, StatusCode};

use crate::reader::Reader;
use crate::{AdmitError, Identity, ReadError, Received};

/// Reads requests of a sender that cannot sign, such as a GymPoint webhook saved without a secret.
///
/// Made by [`Receiver::dangerous_unsigned`](crate::Receiver::dangerous_unsigned). What it returns is [`Unverified`], which no
/// function that requires a [`Verified`](gymhook_signature::Verified) value accepts.
pub struct UnsignedReceiver<N = AnyNotification> {
    reader: Reader<N>,
    scheme: Arc<dyn SignatureScheme>,
}

/// A value that anybody who knows the URL could have sent. Exhaustive on purpose: it is a wrapper.
#[derive(Clone, Debug)]
pub struct Unverified<T>(pub T);

impl<N: Notification> UnsignedReceiver<N> {
    pub(crate) fn new(reader: Reader<N>, scheme: Arc<dyn SignatureScheme>) -> Self {
        Self { reader, scheme }
    }

    /// Reads one request without verifying the sender. Size, encoding and JSON are checked as for a signed one.
    ///
    /// An id in the request's header (`X-PerfectGym-Request`, the same in every repeat) identifies repeats, as
    /// [`DedupeBasis::UnprovedId`](crate::DedupeBasis::UnprovedId).
    ///
    /// # Errors
    /// [`ReceiveUnsignedError`] says which check failed.
    pub fn receive(
        &self,
        headers: &HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Unverified<Received<N>>, ReceiveUnsignedError> {
        let body = body.into();
        self.reader.admit(headers, body.len())?;
        let claimed_id = self.scheme.claimed_id(headers)?;
        let notification = self.reader.read(&body)?;
        let identity = Identity { claimed_id, ..Identity::default() };
        Ok(Unverified(Received::new(body, notification, identity, self.reader.digest_dedupe())))
    }
}

impl<N> fmt::Debug for UnsignedReceiver<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedReceiver").field("reader", &self.reader).finish_non_exhaustive()
    }
}

/// Why an unsigned request was not received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveUnsignedError {
    /// The body was refused unread.
    #[error(transparent)]
    NotAdmitted(#[from] AdmitError),
    /// The header with the request's id is repeated, or its value is not a valid id.
    #[error("the request's id cannot be used: {0}")]
    UnusableId(#[from] VerifyError),
    /// The body could not be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

impl ReceiveUnsignedError {
    /// What to answer: 413 or 415 for a body refused unread, 400 for an id or a body that cannot be read.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotAdmitted(refusal) => refusal.status(),
            Self::UnusableId(_) | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }
}
