//! `Tested`: the page that lists the results after a test was sent to all subscriptions or destinations.

use core::fmt::Display;

use askama::Template;
use axum::response::Html;
use gymhook_engine::DeliveryId;

use super::failure::{Failure, sentence};
use super::render;
use super::visitor::{Frame, Section, Visitor};

/// A test that was sent, or why not.
pub(super) struct Sent {
    path: String,
    name: String,
    delivery: Option<String>,
    problem: Option<String>,
}

impl Sent {
    /// The test of what is called so, and is there on the page.
    pub(super) fn new(path: String, name: String, test: Result<DeliveryId, impl Display>) -> Self {
        let (delivery, problem) = match test {
            Ok(delivery) => (Some(delivery.to_string()), None),
            Err(error) => (None, Some(sentence(&error.to_string()))),
        };
        Self { path, name, delivery, problem }
    }
}

#[derive(Template)]
#[template(path = "tested.html")]
struct Tested {
    frame: Frame,
    /// Whose tests they are.
    of: String,
    sent: Vec<Sent>,
}

/// The tests of all that belong to this.
pub(super) fn page(
    visitor: &Visitor,
    section: Section,
    of: String,
    sent: Vec<Sent>,
) -> Result<Html<String>, Failure> {
    render(&Tested { frame: visitor.frame(section, format!("Tests of {of}")), of, sent })
}
