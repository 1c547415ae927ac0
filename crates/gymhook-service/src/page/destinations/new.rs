//! A new destination.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::failure::{Failure, Wrong};
use super::super::names::destination_path as path;
use super::super::visitor::{Frame, Posted, Section, Visitor};
use super::super::{Secret, render};
use crate::access::Needs;
use crate::actions::destinations;
use crate::destinations::{Filter, NewDestination, WHAT};
use crate::{Form, Problem};

#[derive(Template)]
#[template(path = "new_destination.html")]
struct Page {
    frame: Frame,
    entered: Entered,
    sources: Vec<String>,
    problem: Option<Wrong>,
}

impl Page {
    fn is_wrong(&self, field: &str) -> bool {
        Wrong::is(self.problem.as_ref(), field)
    }
}

/// What was entered; lists are separated by commas.
#[derive(Clone, Default, Deserialize)]
pub(in super::super) struct Entered {
    #[serde(default)]
    name: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    form: String,
    #[serde(default)]
    sources: String,
    #[serde(default)]
    studios: String,
    #[serde(default)]
    kinds: String,
    #[serde(default)]
    secret: Zeroizing<String>,
}

fn check(visitor: &Visitor) -> Result<(), Problem> {
    visitor.caller.operator(WHAT)?;
    visitor.caller.may(Needs::Write)
}

pub(in super::super) async fn form(visitor: Visitor) -> Result<Html<String>, Failure> {
    check(&visitor)?;
    page(&visitor, Entered::default(), None)
}

fn page(visitor: &Visitor, entered: Entered, problem: Option<Wrong>) -> Result<Html<String>, Failure> {
    let sources = visitor.caller.app().sources.all();
    render(&Page {
        frame: visitor.frame(Section::Destinations, "New destination"),
        sources: sources.iter().map(|source| source.name.clone()).collect(),
        entered,
        problem,
    })
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

pub(in super::super) async fn create(posted: Posted<Entered>) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    check(&visitor)?;
    let new = NewDestination {
        name: form.name.trim().to_owned(),
        url: form.url.trim().to_owned(),
        secret: (!form.secret.is_empty()).then(|| form.secret.clone()),
        form: Form::from_name(&form.form).unwrap_or_default(),
        filter: Filter {
            sources: list(&form.sources),
            studios: list(&form.studios),
            kinds: list(&form.kinds),
        },
    };
    let written = match destinations::create(&visitor.caller, new).await {
        Ok(written) => written,
        Err(problem) => {
            let problem = Wrong::of(problem)?;
            let entered = Entered { secret: Zeroizing::default(), ..form };
            let html = page(&visitor, entered, Some(problem))?;
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
