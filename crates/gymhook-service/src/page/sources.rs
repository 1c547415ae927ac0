//! The pages of sources: what each accepted, and the requests that it refused and why.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Html;
use gymhook_engine::store::DeliveryQuery;
use serde::Deserialize;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use super::badges::Badge;
use super::deliveries::{self, Row as Delivery};
use super::failure::{Failure, sentence};
use super::parameters::Asked;
use super::render;
use super::visitor::{Frame, Section, Visitor};
use super::words::{Moment, count};
use crate::Problem;
use crate::actions::sources;
use crate::incoming::{
    KeyState, KeyWindow, OpenSource, RefusalQuery, RefusedRequest, SourceState, SourceStatus,
};

/// A source in a list.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) platform: &'static str,
    pub(super) path: String,
    pub(super) badge: Badge,
    pub(super) note: Option<String>,
    pub(super) accepted: String,
    pub(super) duplicates: String,
    pub(super) unreadable: String,
    pub(super) refused: String,
    pub(super) waiting: String,
    pub(super) last: Option<Moment>,
}

impl Row {
    fn new(source: &OpenSource, status: &SourceStatus, now: UtcDateTime) -> Self {
        let counted = &status.counted;
        let last_refused = counted.last_refused;
        let note = match (status.state, last_refused) {
            (SourceState::Error, Some((at, why))) => {
                Some(format!("refused {}: {why}", Moment::new(at, now).relative))
            }
            (SourceState::NotConnected, _) => Some("nothing has come yet".to_owned()),
            (SourceState::Connected | SourceState::Error, _) => None,
        };
        Self {
            name: source.name.clone(),
            platform: source.platform(),
            path: source.path.clone(),
            badge: match status.state {
                SourceState::Connected => Badge::CONNECTED,
                SourceState::NotConnected => Badge::NOT_CONNECTED,
                SourceState::Error => Badge::ERROR,
            },
            note,
            accepted: count(counted.accepted),
            duplicates: count(counted.duplicates),
            unreadable: count(counted.unreadable),
            refused: count(counted.refused.values().sum()),
            waiting: status.inbox.map_or_else(|| "0".to_owned(), |inbox| count(inbox.waiting)),
            last: counted.last_accepted.max(status.last_kept).map(|at| Moment::new(at, now)),
        }
    }
}

/// How all sources are.
pub(super) async fn rows(visitor: &Visitor) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (source, status) in sources::list(&visitor.caller).await? {
        rows.push(Row::new(&source, &status, visitor.now));
    }
    Ok(rows)
}

/// A request that was refused.
struct Refused {
    /// The same whenever the page is asked for.
    id: String,
    at: Option<Moment>,
    request: RefusedRequest,
}

impl Refused {
    /// The latest first.
    fn list(requests: Vec<RefusedRequest>, now: UtcDateTime) -> Vec<Self> {
        let mut earlier: BTreeMap<String, usize> = BTreeMap::new();
        let mut found: Vec<_> = requests
            .into_iter()
            .rev()
            .map(|request| {
                let number = earlier.entry(request.at.clone()).and_modify(|number| *number += 1).or_default();
                let at = UtcDateTime::parse(&request.at, &Rfc3339).ok();
                let id = format!("refused-{}-{number}", request.at);
                Self { id, at: at.map(|at| Moment::new(at, now)), request }
            })
            .collect();
        found.reverse();
        found
    }
}

/// How many refused requests are on a page.
const LIMIT: usize = 50;

#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "sources.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    refused: Vec<Refused>,
    next: Option<u64>,
    /// How many are not in the log, because there were too many.
    dropped: u64,
}

pub(super) async fn list(visitor: Visitor, Asked(filter): Asked<Filter>) -> Result<Html<String>, Failure> {
    let (refused, next, dropped) = refused(&visitor, None, filter.before).await?;
    let frame = visitor.frame(Section::Sources, "Sources");
    render(&Page { frame, rows: rows(&visitor).await?, refused, next, dropped })
}

async fn refused(
    visitor: &Visitor,
    source: Option<String>,
    before: Option<u64>,
) -> Result<(Vec<Refused>, Option<u64>, u64), Problem> {
    let query = RefusalQuery { source, reason: None, before, limit: LIMIT };
    let (page, dropped) = sources::refusals(&visitor.caller, &query).await?;
    Ok((Refused::list(page.items, visitor.now), page.next, dropped))
}

#[derive(Template)]
#[template(path = "source.html")]
struct One {
    frame: Frame,
    row: Row,
    note: Option<String>,
    inbox: String,
    keys: Vec<String>,
    reasons: Vec<(&'static str, String)>,
    refused: Vec<Refused>,
    next: Option<u64>,
    recent: Vec<Delivery>,
}

/// A key, and whether it is valid.
fn shown(key: &KeyWindow, now: UtcDateTime) -> String {
    let relative = |at: Option<UtcDateTime>| at.map_or_else(String::new, |at| Moment::new(at, now).relative);
    match key.state {
        KeyState::Valid => key.id.clone(),
        KeyState::Expired => format!("{} (expired {})", key.id, relative(key.until)),
        KeyState::NotYetValid => format!("{} (not valid yet: {})", key.id, relative(key.from)),
    }
}

/// How many of its webhooks are shown.
const RECENT: u32 = 10;

pub(super) async fn show(
    visitor: Visitor,
    Path(name): Path<String>,
    Asked(filter): Asked<Filter>,
) -> Result<Html<String>, Failure> {
    let (source, status) = sources::describe(&visitor.caller, &name).await?;
    let (refused, next, _) = refused(&visitor, Some(source.name.clone()), filter.before).await?;
    let query = DeliveryQuery { endpoint: Some(source.inbox()), ..DeliveryQuery::new(RECENT) };
    let recent = visitor.caller.view().deliveries(query).await?.items;
    let row = Row::new(&source, &status, visitor.now);
    render(&One {
        frame: visitor.frame(Section::Sources, source.name.clone()),
        note: row.note.as_deref().map(sentence),
        row,
        inbox: source.inbox().to_string(),
        keys: source.keys(visitor.now).iter().map(|key| shown(key, visitor.now)).collect(),
        reasons: status.counted.refused.iter().map(|(why, many)| (*why, count(*many))).collect(),
        recent: deliveries::rows(&visitor, recent).await?,
        refused,
        next,
    })
}
