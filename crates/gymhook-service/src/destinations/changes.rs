//! `NewDestination` and `Changes`: creates, changes, pauses and deletes destinations, rotates their secrets, and tests
//! them with a CloudEvent of the type `gymhook.test`.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use gymhook::cloud_event::CloudEvent;
use gymhook::delivery::EndpointRecord;
use gymhook::event::Kind;
use gymhook::send::EndpointUrl;
use gymhook::signature::Keyring;
use gymhook_engine::{DeliveryId, EndpointId, Subscription, SubscriptionError, TestEvent, TestOutcome};
use http::StatusCode;
use time::UtcDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{DESTINATION, Destinations, Filter, Found, Retry, RetryChanges, Route, WHAT};
use crate::incoming::check_name;
use crate::new_key::{NewKey, keyring};
use crate::outgoing::{GatewayTransport, check_pause};
use crate::{Form, Problem};

/// A destination to create. Its secret is drawn if none is given.
#[derive(Debug)]
pub(crate) struct NewDestination {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) secret: Option<Zeroizing<String>>,
    pub(crate) form: Form,
    pub(crate) filter: Filter,
    pub(crate) retry: Retry,
}

/// Settings to change; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) url: Option<String>,
    pub(crate) form: Option<Form>,
    pub(crate) sources: Option<Vec<String>>,
    pub(crate) studios: Option<Vec<String>>,
    pub(crate) kinds: Option<Vec<String>>,
    pub(crate) retry: RetryChanges,
}

/// A destination that was written, with its secret if that was drawn: this is the only time that it can be read.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) found: Found,
    pub(crate) secret: Option<Zeroizing<String>>,
}

/// The relay looks at each of them for each item. Our limit.
const MAX_DESTINATIONS: usize = 500;

impl Destinations {
    /// Creates a destination; it gets what is relayed from now on.
    pub(crate) async fn create(&self, new: NewDestination) -> Result<Written, Problem> {
        check_name(&new.name).map_err(|problem| Problem::invalid("/name", problem))?;
        check_filter(&new.filter)?;
        let url = checked_url(&self.transport, &new.url)?;
        let NewKey { key, drawn } = NewKey::new(DESTINATION, new.secret.as_ref().map(|text| text.as_str()))?;
        let keys = keyring(DESTINATION, key)?;
        let _changing = self.changing.lock().await;
        if self.list().await?.len() >= MAX_DESTINATIONS {
            return Err(Problem::conflict(format!(
                "there are {MAX_DESTINATIONS} destinations, which is the limit"
            )));
        }
        let (id, row) = self.id_for(&new.name).await?;
        if row.is_some() {
            return Err(exists(&new.name));
        }
        let NewDestination { name, form, filter, retry, .. } = new;
        let route = Route { id, name, form, filter, retry, declared: false, retired: false };
        let subscription =
            kept(&route, metadata(&route)?, url.clone(), Some(Arc::new(keys)), blank(route.id, url));
        let created = self.engine.create_subscription(&subscription).await;
        self.forget();
        created.map_err(|error| {
            if matches!(error, SubscriptionError::Exists { .. }) {
                return exists(&route.name);
            }
            error.into()
        })?;
        let found = Found { health: EndpointRecord::new(route.id), route, subscription };
        Ok(Written { found, secret: drawn })
    }

    /// Changes a destination, and keeps what other processes change at the same time; what waits is sent to the new URL.
    pub(crate) async fn update(&self, name: &str, changes: Changes) -> Result<Found, Problem> {
        let _changing = self.changing.lock().await;
        let Found { route, health, .. } = self.changeable(name).await?;
        let changed = |held: Subscription| {
            let (mut route, url) = changeable(&held)?;
            let url = match &changes.url {
                Some(url) => checked_url(&self.transport, url)?,
                None => url,
            };
            route.form = changes.form.unwrap_or(route.form);
            let filter = &mut route.filter;
            filter.sources = changes.sources.clone().unwrap_or_else(|| filter.sources.clone());
            filter.studios = changes.studios.clone().unwrap_or_else(|| filter.studios.clone());
            filter.kinds = changes.kinds.clone().unwrap_or_else(|| filter.kinds.clone());
            check_filter(filter)?;
            route.retry = route.retry.changed(&changes.retry);
            let changed = kept(&route, metadata(&route)?, url, None, held);
            self.transport.check_subscription(&changed)?;
            Ok(changed)
        };
        let updated: Result<_, NotUpdated> = self.engine.try_update_subscription(route.id, changed).await;
        self.forget();
        let subscription = updated.map_err(|NotUpdated(problem)| problem)?;
        let route = Route::of(&subscription).ok_or_else(|| Problem::not_found(WHAT))?;
        Ok(Found { route, subscription, health })
    }

