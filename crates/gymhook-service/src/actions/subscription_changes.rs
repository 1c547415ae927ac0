//! `NewSubscription` and `Changes`: creates and changes subscriptions, and rotates their secrets; checks URLs,
//! filters, headers and rates.

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use gymhook::delivery::{EndpointPolicy, EndpointRecord, Rate};
use gymhook::send::{EndpointUrl, EventFilter};
use gymhook_engine::{EndpointId, Subscription};
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::names::{check_gym, check_label};
use super::{audit, platforms, subscriptions};
use crate::Problem;
use crate::access::{Caller, Needs};
use crate::new_key::{NewKey, keyring};
use crate::problem::pointer_part;

/// A subscription to create.
pub(crate) struct NewSubscription {
    pub(crate) gym: String,
    pub(crate) platform: String,
    pub(crate) url: String,
    pub(crate) secret: NewSecret,
    pub(crate) settings: Changes,
}

/// The secret of a new subscription.
pub(crate) enum NewSecret {
    /// One is drawn, and shown once.
    Drawn,
    /// This one.
    Given(Zeroizing<String>),
    /// None: nothing is signed. Only some platforms allow it.
    Unsigned,
}

/// Settings to change; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) label: Option<String>,
    pub(crate) url: Option<String>,
    /// Filters; `Some(None)` for every type.
    pub(crate) events: Option<Option<Vec<String>>>,
    /// All URLs for single types.
    pub(crate) urls: Option<BTreeMap<String, String>>,
    /// All headers of its own.
    pub(crate) headers: Option<BTreeMap<String, String>>,
    pub(crate) max_in_flight: Option<NonZeroU32>,
    /// The rate limit; `Some(None)` for none.
    pub(crate) rate: Option<Option<Rate>>,
    pub(crate) ordered: Option<bool>,
    /// All that the application notes about it.
    pub(crate) metadata: Option<BTreeMap<String, String>>,
}

/// A subscription that was written, with its secret if that was drawn: this is the only time that it can be read.
pub(crate) struct Written {
    pub(crate) subscription: Subscription,
    pub(crate) health: EndpointRecord,
    pub(crate) secret: Option<Zeroizing<String>>,
}

/// Creates a subscription.
pub(crate) async fn create(caller: &Caller, new: NewSubscription) -> Result<Written, Problem> {
    caller.may(Needs::Write)?;
    caller.reaches_gym(&new.gym)?;
    check_gym(&new.gym, "/gym")?;
    platforms::check(&new.platform, "/platform")?;
    let url = endpoint_url(caller, &new.platform, &new.url, "/url")?;
    let id = EndpointId::from(Uuid::now_v7());
    let policy = platforms::policy(&new.platform);
    let subscription = Subscription::dangerous_unsigned(id, new.gym, &new.platform, url, policy);
    let key = match new.secret {
        NewSecret::Unsigned => None,
        NewSecret::Given(text) => Some(NewKey::new(&new.platform, Some(&text))?),
        NewSecret::Drawn => Some(NewKey::new(&new.platform, None)?),
    };
    let (subscription, drawn) = match key {
        Some(NewKey { key, drawn }) => {
            (subscription.with_keys(Arc::new(keyring(&new.platform, key)?)), drawn)
        }
        None => (subscription, None),
    };
    let subscription = changed(caller, subscription, &new.settings)?;
    caller.app().transport.check_subscription(&subscription)?;
    caller.view().create_subscription(&subscription).await?;
    audit::record(caller, "create subscription", Some(subscription.gym()), &id.to_string()).await;
    Ok(Written { subscription, health: EndpointRecord::new(id), secret: drawn })
}

/// Changes a subscription; what waits is sent by the new settings.
pub(crate) async fn update(
    caller: &Caller,
    id: EndpointId,
    changes: &Changes,
) -> Result<Subscription, Problem> {
    caller.may(Needs::Write)?;
    let subscription = update_by(caller, id, |held| changed(caller, held, changes)).await?;
    audit::record(caller, "update subscription", Some(subscription.gym()), &id.to_string()).await;
    Ok(subscription)
}

/// Replaces URL and secret at once, without an overlap.
pub(crate) async fn replace(
    caller: &Caller,
    id: EndpointId,
    url: &str,
    secret: &str,
) -> Result<Subscription, Problem> {
    caller.may(Needs::Write)?;
    let replaced = |held: Subscription| {
        let platform = platform_of(&held).to_owned();
        let url = endpoint_url(caller, &platform, url, "/url")?;
        let keys = keyring(&platform, NewKey::new(&platform, Some(secret))?.key)?;
        Ok(held.with_url(url).with_keys(Arc::new(keys)))
    };
    let subscription = update_by(caller, id, replaced).await?;
    audit::record(caller, "update subscription", Some(subscription.gym()), &id.to_string()).await;
    Ok(subscription)
}

