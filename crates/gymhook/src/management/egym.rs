//! EGYM's webhook management API ("MMS API V2" 2.0.0): six calls, as [`http::Request`]s to send and [`http::Response`]s to read.
//!
//! ```
//! use gymhook::management::egym::{Api, WebhookRequest};
//! use gymhook::send::EndpointUrl;
//! use gymhook::signature::Secret;
//! use gymhook::UrlRule;
//! use http::Response;
//!
//! let api = Api::production(Secret::new("the-key-that-EGYM-issued-for-this-gym")?)?;
//! let url = EndpointUrl::new("https://receiver.example/egym", UrlRule::Https)?;
//! let call = api.create(&WebhookRequest::new(url, Secret::new("chosen-for-this-webhook")?))?;
//! assert_eq!(call.request().method(), "POST");
//! assert_eq!(call.request().uri(), "https://mms.api.egym.com/api/v2/webhooks");
//!
//! // Your client sends it and reads the whole body; then:
//! let (request, reply) = call.into_parts();
//! # let _ = request;
//! let answered = Response::new(r#"{"id":17,"url":"https://receiver.example/egym","secret":"chosen-for-this-webhook"}"#);
//! let webhook = reply.read(&answered)?;
//! assert_eq!(webhook.id, 17);
//! assert!(!format!("{webhook:?}").contains("chosen"));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Notes
//!
//! - **Two keys use the same header name.** EGYM issues a key for each gym location, which these calls send in `x-api-key`. You
//!   choose the secret of a webhook, which EGYM sends in `x-api-key` with each event. Never use one for the other.
//! - **A webhook gets every type**: there is no field to choose types. Several webhooks for one gym are allowed, with different
//!   URLs. The same URL twice in one gym is refused, see [`CallError::is_url_already_registered`].
//! - **The secret is returned in clear** by every call that returns a webhook. It is a [`Secret`] here, which prints nothing;
//!   keep responses out of logs as well.
//! - **`PUT` replaces both** URL and secret: the schema requires both, although the page says "or".
//! - **`trigger`** makes EGYM send a `TEST` to the webhook. The answer does not say whether it arrived.
//! - **Events are filtered by consent** since 2026-06-24: those of members who do not share their data are not sent. A missing
//!   event is not a delivery failure.
//! - **Your own calls echo back**: the API's check-in call also triggers the webhooks.
//! - **The rate is limited**: a bucket of 60 calls for each key, refilled with 6 a second; 429 comes without `Retry-After`.
//! - EGYM intends to replace this API with a page in its product.
//!
//! Sources: <https://developer.egym.com/general/webhooks> and the vendor's OpenAPI file of 2026; where they differ, the
//! documentation says which one is followed. No call was tried against EGYM's own servers.

mod call;
mod error_body;
mod webhook;

use http::{HeaderValue, Method, Request, StatusCode, Uri, header};

pub use self::call::{Call, CallError, Reply, SecretBody};
pub use self::error_body::{ErrorBody, FieldError};
pub use self::webhook::{WebhookRequest, WebhookResponse};
use crate::signature::{ApiKey, Secret};

/// EGYM's API for one gym: where it is, and the key that EGYM issued.
#[derive(Debug)]
pub struct Api {
    base: Uri,
    key: HeaderValue,
}

impl Api {
    /// The vendor's server.
    pub const PRODUCTION: &'static str = "https://mms.api.egym.com";

    /// The vendor's server for tests.
    pub const TEST: &'static str = "https://mms.api.ed.ts.egym.coffee";

    /// The path of all calls.
    const PATH: &'static str = "/api/v2/webhooks";

    /// [`Api::PRODUCTION`] with this key.
    ///
    /// # Errors
    /// [`ApiError::UnsendableKey`].
    pub fn production(key: Secret) -> Result<Self, ApiError> {
        Self::at(Self::PRODUCTION, key)
    }

