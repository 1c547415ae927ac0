//! `Subscription`: its gym, filters, target, keys, policy, label and metadata.

pub(crate) mod metadata;
mod target;

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gymhook::send::{EndpointUrl, EventFilter};
use gymhook_delivery::{EndpointId, EndpointPolicy};
use gymhook_signature::Keyring;
use gymhook_store::Direction;
use http::HeaderMap;

pub use self::metadata::MetadataError;
pub use self::target::{HttpTarget, Target};

use crate::TlsSettings;

/// An endpoint with the event types it wants: one receiver of one gym's events.
///
/// A gym may have several. Cloning is cheap except for the filter and the URLs.
///
/// An [`Inbox`](crate::Inbox) has one, too, whose [target](Target) is a handler: what only an HTTP endpoint has (URLs, keys,
/// headers, a filter) is refused for it by [`Engine::put_subscription`](crate::Engine::put_subscription).
///
/// ```
/// use std::sync::Arc;
///
/// use gymhook::{Provider, UrlRule, send::EndpointUrl};
/// use gymhook::signature::{Keyring, Secret};
/// use gymhook_engine::{EndpointId, Subscription};
///
/// let provider = Provider::point();
/// let url = EndpointUrl::new("https://receiver.example/hooks", UrlRule::Https)?;
/// let keys = Keyring::single("2026-05", Secret::new("point-signing-secret")?)?;
/// let subscription = Subscription::new(
///     EndpointId::from_u128(1),
///     "berlin-mitte",
///     "point",
///     url,
///     Arc::new(keys),
///     provider.profile().endpoint_policy(),
/// )
/// .only(["workout.created"]);
///
/// assert!(subscription.wants("workout.created"));
/// assert!(!subscription.wants("workout.deleted"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Subscription {
    id: EndpointId,
    gym: String,
    label: String,
    metadata: BTreeMap<String, String>,
    target: Target,
    filters: Option<BTreeSet<EventFilter>>,
    policy: EndpointPolicy,
    /// What was set of an HTTP endpoint, and this is none.
    misplaced: Option<&'static str>,
}

impl Subscription {
    /// Every event of `gym`, to `url`, signed as `platform` does with `keys`, retried as `policy` says.
    ///
    /// `platform` is the name under which the engine's transport knows the [`Provider`](gymhook::Provider); the five
    /// vendors' are those of [`Vendor`](gymhook::event::Vendor).
    #[must_use]
    pub fn new(
        id: EndpointId,
        gym: impl Into<String>,
        platform: impl Into<String>,
        url: EndpointUrl,
        keys: Arc<Keyring>,
        policy: EndpointPolicy,
    ) -> Self {
        Self::dangerous_unsigned(id, gym, platform, url, policy).with_keys(keys)
    }

    /// The same without a secret: nothing is signed, and its receiver cannot tell who sent it.
    ///
    /// GymPoint's secret is optional, and PerfectGym's may be left empty; for every other platform
    /// [`Engine::put_subscription`](crate::Engine::put_subscription) and each attempt refuse it
    /// ([`Profile::without_secret`](gymhook::Profile::without_secret)). What the platform sends beside a signature is sent:
    /// PerfectGym's `X-PerfectGym-Request`, by which repeats are recognised (that it is sent without a secret is our reading).
    /// Given a key later ([`Engine::rotate_key`](crate::Engine::rotate_key), [`Subscription::with_keys`]), it is signed.
    ///
    /// Keys that are missing by mistake do not lead here: a [`Keyring`] is not empty, and a stored subscription whose keys are
    /// gone is [unreadable](crate::SettingsError::Unreadable).
    #[must_use]
    pub fn dangerous_unsigned(
        id: EndpointId,
        gym: impl Into<String>,
        platform: impl Into<String>,
        url: EndpointUrl,
        policy: EndpointPolicy,
    ) -> Self {
        let target = Target::Http(Box::new(HttpTarget::new(platform.into(), url)));
        Self::with_target(id, gym.into(), target, policy)
    }

    /// What comes in here and is handled here: see [`Inbox`](crate::Inbox).
    #[must_use]
    pub(crate) fn handled_here(id: EndpointId, policy: EndpointPolicy) -> Self {
        Self::with_target(id, String::new(), Target::Handler, policy)
    }

