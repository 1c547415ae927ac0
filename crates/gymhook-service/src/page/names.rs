//! `Names`: the names of subscriptions, destinations and inboxes on the page, and the paths of their own pages.

use std::collections::BTreeMap;

use gymhook_engine::{EndpointId, HttpTarget, Subscription, SubscriptionError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::visitor::Section;
use crate::Problem;
use crate::access::Caller;
use crate::outgoing::DESTINATION;

/// Its label, or the host that it sends to, or its id.
pub(super) fn name_of(subscription: &Subscription) -> String {
    let label = || Some(subscription.label().to_owned());
    let host = || subscription.http().map(host_of);
    let name = label().filter(|name| !name.is_empty()).or_else(host).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| subscription.id().to_string())
}

/// Host and port: all of a URL that a list shows.
pub(super) fn host_of(http: &HttpTarget) -> String {
    http.url().to_uri().authority().map(ToString::to_string).unwrap_or_default()
}

/// Where it is on the page; an inbox is nowhere.
pub(super) fn path_of(subscription: &Subscription) -> Option<String> {
    let http = subscription.http()?;
    Some(match http.platform() {
        DESTINATION => destination_path(subscription.label()),
        _ => subscription_path(subscription.id()),
    })
}

pub(super) fn subscription_path(id: EndpointId) -> String {
    format!("{}/{id}", Section::Subscriptions.path())
}

pub(super) fn destination_path(name: &str) -> String {
    format!("{}/{}", Section::Destinations.path(), utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// What a delivery goes to.
pub(super) enum Endpoint {
    Here(Box<Subscription>),
    /// Its settings cannot be read: the log of its deliveries can.
    Unreadable,
    Deleted,
}

impl Endpoint {
    /// The log is shown whatever is wrong with a subscription.
    pub(super) async fn find(caller: &Caller, id: EndpointId) -> Result<Self, Problem> {
        match caller.view().subscription(id).await {
            Ok(Some(subscription)) => Ok(Self::Here(Box::new(subscription))),
            Ok(None) => Ok(Self::Deleted),
            Err(SubscriptionError::Settings(_)) => Ok(Self::Unreadable),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn subscription(&self) -> Option<&Subscription> {
        match self {
            Self::Here(subscription) => Some(subscription),
            Self::Unreadable | Self::Deleted => None,
        }
    }
}

/// Looks up what endpoints are called, each once.
pub(super) struct Names<'c> {
    caller: &'c Caller,
    known: BTreeMap<EndpointId, String>,
}

impl<'c> Names<'c> {
    pub(super) const fn new(caller: &'c Caller) -> Self {
        Self { caller, known: BTreeMap::new() }
    }

    /// Of one that was deleted or cannot be read, the id.
    pub(super) async fn of(&mut self, id: EndpointId) -> Result<String, Problem> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let found = Endpoint::find(self.caller, id).await?;
        let name = found.subscription().map_or_else(|| id.to_string(), name_of);
        self.known.insert(id, name.clone());
        Ok(name)
    }
}
