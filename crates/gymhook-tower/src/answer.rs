//! `Answer`: the answer to a request, a status and a header, the same for every server.

use core::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

/// The answer to a request: a status, at most one header, and no body.
///
/// Every refusal with the same status is answered with the same bytes; the reason is for the operator only. The table is on
/// the front page of this crate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    status: StatusCode,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// 200: it was accepted, or it was a probe.
    pub(crate) const OK: Self = Self::of(StatusCode::OK);

    pub(crate) const fn of(status: StatusCode) -> Self {
        Self { status, header: None }
    }

    /// 405, with the methods that are allowed.
    pub(crate) const fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            header: Some((header::ALLOW, HeaderValue::from_static(allow))),
        }
    }

    /// A refusal after which the same request may be accepted.
    pub(crate) fn later(status: StatusCode, after: Duration) -> Self {
        Self { status, header: Some((header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)))) }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The header, if there is one: `Allow` of a 405, `Retry-After` of a 503.
    #[must_use]
    pub const fn header(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.header.as_ref()
    }

    /// The answer as a response with an empty body.
    #[must_use]
    pub fn into_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status;
        let headers: &mut HeaderMap = response.headers_mut();
        headers.extend(self.header.map(|(name, value)| (Some(name), value)));
        response
    }
}