    const fn with_target(id: EndpointId, gym: String, target: Target, policy: EndpointPolicy) -> Self {
        Self {
            id,
            gym,
            label: String::new(),
            metadata: BTreeMap::new(),
            target,
            filters: None,
            policy,
            misplaced: None,
        }
    }

    /// Changes a setting of an HTTP endpoint. Of an inbox it is remembered, and refused where it would be written.
    fn with_setting(mut self, name: &'static str, set: impl FnOnce(&mut HttpTarget)) -> Self {
        match &mut self.target {
            Target::Http(http) => set(http),
            Target::Handler => self.misplaced = self.misplaced.or(Some(name)),
        }
        self
    }

    /// With a name for people.
    #[must_use]
    pub fn with_label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// With these entries of the application's own instead of those before: what it knows the subscription by, for example a
    /// customer's number. An inbox may have them, too.
    ///
    /// They are kept with the settings and not encrypted: no place for a secret. At most 50 entries, keys of 1 to 40 bytes, values
    /// of at most 500 bytes, no NUL (our limits): [`Engine::put_subscription`](crate::Engine::put_subscription) refuses others.
    #[must_use]
    pub fn with_metadata<K: Into<String>, V: Into<String>>(
        self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let metadata = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { metadata, ..self }
    }

    /// Only what one of these [filters](EventFilter) wants: types in the vendor's spelling, beginnings such as `member.*`, kinds.
    /// Called again, the last set counts. [`Engine::put_subscription`](crate::Engine::put_subscription) refuses what can never
    /// match.
    #[must_use]
    pub fn only<T: Into<EventFilter>>(self, filters: impl IntoIterator<Item = T>) -> Self {
        let filters = Some(filters.into_iter().map(Into::into).collect());
        Self { filters, ..self.with_setting("filter", |_| {}) }
    }

    /// Every type again.
    #[must_use]
    pub fn every_type(self) -> Self {
        Self { filters: None, ..self }
    }

    /// To another URL. What waits goes there too.
    #[must_use]
    pub fn with_url(self, url: EndpointUrl) -> Self {
        self.with_setting("URL", |http| http.url = url)
    }

    /// Another URL for one type, or for one that is newer than this crate, written as in an [`EventFilter`]. It does not make the
    /// type wanted if [`Subscription::only`] left it out.
    #[must_use]
    pub fn with_url_for(self, event_type: impl Into<String>, url: EndpointUrl) -> Self {
        self.with_setting("URL", |http| _ = http.urls.insert(event_type.into(), url))
    }

    /// No URL of its own for this type any more, written as it was for [`Subscription::with_url_for`]: it goes where the others go,
    /// and so does what waits. Nothing happens if it had none.
    #[must_use]
    pub fn without_url_for(self, event_type: &str) -> Self {
        self.with_setting("URL", |http| _ = http.urls.remove(event_type))
    }

    /// With these headers on every request. The transport refuses those that are its own or the signature's.
    #[must_use]
    pub fn with_headers(self, headers: HeaderMap) -> Self {
        self.with_setting("header", |http| http.headers = headers)
    }

    /// With a client certificate, or a private certificate authority, of its own.
    #[must_use]
    pub fn with_tls(self, tls: TlsSettings) -> Self {
        self.with_setting("TLS setting", |http| http.tls = tls)
    }

    /// Signed with these keys, from now on if it was unsigned. For a rotation with overlap, keep the old key in the set until its window ends.
    #[must_use]
    pub fn with_keys(self, keys: Arc<Keyring>) -> Self {
        self.with_setting("key", |http| http.keys = Some(keys))
    }

    /// Retried, limited and switched off like this.
    #[must_use]
    pub fn with_policy(self, policy: EndpointPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Its name, and that of its endpoint in the delivery machine.
    #[must_use]
    pub const fn id(&self) -> EndpointId {
        self.id
    }

    /// Which way its notifications go.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.target.direction()
    }

    /// What its notifications go to.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The HTTP endpoint that it is sent to; `None` of an inbox.
    #[must_use]
    pub fn http(&self) -> Option<&HttpTarget> {
        match &self.target {
            Target::Http(http) => Some(http),
            Target::Handler => None,
        }
    }

