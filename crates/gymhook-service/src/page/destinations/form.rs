//! The fields of the form that creates or changes a destination.

use askama::Template;
use axum::response::Html;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::failure::{Failure, Wrong};
use super::super::names::destination_path;
use super::super::render;
use super::super::seen::{self, cannot_hold};
use super::super::visitor::{Frame, Section, Visitor};
use crate::destinations::{Changes, Filter, Found, RetryChanges};
use crate::{Form, Problem};

#[derive(Template)]
#[template(path = "destination_form.html")]
struct Page {
    frame: Frame,
    entered: Entered,
    sources: Vec<String>,
    /// Where the one is that is changed.
    held: Option<String>,
    problem: Option<Wrong>,
}

impl Page {
    fn is_wrong(&self, field: &str) -> bool {
        Wrong::is(self.problem.as_ref(), field)
    }
}

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
    /// The mark of what the form showed.
    pub(super) seen: String,
}

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
            ..Self::default()
        };
        let fields = [&entered.url, &entered.form, &entered.sources, &entered.studios, &entered.kinds];
        entered.seen = seen::mark(fields.map(String::as_str));
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

    /// What is to be changed: the fields that are not what they were. A list with a name that the field cannot hold stays as it is.
    pub(super) fn changes(&self, held: &Found) -> Result<Changes, Problem> {
        let was = Self::of(held);
        seen::check(&self.seen, &was.seen)?;
        let changed = |now: &str, was: &str| (now.trim() != was.trim()).then(|| now.trim().to_owned());
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
            retry: RetryChanges::default(),
        })
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Of a new one, or of the one that is changed.
pub(super) fn page(
    visitor: &Visitor,
    held: Option<&Found>,
    mut entered: Entered,
    problem: Option<Wrong>,
) -> Result<Html<String>, Failure> {
    let sources = visitor.caller.app().sources.all();
    entered.seen = held.map(|held| Entered::of(held).seen).unwrap_or_default();
    let title = if held.is_some() { "Edit the destination" } else { "New destination" };
    render(&Page {
        frame: visitor.frame(Section::Destinations, title),
        sources: sources.iter().map(|source| source.name.clone()).collect(),
        held: held.map(|held| destination_path(&held.route.name)),
        entered,
        problem,
    })
}
