//! `Route` and `Filter`: what a destination wants, in which form: as the relay reads it, and as it is stored in the
//! subscription's metadata.

use std::collections::BTreeMap;

use gymhook::signature::Proof;
use gymhook_engine::{EndpointId, Subscription};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Retry;
use crate::outgoing::DESTINATION;
use crate::{Destination, Form, Problem};

/// A destination, without what an attempt needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) id: EndpointId,
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) filter: Filter,
    pub(crate) retry: Retry,
    /// Whether it is in the settings, and changed there only.
    pub(crate) declared: bool,
    /// Whether it is no longer in the settings: it gets nothing new, and is deleted once nothing waits for it.
    pub(crate) retired: bool,
}

/// What a destination wants; an empty list is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) studios: Vec<String>,
    /// Names of kinds: another version may know others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) kinds: Vec<String>,
}

impl Filter {
    /// Whether anything is wanted of what this source received with this proof.
    pub(crate) fn wants_from(&self, source: &str, proof: &Proof) -> bool {
        let studio = [proof.tenant().as_str(), proof.key().as_str()];
        let is_wanted = |name: &String| studio.contains(&name.as_str());
        (self.sources.is_empty() || self.sources.iter().any(|name| name == source))
            && (self.studios.is_empty() || self.studios.iter().any(is_wanted))
    }

    /// Whether events of this kind are wanted.
    pub(crate) fn wants_kind(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind)
    }
}

impl From<&Destination> for Filter {
    fn from(destination: &Destination) -> Self {
        Self {
            sources: destination.sources.clone(),
            studios: destination.studios.clone(),
            kinds: destination.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        }
    }
}

const FORM: &str = "form";
const DECLARED: &str = "declared";
const RETIRED: &str = "retired";
/// What begins the entries that hold the filter, one after the other.
const FILTER: &str = "filter.";
/// An entry holds 500 bytes, and there are 50.
const ENTRY_BYTES: usize = 500;
const MAX_ENTRIES: usize = 40;
/// What begins those that hold how it is retried: two at most.
const RETRY: &str = "retry.";

/// The filter is longer than what a subscription keeps. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sources, studios and kinds are {bytes} bytes together: shorten them to at most {}, or make several destinations", ENTRY_BYTES * MAX_ENTRIES)]
pub(crate) struct FilterTooLong {
    bytes: usize,
}

impl Route {
    /// A destination of the settings, under this id, after [`check`](super::check_declared).
    pub(super) fn declared(id: EndpointId, destination: &Destination) -> Self {
        let retry = Retry::new(destination.retry_delays.as_deref(), destination.attempt_timeout);
        Self {
            id,
            name: destination.name.clone(),
            form: destination.form,
            filter: Filter::from(destination),
            retry: retry.unwrap_or_default(),
            declared: true,
            retired: false,
        }
    }

    /// The destination that this subscription is; `None` if it is none.
    pub(crate) fn of(subscription: &Subscription) -> Option<Self> {
        subscription.http().filter(|http| http.platform() == DESTINATION)?;
        let metadata = subscription.metadata();
        let written = |name: &str| -> String {
            metadata.iter().filter(|(key, _)| key.starts_with(name)).map(|(_, part)| part.as_str()).collect()
        };
        // What cannot be read wants everything: too much is noticed, and nothing at all is not.
        let filter = serde_json::from_str(&written(FILTER)).unwrap_or_default();
        let retry = serde_json::from_str(&written(RETRY)).unwrap_or_default();
        Some(Self {
            id: subscription.id(),
            name: subscription.label().to_owned(),
            form: form_of(subscription),
            filter,
            retry,
            declared: metadata.contains_key(DECLARED),
            retired: metadata.contains_key(RETIRED),
        })
    }

