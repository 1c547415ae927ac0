//! The pages of subscriptions: the list, and one subscription with its `Fact`s and the health of its endpoint.

mod actions;
mod fields;
mod form;
mod latest;

use askama::Template;
use axum::extract::Path;
use axum::response::Html;
use gymhook_engine::store::{DeliveryQuery, EndpointStats};
use gymhook_engine::{EndpointId, HttpTarget, Subscription};
use serde::Deserialize;
use time::UtcDateTime;

pub(super) use self::actions::{
    AskPause, Overlap, Pause, ask_to_delete, ask_to_disable, ask_to_rotate, delete, disable, enable, rotate,
    test, test_all,
};
pub(super) use self::form::{create, edit, form, save};
use self::latest::{LastError, Next};
use super::badges::{Badge, of_health};
use super::deliveries::{self, Row as Delivery};
use super::failure::{Failure, sentence};
use super::names::{host_of, name_of, path_of};
use super::parameters::{Asked, filled, id};
use super::plot::{self, Spark};
use super::render;
use super::visitor::{Frame, Section, Visitor};
use super::words::{Moment, count, length};
use crate::Problem;
use crate::actions::subscriptions;

/// How many are on a page.
const LIMIT: u32 = 50;

/// A subscription in a list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) name: String,
    pub(super) host: String,
    pub(super) platform: String,
    pub(super) gym: String,
    pub(super) badge: Badge,
    pub(super) note: Option<String>,
    pub(super) waiting: String,
    pub(super) failing_since: Option<Moment>,
    pub(super) last_delivered: Option<Moment>,
    pub(super) last_given_up: Option<Moment>,
    pub(super) overdue: Option<Moment>,
}

/// What a list shows of it besides.
pub(super) struct Listed {
    pub(super) row: Row,
    pub(super) hour: Spark,
    pub(super) last_error: Option<LastError>,
    /// When the next attempt is made; nothing if none is to come.
    pub(super) next: Option<Result<Moment, &'static str>>,
}

impl Listed {
    /// It takes a query or two if something waits, and a few more if it fails.
    pub(super) async fn new(
        visitor: &Visitor,
        subscription: &Subscription,
        stats: &EndpointStats,
    ) -> Result<Self, Problem> {
        let now = visitor.now;
        let waiting = latest::waiting(visitor, stats).await?;
        let next = match latest::next_attempt(stats, waiting.as_deref()) {
            Next::Never => None,
            Next::At(at) => Some(Ok(Moment::new(at, now))),
            Next::Unknown => Some(Err("not known: many wait")),
        };
        let hour = visitor.caller.app().activity.endpoints().last_hour(subscription.id(), now);
        Ok(Self {
            row: Row::new(subscription, stats, now),
            hour: plot::spark(&hour),
            last_error: latest::listed_error(visitor, stats, waiting.unwrap_or_default()).await?,
            next,
        })
    }
}

