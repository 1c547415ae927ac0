//! `put_subscription` and the other operations on subscriptions: create, replace, read, pause, disable, enable and
//! delete, with `SubscriptionError`.

use gymhook::Provider;
use gymhook::event::Vendor;
use gymhook::send::{EventFilter, FilterError};
use gymhook_delivery::EndpointId;
use gymhook_signature::KeyringError;
use time::UtcDateTime;

use super::gym_pages::GymPages;
use crate::store::{
    Command, DeleteCondition, Page, Store, StoreError, SubscriptionQuery, SubscriptionRow, Unstorable,
    WriteCondition,
};
use crate::subscription::metadata;
use crate::{Engine, HttpTarget, MetadataError, SettingsError, Subscription, subscription_rows};

/// Why an operation on a subscription failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// An [update](Engine::update_subscription) was not written, since others changed the subscription again and again while it
    /// was made. Try again later.
    #[error("subscription {subscription} was not updated, since others keep changing it: try again later")]
    Contended {
        /// The subscription.
        subscription: EndpointId,
    },
    /// It was deleted, and its id is not used again. The caller's mistake.
    #[error("subscription {subscription} was deleted: create a new one with another id")]
    Deleted {
        /// The subscription.
        subscription: EndpointId,
    },
    /// The id is that of a subscription with the other direction: an inbox, or one that is sent to. The caller's mistake.
    #[error(
        "subscription {subscription} has the other direction, since an inbox receives and every other subscription is sent to: use another id"
    )]
    Direction {
        /// The subscription.
        subscription: EndpointId,
    },
    /// There is a subscription with this id, and a [new one](Engine::create_subscription) replaces none. The caller's mistake.
    #[error("there is a subscription {subscription} already: update that one, or use another id")]
    Exists {
        /// The subscription.
        subscription: EndpointId,
    },
    /// A filter, or the type that a URL is for, can never match, so nothing would ever be sent. The caller's mistake.
    #[error("subscription {subscription}: {problem}")]
    Filter {
        /// The subscription.
        subscription: EndpointId,
        /// What can never match, and a suggestion.
        problem: FilterError,
    },
    /// It is an inbox, and has a setting that only an HTTP endpoint has. The caller's mistake.
    #[error("subscription {subscription} is an inbox: it is handled here, and has no {setting}")]
    Inbox {
        /// The subscription.
        subscription: EndpointId,
        /// The setting: "filter", "header", "key", "test event", "TLS setting" or "URL".
        setting: &'static str,
    },
    /// The new key cannot be combined with the old ones. The caller's mistake.
    #[error("the new key cannot be used: {0}")]
    Key(#[from] KeyringError),
    /// Its metadata exceeds a limit. The caller's mistake.
    #[error("subscription {subscription}: {problem}")]
    Metadata {
        /// The subscription.
        subscription: EndpointId,
        /// What is wrong.
        problem: MetadataError,
    },
    /// Its platform has no test event, and an invented one might be mistaken for a real event: send your own with
    /// [`Engine::send_test_event`]. The caller's mistake.
    #[error("subscription {subscription}: no test event of {platform:?} is known, so name the event to send")]
    NoTestEvent {
        /// The subscription.
        subscription: EndpointId,
        /// Its platform.
        platform: String,
    },
    /// The change of an [update](Engine::update_subscription) returned a subscription with another id. The caller's mistake.
    #[error(
        "the change of subscription {subscription} returned subscription {other}: an id never changes, so put that one by itself"
    )]
    OtherId {
        /// The subscription to update.
        subscription: EndpointId,
        /// The one that was returned.
        other: EndpointId,
    },
    /// The transport of this engine cannot send for it: an unknown platform, a forbidden URL or header, keys of the wrong
    /// kind. Caused by its settings, or by those of the transport.
    #[error("subscription {subscription} cannot be sent to: {problem}")]
    Refused {
        /// The subscription.
        subscription: EndpointId,
        /// The transport's message.
        problem: String,
    },
    /// It cannot be stored, or its row cannot be read.
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
    /// Its platform accepts each URL once in a gym, and another subscription already has this one. The caller's mistake.
    #[error(
        "subscription {subscription}: {other} of the same gym already has this URL, and {platform} accepts it once: change \
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
    /// There is no subscription with this id. The caller's mistake.
    #[error("there is no subscription {subscription}: it was deleted, or never created")]
    Unknown {
        /// The requested id.
        subscription: EndpointId,
    },
}

