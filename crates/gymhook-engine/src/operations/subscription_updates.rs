//! `update_subscription`, `rotate_key` and `delete_subscription_if`: changes on a condition, which undo nothing that
//! others change at the same time.

use core::time::Duration;
use std::sync::Arc;

use gymhook_delivery::EndpointId;
use gymhook_retry::time_math;
use gymhook_signature::{Key, Keyring, Secret};
use time::UtcDateTime;

use super::{EngineView, SubscriptionError, ViewError};
use crate::store::{ApiKeyRights, DeleteCondition, Store, WriteCondition};
use crate::{Engine, HttpTarget, Subscription, subscription_rows};

/// How often an update or a deletion reads the subscription before it fails. Each time somebody else's change was written, so this many
/// changes of one subscription were made meanwhile. Our choice.
const MAX_READS: u32 = 100;

impl<S: Store> Engine<S> {
    /// Updates a subscription, and keeps what others change at the same time, in this process or in another one on the same
    /// store. Returns it as it was written.
    ///
    /// The subscription is read, passed to `change`, and written if its configuration is still what was read; otherwise it is
    /// read again, and `change` is called again. So `change` computes the new subscription from the one that it gets, and has
    /// no other effect. A subscription that is read before and written with [`Engine::put_subscription`] overwrites all that
    /// was changed in between.
    ///
    /// What is written is checked as [`Engine::put_subscription`] checks it, except that filters, URLs, platform and gym are
    /// checked only if one of them changes.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let (label, filter) = tokio::join!(
    ///     engine.update_subscription(endpoint, |subscription| subscription.with_label("front desk")),
    ///     engine.update_subscription(endpoint, |subscription| subscription.only(["workout.*"])),
    /// );
    /// (label?, filter?);
    /// let subscription = engine.subscription(endpoint).await?.ok_or("it was written")?;
    /// assert_eq!(subscription.label(), "front desk");
    /// assert!(!subscription.wants("member.created"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`SubscriptionError::Unknown`]: there is no such subscription, or it was deleted.
    /// - [`SubscriptionError::Contended`]: others changed it again and again.
    /// - [`SubscriptionError::OtherId`]: `change` returned a subscription with another id.
    /// - as [`Engine::put_subscription`]. After [`StoreError::Unavailable`](crate::store::StoreError::Unavailable) the change may
    ///   have been written: read the subscription before you repeat it.
    pub async fn update_subscription(
        &self,
        id: EndpointId,
        mut change: impl FnMut(Subscription) -> Subscription,
    ) -> Result<Subscription, SubscriptionError> {
        self.try_update_subscription(id, |held| Ok::<_, SubscriptionError>(change(held))).await
    }

    /// [Updates](Engine::update_subscription) a subscription with a change that may fail; then nothing is written.
    ///
    /// # Errors
    /// That of `change`, and as [`Engine::update_subscription`].
    pub async fn try_update_subscription<E: From<SubscriptionError>>(
        &self,
        id: EndpointId,
        change: impl FnMut(Subscription) -> Result<Subscription, E>,
    ) -> Result<Subscription, E> {
        self.update_reached(id, |_| true, change).await?
    }

    /// Updates a subscription of a gym that is reached. The inner error is that of `change`.
    async fn update_reached<E>(
        &self,
        id: EndpointId,
        reaches: impl Fn(&str) -> bool,
        mut change: impl FnMut(Subscription) -> Result<Subscription, E>,
    ) -> Result<Result<Subscription, E>, SubscriptionError> {
        for _ in 0..MAX_READS {
            let row = self.store().subscription(id).await?;
            let row = row
                .filter(|row| row.deleted_at.is_none() && reaches(&row.gym))
                .ok_or(SubscriptionError::Unknown { subscription: id })?;
            let held = subscription_rows::from_row(&row, self.options().secret_cipher.as_ref())?;
            let changed = match change(held.clone()) {
                Ok(changed) => changed,
                Err(refused) => return Ok(Err(refused)),
            };
            if changed.id() != id {
                return Err(SubscriptionError::OtherId { subscription: id, other: changed.id() });
            }
            if changed.direction() != held.direction() {
                return Err(SubscriptionError::Direction { subscription: id });
            }
            if !goes_where_it_went(&held, &changed) {
                self.check_new(&changed).await?;
            }
            let new = self.checked_row(&changed)?;
            let now = self.store().now().await?;
            if self.store().put_subscription(new, WriteCondition::unchanged(row), now).await? {
                return Ok(Ok(changed));
            }
        }
        Err(SubscriptionError::Contended { subscription: id })
    }

