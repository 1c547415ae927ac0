//! Subscriptions as rows: settings as JSON, secrets apart and sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gymhook::send::EndpointUrl;
use gymhook_delivery::{EndpointId, EndpointPolicy, EndpointRecord};
use gymhook_signature::{Key, Keyring, Secret};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Subscription;
use crate::micros;
use crate::seal::{Seal, SealError};
use crate::store::SubscriptionRow;

#[derive(Serialize, Deserialize)]
struct Settings {
    platform: String,
    #[serde(default)]
    label: String,
    url: String,
    #[serde(default)]
    urls: BTreeMap<String, String>,
    /// Filters as they are written; a type is written as itself.
    #[serde(default)]
    event_types: Option<BTreeSet<String>>,
    policy: EndpointPolicy,
}

/// What only the engine may read: headers may hold tokens.
#[derive(Serialize, Deserialize)]
struct Secrets {
    keys: Vec<StoredKey>,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    secret: Zeroizing<String>,
    #[serde(default)]
    not_before: Option<i64>,
    #[serde(default)]
    not_after: Option<i64>,
}

/// A subscription's row cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// What is stored is no subscription. Another program has been here, or the row is damaged.
    #[error("the settings of subscription {subscription} cannot be read: {problem}")]
    Unreadable {
        /// The subscription.
        subscription: EndpointId,
        /// What is wrong, without any part of a secret.
        problem: String,
    },
    /// Its secrets cannot be sealed or opened.
    #[error("subscription {subscription}: {source}")]
    Seal {
        /// The subscription.
        subscription: EndpointId,
        /// What is wrong.
        source: SealError,
    },
}

pub(crate) fn to_row(subscription: &Subscription, seal: &dyn Seal) -> Result<SubscriptionRow, SettingsError> {
    let id = subscription.id();
    let unreadable = |problem: String| SettingsError::Unreadable { subscription: id, problem };
    let url = |url: &EndpointUrl| url.to_uri().to_string();
    let settings = Settings {
        platform: subscription.platform().to_owned(),
        label: subscription.label().to_owned(),
        url: url(subscription.url()),
        urls: subscription.urls().iter().map(|(name, to)| (name.clone(), url(to))).collect(),
        event_types: subscription.filters().map(|all| all.iter().map(ToString::to_string).collect()),
        policy: subscription.policy().clone(),
    };
    let mut headers = Vec::new();
    for (name, value) in subscription.headers() {
        let value = value.to_str().map_err(|_| unreadable(format!("header {name} is not visible ASCII")))?;
        headers.push((name.as_str().to_owned(), value.to_owned()));
    }
    let keys = subscription.keys().keys().map(stored_key).collect();
    let secrets = Zeroizing::new(
        serde_json::to_vec(&Secrets { keys, headers }).map_err(|error| unreadable(error.to_string()))?,
    );
    Ok(SubscriptionRow {
        id,
        direction: subscription.direction(),
        gym: subscription.gym().to_owned(),
        settings: serde_json::to_string(&settings).map_err(|error| unreadable(error.to_string()))?,
        secrets: seal
            .seal(&secrets, id.as_uuid().as_bytes())
            .map_err(|source| SettingsError::Seal { subscription: id, source })?,
        record: EndpointRecord::new(id),
        deleted_at: None,
    })
}

pub(crate) fn from_row(row: &SubscriptionRow, seal: &dyn Seal) -> Result<Subscription, SettingsError> {
    let subscription = row.id;
    let unreadable = |problem: String| SettingsError::Unreadable { subscription, problem };
    let settings: Settings =
        serde_json::from_str(&row.settings).map_err(|error| unreadable(error.to_string()))?;
    let opened = seal
        .open(&row.secrets, subscription.as_uuid().as_bytes())
        .map_err(|source| SettingsError::Seal { subscription, source })?;
    let opened = Zeroizing::new(opened);
    // An error of serde's may quote what it read: it is a secret.
    let secrets: Secrets =
        serde_json::from_slice(&opened).map_err(|_| unreadable("its secrets are no secrets".to_owned()))?;
    // Whether the URL may be sent to was judged when it was entered, and is judged again when it is sent to.
    let url =
        |url: &str| EndpointUrl::dangerous_without_rule(url).map_err(|error| unreadable(error.to_string()));
    let keys = secrets.keys.iter().map(key).collect::<Result<Vec<_>, _>>().map_err(&unreadable)?;
    let keys = Keyring::new(keys).map_err(|error| unreadable(error.to_string()))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &secrets.headers {
        let name = name.parse::<HeaderName>().map_err(|_| unreadable("a header's name".to_owned()))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| unreadable(format!("header {name}")))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    let to = url(&settings.url)?;
    let mut read = Subscription::new(
        subscription,
        row.gym.clone(),
        settings.platform,
        to,
        Arc::new(keys),
        settings.policy,
    )
    .with_direction(row.direction)
    .with_label(settings.label)
    .with_headers(headers);
    for (event_type, other) in &settings.urls {
        read = read.with_url_for(event_type, url(other)?);
    }
    Ok(match settings.event_types {
        Some(wanted) => read.only(wanted),
        None => read,
    })
}

fn stored_key(key: &Key) -> StoredKey {
    StoredKey {
        id: key.id().as_str().to_owned(),
        tenant: key.named_tenant().map(|tenant| tenant.as_str().to_owned()),
        secret: Zeroizing::new(STANDARD.encode(key.secret().expose_secret())),
        not_before: key.not_before().map(micros::ceil),
        not_after: key.not_after().map(micros::floor),
    }
}

fn key(stored: &StoredKey) -> Result<Key, String> {
    let bytes = STANDARD.decode(stored.secret.as_bytes()).map(Zeroizing::new);
    let secret = bytes.map_err(|_| "a secret".to_owned())?;
    let secret = Secret::new(&*secret).map_err(|error| error.to_string())?;
    let moment = |at: i64| micros::to_utc(at).ok_or_else(|| format!("key {}: its time", stored.id));
    let mut key = Key::new(stored.id.clone(), secret);
    if let Some(tenant) = &stored.tenant {
        key = key.with_tenant(tenant.as_str());
    }
    if let Some(at) = stored.not_before {
        key = key.valid_from(moment(at)?);
    }
    if let Some(at) = stored.not_after {
        key = key.valid_until(moment(at)?);
    }
    Ok(key)
}
