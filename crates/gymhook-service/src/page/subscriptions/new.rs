//! A new subscription.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::failure::{Failure, Wrong};
use super::super::names::{name_of, subscription_path};
use super::super::visitor::{Frame, Posted, Section, Visitor};
use super::super::{Secret, render};
use crate::access::Needs;
use crate::actions::platforms;
use crate::actions::subscription_changes::{self, Changes, NewSecret, NewSubscription};

#[derive(Template)]
#[template(path = "new_subscription.html")]
struct Page {
    frame: Frame,
    platforms: Vec<&'static str>,
    entered: Entered,
    /// The gym, if the key has one.
    gym: Option<String>,
    problem: Option<Wrong>,
}

impl Page {
    fn is_wrong(&self, field: &str) -> bool {
        Wrong::is(self.problem.as_ref(), field)
    }
}

/// What was entered.
#[derive(Clone, Default, Deserialize)]
pub(in super::super) struct Entered {
    #[serde(default)]
    gym: String,
    #[serde(default)]
    platform: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    label: String,
    /// Filters, separated by commas or white space; nothing for every type.
    #[serde(default)]
    events: String,
    /// Nothing to have one drawn.
    #[serde(default)]
    secret: Zeroizing<String>,
}

pub(in super::super) async fn form(visitor: Visitor) -> Result<Html<String>, Failure> {
    visitor.caller.may(Needs::Write)?;
    let entered = Entered { platform: platforms::STANDARD_WEBHOOKS.to_owned(), ..Entered::default() };
    page(&visitor, entered, None)
}

fn page(visitor: &Visitor, entered: Entered, problem: Option<Wrong>) -> Result<Html<String>, Failure> {
    render(&Page {
        frame: visitor.frame(Section::Subscriptions, "New subscription"),
        platforms: platforms::names().collect(),
        gym: visitor.caller.gym().map(str::to_owned),
        entered,
        problem,
    })
}

pub(in super::super) async fn create(posted: Posted<Entered>) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    visitor.caller.may(Needs::Write)?;
    let events: Vec<String> = form
        .events
        .split([',', ' ', '\n', '\r', '\t'])
        .filter(|event| !event.is_empty())
        .map(str::to_owned)
        .collect();
    let new = NewSubscription {
        gym: visitor.caller.gym().unwrap_or_else(|| form.gym.trim()).to_owned(),
        platform: form.platform.clone(),
        url: form.url.trim().to_owned(),
        secret: if form.secret.is_empty() { NewSecret::Drawn } else { NewSecret::Given(form.secret.clone()) },
        settings: Changes {
            label: Some(form.label.trim().to_owned()),
            events: (!events.is_empty()).then_some(Some(events)),
            ..Changes::default()
        },
    };
    let written = match subscription_changes::create(&visitor.caller, new).await {
        Ok(written) => written,
        Err(problem) => {
            let problem = Wrong::of(problem)?;
            let entered = Entered { secret: Zeroizing::default(), ..form };
            let html = page(&visitor, entered, Some(problem))?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, html).into_response());
        }
    };
    let back = subscription_path(written.subscription.id());
    let Some(secret) = written.secret else {
        return Ok(axum::response::Redirect::to(&visitor.base.path(&back)).into_response());
    };
    let shown = render(&Secret {
        frame: visitor.frame(Section::Subscriptions, "The subscription's secret"),
        what: "secret",
        of: format!("“{}”", name_of(&written.subscription)),
        secret,
        advice: "Give it to the receiver, which verifies requests with it.",
        back,
    })?;
    Ok(shown.into_response())
}
