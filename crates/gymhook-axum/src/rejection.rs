//! What the extractor answers when it refuses.

use axum::response::{IntoResponse, Response};
use gymhook_tower::{Answer, Refusal};
use http::StatusCode;

/// Why the extractor refused a request. It was counted and logged already.
///
/// As a response it is the row of the table of answers, without a body. To answer otherwise, take
/// `Result<Webhook, WebhookRejection>` in the handler, or derive an extractor of your own with
/// `#[from_request(via(Webhook), rejection(YourError))]` and `From<WebhookRejection> for YourError`. Whatever you answer to a
/// failed proof, answer the same to all of them.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct WebhookRejection(#[from] Refusal);

impl WebhookRejection {
    /// Why, for the operator.
    #[must_use]
    pub const fn refusal(&self) -> &Refusal {
        &self.0
    }

    /// Why, with what is kept in it: a body that was proved and could not be read.
    #[must_use]
    pub fn into_refusal(self) -> Refusal {
        self.0
    }

    /// What to answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        self.0.answer()
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.answer().status()
    }
}

impl IntoResponse for WebhookRejection {
    fn into_response(self) -> Response {
        self.answer().into_response()
    }
}
