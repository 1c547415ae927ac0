//! The pages of destinations: the list, one destination, and disabling, testing, rotating and deleting one.

mod fields;
mod form;

use core::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, Response};

pub(super) use self::form::{create, edit, form, save};
use super::failure::Failure;
use super::flash::Done;
use super::names::destination_path as path;
use super::subscriptions::{AskPause, Fact, Listed, Overlap, Pause, one};
use super::test_results::{self, Sent};
use super::visitor::{Frame, Posted, Section, Visitor};
use super::{AskRotate, Confirm, NoFields, Secret, render};
use crate::access::Needs;
use crate::actions::destinations::{self, TestSent};
use crate::destinations::{Found, WHAT, retry};

#[derive(Template)]
#[template(path = "destinations.html")]
struct Page {
    frame: Frame,
    rows: Vec<Listed>,
    shows_gym: bool,
    may_write: bool,
    /// Whether there is anything to test, and that may be done.
    has_test: bool,
}

pub(super) async fn list(visitor: Visitor) -> Result<Html<String>, Failure> {
    let found = destinations::list(&visitor.caller).await?;
    let mut rows = Vec::with_capacity(found.len());
    for Found { subscription, .. } in found {
        if let Some(stats) = visitor.caller.app().outgoing.endpoint_stats(subscription.id()).await? {
            rows.push(Listed::new(&visitor, &subscription, &stats).await?);
        }
    }
    let frame = visitor.frame(Section::Destinations, "Destinations");
    let has_test = visitor.may_retry() && !rows.is_empty();
    render(&Page { frame, rows, shows_gym: false, may_write: visitor.may_write(), has_test })
}

pub(super) async fn show(visitor: Visitor, Path(name): Path<String>) -> Result<Html<String>, Failure> {
    let (Found { route, subscription, .. }, stats) = destinations::describe(&visitor.caller, &name).await?;
    let list = |names: &[String], all: &str| if names.is_empty() { all.to_owned() } else { names.join(", ") };
    let fact = |name, value| Fact { name, value };
    let (delays, timeout) = retry::shown(subscription.policy());
    let mut own = vec![
        fact("Form", route.form.as_str().to_owned()),
        fact("From sources", list(&route.filter.sources, "all")),
        fact("Of studios", list(&route.filter.studios, "all")),
        fact("Kinds", list(&route.filter.kinds, "all")),
        fact("Retried after", list(&delays, "nothing: each delivery has one attempt")),
        fact("An attempt may take", timeout),
    ];
    let declared = route.declared.then_some(
        "It is declared in the gateway's settings: change its URL, secret, filters and retries there, or remove it there, then reload them.",
    );
    if route.retired {
        own.push(fact("Removed", "from the settings: it is deleted once nothing waits for it".to_owned()));
    }
    one(&visitor, Section::Destinations, &subscription, &stats, own, declared).await
}

pub(super) async fn test(Path(name): Path<String>, posted: Posted<NoFields>) -> Result<Response, Failure> {
    let visitor = posted.visitor;
    destinations::test(&visitor.caller, &name, Duration::ZERO).await?;
    Ok(Done::Tested.then(&visitor, &path(&name)))
}

/// One to each of them.
pub(super) async fn test_all(posted: Posted<NoFields>) -> Result<Html<String>, Failure> {
    let visitor = posted.visitor;
    let tests = destinations::test_all(&visitor.caller).await?;
    let sent = tests.into_iter().map(|TestSent { name, test }| {
        Sent::new(path(&name), name, test.map_err(|problem| problem.detail().to_owned()))
    });
    test_results::page(&visitor, Section::Destinations, "all destinations".to_owned(), sent.collect())
}

pub(super) async fn enable(Path(name): Path<String>, posted: Posted<NoFields>) -> Result<Response, Failure> {
    let visitor = posted.visitor;
    destinations::enable(&visitor.caller, &name).await?;
    Ok(Done::Enabled.then(&visitor, &path(&name)))
}

/// The destination that is to be changed.
async fn asked(visitor: &Visitor, name: &str) -> Result<Found, Failure> {
    visitor.caller.operator(WHAT)?;
    visitor.caller.may(Needs::Write)?;
    Ok(destinations::describe(&visitor.caller, name).await?.0)
}

/// The destination that is to be edited, rotated or deleted, which is done in the settings to one that is declared there.
async fn changeable(visitor: &Visitor, name: &str) -> Result<Found, Failure> {
    let found = asked(visitor, name).await?;
    found.route.changeable()?;
    Ok(found)
}

pub(super) async fn ask_to_disable(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let found = asked(&visitor, &name).await?;
    render(&AskPause {
        frame: visitor.frame(Section::Destinations, "Pause this destination?"),
        path: path(&name),
        name: found.route.name,
    })
}

pub(super) async fn disable(Path(name): Path<String>, posted: Posted<Pause>) -> Result<Response, Failure> {
    let Posted { visitor, form } = posted;
    let done = match form.until(visitor.caller.app().outgoing.now().await?)? {
        None => {
            destinations::disable(&visitor.caller, &name).await?;
            Done::Disabled
        }
        Some(until) => {
            destinations::pause(&visitor.caller, &name, until).await?;
            Done::Paused
        }
    };
    Ok(done.then(&visitor, &path(&name)))
}

pub(super) async fn ask_to_rotate(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let found = changeable(&visitor, &name).await?;
    render(&AskRotate {
        frame: visitor.frame(Section::Destinations, "Rotate the secret"),
        path: path(&name),
        back: path(&name),
        name: found.route.name,
        what: "secret",
    })
}

pub(super) async fn rotate(
    Path(name): Path<String>,
    posted: Posted<Overlap>,
) -> Result<Html<String>, Failure> {
    let Posted { visitor, form } = posted;
    let written = destinations::rotate(&visitor.caller, &name, None, form.length()?).await?;
    render(&Secret {
        frame: visitor.frame(Section::Destinations, "The new secret"),
        what: "secret",
        of: written.found.route.name,
        secret: written.secret.unwrap_or_default(),
        advice: "Give it to the application now: requests are signed with it from now on, and with the old one too until the overlap ends.",
        back: path(&name),
    })
}

pub(super) async fn ask_to_delete(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    let found = changeable(&visitor, &name).await?;
    render(&Confirm {
        frame: visitor.frame(Section::Destinations, "Delete this destination?"),
        what: format!("The destination {} will get nothing more.", found.route.name),
        consequence: "What still waits for it is never sent. Its log is kept. This cannot be undone.",
        button: "Delete the destination",
        action: format!("{}/delete", path(&name)),
        back: path(&name),
    })
}

pub(super) async fn delete(Path(name): Path<String>, posted: Posted<NoFields>) -> Result<Response, Failure> {
    let visitor = posted.visitor;
    destinations::delete(&visitor.caller, &name).await?;
    Ok(Done::Deleted.then(&visitor, Section::Destinations.path()))
}
