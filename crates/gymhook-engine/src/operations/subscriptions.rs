//! Subscriptions: who gets what, where.

use core::time::Duration;
use std::sync::Arc;

use gymhook::Provider;
use gymhook::event::Vendor;
use gymhook::send::{EventFilter, FilterError};
use gymhook_delivery::EndpointId;
use gymhook_retry::time_math;
use gymhook_signature::{Key, Keyring, KeyringError, Secret};
use time::UtcDateTime;

use crate::store::{Command, Store, StoreError, SubscriptionQuery, SubscriptionRow, Unstorable};
use crate::{Engine, HttpTarget, SettingsError, Subscription, settings};

/// Why a subscription was not written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// It was deleted, and its id is not used again. The caller's mistake.
    #[error("subscription {subscription} was deleted: make a new one under another id")]
    Deleted {
        /// The subscription.
        subscription: EndpointId,
    },
    /// The id is that of an inbox, or of a subscription that is sent to, and was to become the other. The caller's mistake.
    #[error(
        "subscription {subscription} goes the other way, since an inbox receives and all others are sent to: take another id"
    )]
    Direction {
        /// The subscription.
        subscription: EndpointId,
    },
    /// A filter, or the type that a URL is for, can never match: nothing would be sent, and nobody told. The caller's mistake.
    #[error("subscription {subscription}: {problem}")]
    Filter {
        /// The subscription.
        subscription: EndpointId,
        /// What can never match, and what may be meant.
        problem: FilterError,
    },
    /// It is an inbox, which is handled here, and has a setting that only an HTTP endpoint has. The caller's mistake.
    #[error("subscription {subscription} is an inbox: it is handled here, and has no {setting}")]
    Inbox {
        /// The subscription.
        subscription: EndpointId,
        /// The setting: "filter", "header", "key", "test event", "TLS setting" or "URL".
        setting: &'static str,
    },
    /// The new key does not go with the old ones. The caller's mistake.
    #[error("the new key cannot be used: {0}")]
    Key(#[from] KeyringError),
    /// Its platform has no test event of its own, and an invented one might be taken for a real event: send one of yours with
    /// [`Engine::send_test_event`]. The caller's mistake.
    #[error(
        "subscription {subscription}: no test event of {platform:?} is known, so name the event that is to be sent"
    )]
    NoTestEvent {
        /// The subscription.
        subscription: EndpointId,
        /// Its platform.
        platform: String,
    },
    /// The transport of this engine cannot send for it: an unknown platform, a forbidden URL or header, keys of the wrong
    /// kind. Caused by its settings, or by those of the transport.
    #[error("subscription {subscription} cannot be sent to: {problem}")]
    Refused {
        /// The subscription.
        subscription: EndpointId,
        /// Why, in the transport's words.
        problem: String,
    },
    /// It cannot be written as a row, or its row cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The test event has a field that no store keeps. The caller's mistake.
    #[error("the test event cannot be stored: its {field} {problem}")]
    Unstorable {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: Unstorable,
    },
    /// Its platform accepts each URL once in a gym, and another subscription has this one. The caller's mistake.
    #[error(
        "subscription {subscription}: {other} of the same gym has this URL already, and {platform} accepts it once: change \
         that one"
    )]
    UrlTaken {
        /// The subscription that was not written.
        subscription: EndpointId,
        /// The one that has the URL.
        other: EndpointId,
        /// Their platform.
        platform: String,
    },
    /// There is none with this id. The caller's mistake.
    #[error("there is no subscription {subscription}: it was deleted, or never made")]
    Unknown {
        /// The id asked for.
        subscription: EndpointId,
    },
}

