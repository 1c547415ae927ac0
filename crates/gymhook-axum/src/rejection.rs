//! [`WebhookRejection`](crate::WebhookRejection), the rejection of the extractor [`Webhook`](crate::Webhook): its
//! status and its answer.

use axum::response::{IntoResponse, Response};
use gymhook_tower::{Answer, Refusal};
use http::StatusCode;

/// Why the extractor refused a request. It has been counted and logged.
///
/// As a response it is the answer of [`gymhook-tower`](https://docs.rs/gymhook-tower)'s table, without a body. To answer
/// otherwise, take `Result<Webhook, WebhookRejection>` in the handler, or derive your own extractor with
/// `#[from_request(via(Webhook), rejection(YourError))]` and `From<WebhookRejection> for YourError`. Whatever you answer to a
/// failed proof, answer the same to all of them.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct WebhookRejection(#[from] Refusal);

impl WebhookRejection {
    /// The reason, for the operator.
    #[must_use]
    pub const fn refusal(&self) -> &Refusal {
        &self.0
    }

    /// The reason, by value: it may contain a body that was proved but could not be read.
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
