//! `EngineView`: the operations of an engine as one API key may use them, limited to one gym or to the rights of the
//! key.

use core::time::Duration;

use gymhook_delivery::{DeliveryId, EndpointId};
use time::UtcDateTime;
use uuid::Uuid;

use super::{ApiKey, DeliveryLog, Published, SubscriptionError, TestEvent, TestOutcome, TestSent};
use crate::store::{
    ApiKeyOwner, ApiKeyQuery, ApiKeyRights, AttemptQuery, AttemptRow, DeliveryQuery, DeliveryRow,
    EndpointStats, Page, Redelivery, Stats, StatsQuery, Store, StoreError, SubscriptionQuery,
};
use crate::{Engine, Publication, Subscription};

/// An engine as the owner of an API key may use it: nothing of another gym can be read or changed through it.
///
/// [`Engine::for_gym`] makes one for a gym, [`ApiKey::view`] one for a key, which may be owned by all gyms. A service that handles
/// requests through a view has no check to forget: an id of another gym's is answered like one that is not there, whatever it
/// names. The exceptions are [`create_subscription`](Self::create_subscription) and [`put_subscription`](Self::put_subscription),
/// which cannot create what is there. Inboxes are no gym's,
/// so a gym's view does not reach them.
///
/// What needs more than the [rights](ApiKey::rights) of the view's key is [`ViewError::NotAllowed`]. [`ApiKeyRights::Retry`] is enough to
/// [redeliver](Self::redeliver), to [cancel](Self::cancel) and to [send test events](Self::send_test); every other change needs
/// [`ApiKeyRights::Write`].
///
/// ```
/// use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights, SqliteStore, SubscriptionQuery};
/// use gymhook_engine::{Engine, EngineView};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let engine = Engine::builder(SqliteStore::open(folder.path().join("webhooks.db"))?).enqueue_only();
/// let owner = ApiKeyOwner::Gym("berlin-mitte".to_owned());
/// let issued = engine.issue_api_key(owner, "front desk", ApiKeyRights::Read).await?;
///
/// // What came with a request.
/// let presented = issued.expose_key();
/// if let Some(key) = engine.check_api_key(presented).await? {
///     let view: EngineView<_> = key.view(&engine);
///     assert!(view.subscriptions(SubscriptionQuery::new(100)).await?.items.is_empty());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct EngineView<S> {
    pub(super) engine: Engine<S>,
    owner: ApiKeyOwner,
    rights: ApiKeyRights,
}

/// Why something was not done through an [`EngineView`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// A gym was named that the view does not reach. The caller's mistake.
    #[error("this view does not reach gym {gym:?}: use an API key of that gym, or one that is owned by all")]
    OtherGym {
        /// The gym.
        gym: String,
    },
    /// The rights of the view's API key are not enough. The caller's mistake.
    #[error("this API key's rights are not enough: use one with the rights {:?}{}", .needs.as_str(), or_more(*.needs))]
    NotAllowed {
        /// The rights that are enough.
        needs: ApiKeyRights,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the engine says to it.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
}

/// What is said after the rights that are needed.
const fn or_more(needs: ApiKeyRights) -> &'static str {
    match needs {
        ApiKeyRights::Read | ApiKeyRights::Retry => " or more",
        ApiKeyRights::Write => "",
    }
}

impl<S: Store> Engine<S> {
    /// What one gym may see and change, and nothing else: see [`EngineView`].
    ///
    /// A view of the gym without a name finds nothing.
    #[must_use]
    pub fn for_gym(&self, gym: impl Into<String>) -> EngineView<S> {
        EngineView { engine: self.clone(), owner: ApiKeyOwner::Gym(gym.into()), rights: ApiKeyRights::Write }
    }
}

impl ApiKey {
    /// What the key's owner may see, and change as far as the key's rights go: see [`EngineView`].
    ///
    /// The key is not looked at again: make a view for each request.
    #[must_use]
    pub fn view<S: Store>(&self, engine: &Engine<S>) -> EngineView<S> {
        EngineView { engine: engine.clone(), owner: self.owner.clone(), rights: self.rights }
    }
}

impl<S: Store> EngineView<S> {
    /// Whose view it is.
    #[must_use]
    pub const fn owner(&self) -> &ApiKeyOwner {
        &self.owner
    }

    /// What may be done through it.
    #[must_use]
    pub const fn rights(&self) -> ApiKeyRights {
        self.rights
    }