    /// [Deletes](Engine::delete_subscription) a subscription if `condition` holds for it, and nothing that another writes at the
    /// same time, in this process or in another one on the same store. Returns whether it was deleted.
    ///
    /// The subscription is read, passed to `condition`, and deleted if its configuration is still what was read; otherwise it is
    /// read again, and `condition` is called again. If there is no such subscription, `condition` is not called.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// engine.update_subscription(endpoint, |subscription| subscription.with_label("front desk")).await?;
    /// assert!(!engine.delete_subscription_if(endpoint, |held| held.label().is_empty()).await?);
    /// assert!(engine.delete_subscription_if(endpoint, |held| held.label() == "front desk").await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`SubscriptionError::Contended`]: others changed it again and again.
    /// - [`SubscriptionError::Settings`]: it cannot be read.
    /// - [`SubscriptionError::Store`]: the store failed.
    pub async fn delete_subscription_if(
        &self,
        id: EndpointId,
        mut condition: impl FnMut(&Subscription) -> bool,
    ) -> Result<bool, SubscriptionError> {
        for _ in 0..MAX_READS {
            let row = self.store().subscription(id).await?.filter(|row| row.deleted_at.is_none());
            let Some(row) = row else { return Ok(false) };
            if !condition(&subscription_rows::from_row(&row, self.options().secret_cipher.as_ref())?) {
                return Ok(false);
            }
            let now = self.store().now().await?;
            if self.store().delete_subscription(id, DeleteCondition::unchanged(row), now).await? {
                self.look_for_work([id]);
                return Ok(true);
            }
        }
        Err(SubscriptionError::Contended { subscription: id })
    }

    /// Signs with a new key from now on. The old ones stay valid for `overlap`, a `core::time::Duration` (not one of the
    /// crate `time`): schemes with room for several signatures sign with all of them in the meantime. Give the receiver the
    /// new secret first. A subscription that was unsigned is signed from now on. Returns the subscription as it was written.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gymhook::signature::{Key, Secret};
    /// use gymhook_engine::SubscriptionError;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let new = |id| -> Result<Key, Box<dyn std::error::Error>> { Ok(Key::new(id, Secret::new("another 128 random bits")?)) };
    /// let day = Duration::from_secs(86_400);
    /// engine.rotate_key(endpoint, new("2026-02")?, day).await?; // both keys sign for a day
    ///
    /// let refused = engine.rotate_key(endpoint, new("2026-01")?, day).await;
    /// assert!(matches!(refused, Err(SubscriptionError::Key(_)))); // an id is used once
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`SubscriptionError::Key`]: the new key has the id or the secret of an old one.
    /// - as [`Engine::update_subscription`]. After [`StoreError::Unavailable`](crate::store::StoreError::Unavailable) the new key
    ///   may sign already: read the subscription before you repeat it, since the repetition would be refused.
    pub async fn rotate_key(
        &self,
        subscription: EndpointId,
        new: Key,
        overlap: Duration,
    ) -> Result<Subscription, SubscriptionError> {
        self.rotate_reached(subscription, |_| true, &new, overlap).await
    }

    async fn rotate_reached(
        &self,
        subscription: EndpointId,
        reaches: impl Fn(&str) -> bool,
        new: &Key,
        overlap: Duration,
    ) -> Result<Subscription, SubscriptionError> {
        let now = self.store().now().await?;
        let last = time_math::later(now, overlap);
        let rotated = |held: Subscription| -> Result<Subscription, SubscriptionError> {
            let held_keys = held.http().and_then(HttpTarget::keys).into_iter().flat_map(|keys| keys.keys());
            let counting = held_keys.filter(|key| key.not_after().is_none_or(|ends| ends >= now));
            let keys = copy_of(new).into_iter().chain(counting.filter_map(|key| ending(key, last)));
            let keys = Keyring::new(keys.collect::<Vec<_>>())?;
            // Which scheme signs is the transport's to know; said here, it reaches who rotates and not the first attempt.
            keys.check_for_hmac_sha256()?;
            Ok(held.with_keys(Arc::new(keys)))
        };
        self.update_reached(subscription, reaches, rotated).await?
    }
}

