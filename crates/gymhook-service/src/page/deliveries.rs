//! The list of deliveries: its `Filter` in the URL, its rows, and redelivering all that the filter finds.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use gymhook::event::Kind;
use gymhook_engine::store::{DeliveryRow, State};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::badges::{Badge, next_of};
use super::failure::{Failure, sentence};
use super::flash::Done;
use super::names::Names;
use super::parameters::{Asked, filled, moment};
use super::visitor::{Frame, Posted, Section, Visitor};
use super::words::{Moment, count};
use super::{NoFields, render};
use crate::Problem;
use crate::access::Needs;
use crate::actions::deliveries::{self, DeliveryFilter};
use crate::actions::redeliveries::{self, Affected};
use crate::activity::rfc3339;
use crate::api::deliveries::FilterTexts;

/// How many are on a page.
const LIMIT: u32 = 50;

/// What was asked for, as it was entered.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    gym: Option<String>,
    endpoint: Option<String>,
    #[serde(rename = "type")]
    event_type: Option<String>,
    kind: Option<String>,
    state: Option<String>,
    from: Option<String>,
    until: Option<String>,
    before: Option<String>,
}

/// A choice in a list of a form.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) name: &'static str,
    pub(super) is_chosen: bool,
}

impl Filter {
    fn fields(&self) -> [(&'static str, Option<&str>); 7] {
        [
            ("gym", filled(self.gym.as_ref())),
            ("endpoint", filled(self.endpoint.as_ref())),
            ("type", filled(self.event_type.as_ref())),
            ("kind", filled(self.kind.as_ref())),
            ("state", filled(self.state.as_ref())),
            ("from", filled(self.from.as_ref())),
            ("until", filled(self.until.as_ref())),
        ]
    }

    fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, value)| value.is_none())
    }

    /// The same filter's URL, from the delivery with this sequence number on.
    fn link(&self, before: Option<u64>) -> String {
        self.with("/deliveries", before)
    }

    /// Where all that it lists are redelivered, or those before this sequence number, if they ended without a success.
    fn redelivery(&self, before: Option<u64>) -> Option<String> {
        let of_state = [State::Undeliverable, State::Cancelled].map(State::as_str);
        of_state.contains(&self.value("state")).then(|| self.with("/deliveries/redeliver", before))
    }

    /// This path of the page with the filter.
    fn with(&self, path: &str, before: Option<u64>) -> String {
        let before = before.map(|before| before.to_string());
        let fields = self.fields().into_iter().chain([("before", before.as_deref())]);
        let pairs = fields.filter_map(|(name, value)| {
            value.map(|value| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        });
        let pairs: Vec<_> = pairs.collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }

    fn value(&self, name: &str) -> &str {
        self.fields()
            .into_iter()
            .find(|(field, _)| *field == name)
            .and_then(|(_, value)| value)
            .unwrap_or_default()
    }

    fn states(&self) -> Vec<Choice> {
        let chosen = self.value("state");
        let choice = |state: State| Choice {
            value: state.as_str(),
            name: Badge::of(state).word,
            is_chosen: state.as_str() == chosen,
        };
        State::ALL.into_iter().map(choice).collect()
    }

    fn kinds(&self) -> Vec<Choice> {
        let chosen = self.value("kind");
        let choice = |kind: &Kind| Choice {
            value: kind.as_str(),
            name: kind.as_str(),
            is_chosen: kind.as_str() == chosen,
        };
        Kind::ALL.iter().map(choice).collect()
    }

    /// As the API reads it, but for times, which may be written as a browser's fields are.
    fn read(&self) -> Result<DeliveryFilter, Problem> {
        let time = |name: &'static str, text: Option<&str>| match text.map(|text| (text, moment(text))) {
            None => Ok(None),
            Some((_, Some(time))) => Ok(Some(rfc3339(time))),
            Some((text, None)) => {
                let detail = format!("{name} is {text:?}: write it like 2026-01-31T18:00, in UTC");
                Err(Problem::invalid(name, detail))
            }
        };
        let from = time("from", filled(self.from.as_ref()))?;
        let until = time("until", filled(self.until.as_ref()))?;
        let texts = FilterTexts {
            gym: filled(self.gym.as_ref()),
            endpoint: filled(self.endpoint.as_ref()),
            event_type: filled(self.event_type.as_ref()),
            kind: filled(self.kind.as_ref()),
            state: filled(self.state.as_ref()),
            from: from.as_deref(),
            until: until.as_deref(),
        };
        texts.read("")
    }

    /// The page after the delivery with this sequence number.
    fn before(&self) -> Result<Option<u64>, Problem> {
        let before = filled(self.before.as_ref()).map(str::parse).transpose();
        before.map_err(|_| Problem::invalid("before", "this page is not there: go back to the latest"))
    }
}

/// A delivery in a list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) badge: Badge,
    pub(super) event_type: String,
    pub(super) gym: String,
    pub(super) name: String,
    pub(super) enqueued: Moment,
    pub(super) attempts: Option<u32>,
    pub(super) is_test: bool,
    pub(super) next: Option<(&'static str, Moment)>,
}

