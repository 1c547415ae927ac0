//! The page of the audit: who changed what.

use askama::Template;
use axum::response::Html;
use serde::Deserialize;

use super::failure::Failure;
use super::parameters::{Asked, filled};
use super::render;
use super::visitor::{Frame, Section, Visitor};
use super::words::Moment;
use crate::actions::audit::{self, Entry};

/// How many are on a page.
const LIMIT: u32 = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    gym: Option<String>,
    subject: Option<String>,
    before: Option<u64>,
}

struct Row {
    at: Moment,
    entry: Entry,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    gym: String,
    subject: String,
    rows: Vec<Row>,
    next: Option<u64>,
    shows_gym: bool,
}

pub(super) async fn list(visitor: Visitor, Asked(filter): Asked<Filter>) -> Result<Html<String>, Failure> {
    let gym = filled(filter.gym.as_ref()).map(str::to_owned);
    let subject = filled(filter.subject.as_ref()).map(str::to_owned);
    let found = audit::list(&visitor.caller, gym.clone(), subject.clone(), filter.before, LIMIT).await?;
    let row = |entry: Entry| Row { at: Moment::new(entry.at, visitor.now), entry };
    render(&Page {
        frame: visitor.frame(Section::Audit, "Audit"),
        gym: gym.unwrap_or_default(),
        subject: subject.unwrap_or_default(),
        next: found.next,
        rows: found.items.into_iter().map(row).collect(),
        shows_gym: visitor.is_operator(),
    })
}
