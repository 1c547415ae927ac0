//! `to_row` and `from_row`: converts subscriptions to rows and back; the target is in columns, with its secrets
//! encrypted, and the other settings are JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gymhook::send::{EndpointUrl, EventFilter};
use gymhook_delivery::{EndpointId, EndpointPolicy, EndpointRecord};
use gymhook_signature::{Key, Keyring, Secret};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret_cipher::{SecretCipher, SecretCipherError};
use crate::store::{SubscriptionRow, TargetColumns};
use crate::user_code::{self, Place};
use crate::{HttpTarget, Subscription, Target, TlsSettings};
use gymhook_store::StoreTime;

/// What is written of a subscription to an HTTP endpoint, beside its URL and its secrets.
#[derive(Serialize, Deserialize)]
struct HttpSettings {
    #[serde(default)]
    label: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    urls: BTreeMap<String, String>,
    /// Filters as they are written; a type is written as itself.
    #[serde(default)]
    event_types: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private_authority: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_chain: Option<String>,
    /// Said, and not only that there are no keys: those may be missing by mistake.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    unsigned: bool,
    policy: EndpointPolicy,
}

/// What is written of an inbox.
#[derive(Serialize, Deserialize)]
struct HandlerSettings {
    #[serde(default)]
    label: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    policy: EndpointPolicy,
}

/// What only the engine may read: headers may hold tokens.
#[derive(Serialize, Deserialize)]
struct Secrets {
    keys: Vec<StoredKey>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_key: Option<Zeroizing<String>>,
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
    /// The row is not a valid subscription: it is damaged, or another program wrote it.
    #[error("the settings of subscription {subscription} cannot be read: {problem}")]
    Unreadable {
        /// The subscription.
        subscription: EndpointId,
        /// What is wrong, without any part of a secret.
        problem: String,
    },
    /// Its secrets cannot be encrypted or decrypted.
    #[error("subscription {subscription}: {source}")]
    SecretCipher {
        /// The subscription.
        subscription: EndpointId,
        /// What is wrong.
        source: SecretCipherError,
    },
}

/// The platform, in a row of the log, of what comes to an [`Inbox`](crate::Inbox).
pub const INBOX_PLATFORM: &str = "inbox";

pub(crate) fn to_row(
    subscription: &Subscription,
    cipher: &dyn SecretCipher,
) -> Result<SubscriptionRow, SettingsError> {
    let id = subscription.id();
    let (label, policy) = (subscription.label().to_owned(), subscription.policy().clone());
    let metadata = subscription.metadata().clone();
    let (settings, platform, target) = match subscription.target() {
        Target::Handler => (
            serde_json::to_string(&HandlerSettings { label, metadata, policy }),
            INBOX_PLATFORM,
            TargetColumns::Handler,
        ),
        Target::Http(http) => {
            let filters = subscription.filters();
            let settings = HttpSettings {
                label,
                metadata,
                urls: http.urls().iter().map(|(name, to)| (name.clone(), url_text(to))).collect(),
                event_types: filters.map(|all| all.iter().map(ToString::to_string).collect()),
                private_authority: http.tls().private_authority().map(str::to_owned),
                client_chain: http.tls().client_chain().map(str::to_owned),
                unsigned: http.keys().is_none(),
                policy,
            };
            let secrets = secrets(id, http, cipher)?;
            let target = TargetColumns::Http { url: url_text(http.url()), secrets };
            (serde_json::to_string(&settings), http.platform(), target)
        }
    };
    Ok(SubscriptionRow {
        id,
        gym: subscription.gym().to_owned(),
        platform: platform.to_owned(),
        target,
        settings: settings
            .map_err(|error| SettingsError::Unreadable { subscription: id, problem: error.to_string() })?,
        record: EndpointRecord::new(id),
        deleted_at: None,
    })
}

pub(crate) fn url_text(url: &EndpointUrl) -> String {
    url.to_uri().to_string()
}

/// The secrets of an endpoint, encrypted.
fn secrets(id: EndpointId, http: &HttpTarget, cipher: &dyn SecretCipher) -> Result<Vec<u8>, SettingsError> {
    let unreadable = |problem: String| SettingsError::Unreadable { subscription: id, problem };
    let mut headers = Vec::new();
    for (name, value) in http.headers() {
        let value = value.to_str().map_err(|_| unreadable(format!("header {name} is not visible ASCII")))?;
        headers.push((name.as_str().to_owned(), value.to_owned()));
    }
    let keys = http.keys().into_iter().flat_map(|keys| keys.keys()).map(stored_key).collect();
    let client_key = http.tls().expose_client_key().map(|key| Zeroizing::new(key.to_owned()));
    let plain = serde_json::to_vec(&Secrets { keys, headers, client_key });
    let plain = Zeroizing::new(plain.map_err(|error| unreadable(error.to_string()))?);
    user_code::call(Place::SecretCipher, || cipher.encrypt(&plain, id.as_uuid().as_bytes()))
        .unwrap_or_else(|panicked| Err(panicked.into()))
        .map_err(|source| SettingsError::SecretCipher { subscription: id, source })
}