impl<S: Store> Engine<S> {
    /// Creates or replaces a subscription: URL, filter, headers, keys and policy take effect with the next attempt, also for
    /// waiting deliveries. The endpoint keeps its health.
    ///
    /// All of it is written, whatever is there: to change a subscription that others may change at the same time, use
    /// [`Engine::update_subscription`].
    ///
    /// An engine that delivers [checks](crate::Transport::check) it first, as far as that is possible without a look-up; the HTTP
    /// transport's guard checks the addresses behind a URL whenever it connects. An engine without a worker does not check: call
    /// `HttpTransport::check_subscription` yourself.
    ///
    /// ```
    /// use gymhook_engine::SubscriptionError;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let subscription = engine.subscription(endpoint).await?.ok_or("it was written")?;
    /// engine.put_subscription(&subscription).await?; // the same id replaces it
    ///
    /// // A deleted subscription stays deleted.
    /// engine.delete_subscription(endpoint).await?;
    /// let refused = engine.put_subscription(&subscription).await;
    /// assert!(matches!(refused, Err(SubscriptionError::Deleted { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`SubscriptionError::Filter`]: a filter can never match what its platform sends.
    /// - [`SubscriptionError::Refused`]: this engine's transport cannot send for it.
    /// - [`SubscriptionError::Deleted`]: it was deleted.
    /// - [`SubscriptionError::UrlTaken`]: its platform (EGYM) accepts each URL once in a gym. Two concurrent calls may both
    ///   succeed.
    /// - [`SubscriptionError::Inbox`]: it is an inbox, and was given a URL, a key, a filter, …
    /// - [`SubscriptionError::Metadata`]: its metadata exceeds a limit.
    /// - [`SubscriptionError::Direction`]: the id is that of an inbox, and this is not one, or vice versa.
    /// - [`SubscriptionError::Settings`]: a header is not visible ASCII, or the secrets cannot be encrypted.
    /// - [`SubscriptionError::Store`]: the store failed.
    pub async fn put_subscription(&self, subscription: &Subscription) -> Result<(), SubscriptionError> {
        self.put_on_condition(subscription, WriteCondition::Always).await
    }

    /// Creates a subscription, and replaces none: of several callers that create one with the same id, in this process or in
    /// another one on the same store, one does.
    ///
    /// ```
    /// use gymhook_engine::SubscriptionError;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let subscription = engine.subscription(endpoint).await?.ok_or("it was written")?;
    /// let refused = engine.create_subscription(&subscription.with_label("another")).await;
    /// assert!(matches!(refused, Err(SubscriptionError::Exists { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`SubscriptionError::Exists`]: there is one with this id.
    /// - as [`Engine::put_subscription`]. After [`StoreError::Unavailable`](crate::store::StoreError::Unavailable) the subscription
    ///   may have been created: read it before you repeat the call, which would find that it exists.
    pub async fn create_subscription(&self, subscription: &Subscription) -> Result<(), SubscriptionError> {
        self.put_on_condition(subscription, WriteCondition::New).await
    }

    /// As [`put_subscription`](Self::put_subscription), unless its id is another gym's: then it is [unknown](SubscriptionError::Unknown), as to anybody who does not
    /// reach that gym. The store compares the gyms as it writes.
    pub(super) async fn put_subscription_of_gym(
        &self,
        subscription: &Subscription,
    ) -> Result<(), SubscriptionError> {
        self.put_on_condition(subscription, WriteCondition::SameGym).await
    }

    async fn put_on_condition(
        &self,
        subscription: &Subscription,
        condition: WriteCondition,
    ) -> Result<(), SubscriptionError> {
        self.check_new(subscription).await?;
        let row = self.checked_row(subscription)?;
        let now = self.store().now().await?;
        if self.store().put_subscription(row, condition.clone(), now).await? {
            return Ok(());
        }
        Err(self.why_not_written(subscription, &condition).await?)
    }

    /// Checks its filters, and its URL against those of its gym.
    pub(super) async fn check_new(&self, subscription: &Subscription) -> Result<(), SubscriptionError> {
        if let Some(http) = subscription.http() {
            EventFilter::check_all(http.platform(), subscription.filters(), http.urls().keys())
                .map_err(|problem| SubscriptionError::Filter { subscription: subscription.id(), problem })?;
            self.check_url_is_free(subscription, http).await?;
        }
        Ok(())
    }

    async fn check_url_is_free(
        &self,
        subscription: &Subscription,
        http: &HttpTarget,
    ) -> Result<(), SubscriptionError> {
        let platform = http.platform();
        let provider = platform.parse::<Vendor>().ok().and_then(Provider::of);
        if !provider.is_some_and(|provider| provider.profile().unique_url.value) {
            return Ok(());
        }
        let url = subscription_rows::url_text(http.url());
        let mut pages = GymPages::new(self.store(), subscription.gym());
        while let Some(page) = pages.next().await? {
            let has_it = |row: &&SubscriptionRow| {
                row.id != subscription.id()
                    && row.platform == platform
                    && row.target.url() == Some(url.as_str())
            };
            if let Some(other) = page.iter().find(has_it) {
                let (subscription, platform) = (subscription.id(), platform.to_owned());
                return Err(SubscriptionError::UrlTaken { subscription, other: other.id, platform });
            }
        }
        Ok(())
    }

