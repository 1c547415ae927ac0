//! `Call`: one call of EGYM's API, the request to send, and how its response is read; `CallError`.

use core::fmt;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::de::DeserializeOwned;

use super::ErrorBody;

/// A call that is ready to be sent; `T` is its response.
pub struct Call<T> {
    request: Request<SecretBody>,
    reply: Reply<T>,
}

/// How the response of a call is read.
pub struct Reply<T> {
    success: StatusCode,
    read: fn(&[u8]) -> Option<T>,
}

/// The body of a call, which may hold a webhook's secret: `Debug` shows its length.
#[derive(Clone, Default)]
pub struct SecretBody(Bytes);

impl<T> Call<T> {
    pub(super) const fn new(request: Request<SecretBody>, reply: Reply<T>) -> Self {
        Self { request, reply }
    }

    /// What to send.
    #[must_use]
    pub const fn request(&self) -> &Request<SecretBody> {
        &self.request
    }

    /// What to send, its body as bytes, and how to read the answer.
    #[must_use]
    pub fn into_parts(self) -> (Request<Bytes>, Reply<T>) {
        (self.request.map(SecretBody::into_bytes), self.reply)
    }
}

impl<T: DeserializeOwned> Reply<T> {
    pub(super) const fn json(success: StatusCode) -> Self {
        Self { success, read: |body| serde_json::from_slice(body).ok() }
    }
}

impl Reply<()> {
    pub(super) const fn nothing(success: StatusCode) -> Self {
        Self { success, read: |_| Some(()) }
    }
}

impl<T> Reply<T> {
    /// The status that the vendor documents for success.
    #[must_use]
    pub const fn success(&self) -> StatusCode {
        self.success
    }

    /// Reads a response with its whole body. Any 2xx is a success.
    ///
    /// # Errors
    /// [`CallError`] says what EGYM refused, or that its answer cannot be read.
    pub fn read(&self, response: &Response<impl AsRef<[u8]>>) -> Result<T, CallError> {
        let (status, body) = (response.status(), response.body().as_ref());
        if status.is_success() {
            return (self.read)(body).ok_or(CallError::Unreadable { status });
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let remaining = response.headers().get("x-ratelimit-remaining");
            let remaining = remaining.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            return Err(CallError::RateLimited { remaining });
        }
        Err(CallError::Refused { status, body: serde_json::from_slice(body).ok().map(Box::new) })
    }
}

impl SecretBody {
    pub(super) fn new(body: Vec<u8>) -> Self {
        Self(body.into())
    }

    /// The bytes to send.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl AsRef<[u8]> for SecretBody {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBody({} bytes)", self.0.len())
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("request", &self.request).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("success", &self.success).finish_non_exhaustive()
    }
}

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// EGYM refused it: 400, 401, 403, 404, 409, 500, or another status.
    #[error("EGYM answered {status}{}", in_words(body.as_deref()))]
    Refused {
        /// Its status.
        status: StatusCode,
        /// EGYM's description, if it can be read.
        body: Option<Box<ErrorBody>>,
    },
    /// Too many calls with this key: 60 at once, then 6 per second.
    #[error("EGYM answered 429: wait ten seconds for sixty more calls (it sends no Retry-After)")]
    RateLimited {
        /// How many calls remain, if EGYM says it.
        remaining: Option<u32>,
    },
    /// It succeeded, but the response is not what the vendor documents.
    #[error("EGYM answered {status} with a body that is not as documented")]
    Unreadable {
        /// Its status.
        status: StatusCode,
    },
}

impl CallError {
    /// Whether the gym already has a webhook with this URL.
    #[must_use]
    pub fn is_url_already_registered(&self) -> bool {
        matches!(
            self,
            Self::Refused { status: StatusCode::CONFLICT, body: Some(body) }
                if body.error_code.as_deref() == Some(ErrorBody::URL_ALREADY_REGISTERED)
        )
    }
}

fn in_words(body: Option<&ErrorBody>) -> String {
    let Some(body) = body else { return String::new() };
    let said = [&body.error_code, &body.message].into_iter().flatten();
    said.map(|text| format!(": {}", text.escape_debug())).collect()
}
