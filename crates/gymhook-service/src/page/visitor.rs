//! `Visitor`, who is signed in, with the `Frame` around each page and its `Section`s; `Posted` and `GuestForm`, the
//! check that a form comes from the page itself.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum_extra::extract::CookieJar;
use bytes::Bytes;
use gymhook_engine::ApiKey;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::UtcDateTime;

use super::assets::{ASSETS, Assets};
use super::base::Base;
use super::failure::Failure;
use super::flash::Done;
use super::session::Session;
use super::words::{Moment, rights};
use crate::Problem;
use crate::access::{Caller, Needs};
use crate::api::extract::in_time;
use crate::app::App;

/// The cookie of a session.
pub(super) const SESSION_COOKIE: &str = "gymhook-session";

/// Somebody who has signed in with a key that still counts.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) caller: Caller,
    pub(super) session: Session,
    pub(super) base: Base,
    pub(super) now: UtcDateTime,
    done: Option<Done>,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let jar = CookieJar::from_headers(&parts.headers);
        let now = UtcDateTime::now();
        let cookie = jar.get(SESSION_COOKIE).ok_or(Failure::SignIn)?;
        let session = app.page.secret.session(cookie.value(), now).ok_or(Failure::SignIn)?;
        let key = app.outgoing.api_key(session.key).await?.ok_or(Failure::SignIn)?;
        let base = parts.extensions.get::<Base>().cloned().ok_or_else(|| Failure::not_found("page"))?;
        let caller = Caller::new(key, Arc::clone(app))?;
        Ok(Self { caller, session, base, now, done: Done::of(&jar) })
    }
}

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Deliveries,
    Subscriptions,
    Destinations,
    Sources,
    Keys,
    Audit,
}

impl Section {
    const ALL: [Self; 7] = [
        Self::Overview,
        Self::Deliveries,
        Self::Subscriptions,
        Self::Destinations,
        Self::Sources,
        Self::Keys,
        Self::Audit,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Deliveries => "Deliveries",
            Self::Subscriptions => "Subscriptions",
            Self::Destinations => "Destinations",
            Self::Sources => "Sources",
            Self::Keys => "API keys",
            Self::Audit => "Audit",
        }
    }

    /// One of what is there.
    pub(super) const fn one(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Deliveries => "Delivery",
            Self::Subscriptions => "Subscription",
            Self::Destinations => "Destination",
            Self::Sources => "Source",
            Self::Keys => "API key",
            Self::Audit => "Change",
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/overview",
            Self::Deliveries => "/deliveries",
            Self::Subscriptions => "/subscriptions",
            Self::Destinations => "/destinations",
            Self::Sources => "/sources",
            Self::Keys => "/keys",
            Self::Audit => "/audit",
        }
    }

    /// Whether what is there belongs to no gym.
    const fn is_operators(self) -> bool {
        matches!(self, Self::Destinations | Self::Sources)
    }
}

/// What is around each screen.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) base: Base,
    pub(super) assets: &'static Assets,
    pub(super) title: String,
    pub(super) section: Section,
    pub(super) sections: Vec<Section>,
    pub(super) label: String,
    pub(super) gym: Option<String>,
    pub(super) rights: &'static str,
    pub(super) token: String,
    pub(super) ends: Moment,
    pub(super) done: Option<String>,
}

impl Visitor {
    pub(super) const fn key(&self) -> &ApiKey {
        &self.caller.key
    }

    /// Whether the buttons that change something are shown.
    pub(super) fn may_write(&self) -> bool {
        self.caller.may(Needs::Write).is_ok()
    }

    /// Whether deliveries may be retried and tests sent.
    pub(super) fn may_retry(&self) -> bool {
        self.caller.may(Needs::Retry).is_ok()
    }

    /// Whether what belongs to no gym is shown.
    pub(super) fn is_operator(&self) -> bool {
        self.caller.gym().is_none()
    }

    pub(super) fn frame(&self, section: Section, title: impl Into<String>) -> Frame {
        let shown = |section: &Section| self.is_operator() || !section.is_operators();
        let ends = UtcDateTime::from_unix_timestamp(self.session.expires).unwrap_or(self.now);
        Frame {
            base: self.base.clone(),
            assets: &ASSETS,
            title: title.into(),
            section,
            sections: Section::ALL.into_iter().filter(shown).collect(),
            label: self.key().label.clone(),
            gym: self.key().owner.gym().map(str::to_owned),
            rights: rights(self.key().rights),
            token: self.caller.app().page.secret.token(&self.session),
            ends: Moment::new(ends, self.now),
            done: self.done.as_ref().map(ToString::to_string),
        }
    }
}

/// A form of the page, from somebody who has signed in.
#[derive(Debug)]
pub(super) struct Posted<T> {
    pub(super) visitor: Visitor,
    pub(super) form: T,
}

/// The field that every form has.
#[derive(Debug, Deserialize)]
struct Token {
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Posted<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failure> {
        check_origin(request.headers())?;
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let body = read(Request::from_parts(parts, body)).await?;
        check_token(&body, |token| app.page.secret.token_fits(&visitor.session, token))?;
        Ok(Self { visitor, form: fields(&body)? })
    }
}

/// A form of the sign-in page.
#[derive(Debug)]
pub(super) struct GuestForm<T>(pub(super) T);

/// The cookie of whoever is about to sign in.
pub(super) const GUEST_COOKIE: &str = "gymhook-sign-in";

impl<T: DeserializeOwned> FromRequest<Arc<App>> for GuestForm<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failure> {
        check_origin(request.headers())?;
        let jar = CookieJar::from_headers(request.headers());
        let guest = jar.get(GUEST_COOKIE).and_then(|cookie| app.page.secret.guest(cookie.value()));
        let guest = guest.ok_or_else(foreign)?;
        let body = read(request).await?;
        check_token(&body, |token| app.page.secret.guest_token_fits(guest, token))?;
        Ok(Self(fields(&body)?))
    }
}

/// A browser says where a form is from; nothing else posts forms here.
///
/// `Sec-Fetch-Site` counts where a browser sends it, which is over `https` and to this machine; otherwise `Origin` has to name the
/// host that was asked.
fn check_origin(headers: &HeaderMap) -> Result<(), Failure> {
    if let Some(site) = headers.get("sec-fetch-site") {
        return if site == "same-origin" { Ok(()) } else { Err(foreign()) };
    }
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.and_then(|origin| origin.split_once("://"));
    let is_own = origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host));
    if is_own { Ok(()) } else { Err(foreign()) }
}

fn check_token(body: &[u8], fits: impl FnOnce(&str) -> bool) -> Result<(), Failure> {
    let is_own = serde_urlencoded::from_bytes(body).is_ok_and(|Token { csrf }| fits(&csrf));
    if is_own { Ok(()) } else { Err(foreign()) }
}

fn foreign() -> Failure {
    Failure::forbidden(
        "this form is not from this page, or from an earlier session: nothing was done; load the page again, then try again",
    )
}

async fn read(request: Request) -> Result<Bytes, Failure> {
    let body = in_time(Bytes::from_request(request, &())).await?;
    body.map_err(|refused| Problem::new(refused.status(), "this form cannot be read").into())
}

fn fields<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_urlencoded::from_bytes(body).map_err(|error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("this form cannot be used: {error}")).into()
    })
}