    /// As it is kept.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, String>, FilterTooLong> {
        let written = serde_json::to_string(&self.filter).unwrap_or_default();
        let mut metadata = BTreeMap::from([(FORM.to_owned(), self.form.as_str().to_owned())]);
        if self.declared {
            metadata.insert(DECLARED.to_owned(), "settings".to_owned());
        }
        if self.retired {
            metadata.insert(RETIRED.to_owned(), "settings".to_owned());
        }
        let parts = parts_of(&written);
        if parts.len() > MAX_ENTRIES {
            return Err(FilterTooLong { bytes: written.len() });
        }
        let mut insert_parts = |name: &str, parts: Vec<&str>| {
            for (number, part) in parts.into_iter().enumerate() {
                metadata.insert(format!("{name}{number:02}"), part.to_owned());
            }
        };
        insert_parts(FILTER, parts);
        if !self.retry.is_default() {
            insert_parts(RETRY, parts_of(&serde_json::to_string(&self.retry).unwrap_or_default()));
        }
        Ok(metadata)
    }

    /// As it is kept, with the id of the declaration that writes it: so each declaration knows what it wrote itself.
    pub(super) fn metadata_by(&self, declaration: Uuid) -> Result<BTreeMap<String, String>, FilterTooLong> {
        let mut metadata = self.metadata()?;
        metadata.insert(DECLARED.to_owned(), declaration.to_string());
        Ok(metadata)
    }

    /// Refuses what is the settings' to change.
    pub(crate) fn changeable(&self) -> Result<(), Problem> {
        if self.declared {
            let detail = format!(
                "the destination {:?} is declared in the settings that the gateway was started with: change it there, and reload",
                self.name
            );
            return Err(Problem::conflict(detail));
        }
        Ok(())
    }
}

/// The form in which a destination's requests are sent.
pub(crate) fn form_of(subscription: &Subscription) -> Form {
    subscription.metadata().get(FORM).and_then(|name| Form::from_name(name)).unwrap_or_default()
}

/// The text in parts that an entry holds, none of which ends within a character.
fn parts_of(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = ENTRY_BYTES.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gymhook::send::EndpointUrl;
    use gymhook::signature::{Key, Keyring, Secret, SenderAssurance};

    use super::*;

    fn route(filter: Filter) -> Route {
        Route {
            id: EndpointId::from_u128(7),
            name: "app".to_owned(),
            form: Form::Original,
            filter,
            retry: Retry::default(),
            declared: true,
            retired: false,
        }
    }

    fn kept(route: &Route) -> Option<Route> {
        let url = EndpointUrl::dangerous_without_rule("http://127.0.0.1/").unwrap();
        let keys = Arc::new(Keyring::single("main", Secret::new("0123456789abcdef").unwrap()).unwrap());
        let policy = super::super::platform::policy();
        let subscription = Subscription::new(route.id, "", DESTINATION, url, keys, policy)
            .with_label(&route.name)
            .with_metadata(route.metadata().unwrap());
        Route::of(&subscription)
    }

    #[test]
    fn a_filter_is_kept_whatever_is_in_it() {
        for studios in [vec![], vec!["\"\\{[,\u{f6}\u{1f600}".to_owned()], vec!["\u{20ac}".repeat(30); 100]] {
            let filter =
                Filter { studios, sources: vec!["egym".to_owned()], kinds: vec!["check-in".to_owned()] };
            let route = route(filter);
            assert_eq!(kept(&route), Some(route));
        }
        let too_long = Filter { studios: vec!["s".repeat(100); 250], ..Filter::default() };
        assert!(route(too_long).metadata().is_err());
    }

    #[test]
    fn how_it_is_retried_is_kept() {
        let month = core::time::Duration::from_secs(30 * 86_400);
        let most = Retry::new(Some(&[month; 100]), Some(core::time::Duration::from_secs(120))).unwrap();
        for retry in [Retry::default(), Retry::new(Some(&[]), None).unwrap(), most] {
            let route = Route { retry, ..route(Filter::default()) };
            assert_eq!(kept(&route), Some(route));
        }
    }

    #[test]
    fn a_studio_is_known_by_its_tenant_and_by_its_key() {
        let key = Key::new("2026-05", Secret::new("0123456789abcdef").unwrap()).with_tenant("berlin");
        let proof = Proof::of_sender(&key, SenderAssurance::BearerSecret);
        let wants = |sources: &[&str], studios: &[&str]| {
            let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let filter = Filter { sources: list(sources), studios: list(studios), kinds: Vec::new() };
            filter.wants_from("egym", &proof)
        };
        assert!(wants(&[], &[]) && wants(&["point", "egym"], &["berlin"]) && wants(&[], &["x", "2026-05"]));
        assert!(!wants(&["point"], &["berlin"]) && !wants(&["egym"], &["berlin "]));
    }
}
