//! `Entered`: the fields of the form that creates or changes a destination: how they are filled, and what they change.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::stale_form::{self, cannot_hold};
use crate::destinations::{Changes, Filter, Found, Retry, RetryChanges};
use crate::{Form, Problem};

/// What was entered, or what is there as it would be entered; lists are separated by commas.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Entered {
    /// Of a new one only, as is its secret.
    pub(super) name: String,
    pub(super) secret: Zeroizing<String>,
    pub(super) url: String,
    pub(super) form: String,
    pub(super) sources: String,
    pub(super) studios: String,
    pub(super) kinds: String,
    /// [`NO_RETRIES`] for none, and nothing for the default.
    pub(super) retry_delays: String,
    /// In place of the delays that are there.
    pub(super) retry_exponential: String,
    /// Nothing for the default.
    pub(super) attempt_timeout: String,
    /// The mark of what the form showed.
    pub(super) seen: String,
}

/// What is entered for no delays at all.
const NO_RETRIES: &str = "none";

impl Entered {
    /// What is there.
    pub(super) fn of(Found { route, subscription, .. }: &Found) -> Self {
        let mut entered = Self {
            name: route.name.clone(),
            url: subscription.http().map(|http| http.url().to_uri().to_string()).unwrap_or_default(),
            form: route.form.as_str().to_owned(),
            sources: route.filter.sources.join(", "),
            studios: route.filter.studios.join(", "),
            kinds: route.filter.kinds.join(", "),
            retry_delays: route.retry.own_delays().map(entered_delays).unwrap_or_default(),
            attempt_timeout: route.retry.own_attempt_timeout().unwrap_or_default(),
            ..Self::default()
        };
        let fields = [&entered.url, &entered.form, &entered.sources, &entered.studios, &entered.kinds];
        let retries = [&entered.retry_delays, &entered.attempt_timeout];
        entered.seen = stale_form::mark(fields.into_iter().chain(retries).map(String::as_str));
        entered
    }

    /// The form that was chosen; the first one of the list if there was no list.
    pub(super) fn form(&self) -> Result<Form, Problem> {
        if self.form.is_empty() {
            return Ok(Form::default());
        }
        Form::from_name(&self.form).ok_or_else(|| Problem::invalid("/form", "there is no such form"))
    }

    pub(super) fn filter(&self) -> Filter {
        Filter { sources: list(&self.sources), studios: list(&self.studios), kinds: list(&self.kinds) }
    }

    /// How a new one is retried.
    pub(super) fn retry(&self) -> Result<Retry, Problem> {
        self.retry_changes(&Self::default()).map(|changes| Retry::default().changed(&changes))
    }

    /// What is to be changed of how it is retried. A rule that is entered replaces the delays that were there.
    fn retry_changes(&self, was: &Self) -> Result<RetryChanges, Problem> {
        let filled = |text: String| (!text.is_empty()).then_some(text);
        let delays = changed(&self.retry_delays, &was.retry_delays).map(|text| delays(&text));
        let rule = changed(&self.retry_exponential, &was.retry_exponential).map(filled);
        let timeout = changed(&self.attempt_timeout, &was.attempt_timeout).map(filled);
        RetryChanges::read(delays, rule, timeout)
    }

    /// What is to be changed: the fields that are not what they were. A list with a name that the field cannot hold stays as it is.
    pub(super) fn changes(&self, held: &Found) -> Result<Changes, Problem> {
        let was = Self::of(held);
        stale_form::check(&self.seen, &was.seen)?;
        let changed_list = |place: &str, now: &str, was: &str, held: &[String]| match changed(now, was) {
            Some(_) if list(was) != held => Err(cannot_hold(place)),
            names => Ok(names.map(|names| list(&names))),
        };
        let filter = &held.route.filter;
        Ok(Changes {
            url: changed(&self.url, &was.url),
            form: changed(&self.form, &was.form).map(|_| self.form()).transpose()?,
            sources: changed_list("/sources", &self.sources, &was.sources, &filter.sources)?,
            studios: changed_list("/studios", &self.studios, &was.studios, &filter.studios)?,
            kinds: changed_list("/kinds", &self.kinds, &was.kinds, &filter.kinds)?,
            retry: self.retry_changes(&was)?,
        })
    }
}

/// The field, if it is not what it was.
fn changed(now: &str, was: &str) -> Option<String> {
    (now.trim() != was.trim()).then(|| now.trim().to_owned())
}

fn entered_delays(delays: Vec<String>) -> String {
    if delays.is_empty() { NO_RETRIES.to_owned() } else { delays.join(", ") }
}

/// The delays that are entered; `None` for the default.
fn delays(text: &str) -> Option<Vec<String>> {
    let delays = list(text);
    if delays == [NO_RETRIES] { Some(Vec::new()) } else { (!delays.is_empty()).then_some(delays) }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
