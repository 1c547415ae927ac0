//! `form`, `write` and `create`: the form that creates a destination, and shows its secret once.

use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::StatusCode;
use zeroize::Zeroizing;

use super::super::failure::{Failure, Wrong};
use super::super::names::destination_path as path;
use super::super::visitor::{Posted, Section, Visitor};
use super::super::{Secret, render};
use super::form::{Entered, page};
use crate::Problem;
use crate::access::Needs;
use crate::actions::destinations;
use crate::destinations::{NewDestination, WHAT, Written};

fn check(visitor: &Visitor) -> Result<(), Problem> {
    visitor.caller.operator(WHAT)?;
    visitor.caller.may(Needs::Write)
}

pub(in super::super) async fn form(visitor: Visitor) -> Result<Html<String>, Failure> {
    check(&visitor)?;
    page(&visitor, None, Entered::default(), None)
}

async fn write(visitor: &Visitor, form: &Entered) -> Result<Written, Problem> {
    let new = NewDestination {
        name: form.name.trim().to_owned(),
        url: form.url.trim().to_owned(),
        secret: (!form.secret.is_empty()).then(|| form.secret.clone()),
        form: form.form()?,
        filter: form.filter(),
        retry: form.retry()?,
    };
    destinations::create(&visitor.caller, new).await
}

pub(in super::super) async fn create(posted: Posted<Entered>) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    check(&visitor)?;
    let written = match write(&visitor, &form).await {
        Ok(written) => written,
        Err(problem) => {
            let problem = Wrong::of(problem)?;
            let entered = Entered { secret: Zeroizing::default(), ..form };
            let html = page(&visitor, None, entered, Some(problem))?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, html).into_response());
        }
    };
    let name = written.found.route.name;
    let back = path(&name);
    let Some(secret) = written.secret else {
        return Ok(Redirect::to(&visitor.base.path(&back)).into_response());
    };
    let shown = render(&Secret {
        frame: visitor.frame(Section::Destinations, "The destination's secret"),
        what: "secret",
        of: name,
        secret,
        advice: "Give it to the application, which verifies the Standard Webhooks signature with it.",
        back,
    })?;
    Ok(shown.into_response())
}
