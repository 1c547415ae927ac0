//! `form`, `write` and `create`: the form that creates a subscription, and shows its secret once.

use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::StatusCode;
use zeroize::Zeroizing;

use super::super::failure::{Failure, Wrong};
use super::super::names::{name_of, subscription_path};
use super::super::visitor::{Posted, Section, Visitor};
use super::super::{Secret, render};
use super::fields::Entered;
use super::form::page;
use crate::Problem;
use crate::access::Needs;
use crate::actions::platforms;
use crate::actions::subscription_changes::{self, NewSecret, NewSubscription, Written};

pub(in super::super) async fn form(visitor: Visitor) -> Result<Html<String>, Failure> {
    visitor.caller.may(Needs::Write)?;
    let entered = Entered { platform: platforms::STANDARD_WEBHOOKS.to_owned(), ..Entered::default() };
    page(&visitor, None, entered, None)
}

async fn write(visitor: &Visitor, form: &Entered) -> Result<Written, Problem> {
    let new = NewSubscription {
        gym: visitor.caller.gym().unwrap_or_else(|| form.gym.trim()).to_owned(),
        platform: form.platform.clone(),
        url: form.url.trim().to_owned(),
        secret: if form.secret.is_empty() { NewSecret::Drawn } else { NewSecret::Given(form.secret.clone()) },
        settings: form.changes(None)?,
    };
    subscription_changes::create(&visitor.caller, new).await
}

pub(in super::super) async fn create(posted: Posted<Entered>) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    visitor.caller.may(Needs::Write)?;
    let written = match write(&visitor, &form).await {
        Ok(written) => written,
        Err(problem) => {
            let problem = Wrong::of(problem)?;
            let entered = Entered { secret: Zeroizing::default(), ..form };
            let html = page(&visitor, None, entered, Some(problem))?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, html).into_response());
        }
    };
    let back = subscription_path(written.subscription.id());
    let Some(secret) = written.secret else {
        return Ok(Redirect::to(&visitor.base.path(&back)).into_response());
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