impl<S: Store> Engine<S> {
    /// Creates a subscription, or changes one: URL, filter, headers, keys and policy count from the next attempt on, for what
    /// waits, too. What is known of its endpoint's health stays.
    ///
    /// An engine that delivers [checks](crate::Transport::check) it first, as far as that is possible without a look-up; the HTTP
    /// transport's guard judges the addresses behind a URL whenever it connects. Where subscriptions are written through an
    /// engine that only takes over, check them yourself, as with `HttpTransport::check_subscription`.
    ///
    /// # Errors
    /// - [`SubscriptionError::Filter`]: a filter can never match what its platform sends.
    /// - [`SubscriptionError::Refused`]: this engine's transport cannot send for it.
    /// - [`SubscriptionError::Deleted`]: it was deleted.
    /// - [`SubscriptionError::UrlTaken`]: its platform (EGYM) accepts each URL once in a gym. Two calls at the same moment may
    ///   both pass.
    /// - [`SubscriptionError::Inbox`]: it was read as an inbox, and was given a URL, a key, a filter, …
    /// - [`SubscriptionError::Direction`]: the id is that of an inbox, and this is none, or the other way round.
    /// - [`SubscriptionError::Settings`]: a header is not visible ASCII, or the secrets cannot be encrypted.
    /// - [`SubscriptionError::Store`]: the store failed.
    pub async fn put_subscription(&self, subscription: &Subscription) -> Result<(), SubscriptionError> {
        if let Some(http) = subscription.http() {
            EventFilter::check_all(http.platform(), subscription.filters(), http.urls().keys())
                .map_err(|problem| SubscriptionError::Filter { subscription: subscription.id(), problem })?;
            self.check_url_is_free(subscription, http).await?;
        }
        self.write_subscription(subscription).await
    }

