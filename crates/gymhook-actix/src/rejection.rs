//! [`WebhookRejection`](crate::WebhookRejection), the rejection of the extractor [`Webhook`](crate::Webhook): its
//! status and its answer.

use actix_web::{HttpResponse, ResponseError};
use gymhook_tower::Refusal;

use crate::request::{response_to, status_of};

/// Why the extractor refused a request.
///
/// As a response it is the answer of [`gymhook-tower`](https://docs.rs/gymhook-tower)'s table, without a body. To answer
/// otherwise, take `Result<Webhook, WebhookRejection>` in the handler. Whatever you answer to a failed proof, answer the same
/// to all of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookRejection {
    /// There is no [`WebhookSource`](crate::WebhookSource) of this notification's type in the `app_data`. Caused by the routes'
    /// configuration; the answer is 500.
    #[error(
        "no WebhookSource of this handler's notification is in the app_data of its resource, scope or application: put one there"
    )]
    NoSource,
    /// The request was refused. It has been counted and logged.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl ResponseError for WebhookRejection {
    fn status_code(&self) -> actix_web::http::StatusCode {
        match self {
            Self::NoSource => actix_web::http::StatusCode::INTERNAL_SERVER_ERROR,
            Self::Refused(refusal) => status_of(refusal.answer().status()),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::NoSource => HttpResponse::InternalServerError().finish(),
            Self::Refused(refusal) => response_to(&refusal.answer()),
        }
    }
}