    /// As [`Engine::deliveries`].
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        match self.narrowed(query.gym.as_deref()) {
            Some(gym) => self.engine.deliveries(DeliveryQuery { gym, ..query }).await,
            None => Ok(Page { items: Vec::new(), next: None }),
        }
    }

    /// As [`Engine::delivery`].
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryLog>, StoreError> {
        if self.reaches_delivery(id).await? { self.engine.delivery(id).await } else { Ok(None) }
    }

    /// As [`Engine::attempts`].
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn attempts(&self, query: AttemptQuery) -> Result<Page<AttemptRow, u32>, StoreError> {
        if self.reaches_delivery(query.delivery).await? {
            return self.engine.attempts(query).await;
        }
        Ok(Page { items: Vec::new(), next: None })
    }

    /// As [`Engine::subscriptions`].
    ///
    /// # Errors
    /// As [`Engine::subscriptions`].
    pub async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Page<Subscription, EndpointId>, SubscriptionError> {
        match self.narrowed(query.gym.as_deref()) {
            Some(gym) => self.engine.subscriptions(SubscriptionQuery { gym, ..query }).await,
            None => Ok(Page { items: Vec::new(), next: None }),
        }
    }

    /// As [`Engine::subscription`].
    ///
    /// # Errors
    /// As [`Engine::subscription`].
    pub async fn subscription(&self, id: EndpointId) -> Result<Option<Subscription>, SubscriptionError> {
        if self.reaches_subscription(id).await? { self.engine.subscription(id).await } else { Ok(None) }
    }

    /// As [`Engine::stats_of`].
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn stats(&self, query: StatsQuery) -> Result<Stats, StoreError> {
        match self.narrowed(query.gym.as_deref()) {
            Some(gym) => self.engine.stats_of(StatsQuery { gym, ..query }).await,
            None => Ok(Stats::default()),
        }
    }

    /// As [`Engine::endpoint_stats`].
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn endpoint_stats(&self, endpoint: EndpointId) -> Result<Option<EndpointStats>, StoreError> {
        if self.reaches_subscription(endpoint).await? {
            return self.engine.endpoint_stats(endpoint).await;
        }
        Ok(None)
    }

    /// As [`Engine::api_keys`]: a gym's view has the keys that the gym owns.
    ///
    /// Keys are issued, rotated and revoked through the [engine](Engine::issue_api_key), since a key that makes others outlives its own
    /// revocation.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn api_keys(&self, query: ApiKeyQuery) -> Result<Page<ApiKey, Uuid>, StoreError> {
        match self.narrowed(query.gym.as_deref()) {
            Some(gym) => self.engine.api_keys(ApiKeyQuery { gym, ..query }).await,
            None => Ok(Page { items: Vec::new(), next: None }),
        }
    }

    /// As [`Engine::test_event`].
    ///
    /// # Errors
    /// As [`Engine::test_event`]; of another gym's subscription [`SubscriptionError::Unknown`].
    pub async fn test_event(&self, subscription: EndpointId) -> Result<TestEvent, SubscriptionError> {
        self.known(subscription).await?;
        self.engine.test_event(subscription).await
    }

    /// As [`Engine::test_outcome`].
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn test_outcome(&self, id: DeliveryId) -> Result<Option<TestOutcome>, StoreError> {
        if self.reaches_delivery(id).await? { self.engine.test_outcome(id).await } else { Ok(None) }
    }

    /// As [`Engine::await_test`].
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn await_test(
        &self,
        id: DeliveryId,
        patience: Duration,
    ) -> Result<Option<TestOutcome>, StoreError> {
        if self.reaches_delivery(id).await? { self.engine.await_test(id, patience).await } else { Ok(None) }
    }

    /// As [`Engine::cancel`].
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::Store`].
    pub async fn cancel(&self, id: DeliveryId) -> Result<bool, ViewError> {
        self.check(ApiKeyRights::Retry)?;
        Ok(self.reaches_delivery(id).await? && self.engine.cancel(id).await?)
    }

    /// As [`Engine::redeliver`].
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::Store`].
    pub async fn redeliver(&self, id: DeliveryId) -> Result<bool, ViewError> {
        self.check(ApiKeyRights::Retry)?;
        Ok(self.reaches_delivery(id).await? && self.engine.redeliver(id).await?)
    }

    /// As [`Engine::redeliver_range`].
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::Store`].
    pub async fn redeliver_range(&self, which: Redelivery) -> Result<u64, ViewError> {
        if self.may_change(which.endpoint, ApiKeyRights::Retry).await? {
            return Ok(self.engine.redeliver_range(which).await?);
        }
        Ok(0)
    }

    /// As [`Engine::put_subscription`].
    ///
    /// # Errors
    /// - [`ViewError::NotAllowed`].
    /// - [`ViewError::OtherGym`]: it would be another gym's.
    /// - [`SubscriptionError::Unknown`]: its id is taken by a subscription that the view does not reach.
    /// - as [`Engine::put_subscription`].
    pub async fn put_subscription(&self, subscription: &Subscription) -> Result<(), ViewError> {
        self.check(ApiKeyRights::Write)?;
        self.check_gym(subscription.gym())?;
        match &self.owner {
            ApiKeyOwner::All => self.engine.put_subscription(subscription).await?,
            ApiKeyOwner::Gym(_) => self.engine.put_subscription_of_gym(subscription).await?,
        }
        Ok(())
    }

    /// As [`Engine::create_subscription`].
    ///
    /// # Errors
    /// - [`ViewError::NotAllowed`].
    /// - [`ViewError::OtherGym`]: it would be another gym's.
    /// - as [`Engine::create_subscription`].
    pub async fn create_subscription(&self, subscription: &Subscription) -> Result<(), ViewError> {
        self.check(ApiKeyRights::Write)?;
        self.check_gym(subscription.gym())?;
        Ok(self.engine.create_subscription(subscription).await?)
    }

    /// As [`Engine::delete_subscription`].
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::Store`].
    pub async fn delete_subscription(&self, id: EndpointId) -> Result<bool, ViewError> {
        Ok(self.may_change(id, ApiKeyRights::Write).await? && self.engine.delete_subscription(id).await?)
    }

    /// As [`Engine::disable`]. Returns `false` if there is no such subscription.
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::Store`].
    pub async fn disable(&self, endpoint: EndpointId) -> Result<bool, ViewError> {
        let is_there = self.may_change(endpoint, ApiKeyRights::Write).await?;
        if is_there {
            self.engine.disable(endpoint).await?;
        }
        Ok(is_there)
    }

    /// As [`Engine::enable`]. Returns `false` if there is no such subscription.
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::Store`].
    pub async fn enable(&self, endpoint: EndpointId) -> Result<bool, ViewError> {
        let is_there = self.may_change(endpoint, ApiKeyRights::Write).await?;
        if is_there {
            self.engine.enable(endpoint).await?;
        }
        Ok(is_there)
    }

    /// As [`Engine::pause`]. Returns `false` if there is no such subscription.
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::Store`].
    pub async fn pause(&self, endpoint: EndpointId, until: UtcDateTime) -> Result<bool, ViewError> {
        let is_there = self.may_change(endpoint, ApiKeyRights::Write).await?;
        if is_there {
            self.engine.pause(endpoint, until).await?;
        }
        Ok(is_there)
    }

    /// As [`Engine::send_test`].
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], and as [`Engine::send_test`]; of another gym's subscription [`SubscriptionError::Unknown`].
    pub async fn send_test(&self, subscription: EndpointId) -> Result<DeliveryId, ViewError> {
        self.check(ApiKeyRights::Retry)?;
        self.known(subscription).await?;
        Ok(self.engine.send_test(subscription).await?)
    }

    /// As [`Engine::send_test_event`].
    ///
    /// # Errors
    /// As [`EngineView::send_test`].
    pub async fn send_test_event(
        &self,
        subscription: EndpointId,
        test: &TestEvent,
    ) -> Result<DeliveryId, ViewError> {
        self.check(ApiKeyRights::Retry)?;
        self.known(subscription).await?;
        Ok(self.engine.send_test_event(subscription, test).await?)
    }

    /// As [`Engine::test_all`].
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::OtherGym`], [`ViewError::Store`].
    pub async fn test_all(&self, gym: &str) -> Result<Vec<TestSent>, ViewError> {
        self.check(ApiKeyRights::Retry)?;
        self.check_gym(gym)?;
        Ok(self.engine.test_all(gym).await?)
    }

    /// As [`Engine::publish`].
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], [`ViewError::OtherGym`], and as [`Engine::publish`].
    pub async fn publish(
        &self,
        gym: &str,
        event: &str,
        publication: &Publication,
    ) -> Result<Vec<Published>, ViewError> {
        self.check(ApiKeyRights::Write)?;
        self.check_gym(gym)?;
        Ok(self.engine.publish(gym, event, publication).await?)
    }

    /// Whether what is a gym's may be seen. What is no gym's has no name.
    pub(super) fn reaches(&self, gym: &str) -> bool {
        match &self.owner {
            ApiKeyOwner::All => true,
            ApiKeyOwner::Gym(own) => own == gym && !gym.is_empty(),
        }
    }

    /// The gym that a query is about, if one was asked for or there is one only; nothing if that cannot be found here.
    fn narrowed(&self, asked: Option<&str>) -> Option<Option<String>> {
        let gym = asked.or_else(|| self.owner.gym());
        gym.is_none_or(|gym| self.reaches(gym)).then(|| gym.map(str::to_owned))
    }

    async fn reaches_delivery(&self, id: DeliveryId) -> Result<bool, StoreError> {
        Ok(self.engine.store().delivery(id).await?.is_some_and(|delivery| self.reaches(&delivery.gym)))
    }

    async fn reaches_subscription(&self, id: EndpointId) -> Result<bool, StoreError> {
        Ok(self.engine.store().subscription(id).await?.is_some_and(|row| self.reaches(&row.gym)))
    }

    /// Whether there is such a subscription, for whoever has these rights.
    async fn may_change(&self, id: EndpointId, needs: ApiKeyRights) -> Result<bool, ViewError> {
        self.check(needs)?;
        Ok(self.reaches_subscription(id).await?)
    }

    async fn known(&self, subscription: EndpointId) -> Result<(), SubscriptionError> {
        let is_there = self.reaches_subscription(subscription).await?;
        is_there.then_some(()).ok_or(SubscriptionError::Unknown { subscription })
    }

    pub(super) fn check(&self, needs: ApiKeyRights) -> Result<(), ViewError> {
        if self.rights >= needs { Ok(()) } else { Err(ViewError::NotAllowed { needs }) }
    }

    pub(super) fn check_gym(&self, gym: &str) -> Result<(), ViewError> {
        self.reaches(gym).then_some(()).ok_or_else(|| ViewError::OtherGym { gym: gym.to_owned() })
    }
}