    async fn check_url_is_free(
        &self,
        subscription: &Subscription,
        http: &HttpTarget,
    ) -> Result<(), SubscriptionError> {
        const PAGE: u32 = 1_000;
        let platform = http.platform();
        let provider = platform.parse::<Vendor>().ok().and_then(Provider::of);
        if !provider.is_some_and(|provider| provider.profile().unique_url.value) {
            return Ok(());
        }
        let url = http.url().to_uri().to_string();
        let mut after = None;
        loop {
            let query = SubscriptionQuery { gym: Some(subscription.gym().to_owned()), after, limit: PAGE };
            let page = self.store().subscriptions(query).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            // One that cannot be read has no platform that could be compared.
            let has_it = |row: &&SubscriptionRow| {
                row.id != subscription.id()
                    && row.target.url() == Some(url.as_str())
                    && settings::wanted(row)
                        .is_ok_and(|wanted| wanted.is_some_and(|wanted| wanted.platform == platform))
            };
            if let Some(other) = page.iter().find(has_it) {
                let (subscription, platform) = (subscription.id(), platform.to_owned());
                return Err(SubscriptionError::UrlTaken { subscription, other: other.id, platform });
            }
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    /// Without a look at its filters, which are as they were.
    async fn write_subscription(&self, subscription: &Subscription) -> Result<(), SubscriptionError> {
        let id = subscription.id();
        if let Some(setting) = subscription.misplaced() {
            return Err(SubscriptionError::Inbox { subscription: id, setting });
        }
        self.check(subscription)
            .map_err(|problem| SubscriptionError::Refused { subscription: id, problem })?;
        let row = settings::to_row(subscription, self.options().secret_cipher.as_ref())?;
        let now = self.store().now().await?;
        if self.store().put_subscription(row, now).await? {
            return Ok(());
        }
        let held = self.store().subscription(id).await?;
        if held.is_some_and(|held| held.direction() != subscription.direction()) {
            return Err(SubscriptionError::Direction { subscription: id });
        }
        Err(SubscriptionError::Deleted { subscription: id })
    }

    /// A subscription; `None` if there is none, or it was deleted.
    ///
    /// # Errors
    /// As [`Engine::put_subscription`].
    pub async fn subscription(&self, id: EndpointId) -> Result<Option<Subscription>, SubscriptionError> {
        let row = self.store().subscription(id).await?.filter(|row| row.deleted_at.is_none());
        Ok(row.map(|row| settings::from_row(&row, self.options().secret_cipher.as_ref())).transpose()?)
    }

    /// The subscriptions of a gym, or all, by id: those after the last one of the page before.
    ///
    /// # Errors
    /// As [`Engine::put_subscription`].
    pub async fn subscriptions(
        &self,
        gym: Option<&str>,
        after: Option<EndpointId>,
        limit: u32,
    ) -> Result<Vec<Subscription>, SubscriptionError> {
        let query = SubscriptionQuery { gym: gym.map(str::to_owned), after, limit };
        let rows = self.store().subscriptions(query).await?;
        let read = |row| settings::from_row(row, self.options().secret_cipher.as_ref());
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Deletes a subscription: nothing more is sent, what waits included. Its log stays until it is purged. Returns whether
    /// there was one.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn delete_subscription(&self, id: EndpointId) -> Result<bool, StoreError> {
        let now = self.store().now().await?;
        let deleted = self.store().delete_subscription(id, now).await?;
        self.look_for_work([id]);
        Ok(deleted)
    }

    /// Signs with a new key from now on, and lets the old ones count for `overlap` longer, a `core::time::Duration` (not one of
    /// the crate `time`): schemes with room for several
    /// signatures sign with all of them meanwhile. Tell the receiver the new secret first. One that is sent to unsigned is signed
    /// from now on.
    ///
    /// # Errors
    /// - [`SubscriptionError::Unknown`]: there is no such subscription.
    /// - [`SubscriptionError::Key`]: the new key has the id or the secret of an old one.
    /// - as [`Engine::put_subscription`].
    pub async fn rotate_key(
        &self,
        subscription: EndpointId,
        new: Key,
        overlap: Duration,
    ) -> Result<(), SubscriptionError> {
        let held =
            self.subscription(subscription).await?.ok_or(SubscriptionError::Unknown { subscription })?;
        let now = self.store().now().await?;
        let last = time_math::later(now, overlap);
        let mut keys = vec![new];
        let held_keys = held.http().and_then(HttpTarget::keys).into_iter().flat_map(|keys| keys.keys());
        let counting = held_keys.filter(|key| key.not_after().is_none_or(|ends| ends >= now));
        keys.extend(counting.filter_map(|key| ending(key, last)));
        let keys = Keyring::new(keys)?;
        // Which scheme signs is the transport's to know; said here, it reaches who rotates and not the first attempt.
        keys.check_for_hmac_sha256()?;
        self.write_subscription(&held.with_keys(Arc::new(keys))).await
    }

    /// Sends nothing more to an endpoint until it is [enabled](Engine::enable). What comes is kept.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn disable(&self, endpoint: EndpointId) -> Result<(), StoreError> {
        self.order(endpoint, Command::Disable).await
    }

    /// Sends to an endpoint again, and what waited first. Also if it was disabled because it failed, or was gone.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn enable(&self, endpoint: EndpointId) -> Result<(), StoreError> {
        self.order(endpoint, Command::Enable).await
    }

    /// [Disables](Engine::disable) an endpoint, and enables it at this moment.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn pause(&self, endpoint: EndpointId, until: UtcDateTime) -> Result<(), StoreError> {
        self.store().command(vec![(endpoint, Command::Enable)], until).await?;
        self.order(endpoint, Command::Disable).await
    }

    pub(super) async fn order(&self, endpoint: EndpointId, command: Command) -> Result<(), StoreError> {
        let now = self.store().now().await?;
        self.store().command(vec![(endpoint, command)], now).await
    }
}

/// The same key, which ends at this moment unless it ends before; `None` if there is no secret in it, which cannot be.
fn ending(key: &Key, last: UtcDateTime) -> Option<Key> {
    let secret = Secret::new(key.secret().expose_secret()).ok()?;
    let mut copy =
        Key::new(key.id().clone(), secret).valid_until(key.not_after().map_or(last, |ends| ends.min(last)));
    if let Some(first) = key.not_before() {
        copy = copy.valid_from(first);
    }
    if let Some(tenant) = key.named_tenant() {
        copy = copy.with_tenant(tenant.clone());
    }
    Some(copy)
}
