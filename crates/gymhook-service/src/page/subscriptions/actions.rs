//! The buttons of a subscription: deletes, disables, pauses, enables and tests it, or all of a gym, and rotates its
//! secret.

use core::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, Response};
use gymhook_engine::{EndpointId, Subscription, TestSent};
use serde::Deserialize;
use time::UtcDateTime;

use super::super::failure::Failure;
use super::super::flash::Done;
use super::super::names::{Names, name_of, subscription_path as path};
use super::super::parameters::id;
use super::super::test_results::{self, Sent};
use super::super::visitor::{Frame, Posted, Section, Visitor};
use super::super::{AskRotate, Confirm, NoFields, Secret, render};
use crate::Problem;
use crate::access::Needs;
use crate::actions::{subscription_changes, subscriptions, tests_of_endpoints};
use crate::api::endpoint_actions::LONGEST_OVERLAP;

pub(super) async fn asked(visitor: &Visitor, name: &str) -> Result<(EndpointId, Subscription), Failure> {
    visitor.caller.may(Needs::Write)?;
    let id: EndpointId = id(name, "subscription")?;
    Ok((id, subscriptions::get(&visitor.caller, id).await?))
}

pub(in super::super) async fn ask_to_delete(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let (id, subscription) = asked(&visitor, &name).await?;
    render(&Confirm {
        frame: visitor.frame(Section::Subscriptions, "Delete this subscription?"),
        what: format!(
            "The subscription “{}” of gym “{}” will get nothing more.",
            name_of(&subscription),
            subscription.gym()
        ),
        consequence: "What still waits for it is never sent. Its log is kept. This cannot be undone: its id is not used again.",
        button: "Delete the subscription",
        action: format!("{}/delete", path(id)),
        back: path(id),
    })
}

pub(in super::super) async fn delete(
    Path(name): Path<String>,
    posted: Posted<NoFields>,
) -> Result<Response, Failure> {
    let visitor = posted.visitor;
    subscriptions::delete(&visitor.caller, id(&name, "subscription")?).await?;
    Ok(Done::Deleted.then(&visitor, Section::Subscriptions.path()))
}

pub(in super::super) async fn ask_to_disable(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let (id, subscription) = asked(&visitor, &name).await?;
    render(&AskPause {
        frame: visitor.frame(Section::Subscriptions, "Pause this subscription?"),
        name: format!("“{}”", name_of(&subscription)),
        path: path(id),
    })
}

#[derive(Template)]
#[template(path = "pause.html")]
pub(in super::super) struct AskPause {
    pub(in super::super) frame: Frame,
    pub(in super::super) name: String,
    pub(in super::super) path: String,
}

/// For how long; nothing for ever.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Pause {
    #[serde(default)]
    minutes: String,
}

impl Pause {
    /// Until when, from this moment on; `None` for ever.
    pub(in super::super) fn until(&self, now: UtcDateTime) -> Result<Option<UtcDateTime>, Problem> {
        if self.minutes.is_empty() {
            return Ok(None);
        }
        let minutes: u32 = self
            .minutes
            .parse()
            .map_err(|_| Problem::invalid("minutes", "the length of the pause is no number of minutes"))?;
        let until = now.checked_add(time::Duration::minutes(minutes.into()));
        Ok(Some(
            until.ok_or_else(|| Problem::invalid("minutes", "the pause is too long: disable it instead"))?,
        ))
    }
}

pub(in super::super) async fn disable(
    Path(name): Path<String>,
    posted: Posted<Pause>,
) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    let id: EndpointId = id(&name, "subscription")?;
    let now = visitor.caller.app().outgoing.now().await?;
    let done = match form.until(now)? {
        None => {
            subscriptions::disable(&visitor.caller, id).await?;
            Done::Disabled
        }
        Some(until) => {
            subscriptions::pause(&visitor.caller, id, until).await?;
            Done::Paused
        }
    };
    Ok(done.then(&visitor, &path(id)))
}

pub(in super::super) async fn enable(
    Path(name): Path<String>,
    posted: Posted<NoFields>,
) -> Result<Response, Failure> {
    let visitor = posted.visitor;
    let id: EndpointId = id(&name, "subscription")?;
    subscriptions::enable(&visitor.caller, id).await?;
    Ok(Done::Enabled.then(&visitor, &path(id)))
}

/// Does not wait: the delivery's page says what came of it.
pub(in super::super) async fn test(
    Path(name): Path<String>,
    posted: Posted<NoFields>,
) -> Result<Response, Failure> {
    let visitor = posted.visitor;
    let id: EndpointId = id(&name, "subscription")?;
    tests_of_endpoints::send(&visitor.caller, id, None, Duration::ZERO).await?;
    Ok(Done::Tested.then(&visitor, &path(id)))
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct OfGym {
    gym: String,
}

/// One to each subscription of a gym, as PerfectGym's button does.
pub(in super::super) async fn test_all(posted: Posted<OfGym>) -> Result<Html<String>, Failure> {
    let Posted { visitor, form: OfGym { gym } } = posted;
    let tests = tests_of_endpoints::send_to_all(&visitor.caller, &gym).await?;
    let mut names = Names::new(&visitor.caller);
    let mut sent = Vec::with_capacity(tests.len());
    for TestSent { subscription, test, .. } in tests {
        sent.push(Sent::new(path(subscription), names.of(subscription).await?, test));
    }
    test_results::page(&visitor, Section::Subscriptions, gym, sent)
}

pub(in super::super) async fn ask_to_rotate(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let (id, subscription) = asked(&visitor, &name).await?;
    render(&AskRotate {
        frame: visitor.frame(Section::Subscriptions, "Rotate the secret"),
        name: format!("“{}”", name_of(&subscription)),
        path: path(id),
        back: path(id),
        what: "secret",
    })
}

/// For how long the old one stays valid besides the new one.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Overlap {
    hours: u32,
}

impl Overlap {
    /// No longer than the API allows.
    pub(in super::super) fn length(&self) -> Result<Duration, Problem> {
        let seconds = self.hours.saturating_mul(60 * 60);
        if seconds > LONGEST_OVERLAP {
            let days = LONGEST_OVERLAP / (24 * 60 * 60);
            return Err(Problem::invalid(
                "hours",
                format!("the old one stays valid for {days} days at the longest"),
            ));
        }
        Ok(Duration::from_secs(seconds.into()))
    }
}

/// The new secret is on the answer, and nowhere else.
pub(in super::super) async fn rotate(
    Path(name): Path<String>,
    posted: Posted<Overlap>,
) -> Result<Html<String>, Failure> {
    let Posted { visitor, form } = posted;
    let id: EndpointId = id(&name, "subscription")?;
    let written = subscription_changes::rotate(&visitor.caller, id, None, form.length()?).await?;
    render(&Secret {
        frame: visitor.frame(Section::Subscriptions, "The new secret"),
        what: "secret",
        of: format!("“{}”", name_of(&written.subscription)),
        secret: written.secret.unwrap_or_default(),
        advice: "Give it to the receiver now: requests are signed with it from now on, and with the old one too until the overlap ends, where the platform's scheme has room for both.",
        back: path(id),
    })
}