impl<S: Store> EngineView<S> {
    /// As [`Engine::update_subscription`].
    ///
    /// # Errors
    /// - [`ViewError::NotAllowed`].
    /// - [`ViewError::OtherGym`]: it would become another gym's.
    /// - as [`Engine::update_subscription`]; of another gym's subscription [`SubscriptionError::Unknown`].
    pub async fn update_subscription(
        &self,
        id: EndpointId,
        mut change: impl FnMut(Subscription) -> Subscription,
    ) -> Result<Subscription, ViewError> {
        self.try_update_subscription(id, |held| Ok::<_, ViewError>(change(held))).await
    }

    /// As [`Engine::try_update_subscription`].
    ///
    /// # Errors
    /// That of `change`, and as [`EngineView::update_subscription`].
    pub async fn try_update_subscription<E: From<ViewError>>(
        &self,
        id: EndpointId,
        mut change: impl FnMut(Subscription) -> Result<Subscription, E>,
    ) -> Result<Subscription, E> {
        self.check(ApiKeyRights::Write)?;
        let changed_here = |held| {
            let changed = change(held)?;
            self.check_gym(changed.gym())?;
            Ok(changed)
        };
        self.engine
            .update_reached(id, |gym| self.reaches(gym), changed_here)
            .await
            .map_err(ViewError::from)?
    }

    /// As [`Engine::rotate_key`].
    ///
    /// # Errors
    /// [`ViewError::NotAllowed`], and as [`Engine::rotate_key`]; of another gym's subscription [`SubscriptionError::Unknown`].
    pub async fn rotate_key(
        &self,
        subscription: EndpointId,
        new: Key,
        overlap: Duration,
    ) -> Result<Subscription, ViewError> {
        self.check(ApiKeyRights::Write)?;
        Ok(self.engine.rotate_reached(subscription, |gym| self.reaches(gym), &new, overlap).await?)
    }
}

/// Whether nothing that [`Engine::check_new`] looks at was changed.
fn goes_where_it_went(held: &Subscription, changed: &Subscription) -> bool {
    held.gym() == changed.gym()
        && held.filters() == changed.filters()
        && held.http().map(HttpTarget::platform) == changed.http().map(HttpTarget::platform)
        && held.http().map(HttpTarget::url) == changed.http().map(HttpTarget::url)
        && held.http().map(HttpTarget::urls) == changed.http().map(HttpTarget::urls)
}

/// The same key, which ends at this moment unless it ends before.
fn ending(key: &Key, last: UtcDateTime) -> Option<Key> {
    let ends = key.not_after().map_or(last, |ends| ends.min(last));
    copy_of(key).map(|copy| copy.valid_until(ends))
}

/// The same key; `None` if there is no secret in it, which cannot be.
fn copy_of(key: &Key) -> Option<Key> {
    let mut copy = Key::new(key.id().clone(), Secret::new(key.secret().expose_secret()).ok()?);
    if let Some(first) = key.not_before() {
        copy = copy.valid_from(first);
    }
    if let Some(last) = key.not_after() {
        copy = copy.valid_until(last);
    }
    if let Some(tenant) = key.named_tenant() {
        copy = copy.with_tenant(tenant.clone());
    }
    Some(copy)
}
