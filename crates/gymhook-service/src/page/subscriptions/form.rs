//! `page`: renders the form that creates or changes a subscription.

use askama::Template;
use axum::response::Html;
use gymhook_engine::{HttpTarget, Subscription};

use super::super::failure::{Failure, Wrong};
use super::super::names::{name_of, subscription_path};
use super::super::render;
use super::super::visitor::{Frame, Section, Visitor};
use super::fields::Entered;
use crate::actions::platforms;

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
pub(super) fn page(
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
