//! `Reader`: the part of a receiver that reads bodies, without proofs: the limit on their size, and the strict check.

use core::fmt;

use bytes::Bytes;
use gymhook_event::{
    DecodeError, Notification, StrictError, Vendor, check_decoded, check_nesting, check_strict,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::provider::Decode;
use crate::{DigestDedupe, Identity, Provider, Received, Unverified};

pub(crate) const DEFAULT_MAX_BODY: usize = 256 * 1024;

pub(crate) struct Reader<N> {
    vendor: Vendor,
    decode: Decode<N>,
    reads_json: bool,
    max_body: usize,
    duplicate_keys_allowed: bool,
    digest_dedupe: Option<DigestDedupe>,
}

impl<N: Notification> Reader<N> {
    pub(crate) fn new(provider: &Provider<N>) -> Self {
        Self {
            vendor: provider.vendor(),
            decode: provider.decoder().clone(),
            reads_json: provider.reads_json(),
            max_body: DEFAULT_MAX_BODY,
            duplicate_keys_allowed: false,
            digest_dedupe: provider.profile().digest_dedupe.value,
        }
    }

    pub(crate) fn with_max_body(self, bytes: usize) -> Self {
        Self { max_body: bytes, ..self }
    }

    pub(crate) fn with_duplicate_keys_allowed(self) -> Self {
        Self { duplicate_keys_allowed: true, ..self }
    }

    pub(crate) fn duplicate_keys_allowed(&self) -> bool {
        self.duplicate_keys_allowed
    }

    pub(crate) fn vendor(&self) -> Vendor {
        self.vendor
    }

    pub(crate) fn max_body(&self) -> usize {
        self.max_body
    }

    pub(crate) fn digest_dedupe(&self) -> Option<DigestDedupe> {
        self.digest_dedupe
    }

    /// Whether a body of this many bytes may be read and hashed at all.
    pub(crate) fn admit(&self, headers: &HeaderMap, bytes: usize) -> Result<(), AdmitError> {
        if bytes > self.max_body {
            return Err(AdmitError::BodyTooLarge { bytes, max: self.max_body });
        }
        if !headers.get_all(header::CONTENT_ENCODING).iter().all(says_nothing) {
            return Err(AdmitError::ContentEncoding);
        }
        Ok(())
    }

    pub(crate) fn read(&self, body: &Bytes) -> Result<N, ReadError> {
        if self.reads_json && !self.duplicate_keys_allowed {
            let decoded = (self.decode)(body);
            if decoded.is_ok() {
                check_decoded(body)?
            } else {
                check_strict(body)?
            }
            return Ok(decoded?);
        }
        if self.duplicate_keys_allowed {
            check_nesting(body)?;
        } else {
            check_strict(body)?;
        }
        Ok((self.decode)(body)?)
    }

    /// Reads a body whose proof is kept elsewhere.
    pub(crate) fn read_again(
        &self,
        body: Bytes,
        identity: Identity,
    ) -> Result<Unverified<Received<N>>, ReadError> {
        let notification = self.read(&body)?;
        Ok(Unverified(Received::new(body, notification, identity, self)))
    }
}

impl<N> Clone for Reader<N> {
    fn clone(&self) -> Self {
        Self {
            vendor: self.vendor,
            decode: self.decode.clone(),
            reads_json: self.reads_json,
            max_body: self.max_body,
            duplicate_keys_allowed: self.duplicate_keys_allowed,
            digest_dedupe: self.digest_dedupe,
        }
    }
}

impl<N> fmt::Debug for Reader<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("max_body", &self.max_body)
            .field("duplicate_keys_allowed", &self.duplicate_keys_allowed)
            .finish_non_exhaustive()
    }
}

/// Whether a `content-encoding` leaves the body unchanged: a list of codings (RFC 9110, section 8.4) that may be empty.
fn says_nothing(value: &HeaderValue) -> bool {
    let mut codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
}

/// Why a body was refused before it was hashed or parsed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// The body is larger than allowed.
    #[error("the body has {bytes} bytes, more than the {max} allowed")]
    BodyTooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size allowed.
        max: usize,
    },
    /// The body is compressed. The signature covers the bytes on the wire; platforms send plain JSON.
    #[error(
        "the body has a content-encoding other than identity: nothing is decompressed before it is verified, so it must be sent uncompressed"
    )]
    ContentEncoding,
}

impl AdmitError {
    /// What to answer: 413 or 415.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The JSON is ambiguous, or nested too deeply.
    #[error(transparent)]
    Ambiguous(#[from] StrictError),
    /// The JSON is not a notification of this vendor.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
}
