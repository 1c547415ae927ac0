//! `Entered`: the fields of the form that creates or changes a subscription: how they are filled, and what they
//! change.

use core::fmt::Write as _;
use core::num::NonZeroU32;
use std::collections::BTreeMap;

use gymhook::delivery::Rate;
use gymhook_engine::{HttpTarget, Subscription};
use http::HeaderMap;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::stale_form::{self, cannot_hold};
use crate::Problem;
use crate::actions::subscription_changes::Changes;
use crate::api::subscription::NewRate;

/// What was entered, or what is there as it would be entered.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Entered {
    /// Of a new one only, as are its platform and its secret.
    pub(super) gym: String,
    pub(super) platform: String,
    /// Nothing to have one drawn.
    pub(super) secret: Zeroizing<String>,
    pub(super) url: String,
    pub(super) label: String,
    /// Filters, separated by commas or white space; nothing for every type.
    pub(super) events: String,
    /// A type and its URL on each line.
    pub(super) urls: String,
    /// A name and its value on each line; what is there is shown without its value.
    pub(super) headers: Zeroizing<String>,
    pub(super) max_in_flight: String,
    pub(super) rate_attempts: String,
    pub(super) rate_seconds: String,
    pub(super) rate_burst: String,
    pub(super) ordered: String,
    /// A name and its value on each line.
    pub(super) metadata: String,
    /// The mark of what the form showed.
    pub(super) seen: String,
}

impl Entered {
    /// What is there. Values of headers are secrets, which nobody is shown.
    pub(super) fn of(subscription: &Subscription) -> Self {
        let http = subscription.http();
        let policy = subscription.policy();
        let events = subscription.filter_names().map(|filters| filters.join(", "));
        let names = http.into_iter().flat_map(|http| http.headers().keys());
        let mut entered = Self {
            url: http.map(|http| http.url().to_uri().to_string()).unwrap_or_default(),
            label: subscription.label().to_owned(),
            events: events.unwrap_or_default(),
            urls: lines(urls_of(http).iter().map(|(event_type, url)| format!("{event_type} {url}"))),
            headers: lines(names.map(|name| format!("{name}:"))).into(),
            max_in_flight: policy.max_in_flight().to_string(),
            ordered: if policy.is_ordered() { "yes" } else { "" }.to_owned(),
            metadata: lines(subscription.metadata().iter().map(|(name, value)| format!("{name}: {value}"))),
            ..Self::default()
        };
        if let Some(rate) = policy.rate().filter(|rate| !rate.per().is_zero()) {
            entered.rate_attempts = rate.attempts().to_string();
            entered.rate_seconds = rate.per().as_secs_f64().ceil().to_string();
            entered.rate_burst = rate.burst().to_string();
        }
        entered.seen = entered.mark();
        entered
    }

    fn mark(&self) -> String {
        let texts = [&self.url, &self.label, &self.events, &self.urls, &*self.headers, &self.metadata];
        let numbers = [&self.max_in_flight, &self.rate_attempts, &self.rate_seconds, &self.rate_burst];
        stale_form::mark(texts.into_iter().chain(numbers).chain([&self.ordered]).map(String::as_str))
    }

    /// What of the settings is to be changed: the fields that are not what they were. What a field cannot hold stays as it is.
    pub(super) fn changes(&self, held: Option<&Subscription>) -> Result<Changes, Problem> {
        let was = held.map(Self::of).unwrap_or_default();
        stale_form::check(&self.seen, &was.seen)?;
        let http = held.and_then(Subscription::http);
        let line = |now: &str, was: &str| (in_line(now) != in_line(was)).then(|| in_line(now));
        let text = |now: &str, was: &str| (in_lines(now) != in_lines(was)).then(|| in_lines(now));
        let events = line(&self.events, &was.events).map(|events| filters(&events));
        if events.is_some() && filters(&was.events) != held.and_then(Subscription::filter_names) {
            return Err(cannot_hold("/events"));
        }
        let urls = text(&self.urls, &was.urls).map(|now| read_urls(&now)).transpose()?;
        if urls.is_some() && read_urls(&was.urls).ok().as_ref() != Some(&urls_of(http)) {
            return Err(cannot_hold("/urls"));
        }
        let metadata = text(&self.metadata, &was.metadata).map(|now| read_metadata(&now)).transpose()?;
        let held_metadata = held.map(|held| held.metadata().clone()).unwrap_or_default();
        if metadata.is_some() && read_metadata(&was.metadata).ok() != Some(held_metadata) {
            return Err(cannot_hold("/metadata"));
        }
        let headers = text(&self.headers, &was.headers).map(Zeroizing::new);
        let headers = headers.map(|now| read_headers(&now, http.map(HttpTarget::headers))).transpose()?;
        let max_in_flight = line(&self.max_in_flight, &was.max_in_flight);
        let max_in_flight =
            max_in_flight.map(|now| number(&now, "/max_in_flight", "attempts at a time")).transpose()?;
        let ordered = line(&self.ordered, &was.ordered).map(|now| now == "yes");
        Ok(Changes {
            label: line(&self.label, &was.label),
            url: line(&self.url, &was.url),
            events,
            urls,
            headers,
            max_in_flight,
            rate: self.rate(&was)?,
            ordered,
            metadata,
        })
    }

