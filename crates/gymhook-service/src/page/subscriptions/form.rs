//! The form that creates or changes a subscription: `form` and `edit` show it, and `create` and `save` store what was
//! entered. A new secret is shown once.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use gymhook_engine::{HttpTarget, Subscription};
use http::StatusCode;
use zeroize::Zeroizing;

use super::super::failure::{Failure, Wrong};
use super::super::flash::Done;
use super::super::names::{name_of, subscription_path};
use super::super::visitor::{Frame, Posted, Section, Visitor};
use super::super::{Secret, render};
use super::actions::asked;
use super::fields::Entered;
use crate::Problem;
use crate::access::Needs;
use crate::actions::platforms;
use crate::actions::subscription_changes::{self, NewSecret, NewSubscription, Written};

pub(in super::super) async fn form(visitor: Visitor) -> Result<Html<String>, Failure> {
    visitor.caller.may(Needs::Write)?;
    let entered = Entered { platform: platforms::STANDARD_WEBHOOKS.to_owned(), ..Entered::default() };
    page(&visitor, None, entered, None)
}

async fn write(visitor: &Visitor, entered: &Entered) -> Result<Written, Problem> {
    let new = NewSubscription {
        gym: visitor.caller.gym().unwrap_or_else(|| entered.gym.trim()).to_owned(),
        platform: entered.platform.clone(),
        url: entered.url.trim().to_owned(),
        secret: if entered.secret.is_empty() {
            NewSecret::Drawn
        } else {
            NewSecret::Given(entered.secret.clone())
        },
        settings: entered.changes(None)?,
    };
    subscription_changes::create(&visitor.caller, new).await
}

pub(in super::super) async fn create(posted: Posted<Entered>) -> Result<Response, Failure> {
    let Posted { visitor, form: entered } = posted;
    visitor.caller.may(Needs::Write)?;
    let written = match write(&visitor, &entered).await {
        Ok(written) => written,
        Err(problem) => {
            let problem = Wrong::of(problem)?;
            let entered = Entered { secret: Zeroizing::default(), ..entered };
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

pub(in super::super) async fn edit(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let (_, held) = asked(&visitor, &name).await?;
    let entered = Entered::of(&held);
    page(&visitor, Some(&held), entered, None)
}

pub(in super::super) async fn save(
    Path(name): Path<String>,
    posted: Posted<Entered>,
) -> Result<Response, Failure> {
    let Posted { visitor, form: entered } = posted;
    let (id, held) = asked(&visitor, &name).await?;
    let written = match entered.changes(Some(&held)) {
        Ok(changes) => subscription_changes::update(&visitor.caller, id, &changes).await,
        Err(problem) => Err(problem),
    };
    match written {
        Ok(_) => Ok(Done::Changed.then(&visitor, &subscription_path(id))),
        Err(problem) => {
            let html = page(&visitor, Some(&held), entered, Some(Wrong::of(problem)?))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "subscription_form.html")]
struct Page {
    frame: Frame,
    platforms: Vec<&'static str>,
    entered: Entered,
    /// The gym, if the key has one.
    gym: Option<String>,
    /// The one that is changed.
    held: Option<Held>,
    problem: Option<Wrong>,
}

struct Held {
    name: String,
    path: String,
    gym: String,
    platform: String,
}

impl Page {
    fn is_wrong(&self, field: &str) -> bool {
        Wrong::is(self.problem.as_ref(), field)
    }

    fn has_more(&self) -> bool {
        self.entered.has_more()
    }
}

/// Of a new one, or of the one that is changed.
fn page(
    visitor: &Visitor,
    held: Option<&Subscription>,
    mut entered: Entered,
    problem: Option<Wrong>,
) -> Result<Html<String>, Failure> {
    entered.seen = held.map(|held| Entered::of(held).seen).unwrap_or_default();
    let title = if held.is_some() { "Edit the subscription" } else { "New subscription" };
    render(&Page {
        frame: visitor.frame(Section::Subscriptions, title),
        platforms: platforms::names().collect(),
        gym: visitor.caller.gym().map(str::to_owned),
        held: held.map(|held| Held {
            name: name_of(held),
            path: subscription_path(held.id()),
            gym: held.gym().to_owned(),
            platform: held.http().map(HttpTarget::platform).unwrap_or_default().to_owned(),
        }),
        entered,
        problem,
    })
}