/// Deliveries as they are in a list.
pub(super) async fn rows(visitor: &Visitor, found: Vec<DeliveryRow>) -> Result<Vec<Row>, Problem> {
    let now = visitor.now;
    let mut names = Names::new(&visitor.caller);
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        rows.push(Row {
            id: row.id.to_string(),
            badge: Badge::of(row.state),
            name: names.of(row.endpoint).await?,
            enqueued: Moment::new(row.enqueued_at, now),
            attempts: row.record.map(|record| record.sends),
            is_test: row.record.is_some_and(|record| record.test),
            next: next_of(&row).map(|(what, at)| (what, Moment::new(at, now))),
            event_type: row.event_type,
            gym: row.gym,
        });
    }
    Ok(rows)
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct Page {
    frame: Frame,
    filter: Filter,
    rows: Vec<Row>,
    listing: Listing,
    newest: Option<String>,
    older: Option<String>,
    is_live: bool,
    shows_gym: bool,
    /// Where those that are listed are redelivered.
    redelivery: Option<String>,
}

/// What a list says if there is nothing in it: each has its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Listing {
    Some,
    NothingYet,
    NoneFits,
    NoneFitsSoFar,
    Failed(String),
    Refused(String),
}

pub(super) async fn list(visitor: Visitor, Asked(filter): Asked<Filter>) -> Result<Response, Failure> {
    let (rows, next, listing, status) = match load(&visitor, &filter).await {
        Ok((rows, next)) => {
            let listing = match (rows.is_empty(), next) {
                (false, _) => Listing::Some,
                (true, Some(_)) => Listing::NoneFitsSoFar,
                (true, _) if filter.is_empty() => Listing::NothingYet,
                (true, _) => Listing::NoneFits,
            };
            (rows, next, listing, StatusCode::OK)
        }
        Err(problem) => {
            let words = sentence(problem.detail());
            let is_refused = problem.status().is_client_error();
            let listing = if is_refused { Listing::Refused(words) } else { Listing::Failed(words) };
            (Vec::new(), None, listing, problem.status())
        }
    };
    let is_first = filled(filter.before.as_ref()).is_none();
    let html: Html<String> = render(&Page {
        frame: visitor.frame(Section::Deliveries, "Deliveries"),
        newest: (!is_first).then(|| filter.link(None)),
        older: next.map(|next| filter.link(Some(next))),
        is_live: is_first && status.is_success(),
        shows_gym: visitor.is_operator(),
        redelivery: filter.redelivery(None).filter(|_| visitor.may_retry() && !rows.is_empty()),
        filter,
        rows,
        listing,
    })?;
    Ok((status, html).into_response())
}

async fn load(visitor: &Visitor, filter: &Filter) -> Result<(Vec<Row>, Option<u64>), Problem> {
    let found = deliveries::list(&visitor.caller, &filter.read()?, filter.before()?, LIMIT).await?;
    Ok((rows(visitor, found.items).await?, found.next))
}

#[derive(Template)]
#[template(path = "redeliver.html")]
struct AskRedeliver {
    frame: Frame,
    what: String,
    /// Where the form goes; `None` if there is nothing to send.
    action: Option<String>,
    /// Where the question for the rest is, if nothing is sent before it.
    rest: Option<String>,
    back: String,
}

/// What will be done, in words, of those before `before`.
fn forecast(found: &Affected, before: Option<u64>) -> String {
    let which = if before.is_some() { "next" } else { "latest" };
    let what = match (found.deliveries, found.next) {
        (0, None) => "No delivery of this filter can be sent again.".to_owned(),
        (0, Some(_)) => format!("None of the {which} deliveries of this filter can be sent again."),
        (1, None) => "One delivery will be sent again.".to_owned(),
        (many, None) => format!("{} deliveries will be sent again.", count(many)),
        (many, Some(_)) => format!(
            "Of the {which} deliveries of this filter, {} will be sent again; after that, you are asked for the rest.",
            count(many)
        ),
    };
    let without = match found.without_subscription {
        0 => String::new(),
        without => {
            format!(" {} have nowhere to go, since their subscription was deleted.", count(without))
        }
    };
    format!("{what}{without}")
}

/// Asks first, with how many there are.
pub(super) async fn ask_to_redeliver(
    visitor: Visitor,
    Asked(filter): Asked<Filter>,
) -> Result<Html<String>, Failure> {
    visitor.caller.may(Needs::Retry)?;
    let before = filter.before()?;
    let action = filter.redelivery(before).ok_or_else(|| Failure::not_found("page"))?;
    let found = redeliveries::redeliver(&visitor.caller, &filter.read()?, before, true).await?;
    let is_nothing = found.deliveries == 0;
    render(&AskRedeliver {
        frame: visitor.frame(Section::Deliveries, "Redeliver all of these?"),
        what: forecast(&found, before),
        action: (!is_nothing).then_some(action),
        rest: found.next.filter(|_| is_nothing).and_then(|next| filter.redelivery(Some(next))),
        back: filter.link(None),
    })
}

/// Redelivers as many as one call looks at, and asks for the rest.
pub(super) async fn redeliver(
    Asked(filter): Asked<Filter>,
    posted: Posted<NoFields>,
) -> Result<Response, Failure> {
    let visitor = posted.visitor;
    visitor.caller.may(Needs::Retry)?;
    let before = filter.before()?;
    filter.redelivery(before).ok_or_else(|| Failure::not_found("page"))?;
    let done = redeliveries::redeliver(&visitor.caller, &filter.read()?, before, false).await?;
    let rest = done.next.and_then(|next| filter.redelivery(Some(next)));
    let next = rest.unwrap_or_else(|| filter.link(None));
    if done.deliveries == 0 {
        return Ok(Redirect::to(&visitor.base.path(&next)).into_response());
    }
    Ok(Done::Redelivered.then(&visitor, &next))
}
