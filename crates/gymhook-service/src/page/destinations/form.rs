//! The form that creates or changes a destination: `form` and `edit` show it, and `create` and `save` store what was entered.
//! A new secret is shown once.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::StatusCode;
use zeroize::Zeroizing;

use super::super::failure::{Failure, Wrong};
use super::super::flash::Done;
use super::super::names::destination_path as path;
use super::super::visitor::{Frame, Posted, Section, Visitor};
use super::super::{Secret, render};
use super::changeable;
use super::fields::Entered;
use crate::Problem;
use crate::access::Needs;
use crate::actions::destinations;
use crate::destinations::{Found, NewDestination, Retry, WHAT, Written, retry};

fn check(visitor: &Visitor) -> Result<(), Problem> {
    visitor.caller.operator(WHAT)?;
    visitor.caller.may(Needs::Write)
}

pub(in super::super) async fn form(visitor: Visitor) -> Result<Html<String>, Failure> {
    check(&visitor)?;
    page(&visitor, None, Entered::default(), None)
}

async fn write(visitor: &Visitor, entered: &Entered) -> Result<Written, Problem> {
    let new = NewDestination {
        name: entered.name.trim().to_owned(),
        url: entered.url.trim().to_owned(),
        secret: (!entered.secret.is_empty()).then(|| entered.secret.clone()),
        form: entered.form()?,
        filter: entered.filter(),
        retry: entered.retry()?,
    };
    destinations::create(&visitor.caller, new).await
}

pub(in super::super) async fn create(posted: Posted<Entered>) -> Result<Response, Failure> {
    let Posted { visitor, form: entered } = posted;
    check(&visitor)?;
    let written = match write(&visitor, &entered).await {
        Ok(written) => written,
        Err(problem) => {
            let problem = Wrong::of(problem)?;
            let entered = Entered { secret: Zeroizing::default(), ..entered };
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

pub(in super::super) async fn edit(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let held = changeable(&visitor, &name).await?;
    page(&visitor, Some(&held), Entered::of(&held), None)
}

pub(in super::super) async fn save(
    Path(name): Path<String>,
    posted: Posted<Entered>,
) -> Result<Response, Failure> {
    let Posted { visitor, form: entered } = posted;
    let held = changeable(&visitor, &name).await?;
    let written = match entered.changes(&held) {
        Ok(changes) => destinations::update(&visitor.caller, &name, changes).await,
        Err(problem) => Err(problem),
    };
    match written {
        Ok(_) => Ok(Done::Changed.then(&visitor, &path(&name))),
        Err(problem) => {
            let entered = Entered { name, ..entered };
            let html = page(&visitor, Some(&held), entered, Some(Wrong::of(problem)?))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "destination_form.html")]
struct Page {
    frame: Frame,
    entered: Entered,
    sources: Vec<String>,
    /// Where the one is that is changed.
    held: Option<String>,
    /// How a destination is retried that has nothing of its own.
    default_delays: String,
    default_timeout: String,
    problem: Option<Wrong>,
}

impl Page {
    fn is_wrong(&self, field: &str) -> bool {
        Wrong::is(self.problem.as_ref(), field)
    }

    fn has_retries(&self) -> bool {
        let Entered { retry_delays, retry_exponential, attempt_timeout, .. } = &self.entered;
        [retry_delays, retry_exponential, attempt_timeout].into_iter().any(|field| !field.is_empty())
    }
}

/// Of a new one, or of the one that is changed.
fn page(
    visitor: &Visitor,
    held: Option<&Found>,
    mut entered: Entered,
    problem: Option<Wrong>,
) -> Result<Html<String>, Failure> {
    let sources = visitor.caller.app().sources.all();
    entered.seen = held.map(|held| Entered::of(held).seen).unwrap_or_default();
    let (default_delays, default_timeout) = retry::shown(&Retry::default().policy());
    let title = if held.is_some() { "Edit the destination" } else { "New destination" };
    render(&Page {
        frame: visitor.frame(Section::Destinations, title),
        sources: sources.iter().map(|source| source.name.clone()).collect(),
        held: held.map(|held| path(&held.route.name)),
        default_delays: default_delays.join(", "),
        default_timeout,
        entered,
        problem,
    })
}
