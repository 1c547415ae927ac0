//! `Problem`: errors of the API as problem details (RFC 9457), made of every error of the engine.

use axum::Json;
use axum::response::{IntoResponse, Response};
use gymhook_engine::store::{Refused, StoreError};
use gymhook_engine::{ApiKeyError, SubscriptionError, ViewError};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was not done, as `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is: always `about:blank`, that is, the one that its status names.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened, and what to do.
    detail: String,
    /// Where in the request it is: a JSON pointer into the body, or the name of a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Unknown").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            pointer: None,
            retry_after: None,
        }
    }

    /// A field of the body (a JSON pointer) or a parameter (its name) cannot be used.
    pub(crate) fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// The same, of this place in the request.
    pub(crate) fn at(self, pointer: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), ..self }
    }

    /// There is none, or it is another gym's.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no such {what}, or this API key does not reach it"),
        )
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Try again after this many seconds.
    pub(crate) fn later(status: StatusCode, seconds: u64, detail: impl Into<String>) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..Self::new(status, detail) }
    }

    /// The status that it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Where in the request it is: a JSON pointer into the body, or the name of a parameter.
    #[must_use]
    pub fn pointer(&self) -> Option<&str> {
        self.pointer.as_deref()
    }

    /// After how many seconds to try again, if that may help.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// What happened, and what to do.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
        const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
        let status = self.status();
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, BEARER);
        }
        response
    }
}

/// A field's name as a part of a JSON pointer (RFC 6901).
pub(crate) fn pointer_part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// How long a caller waits for a database that is away or full, in seconds. Our choice.
const DATABASE_RETRY: u64 = 5;
/// How long a caller waits for others who keep changing the same thing, in seconds. Our choice.
const CONTENDED_RETRY: u64 = 1;

/// What a caller may know of it: the store's words, which name files and servers, go to the log.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { what } => Self::conflict(format!("{what} already exists")),
            StoreError::Invalid { problem } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, problem),
            StoreError::Busy { retry_after } => Self::later(
                StatusCode::SERVICE_UNAVAILABLE,
                retry_after.as_secs(),
                "the database is busy: try again later",
            ),
            StoreError::Full => {
                tracing::error!(%error, "a request was not done");
                Self::later(
                    StatusCode::SERVICE_UNAVAILABLE,
                    DATABASE_RETRY,
                    "the database's disk is full, and nothing was lost: try again when the operator has freed some space",
                )
            }
            StoreError::Unavailable { .. } => {
                tracing::warn!(%error, "a request was not done");
                Self::later(
                    StatusCode::SERVICE_UNAVAILABLE,
                    DATABASE_RETRY,
                    "the database is not available: try again later",
                )
            }
            error @ (StoreError::Closed
            | StoreError::Damaged { .. }
            | StoreError::Internal { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::Replaced { .. }
            | StoreError::Schema { .. }
            | _) => {
                tracing::error!(%error, "a request was not done");
                Self::later(
                    StatusCode::SERVICE_UNAVAILABLE,
                    DATABASE_RETRY,
                    "the database cannot be used: the operator finds the reason in the log",
                )
            }
        }
    }
}

/// At its place in a request that has the field.
impl From<SubscriptionError> for Problem {
    fn from(error: SubscriptionError) -> Self {
        let pointer = pointer_to(&error);
        let status = match &error {
            SubscriptionError::Store(error) => return error.clone().into(),
            SubscriptionError::Unknown { .. } => return Self::not_found("subscription"),
            SubscriptionError::Contended { .. } => {
                return Self::later(StatusCode::SERVICE_UNAVAILABLE, CONTENDED_RETRY, error.to_string());
            }
            SubscriptionError::Settings(error) => {
                tracing::error!(%error, "a subscription cannot be read or written");
                let detail = "a subscription's settings cannot be read or written: the operator finds the reason in the log";
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
            }
            SubscriptionError::Deleted { .. }
            | SubscriptionError::Direction { .. }
            | SubscriptionError::Exists { .. }
            | SubscriptionError::UrlTaken { .. } => StatusCode::CONFLICT,
            SubscriptionError::Filter { .. }
            | SubscriptionError::Inbox { .. }
            | SubscriptionError::Key(_)
            | SubscriptionError::Metadata { .. }
            | SubscriptionError::NoTestEvent { .. }
            | SubscriptionError::Refused { .. }
            | SubscriptionError::Unstorable { .. }
            | _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self { pointer: pointer.map(str::to_owned), ..Self::new(status, error.to_string()) }
    }
}

/// The field that a refusal of the engine is about.
fn pointer_to(error: &SubscriptionError) -> Option<&'static str> {
    match error {
        SubscriptionError::Filter { .. } => Some("/events"),
        SubscriptionError::Key(_) => Some("/secret"),
        SubscriptionError::Metadata { .. } => Some("/metadata"),
        SubscriptionError::UrlTaken { .. } => Some("/url"),
        SubscriptionError::Contended { .. }
        | SubscriptionError::Deleted { .. }
        | SubscriptionError::Direction { .. }
        | SubscriptionError::Exists { .. }
        | SubscriptionError::Inbox { .. }
        | SubscriptionError::NoTestEvent { .. }
        | SubscriptionError::OtherId { .. }
        | SubscriptionError::Refused { .. }
        | SubscriptionError::Settings(_)
        | SubscriptionError::Store(_)
        | SubscriptionError::Unknown { .. }
        | SubscriptionError::Unstorable { .. }
        | _ => None,
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Store(error) => error.into(),
            ViewError::Subscription(error) => error.into(),
            ViewError::OtherGym { .. } => Self::not_found("gym"),
            error @ (ViewError::NotAllowed { .. } | _) => Self::new(StatusCode::FORBIDDEN, error.to_string()),
        }
    }
}

impl From<ApiKeyError> for Problem {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::Store(error) => error.into(),
            ApiKeyError::Label { .. } => Self::invalid("/label", error.to_string()),
            ApiKeyError::Owner { .. } => Self::invalid("/gym", error.to_string()),
            error => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::Conflict { .. } | Refused::Repeat { .. } => StatusCode::CONFLICT,
            Refused::UnknownEndpoint { .. } => return Self::not_found("subscription"),
            Refused::Unstorable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, refused.to_string())
    }
}