    /// Deletes a destination: nothing more is sent to it, including what waits. Its log stays until it is purged.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Problem> {
        let _changing = self.changing.lock().await;
        let found = self.changeable(name).await?;
        let deleted = self.engine.delete_subscription(found.route.id).await?;
        self.forget();
        if deleted { Ok(()) } else { Err(Problem::not_found(WHAT)) }
    }

    /// Signs with a new secret from now on, and with the old one, too, for `overlap`.
    pub(crate) async fn rotate(
        &self,
        name: &str,
        given: Option<Zeroizing<String>>,
        overlap: Duration,
    ) -> Result<Written, Problem> {
        let _changing = self.changing.lock().await;
        let found = self.changeable(name).await?;
        let NewKey { key, drawn } = NewKey::new(DESTINATION, given.as_ref().map(|text| text.as_str()))?;
        // From here on nothing fails: the secret could not be read a second time.
        let subscription = self.engine.rotate_key(found.route.id, key, overlap).await?;
        Ok(Written { found: Found { subscription, ..found }, secret: drawn })
    }

    /// Sends nothing to it until it is enabled; what comes waits.
    pub(crate) async fn disable(&self, name: &str) -> Result<(), Problem> {
        Ok(self.engine.disable(self.get(name).await?.route.id).await?)
    }

    /// Sends to it again, whatever it was disabled for.
    pub(crate) async fn enable(&self, name: &str) -> Result<(), Problem> {
        Ok(self.engine.enable(self.get(name).await?.route.id).await?)
    }

    /// Sends nothing to it until then; what comes waits.
    pub(crate) async fn pause(&self, name: &str, until: UtcDateTime) -> Result<(), Problem> {
        let id = self.get(name).await?.route.id;
        check_pause(self.engine.now().await?, until)?;
        Ok(self.engine.pause(id, until).await?)
    }

    /// Sends a CloudEvent of the type `gymhook.test`, also if it is disabled or paused, and waits for the outcome for up to
    /// `patience`.
    pub(crate) async fn test(
        &self,
        name: &str,
        patience: Duration,
    ) -> Result<(DeliveryId, TestOutcome), Problem> {
        let sent = self.send_test(self.get(name).await?.route.id).await?;
        let outcome = self.engine.await_test(sent, patience).await?;
        Ok((sent, outcome.unwrap_or(TestOutcome::Pending { problem: None })))
    }

    /// Sends a CloudEvent of the type `gymhook.test`, also if it is disabled or paused.
    pub(crate) async fn send_test(&self, id: EndpointId) -> Result<DeliveryId, Problem> {
        let event = CloudEvent::test(&Uuid::now_v7().to_string());
        let event_type = event.event_type().to_owned();
        let body = serde_json::to_vec(&event)
            .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        Ok(self.engine.send_test_event(id, &TestEvent::new(event_type, body)).await?)
    }

    /// The destination of this name, if it is not the settings' to change.
    async fn changeable(&self, name: &str) -> Result<Found, Problem> {
        let found = self.get(name).await?;
        found.route.changeable()?;
        Ok(found)
    }
}

fn exists(name: &str) -> Problem {
    Problem::conflict(format!(
        "there is a destination {name:?} already: change that one, or choose another name"
    ))
}

/// The destination that this subscription is, and its URL, if it is not the settings' to change.
fn changeable(held: &Subscription) -> Result<(Route, EndpointUrl), Problem> {
    let found = Route::of(held).zip(held.http().map(|http| http.url().clone()));
    let (route, url) = found.ok_or_else(|| Problem::not_found(WHAT))?;
    route.changeable()?;
    Ok((route, url))
}

fn metadata(route: &Route) -> Result<BTreeMap<String, String>, Problem> {
    route.metadata().map_err(|error| Problem::invalid("/studios", error.to_string()))
}

/// Why a destination is not changed.
struct NotUpdated(Problem);

impl From<Problem> for NotUpdated {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<SubscriptionError> for NotUpdated {
    fn from(error: SubscriptionError) -> Self {
        let is_gone = matches!(error, SubscriptionError::Unknown { .. });
        Self(if is_gone { Problem::not_found(WHAT) } else { error.into() })
    }
}

/// The destination as it is kept, with the policy that this version has, whichever it was first written with, but for what is its own
/// of it.
pub(super) fn kept(
    route: &Route,
    metadata: BTreeMap<String, String>,
    url: EndpointUrl,
    keys: Option<Arc<Keyring>>,
    held: Subscription,
) -> Subscription {
    let subscription = match keys {
        Some(keys) => held.with_keys(keys),
        None => held,
    };
    subscription
        .with_url(url)
        .with_policy(route.retry.policy())
        .with_label(&route.name)
        .with_metadata(metadata)
}

/// Without a secret yet.
pub(super) fn blank(id: EndpointId, url: EndpointUrl) -> Subscription {
    Subscription::dangerous_unsigned(id, "", DESTINATION, url, Retry::default().policy())
}

/// The URL, if something may be sent there.
pub(super) fn checked_url(transport: &GatewayTransport, url: &str) -> Result<EndpointUrl, Problem> {
    let checked = transport.of(DESTINATION).endpoint_url(DESTINATION, url);
    checked.map_err(|error| Problem::invalid("/url", error.to_string()))
}

/// What no event can ever fit is a mistake.
pub(super) fn check_filter(filter: &Filter) -> Result<(), Problem> {
    for (place, kind) in filter.kinds.iter().enumerate() {
        if Kind::from_name(kind).is_none() {
            let detail = "there is no such kind of event: the kinds are in the schema of a CloudEvent";
            return Err(Problem::invalid(format!("/kinds/{place}"), detail));
        }
    }
    for (list, names) in [("sources", &filter.sources), ("studios", &filter.studios)] {
        if let Some(place) = names.iter().position(|name| name.is_empty() || name.contains('\0')) {
            return Err(Problem::invalid(format!("/{list}/{place}"), "a name is not empty, and has no NUL"));
        }
    }
    Ok(())
}