    /// Its row, if this engine can send for it.
    pub(super) fn checked_row(
        &self,
        subscription: &Subscription,
    ) -> Result<SubscriptionRow, SubscriptionError> {
        let id = subscription.id();
        if let Some(setting) = subscription.misplaced() {
            return Err(SubscriptionError::Inbox { subscription: id, setting });
        }
        metadata::check(subscription.metadata())
            .map_err(|problem| SubscriptionError::Metadata { subscription: id, problem })?;
        self.check(subscription)
            .map_err(|problem| SubscriptionError::Refused { subscription: id, problem })?;
        Ok(subscription_rows::to_row(subscription, self.options().secret_cipher.as_ref())?)
    }

    /// Why the store did not write it, for whoever may be told of the one that is there.
    async fn why_not_written(
        &self,
        subscription: &Subscription,
        condition: &WriteCondition,
    ) -> Result<SubscriptionError, StoreError> {
        let id = subscription.id();
        let held = self.store().subscription(id).await?;
        let is_reached =
            |held: &SubscriptionRow| *condition != WriteCondition::SameGym || held.gym == subscription.gym();
        Ok(match held {
            Some(held) if !is_reached(&held) => SubscriptionError::Unknown { subscription: id },
            Some(held) if *condition == WriteCondition::New && held.deleted_at.is_none() => {
                SubscriptionError::Exists { subscription: id }
            }
            Some(held) if held.direction() != subscription.direction() => {
                SubscriptionError::Direction { subscription: id }
            }
            Some(_) | None => SubscriptionError::Deleted { subscription: id },
        })
    }

    /// A subscription; `None` if there is none, or it was deleted.
    ///
    /// # Errors
    /// As [`Engine::put_subscription`].
    pub async fn subscription(&self, id: EndpointId) -> Result<Option<Subscription>, SubscriptionError> {
        let row = self.store().subscription(id).await?.filter(|row| row.deleted_at.is_none());
        Ok(row
            .map(|row| subscription_rows::from_row(&row, self.options().secret_cipher.as_ref()))
            .transpose()?)
    }

    /// The subscriptions of a gym, or all, by id.
    ///
    /// # Errors
    /// As [`Engine::put_subscription`].
    pub async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Page<Subscription, EndpointId>, SubscriptionError> {
        let Page { items, next } = self.store().subscriptions(query).await?;
        let read = |row| subscription_rows::from_row(row, self.options().secret_cipher.as_ref());
        Ok(Page { items: items.iter().map(read).collect::<Result<_, _>>()?, next })
    }

    /// Deletes a subscription: nothing more is sent, including what waits. Its log stays until it is purged. Returns whether
    /// there was one.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// assert!(engine.delete_subscription(endpoint).await?);
    /// assert!(!engine.delete_subscription(endpoint).await?); // it is deleted already
    /// assert!(engine.subscription(endpoint).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// To delete one only as it was read, use [`Engine::delete_subscription_if`].
    ///
    /// # Errors
    /// The store's error.
    pub async fn delete_subscription(&self, id: EndpointId) -> Result<bool, StoreError> {
        let now = self.store().now().await?;
        let deleted = self.store().delete_subscription(id, DeleteCondition::Always, now).await?;
        self.look_for_work([id]);
        Ok(deleted)
    }

    /// Disables an endpoint: nothing is sent to it until it is [enabled](Engine::enable). New deliveries wait.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// engine.disable(endpoint).await?; // the endpoint's worker executes it
    /// engine.enable(endpoint).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
    pub async fn disable(&self, endpoint: EndpointId) -> Result<(), StoreError> {
        self.command(endpoint, Command::Disable).await
    }

    /// Enables an endpoint again; what waited is sent first. Also for one that was disabled because it failed or was gone.
    ///
    /// # Errors
    /// The store's error.
    pub async fn enable(&self, endpoint: EndpointId) -> Result<(), StoreError> {
        self.command(endpoint, Command::Enable).await
    }

    /// [Disables](Engine::disable) an endpoint until this time.
    ///
    /// ```
    /// use time::Duration;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let in_an_hour = engine.now().await? + Duration::HOUR;
    /// engine.pause(endpoint, in_an_hour).await?; // what arrives in the meantime waits
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
    pub async fn pause(&self, endpoint: EndpointId, until: UtcDateTime) -> Result<(), StoreError> {
        self.store().command(vec![(endpoint, Command::Enable)], until).await?;
        self.command(endpoint, Command::Disable).await
    }

    pub(super) async fn command(&self, endpoint: EndpointId, command: Command) -> Result<(), StoreError> {
        let now = self.store().now().await?;
        self.store().command(vec![(endpoint, command)], now).await
    }
}
