//! The web UI, which this code calls the page: its router, its headers, and the requests that only confirm.
//!
//! Written on the server, readable without a script, and without a request to any other host.

mod assets;
mod audit;
mod badges;
mod base;
mod deliveries;
mod delivery;
mod destinations;
mod failure;
mod flash;
mod keys;
mod names;
mod next_request;
mod overview;
mod parameters;
mod payload;
mod plot;
mod session;
mod sign_in;
mod sources;
mod stale_form;
mod subscriptions;
mod tail;
mod test_results;
mod visitor;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::{Html, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use gymhook::signature::{Secret as SessionKey, SecretError};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use zeroize::Zeroizing;

use self::base::Base;
use self::failure::Failure;
use self::session::SessionSecret;
use self::sign_in::WrongKeys;
use self::visitor::Frame;
use crate::Problem;
use crate::app::App;

/// What the page keeps between requests.
#[derive(Debug)]
pub(crate) struct Shared {
    secret: SessionSecret,
    wrong_keys: WrongKeys,
}

impl Shared {
    /// With the secret that was set for sessions, or one of this process's own.
    pub(crate) fn new(session_secret: Option<Arc<SessionKey>>) -> Result<Self, SecretError> {
        Ok(Self { secret: SessionSecret::new(session_secret)?, wrong_keys: WrongKeys::new() })
    }
}

/// How large a form may be, in bytes. Our choice: the largest has a URL and a list of types.
const MAX_FORM: usize = 64 * 1_024;

/// The page's routes, from `/` on.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(async |base: Base| Redirect::to(&base.path("/overview"))))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/{name}", get(assets::asset))
        .route("/tail", get(tail::tail))
        .route("/overview", get(overview::overview))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/redeliver", get(deliveries::ask_to_redeliver).post(deliveries::redeliver))
        .route("/deliveries/{id}", get(delivery::show))
        .route("/deliveries/{id}/retry", post(delivery::retry))
        .route("/deliveries/{id}/cancel", get(delivery::ask_to_cancel).post(delivery::cancel))
        .route("/subscriptions", get(subscriptions::list))
        .route("/subscriptions/new", get(subscriptions::form).post(subscriptions::create))
        .route("/subscriptions/test-all", post(subscriptions::test_all))
        .route("/subscriptions/{id}", get(subscriptions::show))
        .route("/subscriptions/{id}/edit", get(subscriptions::edit).post(subscriptions::save))
        .route("/subscriptions/{id}/test", post(subscriptions::test))
        .route("/subscriptions/{id}/enable", post(subscriptions::enable))
        .route("/subscriptions/{id}/pause", get(subscriptions::ask_to_disable).post(subscriptions::disable))
        .route("/subscriptions/{id}/rotate", get(subscriptions::ask_to_rotate).post(subscriptions::rotate))
        .route("/subscriptions/{id}/delete", get(subscriptions::ask_to_delete).post(subscriptions::delete))
        .route("/destinations", get(destinations::list))
        .route("/destinations/+new", get(destinations::form).post(destinations::create))
        .route("/destinations/+test-all", post(destinations::test_all))
        .route("/destinations/{name}", get(destinations::show))
        .route("/destinations/{name}/edit", get(destinations::edit).post(destinations::save))
        .route("/destinations/{name}/test", post(destinations::test))
        .route("/destinations/{name}/enable", post(destinations::enable))
        .route("/destinations/{name}/pause", get(destinations::ask_to_disable).post(destinations::disable))
        .route("/destinations/{name}/rotate", get(destinations::ask_to_rotate).post(destinations::rotate))
        .route("/destinations/{name}/delete", get(destinations::ask_to_delete).post(destinations::delete))
        .route("/sources", get(sources::list))
        .route("/sources/{name}", get(sources::show))
        .route("/audit", get(audit::list))
        .route("/keys", get(keys::list))
        .route("/keys/new", get(keys::form).post(keys::issue))
        .route("/keys/{id}/revoke", get(keys::ask_to_revoke).post(keys::revoke))
        .route("/keys/{id}/rotate", get(keys::ask_to_rotate).post(keys::rotate))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(middleware::from_fn(protect))
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
pub(super) struct NoFields {}

/// Asks before something is done that cannot be undone.
#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    frame: Frame,
    what: String,
    consequence: &'static str,
    button: &'static str,
    /// Where the form goes.
    action: String,
    back: String,
}

/// Asks how long the old secret or key stays valid.
#[derive(Template)]
#[template(path = "rotate.html")]
struct AskRotate {
    frame: Frame,
    name: String,
    path: String,
    back: String,
    what: &'static str,
}

/// Shows what can be read only once.
#[derive(Template)]
#[template(path = "secret.html")]
struct Secret {
    frame: Frame,
    what: &'static str,
    /// Whose it is.
    of: String,
    secret: Zeroizing<String>,
    advice: &'static str,
    back: String,
}

/// A template as a response.
fn render(page: &impl Template) -> Result<Html<String>, Failure> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be written").into()
    })
}

/// No script or style but ours, nothing from or to another host, and no frame around it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'",
);

/// `same-origin` and not `no-referrer`, with which browsers hide the origin of our own forms: no other host is told anything.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Tells every page where it is, writes the failures down, and sets what protects all pages.
async fn protect(mut request: Request, next: Next) -> Response {
    let base = Base::of(&request);
    let wanted = (request.method() == Method::GET)
        .then(|| request.uri().path_and_query().map(ToString::to_string))
        .flatten();
    let was_told = CookieJar::from_headers(request.headers()).get(flash::DONE_COOKIE).is_some();
    request.extensions_mut().insert(base.clone());
    let mut response = next.run(request).await;
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        response = failure.page(&base, wanted.as_deref());
    }
    let is_told = was_told && response.status().is_success();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(const { HeaderValue::from_static("no-store") });
    if is_told
        && headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
    {
        forget(headers, &base, flash::DONE_COOKIE);
    }
    response
}

fn forget(headers: &mut http::HeaderMap, base: &Base, name: &'static str) {
    let mut gone = base.forgotten(name);
    gone.make_removal();
    if let Ok(value) = HeaderValue::try_from(gone.to_string()) {
        headers.append(header::SET_COOKIE, value);
    }
}