    /// The first setting that it has and cannot have.
    pub(crate) const fn misplaced(&self) -> Option<&'static str> {
        self.misplaced
    }

    /// Whose events it gets.
    #[must_use]
    pub fn gym(&self) -> &str {
        &self.gym
    }

    /// Its name for people; may be empty.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The [entries](Subscription::with_metadata) of the application's own.
    #[must_use]
    pub const fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// What it wants; `None` for every type.
    #[must_use]
    pub const fn filters(&self) -> Option<&BTreeSet<EventFilter>> {
        self.filters.as_ref()
    }

    /// The types that it wants, as text: see [`EventFilter`]. `None` for all.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use gymhook::send::EndpointUrl;
    /// # use gymhook::signature::{Keyring, Secret};
    /// # use gymhook_engine::{EndpointId, EndpointPolicy, Subscription};
    /// # let url = EndpointUrl::dangerous_without_rule("https://receiver.example/hooks")?;
    /// # let keys = Arc::new(Keyring::single("main", Secret::new("0123456789abcdef")?)?);
    /// # let policy = EndpointPolicy::new(gymhook::retry::RetryPolicy::standard_webhooks());
    /// let all = Subscription::new(EndpointId::from_u128(1), "berlin", "standard-webhooks", url, keys, policy);
    /// assert_eq!(all.filter_names(), None);
    ///
    /// assert_eq!(all.only(["member.*"]).filter_names(), Some(vec!["member.*".to_owned()]));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[must_use]
    pub fn filter_names(&self) -> Option<Vec<String>> {
        self.filters.as_ref().map(|filters| filters.iter().map(ToString::to_string).collect())
    }

    /// Whether it wants events of this type.
    #[must_use]
    pub fn wants(&self, event_type: &str) -> bool {
        let platform = self.http().map_or("", HttpTarget::platform);
        self.filters.as_ref().is_none_or(|filters| matches_any(filters, platform, event_type))
    }

    /// How it is retried, limited and switched off.
    #[must_use]
    pub const fn policy(&self) -> &EndpointPolicy {
        &self.policy
    }
}

/// Whether one of these filters fits an event of this platform.
pub(crate) fn matches_any<'f>(
    filters: impl IntoIterator<Item = &'f EventFilter>,
    platform: &str,
    event_type: &str,
) -> bool {
    let vendor = platform.parse().ok();
    filters.into_iter().any(|filter| filter.matches(vendor, event_type))
}

/// `Debug` shows no secret, no header value, no query of a URL and, of the metadata, only the keys.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("gym", &self.gym)
            .field("metadata", &self.metadata.keys())
            .field("target", &self.target)
            .field("filters", &self.filters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gymhook_retry::{RetryPolicy, RetrySchedule};
    use gymhook_signature::Secret;

    use super::*;

    #[test]
    fn an_inbox_has_neither_url_nor_key_and_remembers_who_would_give_it_one() {
        let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::never()));
        let here = || Subscription::handled_here(EndpointId::from_u128(1), policy.clone());
        assert_eq!((here().gym(), here().direction()), ("", Direction::Incoming));
        assert!(here().http().is_none() && here().misplaced().is_none() && here().wants("anything"));

        let url = EndpointUrl::dangerous_without_rule("https://receiver.example/").unwrap();
        let keys = Arc::new(Keyring::single("main", Secret::new("a secret").unwrap()).unwrap());
        for (changed, setting) in [
            (here().with_keys(Arc::clone(&keys)).with_url(url.clone()), "key"),
            (here().with_url(url.clone()), "URL"),
            (here().with_url_for("workout.created", url.clone()), "URL"),
            (here().with_headers(HeaderMap::new()), "header"),
            (here().with_tls(TlsSettings::new()), "TLS setting"),
            (here().only(["workout.created"]), "filter"),
        ] {
            assert_eq!(changed.misplaced(), Some(setting));
            assert!(changed.http().is_none());
        }
        let id = EndpointId::from_u128(2);
        let sent = Subscription::new(id, "berlin", "point", url, keys, policy).only(["workout.created"]);
        assert_eq!((sent.direction(), sent.misplaced()), (Direction::Outgoing, None));
    }
}
