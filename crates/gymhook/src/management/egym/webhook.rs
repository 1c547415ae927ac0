//! `WebhookRequest` and `WebhookResponse`: EGYM's webhook as it is requested, and as it is returned.

use serde::{Deserialize, Serialize};

use super::ApiError;
use crate::send::EndpointUrl;
use crate::signature::Secret;

/// A webhook to create or update: the vendor's `WebhookRequestDTO`. Both fields are required.
#[derive(Debug)]
pub struct WebhookRequest {
    url: EndpointUrl,
    secret: Secret,
}

impl WebhookRequest {
    /// Events go to `url`, with `secret` in `x-api-key`.
    #[must_use]
    pub const fn new(url: EndpointUrl, secret: Secret) -> Self {
        Self { url, secret }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, ApiError> {
        #[derive(Serialize)]
        struct WebhookRequestDto<'a> {
            url: &'a str,
            secret: &'a str,
        }
        let bytes = self.secret.expose_secret();
        let visible = bytes.iter().all(u8::is_ascii_graphic);
        let secret =
            core::str::from_utf8(bytes).ok().filter(|_| visible).ok_or(ApiError::UnsendableSecret)?;
        let url = self.url.to_uri().to_string();
        serde_json::to_vec(&WebhookRequestDto { url: &url, secret }).map_err(|_| ApiError::UnsendableSecret)
    }
}

/// A webhook as EGYM stores it: the vendor's `WebhookResponseDTO`.
#[derive(Debug)]
#[non_exhaustive]
pub struct WebhookResponse {
    /// EGYM's id of the webhook.
    pub id: i64,
    /// The URL that events are sent to, as EGYM stores it; its query may contain a token.
    pub url: String,
    /// The secret sent in `x-api-key`; EGYM returns it in clear. `None` if it is empty.
    pub secret: Option<Secret>,
}

impl<'de> Deserialize<'de> for WebhookResponse {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct WebhookResponseDto {
            id: i64,
            url: String,
            secret: String,
        }
        let WebhookResponseDto { id, url, secret } = Deserialize::deserialize(deserializer)?;
        Ok(Self { id, url, secret: Secret::new(secret).ok() })
    }
}