    /// The rate limit, if it is to be changed.
    fn rate(&self, was: &Self) -> Result<Option<Option<Rate>>, Problem> {
        let fields =
            |of: &Self| [&of.rate_attempts, &of.rate_seconds, &of.rate_burst].map(|field| in_line(field));
        let now = fields(self);
        if now == fields(was) {
            return Ok(None);
        }
        let [attempts, seconds, burst] = now;
        if [&attempts, &seconds, &burst].into_iter().all(String::is_empty) {
            return Ok(Some(None));
        }
        let attempts = number(&attempts, "/rate/attempts", "attempts of the rate limit")?;
        let per_seconds = number(&seconds, "/rate/per_seconds", "period of the rate limit")?.get();
        let burst = if burst.is_empty() {
            None
        } else {
            Some(number(&burst, "/rate/burst", "attempts at once after a pause")?)
        };
        NewRate { attempts, per_seconds, burst }.read().map(|rate| Some(Some(rate)))
    }

    /// Whether there is something in the fields that a new subscription seldom needs.
    pub(super) fn has_more(&self) -> bool {
        let more = [&self.urls, &self.max_in_flight, &self.rate_attempts, &self.rate_seconds];
        let others = [&self.rate_burst, &self.ordered, &self.metadata];
        more.into_iter().chain(others).any(|field| !field.is_empty()) || !self.headers.is_empty()
    }
}

/// What a field of one line holds: a browser takes the line ends off.
fn in_line(field: &str) -> String {
    field.replace(['\r', '\n'], "").trim().to_owned()
}

/// What a field of several lines holds: a browser ends each in its own way.
fn in_lines(field: &str) -> String {
    field.replace("\r\n", "\n").trim().to_owned()
}

fn lines(all: impl Iterator<Item = String>) -> String {
    all.fold(String::new(), |mut text, line| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{line}");
        text
    })
}

/// Nothing is every type.
fn filters(text: &str) -> Option<Vec<String>> {
    let all = text.split([',', ' ', '\t']).filter(|filter| !filter.is_empty());
    let all: Vec<String> = all.map(str::to_owned).collect();
    (!all.is_empty()).then_some(all)
}

fn number(text: &str, place: &str, name: &str) -> Result<NonZeroU32, Problem> {
    text.parse().map_err(|_| Problem::invalid(place, format!("{name}: write a whole number, 1 or more")))
}

fn urls_of(http: Option<&HttpTarget>) -> BTreeMap<String, String> {
    let all = http.into_iter().flat_map(HttpTarget::urls);
    all.map(|(event_type, url)| (event_type.clone(), url.to_uri().to_string())).collect()
}

/// What each line is about, and its number for people. The line itself may be a secret.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().map(str::trim).enumerate();
    lines.filter(|(_, line)| !line.is_empty()).map(|(place, line)| (place + 1, line))
}

fn add<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    (place, number): (&str, usize),
) -> Result<(), Problem> {
    if map.insert(key, value).is_some() {
        return Err(Problem::invalid(place, format!("line {number} begins as one before it")));
    }
    Ok(())
}

fn read_urls(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    let mut urls = BTreeMap::new();
    for (number, line) in numbered(text) {
        let parts = line.rsplit_once(char::is_whitespace);
        let (event_type, url) = parts.ok_or_else(|| {
            Problem::invalid("/urls", format!("line {number} is not a type, a space and a URL"))
        })?;
        add(&mut urls, event_type.trim_end().to_owned(), url.to_owned(), ("/urls", number))?;
    }
    Ok(urls)
}

fn read_metadata(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    let mut metadata = BTreeMap::new();
    for (number, line) in numbered(text) {
        let parts = line.split_once(':');
        let (name, value) =
            parts.ok_or_else(|| Problem::invalid("/metadata", format!("line {number} has no colon")))?;
        add(&mut metadata, name.trim().to_owned(), value.trim().to_owned(), ("/metadata", number))?;
    }
    Ok(metadata)
}

/// All headers: a name without a value keeps the one that it has.
fn read_headers(text: &str, held: Option<&HeaderMap>) -> Result<BTreeMap<String, String>, Problem> {
    let mut headers = BTreeMap::new();
    for (number, line) in numbered(text) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let (name, value) = (name.trim().to_lowercase(), value.trim());
        let value = if value.is_empty() {
            let kept = held.and_then(|held| kept(held, &name));
            kept.ok_or_else(|| {
                Problem::invalid(
                    "/headers",
                    format!("line {number} has no value behind a colon, and there is none to keep"),
                )
            })?
        } else {
            value
        };
        add(&mut headers, name, value.to_owned(), ("/headers", number))?;
    }
    Ok(headers)
}

/// A value, if it is the only one of this name, and a text.
fn kept<'h>(held: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = held.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
