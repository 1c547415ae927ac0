//! `Refused` and `ErrorDto`: errors as EGYM's management API writes them.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use time::UtcDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Problem;
use crate::activity::rfc3339;

/// The vendor's `ErrorDTO`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "timestamp": "2026-07-01T10:00:00Z", "path": "/api/v2/webhooks", "requestId": "0192ab34-0000-7000-8000-000000000001",
    "status": 409, "error": "Conflict", "errorCode": "webhookUrlAlreadyRegistered",
    "message": "this URL is registered already", "fieldErrors": [], "metadata": {}
}))]
pub(crate) struct ErrorDto {
    #[schema(format = "date-time")]
    timestamp: String,
    path: String,
    request_id: String,
    status: u16,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    message: String,
    field_errors: Vec<FieldErrorDto>,
    metadata: BTreeMap<&'static str, &'static str>,
}

/// A field that was refused. What was sent is not repeated, since it may be a secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldErrorDto {
    name: String,
    message: String,
}

/// A problem in EGYM's form.
#[derive(Debug)]
pub(super) struct Refused {
    problem: Box<Problem>,
    path: String,
}

impl Refused {
    pub(super) fn new(problem: Problem, path: &str) -> Self {
        Self { problem: Box::new(problem), path: path.to_owned() }
    }

    /// EGYM answers 400 where this service distinguishes.
    fn status(&self) -> StatusCode {
        match self.problem.status() {
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::BAD_REQUEST,
            status => status,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status(), self.problem.retry_after());
        let field = self
            .problem
            .pointer()
            .and_then(|pointer| pointer.strip_prefix('/'))
            .filter(|name| !name.is_empty());
        let message = self.problem.detail().to_owned();
        let error = ErrorDto {
            timestamp: rfc3339(UtcDateTime::now()),
            path: self.path,
            request_id: Uuid::now_v7().to_string(),
            status: status.as_u16(),
            error: status.canonical_reason().unwrap_or_default().to_owned(),
            error_code: (status == StatusCode::CONFLICT && field == Some("url"))
                .then_some("webhookUrlAlreadyRegistered"),
            field_errors: field
                .filter(|_| status == StatusCode::BAD_REQUEST)
                .map(|name| FieldErrorDto { name: name.to_owned(), message: message.clone() })
                .into_iter()
                .collect(),
            metadata: (status == StatusCode::NOT_FOUND)
                .then_some(("entity", "WEBHOOK"))
                .into_iter()
                .collect(),
            message,
        };
        let mut response = (status, Json(error)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
        }
        response
    }
}
