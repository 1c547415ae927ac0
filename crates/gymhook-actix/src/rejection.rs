//! What the extractor answers when it refuses.

use actix_web::{HttpResponse, ResponseError};
use gymhook_tower::Refusal;

use crate::request::{response_to, status_of};

/// Why the extractor refused a request.
///
/// As a response it is the row of the table of answers, without a body. To answer otherwise, take
/// `Result<Webhook, WebhookRejection>` in the handler. Whatever you answer to a failed proof, answer the same to all of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookRejection {
    /// No [`WebhookSource`](crate::WebhookSource) of this notification's type is in the `app_data`: whoever set the routes up is
    /// at fault, and 500 is answered.
    #[error(
        "no WebhookSource of this handler's notification is in the app_data of its resource, scope or application: put one there"
    )]
    NoSource,
    /// The request was refused. It was counted and logged already.
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