/// Which events the HTTP endpoint of this row wants; `None` for every type. Its secrets stay encrypted.
pub(crate) fn filters(row: &SubscriptionRow) -> Result<Option<Vec<EventFilter>>, SettingsError> {
    let HttpSettings { event_types, .. } = read(row)?;
    Ok(event_types.map(|all| all.into_iter().map(EventFilter::from).collect()))
}

fn read<T: DeserializeOwned>(row: &SubscriptionRow) -> Result<T, SettingsError> {
    serde_json::from_str(&row.settings)
        .map_err(|error| SettingsError::Unreadable { subscription: row.id, problem: error.to_string() })
}

pub(crate) fn from_row(
    row: &SubscriptionRow,
    cipher: &dyn SecretCipher,
) -> Result<Subscription, SettingsError> {
    match &row.target {
        TargetColumns::Handler => {
            let HandlerSettings { label, metadata, policy } = read(row)?;
            Ok(Subscription::handled_here(row.id, policy).with_label(label).with_metadata(metadata))
        }
        TargetColumns::Http { url, secrets } => http_from_row(row, url, secrets, cipher),
    }
}

fn http_from_row(
    row: &SubscriptionRow,
    to: &str,
    secrets: &[u8],
    cipher: &dyn SecretCipher,
) -> Result<Subscription, SettingsError> {
    let subscription = row.id;
    let unreadable = |problem: String| SettingsError::Unreadable { subscription, problem };
    let settings: HttpSettings = read(row)?;
    let opened =
        user_code::call(Place::SecretCipher, || cipher.decrypt(secrets, subscription.as_uuid().as_bytes()))
            .unwrap_or_else(|panicked| Err(panicked.into()))
            .map_err(|source| SettingsError::SecretCipher { subscription, source })?;
    let opened = Zeroizing::new(opened);
    // An error of serde's may quote what it read: it is a secret.
    let secrets: Secrets =
        serde_json::from_slice(&opened).map_err(|_| unreadable("its secrets are no secrets".to_owned()))?;
    // Whether the URL may be sent to was judged when it was entered, and is judged again when it is sent to.
    let url =
        |url: &str| EndpointUrl::dangerous_without_rule(url).map_err(|error| unreadable(error.to_string()));
    let keys = secrets.keys.iter().map(key).collect::<Result<Vec<_>, _>>().map_err(&unreadable)?;
    let keys = match (settings.unsigned, keys.is_empty()) {
        (true, true) => None,
        (true, false) => return Err(unreadable("it is unsigned and has keys".to_owned())),
        (false, _) => Some(Keyring::new(keys).map_err(|error| unreadable(error.to_string()))?),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &secrets.headers {
        let name = name.parse::<HeaderName>().map_err(|_| unreadable("a header's name".to_owned()))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| unreadable(format!("header {name}")))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    let to = url(to)?;
    let mut built = Subscription::dangerous_unsigned(
        subscription,
        row.gym.clone(),
        row.platform.clone(),
        to,
        settings.policy,
    )
    .with_label(settings.label)
    .with_metadata(settings.metadata)
    .with_headers(headers)
    .with_tls(TlsSettings::from_parts(
        settings.private_authority,
        settings.client_chain,
        secrets.client_key,
    ));
    if let Some(keys) = keys {
        built = built.with_keys(Arc::new(keys));
    }
    for (event_type, other) in &settings.urls {
        built = built.with_url_for(event_type, url(other)?);
    }
    Ok(match settings.event_types {
        Some(wanted) => built.only(wanted),
        None => built,
    })
}

fn stored_key(key: &Key) -> StoredKey {
    StoredKey {
        id: key.id().as_str().to_owned(),
        tenant: key.named_tenant().map(|tenant| tenant.as_str().to_owned()),
        secret: Zeroizing::new(STANDARD.encode(key.secret().expose_secret())),
        not_before: key.not_before().map(|at| StoreTime::ceil(at).micros()),
        not_after: key.not_after().map(|at| StoreTime::floor(at).micros()),
    }
}

fn key(stored: &StoredKey) -> Result<Key, String> {
    let bytes = STANDARD.decode(stored.secret.as_bytes()).map(Zeroizing::new);
    let secret = bytes.map_err(|_| "a secret".to_owned())?;
    let secret = Secret::new(&*secret).map_err(|error| error.to_string())?;
    let moment =
        |at: i64| StoreTime::from_micros(at).to_utc().ok_or_else(|| format!("key {}: its time", stored.id));
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

#[cfg(test)]
mod tests {
    use gymhook_retry::{RetryPolicy, RetrySchedule};

    use super::*;
    use crate::secret_cipher::PlainText;

    fn subscription() -> Subscription {
        let url = EndpointUrl::dangerous_without_rule("https://receiver.example/").unwrap();
        let keys = Keyring::single("main", Secret::new("a secret").unwrap()).unwrap();
        let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::never()));
        Subscription::new(EndpointId::from_u128(1), "berlin", "point", url, Arc::new(keys), policy)
    }

    fn secrets_of(row: &SubscriptionRow) -> String {
        String::from_utf8(row.target.secrets().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_client_certificates_key_is_kept_with_the_secrets_and_nowhere_else() {
        let tls = TlsSettings::new()
            .with_private_authority("the authority")
            .with_client_certificate("the chain", "canary");
        let row = to_row(&subscription().with_tls(tls.clone()), &PlainText).unwrap();
        assert!(row.settings.contains("the authority") && row.settings.contains("the chain"));
        assert!(!row.settings.contains("canary"));
        assert!(secrets_of(&row).contains("canary"));
        assert_eq!(from_row(&row, &PlainText).unwrap().http().unwrap().tls(), &tls);
    }

    #[test]
    fn unsigned_is_said_and_missing_keys_are_no_way_to_say_it() {
        let signed = to_row(&subscription(), &PlainText).unwrap();
        let (url, policy) = (subscription().http().unwrap().url().clone(), subscription().policy().clone());
        let unsigned =
            Subscription::dangerous_unsigned(EndpointId::from_u128(1), "berlin", "gympoint", url, policy);
        let written = to_row(&unsigned, &PlainText).unwrap();
        assert!(written.settings.contains(r#""unsigned":true"#) && !signed.settings.contains("unsigned"));
        assert!(from_row(&written, &PlainText).unwrap().http().unwrap().keys().is_none());
        for (settings, target) in [(&signed.settings, &written.target), (&written.settings, &signed.target)] {
            let mixed =
                SubscriptionRow { settings: settings.clone(), target: target.clone(), ..signed.clone() };
            let refused = from_row(&mixed, &PlainText);
            assert!(matches!(refused, Err(SettingsError::Unreadable { .. })), "{refused:?}");
        }
    }

    #[test]
    fn what_was_written_before_there_were_tls_settings_is_read() {
        let row = to_row(&subscription(), &PlainText).unwrap();
        let (settings, secrets) = (&row.settings, secrets_of(&row));
        for field in ["private_authority", "client_chain", "client_key"] {
            assert!(!settings.contains(field) && !secrets.contains(field), "{field}");
        }
        assert!(from_row(&row, &PlainText).unwrap().http().unwrap().tls().is_default());
    }

    #[test]
    fn metadata_is_kept_and_what_was_written_before_there_was_any_is_read() {
        let policy = subscription().policy().clone();
        let inbox = Subscription::handled_here(EndpointId::from_u128(1), policy);
        for without in [subscription(), inbox] {
            let old = to_row(&without, &PlainText).unwrap();
            assert!(!old.settings.contains("metadata"), "{}", old.settings);
            assert!(from_row(&old, &PlainText).unwrap().metadata().is_empty());

            let noted = without.with_metadata([("customer", "c-17 \u{f6}"), ("plan", "canary")]);
            let read = from_row(&to_row(&noted, &PlainText).unwrap(), &PlainText).unwrap();
            assert_eq!(read.metadata(), noted.metadata());
            assert_eq!(read.metadata()["customer"], "c-17 \u{f6}");
            let shown = format!("{read:?}");
            assert!(shown.contains("plan") && !shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn an_inbox_is_written_without_a_url_and_without_secrets() {
        let policy = subscription().policy().clone();
        let inbox = Subscription::handled_here(EndpointId::from_u128(1), policy).with_label("front desk");
        let row = to_row(&inbox, &PlainText).unwrap();
        assert_eq!((row.target.clone(), row.gym.as_str()), (TargetColumns::Handler, ""));
        assert!(!row.settings.contains("url") && !row.settings.contains("platform"), "{}", row.settings);
        let read = from_row(&row, &PlainText).unwrap();
        assert_eq!((read.label(), read.policy()), (inbox.label(), inbox.policy()));
        assert!(read.http().is_none());

        // Its columns decide, and not what else is written.
        let http = to_row(&subscription(), &PlainText).unwrap();
        let mixed = SubscriptionRow { settings: row.settings, ..http.clone() };
        assert!(from_row(&mixed, &PlainText).unwrap().http().is_some());
        let inbox = SubscriptionRow { target: TargetColumns::Handler, ..http };
        assert!(from_row(&inbox, &PlainText).unwrap().http().is_none());
    }
}
