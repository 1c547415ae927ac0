//! Who gets which events, where, and proved with what.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gymhook::send::{EndpointUrl, EventFilter};
use gymhook_delivery::{EndpointId, EndpointPolicy};
use gymhook_signature::{Keyring, Secret};
use gymhook_store::Direction;
use http::HeaderMap;

use crate::TlsSettings;

/// An endpoint with the event types it wants: one receiver of one gym's events.
///
/// A gym may have several. Cloning is cheap but for the filter and the URLs.
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
    direction: Direction,
    gym: String,
    platform: String,
    label: String,
    url: EndpointUrl,
    urls: BTreeMap<String, EndpointUrl>,
    filters: Option<BTreeSet<EventFilter>>,
    headers: HeaderMap,
    tls: TlsSettings,
    /// `None`: it is sent to unsigned, and somebody said so.
    keys: Option<Arc<Keyring>>,
    policy: EndpointPolicy,
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
        Self {
            id,
            direction: Direction::Outgoing,
            gym: gym.into(),
            platform: platform.into(),
            label: String::new(),
            url,
            urls: BTreeMap::new(),
            filters: None,
            headers: HeaderMap::new(),
            tls: TlsSettings::new(),
            keys: None,
            policy,
        }
    }

    /// What comes in here and is handled here: see [`Inbox`](crate::Inbox). It has no receiver, so its URL leads nowhere and
    /// its key signs nothing.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constants, which a test has tried")]
    pub(crate) fn handled_here(id: EndpointId, policy: EndpointPolicy) -> Self {
        let url = EndpointUrl::dangerous_without_rule("http://handled-here.invalid/").expect("a URL");
        let secret = Secret::new("nothing is signed").expect("not empty");
        let keys = Keyring::single("none", secret).expect("one key");
        Self::new(id, "", "inbox", url, Arc::new(keys), policy).with_direction(Direction::Incoming)
    }

    /// Going the other way.
    pub(crate) fn with_direction(self, direction: Direction) -> Self {
        Self { direction, ..self }
    }

    /// With a name for people.
    #[must_use]
    pub fn with_label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// Only what one of these [filters](EventFilter) wants: types in the vendor's spelling, beginnings such as `member.*`, kinds.
    /// Called again, the last set counts. [`Engine::put_subscription`](crate::Engine::put_subscription) refuses what can never
    /// match.
    #[must_use]
    pub fn only<T: Into<EventFilter>>(self, filters: impl IntoIterator<Item = T>) -> Self {
        Self { filters: Some(filters.into_iter().map(Into::into).collect()), ..self }
    }

    /// Every type again.
    #[must_use]
    pub fn every_type(self) -> Self {
        Self { filters: None, ..self }
    }

    /// To another URL. What waits goes there too.
    #[must_use]
    pub fn with_url(self, url: EndpointUrl) -> Self {
        Self { url, ..self }
    }

    /// Another URL for one type, or for one that is newer than this crate, written as in an [`EventFilter`]. It does not make the
    /// type wanted if [`Subscription::only`] left it out.
    #[must_use]
    pub fn with_url_for(mut self, event_type: impl Into<String>, url: EndpointUrl) -> Self {
        self.urls.insert(event_type.into(), url);
        self
    }

    /// No URL of its own for this type any more, written as it was for [`Subscription::with_url_for`]: it goes where the others go,
    /// and so does what waits. Nothing happens if it had none.
    #[must_use]
    pub fn without_url_for(mut self, event_type: &str) -> Self {
        self.urls.remove(event_type);
        self
    }

    /// With these headers on every request. The transport refuses those that are its own or the signature's.
    #[must_use]
    pub fn with_headers(self, headers: HeaderMap) -> Self {
        Self { headers, ..self }
    }

    /// With a client certificate, or a private certificate authority, of its own.
    #[must_use]
    pub fn with_tls(self, tls: TlsSettings) -> Self {
        Self { tls, ..self }
    }

    /// Signed with these keys, from now on if it was unsigned. For a rotation with overlap, keep the old key in the set until its window ends.
    #[must_use]
    pub fn with_keys(self, keys: Arc<Keyring>) -> Self {
        Self { keys: Some(keys), ..self }
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
        self.direction
    }

    /// Whose events it gets.
    #[must_use]
    pub fn gym(&self) -> &str {
        &self.gym
    }

    /// The name of the platform that it is signed as.
    #[must_use]
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// Its name for people; may be empty.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Where most types go.
    #[must_use]
    pub const fn url(&self) -> &EndpointUrl {
        &self.url
    }

    /// The types that go elsewhere.
    #[must_use]
    pub const fn urls(&self) -> &BTreeMap<String, EndpointUrl> {
        &self.urls
    }

    /// Where this type goes, wanted or not: what was enqueued before the filter changed is still delivered.
    #[must_use]
    pub fn url_for(&self, event_type: &str) -> &EndpointUrl {
        let of = |filter: EventFilter| self.urls.get(&filter.to_string());
        let other = self.urls.get(event_type).or_else(|| of(EventFilter::unlisted(event_type)));
        other.unwrap_or(&self.url)
    }

    /// What it wants; `None` for every type.
    #[must_use]
    pub const fn filters(&self) -> Option<&BTreeSet<EventFilter>> {
        self.filters.as_ref()
    }

    /// Whether it wants events of this type.
    #[must_use]
    pub fn wants(&self, event_type: &str) -> bool {
        self.filters.as_ref().is_none_or(|filters| matches_any(filters, &self.platform, event_type))
    }

    /// The headers of its own.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// How TLS to its receiver differs from the transport's.
    #[must_use]
    pub const fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// What it is signed with; `None` if it was [made unsigned](Subscription::dangerous_unsigned).
    #[must_use]
    pub const fn keys(&self) -> Option<&Arc<Keyring>> {
        self.keys.as_ref()
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

/// `Debug` shows no secret, no header value and no query of a URL.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(http::HeaderName::as_str).collect();
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("gym", &self.gym)
            .field("platform", &self.platform)
            .field("url", &self.url)
            .field("signed", &self.keys.is_some())
            .field("filters", &self.filters)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gymhook_retry::{RetryPolicy, RetrySchedule};

    use super::*;

    #[test]
    fn an_inbox_needs_no_receiver() {
        let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::never()));
        let here = Subscription::handled_here(EndpointId::from_u128(1), policy);
        assert_eq!((here.gym(), here.platform()), ("", "inbox"));
        assert_eq!(here.direction(), Direction::Incoming);
    }
}
