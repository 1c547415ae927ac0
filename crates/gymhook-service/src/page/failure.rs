//! `Failure`: the answer if the page cannot do what was requested, such as a redirect to the sign-in.

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::assets::{ASSETS, Assets};
use super::base::Base;
use crate::Problem;

/// Why a page is not shown. As a response it has neither links nor style: the [middleware of all pages](super::protect) adds them,
/// since it knows under which path they are.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// Nobody has signed in.
    SignIn,
    /// Everything else.
    Problem(Problem),
}

impl Failure {
    pub(super) fn not_found(what: &str) -> Self {
        Problem::not_found(what).into()
    }

    /// The key's rights do not suffice.
    pub(super) fn forbidden(detail: &str) -> Self {
        Problem::new(StatusCode::FORBIDDEN, detail).into()
    }

    /// As a page; whoever has to sign in first gets what they `wanted` afterwards.
    pub(super) fn page(self, base: &Base, wanted: Option<&str>) -> Response {
        let problem = match self {
            Self::SignIn => {
                let wanted =
                    wanted.map(|wanted| format!("?next={}", utf8_percent_encode(wanted, NON_ALPHANUMERIC)));
                return Redirect::to(&base.path(&format!("/sign-in{}", wanted.unwrap_or_default())))
                    .into_response();
            }
            Self::Problem(problem) => problem,
        };
        let status = problem.status();
        let page = Page { base, assets: &ASSETS, title: title(status), detail: sentence(problem.detail()) };
        let mut response = match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => (status, problem.detail().to_owned()).into_response(),
        };
        if let Some(seconds) = problem.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl<E: Into<Problem>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Page<'a> {
    base: &'a Base,
    assets: &'a Assets,
    title: &'static str,
    detail: String,
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::CONFLICT => "That is not possible now",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "Failed to load",
        status if status.is_client_error() => "That cannot be done",
        _ => "Something went wrong",
    }
}

/// What is wrong with a form, beside the field that it is about.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// Its place, as in `rate/attempts`.
    place: String,
    pub(super) words: String,
}

impl Wrong {
    /// What a visitor can correct in the form; everything else is a failure.
    pub(super) fn of(problem: Problem) -> Result<Self, Failure> {
        if ![StatusCode::UNPROCESSABLE_ENTITY, StatusCode::CONFLICT].contains(&problem.status()) {
            return Err(problem.into());
        }
        let pointer = problem.pointer().unwrap_or_default();
        let place = pointer.trim_start_matches('/').to_owned();
        Ok(Self { place, words: sentence(problem.detail()) })
    }

    /// Whether this field is wrong, or something in it.
    pub(super) fn is(wrong: Option<&Self>, field: &str) -> bool {
        let rest = wrong.and_then(|wrong| wrong.place.strip_prefix(field));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// An error's words as a sentence.
pub(super) fn sentence(words: &str) -> String {
    let mut rest = words.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if words.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_shown_again_for_what_can_be_corrected_in_it() {
        let wrong = Wrong::of(Problem::invalid("/urls/member.created", "no")).unwrap();
        assert!(Wrong::is(Some(&wrong), "urls") && !Wrong::is(Some(&wrong), "url"));
        let rate = Wrong::of(Problem::invalid("/rate/burst", "no")).unwrap();
        assert!(Wrong::is(Some(&rate), "rate/burst") && !Wrong::is(Some(&rate), "rate/attempts"));
        assert_eq!(Wrong::of(Problem::conflict("it is there")).unwrap().words, "It is there.");
        for status in [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS] {
            let failure = Wrong::of(Problem::new(status, "no")).unwrap_err();
            assert!(matches!(failure, Failure::Problem(problem) if problem.status() == status), "{status}");
        }
    }
}
