//! The one path without a proof, under names that say so.

use core::fmt;

use bytes::Bytes;
use gymhook_event::{AnyNotification, Notification};
use http::HeaderMap;

use crate::reader::Reader;
use crate::{AdmitError, Identity, ReadError, Received};

/// Reads requests of a sender that cannot sign, such as a GymPoint webhook saved without a secret.
///
/// Made by [`Receiver::dangerous_unsigned`](crate::Receiver::dangerous_unsigned). What it returns is [`Unverified`], which no
/// function that asks for a [`Verified`](gymhook_signature::Verified) value takes.
pub struct UnsignedReceiver<N = AnyNotification> {
    reader: Reader<N>,
}

/// A value that anybody who knows the URL could have sent.
#[derive(Clone, Debug)]
pub struct Unverified<T>(pub T);

impl<N: Notification> UnsignedReceiver<N> {
    pub(crate) fn new(reader: Reader<N>) -> Self {
        Self { reader }
    }

    /// Reads one request without asking who sent it. Size, encoding and JSON are checked as for a signed one.
    ///
    /// # Errors
    /// [`ReceiveUnsignedError`] says which check failed.
    pub fn receive(
        &self,
        headers: &HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Unverified<Received<N>>, ReceiveUnsignedError> {
        let body = body.into();
        self.reader.admit(headers, &body)?;
        let notification = self.reader.read(&body)?;
        let dedupe = self.reader.digest_dedupe();
        Ok(Unverified(Received::new(body, notification, Identity::default(), dedupe)))
    }
}

impl<N> fmt::Debug for UnsignedReceiver<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedReceiver").field("reader", &self.reader).finish()
    }
}

/// Why an unsigned request was not received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveUnsignedError {
    /// The body was refused unread.
    #[error(transparent)]
    NotAdmitted(#[from] AdmitError),
    /// The body could not be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}