    /// Another server with this key: [`Api::TEST`], or one of your own.
    ///
    /// # Errors
    /// [`ApiError::UnsendableKey`]: a header cannot carry the key. [`ApiError::NotABase`]: `base` is no absolute URL without
    /// path and query.
    #[expect(clippy::needless_pass_by_value, reason = "a secret is passed on, not shared")]
    pub fn at(base: &str, key: Secret) -> Result<Self, ApiError> {
        let base: Uri = base.parse().map_err(|_| ApiError::NotABase)?;
        let bare = base.path_and_query().is_none_or(|path| path == "/");
        if base.scheme().is_none() || base.authority().is_none() || !bare {
            return Err(ApiError::NotABase);
        }
        let mut key = HeaderValue::from_bytes(key.expose_secret()).map_err(|_| ApiError::UnsendableKey)?;
        key.set_sensitive(true);
        Ok(Self { base, key })
    }

    /// Lists the webhooks of the gym: `GET /api/v2/webhooks`.
    ///
    /// # Errors
    /// Never in practice: all calls share [`ApiError`].
    pub fn list(&self) -> Result<Call<Vec<WebhookResponse>>, ApiError> {
        self.call(Method::GET, "", None).map(|request| Call::new(request, Reply::json(StatusCode::OK)))
    }

    /// Reads one webhook: `GET /api/v2/webhooks/{id}`.
    ///
    /// # Errors
    /// As [`Api::list`].
    pub fn get(&self, id: i64) -> Result<Call<WebhookResponse>, ApiError> {
        self.call(Method::GET, &format!("/{id}"), None)
            .map(|request| Call::new(request, Reply::json(StatusCode::OK)))
    }

    /// Creates a webhook: `POST /api/v2/webhooks`. Success is 200, not 201.
    ///
    /// # Errors
    /// [`ApiError::UnsendableSecret`]: the webhook's secret is not text, or its deliveries could not carry it in a header.
    pub fn create(&self, webhook: &WebhookRequest) -> Result<Call<WebhookResponse>, ApiError> {
        self.call(Method::POST, "", Some(webhook))
            .map(|request| Call::new(request, Reply::json(StatusCode::OK)))
    }

    /// Replaces the URL and the secret of a webhook: `PUT /api/v2/webhooks/{id}`.
    ///
    /// # Errors
    /// As [`Api::create`].
    pub fn update(&self, id: i64, webhook: &WebhookRequest) -> Result<Call<WebhookResponse>, ApiError> {
        self.call(Method::PUT, &format!("/{id}"), Some(webhook))
            .map(|request| Call::new(request, Reply::json(StatusCode::OK)))
    }

    /// Deletes a webhook: `DELETE /api/v2/webhooks/{id}`.
    ///
    /// # Errors
    /// As [`Api::list`].
    pub fn delete(&self, id: i64) -> Result<Call<()>, ApiError> {
        self.call(Method::DELETE, &format!("/{id}"), None)
            .map(|request| Call::new(request, Reply::nothing(StatusCode::NO_CONTENT)))
    }

    /// Makes EGYM send a `TEST` event: `POST /api/v2/webhooks/{id}/trigger`.
    ///
    /// # Errors
    /// As [`Api::list`].
    pub fn trigger(&self, id: i64) -> Result<Call<()>, ApiError> {
        self.call(Method::POST, &format!("/{id}/trigger"), None)
            .map(|request| Call::new(request, Reply::nothing(StatusCode::OK)))
    }

    fn call(
        &self,
        method: Method,
        behind: &str,
        webhook: Option<&WebhookRequest>,
    ) -> Result<Request<SecretBody>, ApiError> {
        let body = webhook.map(WebhookRequest::to_json).transpose()?.unwrap_or_default();
        let path = format!("{}{behind}", Self::PATH);
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = Some(path.parse().map_err(|_| ApiError::NotABase)?);
        let mut request = Request::new(SecretBody::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| ApiError::NotABase)?;
        request.headers_mut().insert(ApiKey::HEADER, self.key.clone());
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if webhook.is_some() {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }
}

/// Why a call cannot be made. Caused by the configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The server is no absolute URL without path and query.
    #[error("the server is not an absolute URL such as {}: remove path and query", Api::PRODUCTION)]
    NotABase,
    /// A header cannot carry the key.
    #[error("the API key has characters that no header carries: enter it as EGYM issued it")]
    UnsendableKey,
    /// A header cannot carry the webhook's secret.
    #[error("the webhook's secret is not visible ASCII, which its x-api-key header needs: choose another")]
    UnsendableSecret,
}