/// Signs with a new secret from now on, and with the old one for `overlap` longer where the scheme has room for both. Returns the
/// secret if it was drawn.
pub(crate) async fn rotate(
    caller: &Caller,
    id: EndpointId,
    secret: Option<&str>,
    overlap: Duration,
) -> Result<Written, Problem> {
    caller.may(Needs::Write)?;
    let held = subscriptions::get(caller, id).await?;
    let NewKey { key, drawn } = NewKey::new(platform_of(&held), secret)?;
    let health = subscriptions::health(caller, id).await?;
    // From here on nothing fails: the secret could not be read a second time.
    let subscription = caller.view().rotate_key(id, key, overlap).await?;
    audit::record(caller, "rotate secret", Some(held.gym()), &id.to_string()).await;
    Ok(Written { subscription, health, secret: drawn })
}

fn platform_of(subscription: &Subscription) -> &str {
    subscription.http().map_or("", |http| http.platform())
}

fn endpoint_url(caller: &Caller, platform: &str, url: &str, place: &str) -> Result<EndpointUrl, Problem> {
    let checked = caller.app().transport.subscribers.endpoint_url(platform, url);
    checked.map_err(|error| Problem::invalid(place, error.to_string()))
}

/// The subscription with these changes, each checked at its place.
fn changed(caller: &Caller, held: Subscription, changes: &Changes) -> Result<Subscription, Problem> {
    let platform = platform_of(&held).to_owned();
    let mut subscription = held;
    if let Some(label) = &changes.label {
        check_label(label)?;
        subscription = subscription.with_label(label);
    }
    if let Some(url) = &changes.url {
        subscription = subscription.with_url(endpoint_url(caller, &platform, url, "/url")?);
    }
    if let Some(events) = &changes.events {
        subscription = match events {
            None => subscription.every_type(),
            Some(events) => subscription.only(filters(&platform, events)?),
        };
    }
    if let Some(urls) = &changes.urls {
        subscription = with_urls(caller, &platform, subscription, urls)?;
    }
    if let Some(headers) = &changes.headers {
        subscription = subscription.with_headers(header_map(headers)?);
    }
    if let Some(metadata) = &changes.metadata {
        subscription = subscription.with_metadata(metadata.clone());
    }
    let policy = policy(subscription.policy().clone(), changes);
    Ok(subscription.with_policy(policy))
}

fn policy(held: EndpointPolicy, changes: &Changes) -> EndpointPolicy {
    let mut policy = held;
    if let Some(max) = changes.max_in_flight {
        policy = policy.with_max_in_flight(max);
    }
    if let Some(rate) = changes.rate {
        policy = policy.with_rate(rate);
    }
    if let Some(ordered) = changes.ordered {
        policy = policy.with_ordered(ordered);
    }
    policy
}

fn filters(platform: &str, events: &[String]) -> Result<Vec<EventFilter>, Problem> {
    if events.is_empty() {
        let detail = "the list of events is empty, so nothing would ever be sent: for every type, leave it out or null";
        return Err(Problem::invalid("/events", detail));
    }
    let read = |(place, text): (usize, &String)| {
        let filter = EventFilter::from(text.as_str());
        let checked = filter.check(platform);
        checked.map_err(|error| Problem::invalid(format!("/events/{place}"), error.to_string()))?;
        Ok(filter)
    };
    events.iter().enumerate().map(read).collect()
}

fn with_urls(
    caller: &Caller,
    platform: &str,
    mut subscription: Subscription,
    urls: &BTreeMap<String, String>,
) -> Result<Subscription, Problem> {
    let held: Vec<String> =
        subscription.http().into_iter().flat_map(|http| http.urls().keys()).cloned().collect();
    for event_type in held {
        subscription = subscription.without_url_for(&event_type);
    }
    for (event_type, url) in urls {
        let place = format!("/urls/{}", pointer_part(event_type));
        EventFilter::check_all(platform, None, [event_type])
            .map_err(|error| Problem::invalid(&place, error.to_string()))?;
        subscription = subscription.with_url_for(event_type, endpoint_url(caller, platform, url, &place)?);
    }
    Ok(subscription)
}

fn header_map(headers: &BTreeMap<String, String>) -> Result<HeaderMap, Problem> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let place = format!("/headers/{}", pointer_part(name));
        let name: HeaderName =
            name.parse().map_err(|_| Problem::invalid(&place, "this is not the name of a header"))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Problem::invalid(&place, "a header's value is printable ASCII in one line"))?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

/// Changes a subscription, and keeps what others change at the same time: then `change` is called again.
async fn update_by(
    caller: &Caller,
    id: EndpointId,
    change: impl Fn(Subscription) -> Result<Subscription, Problem>,
) -> Result<Subscription, Problem> {
    let checked = |held| {
        let changed = change(subscriptions::of_a_gym(held)?)?;
        caller.app().transport.check_subscription(&changed)?;
        Ok(changed)
    };
    caller.view().try_update_subscription(id, checked).await
}
