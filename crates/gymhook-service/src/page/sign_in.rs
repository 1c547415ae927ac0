//! Signs in and out: the form, and `WrongKeys`, the limit on wrong keys.

use core::num::NonZeroU32;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::StatusCode;
use serde::Deserialize;
use time::UtcDateTime;

use super::assets::{ASSETS, Assets};
use super::base::Base;
use super::failure::Failure;
use super::parameters::Asked;
use super::session::LASTS;
use super::visitor::{GUEST_COOKIE, GuestForm, Posted, SESSION_COOKIE};
use super::{NoFields, render};
use crate::app::App;

/// How many wrong keys are answered as such: a key has 244 random bits, so this keeps the log readable and no more. A right key
/// is never refused, so that nobody can lock the page for everybody else.
pub(crate) struct WrongKeys(DefaultDirectRateLimiter);

impl WrongKeys {
    /// Our choice.
    const PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

    pub(super) fn new() -> Self {
        Self(RateLimiter::direct(Quota::per_minute(Self::PER_MINUTE)))
    }
}

impl core::fmt::Debug for WrongKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WrongKeys").finish_non_exhaustive()
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    base: &'a Base,
    assets: &'a Assets,
    token: String,
    next: &'a str,
    problem: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    next: Option<String>,
}

/// The form.
pub(super) async fn form(
    State(app): State<Arc<App>>,
    base: Base,
    jar: CookieJar,
    Asked(asked): Asked<Next>,
) -> Result<Response, Failure> {
    show(&app, &base, jar, asked.next.as_deref().unwrap_or_default(), StatusCode::OK, None)
}

/// A guest keeps their cookie, so that two tabs with the form do not disturb each other.
fn show(
    app: &App,
    base: &Base,
    jar: CookieJar,
    next: &str,
    status: StatusCode,
    problem: Option<&str>,
) -> Result<Response, Failure> {
    let known = jar.get(GUEST_COOKIE).and_then(|cookie| app.page.secret.guest(cookie.value()));
    let (guest, jar) = match known {
        Some(guest) => (guest, jar),
        None => {
            let (guest, cookie) = app.page.secret.greet();
            (guest, jar.add(base.cookie(GUEST_COOKIE, cookie, app.settings.load().https)))
        }
    };
    let token = app.page.secret.guest_token(guest);
    let html: Html<String> = render(&Page { base, assets: &ASSETS, token, next, problem })?;
    Ok((status, jar, html).into_response())
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    key: String,
    #[serde(default)]
    next: String,
}

/// Signs in with an API key.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    base: Base,
    jar: CookieJar,
    GuestForm(form): GuestForm<SignIn>,
) -> Result<Response, Failure> {
    let Some(key) = app.outgoing.check_api_key(form.key.trim()).await? else {
        let (status, problem) = if app.page.wrong_keys.0.check().is_ok() {
            tracing::warn!("somebody tried to sign in with an unknown or revoked API key");
            (StatusCode::UNAUTHORIZED, "This API key is unknown or revoked.")
        } else {
            (StatusCode::TOO_MANY_REQUESTS, "Too many wrong API keys: wait a minute, then try again.")
        };
        return show(&app, &base, jar, &form.next, status, Some(problem));
    };
    let (_, cookie) = app.page.secret.begin(key.id, UtcDateTime::now());
    tracing::info!(key = %key.id, label = ?key.label, "signed in to the page");
    let mut session = base.cookie(SESSION_COOKIE, cookie, app.settings.load().https);
    session.set_max_age(LASTS);
    let jar = jar.add(session).remove(base.forgotten(GUEST_COOKIE));
    Ok((jar, Redirect::to(&base.path(within(&form.next)))).into_response())
}

/// Ends the session in this browser.
pub(super) async fn sign_out(jar: CookieJar, posted: Posted<NoFields>) -> Response {
    let base = posted.visitor.base;
    let jar = jar.remove(base.forgotten(SESSION_COOKIE));
    (jar, Redirect::to(&base.path("/sign-in"))).into_response()
}

/// Where to go after signing in: a path of this page, and nowhere else.
fn within(next: &str) -> &str {
    let is_path = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.contains(char::is_control);
    if is_path && next.is_ascii() { next } else { "/overview" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_host() {
        assert_eq!(within("/deliveries?state=waiting"), "/deliveries?state=waiting");
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
            "/\t/evil.example",
            "/\u{1}",
            "deliveries",
        ] {
            assert_eq!(within(other), "/overview", "{other:?}");
        }
    }
}