impl Row {
    pub(super) fn new(subscription: &Subscription, stats: &EndpointStats, now: UtcDateTime) -> Self {
        let http = subscription.http();
        let host = http.map(host_of).unwrap_or_default();
        let moment = |at: UtcDateTime| Moment::new(at, now);
        Self {
            path: path_of(subscription).unwrap_or_default(),
            id: subscription.id().to_string(),
            name: name_of(subscription),
            host,
            platform: http.map(HttpTarget::platform).unwrap_or_default().to_owned(),
            gym: subscription.gym().to_owned(),
            badge: Badge::of_endpoint(&stats.record, now),
            note: of_health(&stats.record, now),
            waiting: count(stats.waiting),
            failing_since: stats.record.failing_since.map(moment),
            last_delivered: stats.last_delivered.map(moment),
            last_given_up: stats.last_undeliverable.map(moment),
            overdue: stats.oldest_due.map(moment),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    gym: Option<String>,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "subscriptions.html")]
struct Page {
    frame: Frame,
    gym: String,
    rows: Vec<Listed>,
    next: Option<String>,
    is_first: bool,
    shows_gym: bool,
    may_write: bool,
    /// The gym whose subscriptions can be tested at once.
    test_all: Option<String>,
}

pub(super) async fn list(visitor: Visitor, Asked(filter): Asked<Filter>) -> Result<Html<String>, Failure> {
    let after = match filled(filter.after.as_ref()) {
        None => None,
        Some(after) => Some(id::<EndpointId>(after, "page")?),
    };
    let gym = filled(filter.gym.as_ref()).map(str::to_owned);
    let found = subscriptions::list(&visitor.caller, gym.clone(), None, after, LIMIT).await?;
    let view = visitor.caller.view();
    let mut rows = Vec::with_capacity(found.items.len());
    for described in &found.items {
        // One that was deleted meanwhile is left out.
        if let Some(stats) = view.endpoint_stats(described.subscription.id()).await? {
            rows.push(Listed::new(&visitor, &described.subscription, &stats).await?);
        }
    }
    let of_gym = gym.clone().or_else(|| visitor.caller.gym().map(str::to_owned));
    render(&Page {
        frame: visitor.frame(Section::Subscriptions, "Subscriptions"),
        next: found.next.map(|next| next.to_string()),
        is_first: after.is_none(),
        shows_gym: visitor.is_operator(),
        may_write: visitor.may_write(),
        test_all: of_gym.filter(|_| visitor.may_retry() && !rows.is_empty()),
        gym: gym.unwrap_or_default(),
        rows,
    })
}

/// A fact about a subscription: its name and what it is.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

#[derive(Template)]
#[template(path = "subscription.html")]
struct One {
    frame: Frame,
    row: Row,
    facts: Vec<Fact>,
    rule: String,
    /// How many deliveries in a row were given up, and how many disable it.
    in_a_row: Option<(u32, u32)>,
    will_be_disabled: Option<Moment>,
    recent: Vec<Delivery>,
    last_error: Option<LastError>,
    /// When the next attempt is made, if that is known.
    next_attempt: Option<Moment>,
    is_disabled: bool,
    may_write: bool,
    /// Where it is changed, if that is not here.
    declared: Option<&'static str>,
    /// Whether there is a test event, and it may be sent.
    has_test: bool,
    /// How it is, in a sentence.
    note: Option<String>,
    in_flight: String,
    given_up: String,
}

/// How many of its deliveries are shown.
const RECENT: u32 = 10;

pub(super) async fn show(visitor: Visitor, Path(name): Path<String>) -> Result<Html<String>, Failure> {
    let id: EndpointId = id(&name, "subscription")?;
    let (subscription, stats) = subscriptions::describe(&visitor.caller, id).await?;
    let notes = subscription.metadata().iter();
    let notes = notes.map(|(name, value)| Fact { name: "Note", value: format!("{name}: {value}") }).collect();
    one(&visitor, Section::Subscriptions, &subscription, &stats, notes, None).await
}

/// The screen of a subscription or a destination.
pub(super) async fn one(
    visitor: &Visitor,
    section: Section,
    subscription: &Subscription,
    stats: &EndpointStats,
    own: Vec<Fact>,
    declared: Option<&'static str>,
) -> Result<Html<String>, Failure> {
    let row = Row::new(subscription, stats, visitor.now);
    let query = DeliveryQuery { endpoint: Some(subscription.id()), ..DeliveryQuery::new(RECENT) };
    let recent = visitor.caller.view().deliveries(query).await?.items;
    let waiting = latest::waiting(visitor, stats).await?;
    let last_error = match latest::error_of(visitor, subscription.id(), &recent).await? {
        Some(error) => Some(error),
        // As in the list: one that waits may be older than these.
        None => latest::listed_error(visitor, stats, waiting.clone().unwrap_or_default()).await?,
    };
    let recent = deliveries::rows(visitor, recent).await?;
    let next_attempt = match latest::next_attempt(stats, waiting.as_deref()) {
        Next::At(at) => Some(at),
        Next::Never | Next::Unknown => None,
    };
    let has_own = section == Section::Destinations;
    let has_test =
        visitor.may_retry() && (has_own || visitor.caller.view().test_event(subscription.id()).await.is_ok());
    render(&One {
        frame: visitor.frame(section, row.name.clone()),
        facts: facts(subscription, visitor.now).into_iter().chain(own).collect(),
        rule: subscription.policy().auto_disable().to_string(),
        in_a_row: in_a_row(subscription, stats),
        will_be_disabled: will_be_disabled(subscription, stats).map(|at| Moment::new(at, visitor.now)),
        is_disabled: stats.record.is_disabled(),
        declared,
        may_write: visitor.may_write(),
        has_test,
        note: row.note.as_deref().map(sentence),
        in_flight: count(stats.in_flight),
        given_up: count(stats.undeliverable),
        recent,
        last_error,
        next_attempt: next_attempt.map(|at| Moment::new(at, visitor.now)),
        row,
    })
}

/// How far it is from being disabled, if that is counted in deliveries.
fn in_a_row(subscription: &Subscription, stats: &EndpointStats) -> Option<(u32, u32)> {
    let most = subscription.policy().auto_disable().failed_in_a_row()?.get();
    let failed = stats.record.failed_in_a_row;
    (failed > 0 && !stats.record.is_disabled()).then_some((failed, most))
}

/// If it goes on failing.
fn will_be_disabled(subscription: &Subscription, stats: &EndpointStats) -> Option<UtcDateTime> {
    let since = stats.record.failing_since.filter(|_| !stats.record.is_disabled())?;
    since.checked_add(time::Duration::try_from(subscription.policy().auto_disable().failing_for()?).ok()?)
}

fn facts(subscription: &Subscription, now: UtcDateTime) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |name, value: String| facts.push(Fact { name, value });
    let policy = subscription.policy();
    if let Some(http) = subscription.http() {
        fact("URL", http.url().to_string());
        for (event_type, url) in http.urls() {
            fact("URL for a type", format!("{event_type}: {url}"));
        }
        let names: Vec<&str> = http.headers().keys().map(http::HeaderName::as_str).collect();
        if !names.is_empty() {
            fact("Custom headers", names.join(", "));
        }
        match http.keys() {
            None => fact("Secret", "none: its requests are not signed".to_owned()),
            Some(keys) => {
                for key in keys.valid_at(now) {
                    let ends = key.not_after().map(|ends| format!(", until {}", Moment::new(ends, now).text));
                    fact("Secret", format!("{}{}", key.id(), ends.unwrap_or_default()));
                }
            }
        }
    }
    let events = subscription.filter_names().map(|names| names.join(", "));
    fact("Events", events.unwrap_or_else(|| "every type".to_owned()));
    let retry = policy.retry();
    let last = retry.preview(now).gives_up_at();
    let attempts = u64::from(retry.schedule().retries()) + 1;
    fact("Attempts", format!("{} in up to {}", count(attempts), length((last - now).unsigned_abs())));
    fact("Response within", length(retry.attempt_timeout()));
    fact("Attempts at a time", count(policy.max_in_flight().get().into()));
    if policy.is_ordered() {
        fact("Order", "kept: a delivery that fails blocks all later ones".to_owned());
    }
    if let Some(rate) = policy.rate() {
        fact("Rate", format!("one attempt every {:?}, up to {} at once", rate.interval(), rate.burst()));
    }
    facts
}
