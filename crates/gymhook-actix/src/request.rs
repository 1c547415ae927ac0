//! Converts between the types of actix-web and those of `gymhook-tower`: the head and the body of a request, and an
//! answer.
//!
//! actix-web has the types of `http` 0.2, the core those of `http` 1.

use core::pin::Pin;
use core::task::{Context, Poll};

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use gymhook_tower::{Answer, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body::Frame;

/// The method and the headers, each as often as it came.
pub(crate) fn head_of(request: &HttpRequest) -> Result<(Method, HeaderMap), Refusal> {
    let malformed = |problem: http::Error| Refusal::Malformed { problem: Box::new(problem) };
    let method = Method::from_bytes(request.method().as_str().as_bytes()).map_err(http::Error::from);
    let mut headers = HeaderMap::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).map_err(http::Error::from);
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(http::Error::from);
        // Appended: a repeated header must stay repeated.
        headers.append(name.map_err(malformed)?, value.map_err(malformed)?);
    }
    Ok((method.map_err(malformed)?, headers))
}

/// The incoming body.
pub(crate) struct Incoming(pub(crate) Payload);

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = PayloadProblem;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, PayloadProblem>>> {
        let polled = futures_core::Stream::poll_next(Pin::new(&mut self.0), context);
        polled.map(|data| {
            data.map(|data| data.map(Frame::data).map_err(|error| PayloadProblem(error.to_string())))
        })
    }
}

/// Actix's message about a body that broke off: actix's own error is not `Send`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PayloadProblem(String);

/// The answer as actix's response.
pub(crate) fn response_to(answer: &Answer) -> HttpResponse {
    let mut response = HttpResponse::build(status_of(answer.status()));
    if let Some((name, value)) = answer.header() {
        response.insert_header((name.as_str(), value.as_bytes()));
    }
    response.finish()
}

pub(crate) fn status_of(status: StatusCode) -> actix_web::http::StatusCode {
    // Every status of `http` 1 is one of `http` 0.2.
    actix_web::http::StatusCode::from_u16(status.as_u16())
        .unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR)
}
