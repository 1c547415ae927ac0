//! Durability: what a store has confirmed is there when the store is opened again.

use gymhook_delivery::{End, Enqueued};
use uuid::Uuid;

use super::Harness;
use super::stage::{
    HOUR, Stage, attempt, begun, delivery, disabled, ended, endpoint, endpoints, held, http, notification,
    skip, subscription,
};
use crate::{ApiKeyRow, Batch, Command, Store, SubscriptionRow, WriteCondition};

/// The same stage after its store was closed and opened again.
async fn reopened<H: Harness>(stage: Stage<'_, H>) -> Option<Stage<'_, H>> {
    let Stage { harness, store, now } = stage;
    if let Some(store) = harness.reopen(store).await {
        return Some(Stage { harness, store, now });
    }
    skip("this store is not durable");
    None
}

/// What was enqueued is there.
pub async fn what_was_enqueued_is_there<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let before = [stage.row(1).await, stage.row(2).await];
    let Some(stage) = reopened(stage).await else { return };
    assert_eq!([stage.row(1).await, stage.row(2).await], before);
    assert_eq!(stage.store.body(delivery(1)).await, Ok(Some(notification(1, 1).body)));
    stage.enqueue([notification(3, 1)]).await;
    assert!(stage.row(3).await.sequence > before[1].sequence);
}

/// What a worker recorded is there.
pub async fn what_was_committed_is_there<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let commands = vec![(endpoint(1), Command::Disable), (endpoint(1), Command::Enable)];
    stage.store.command(commands, stage.now).await.unwrap();
    let lease = held(&stage.lease(1, 1).await);
    let pending = stage.fetch(endpoint(1), 0).await.commands;
    let over = ended(stage.record(1).await, stage.now, End::Delivered);
    let under_way = begun(stage.record(2).await, stage.now + HOUR);
    let logged = attempt(&over, 1, stage.now);
    let batch = Batch {
        leases: vec![lease],
        deliveries: vec![over, under_way],
        endpoints: vec![disabled(1, stage.now)],
        attempts: vec![(endpoint(1), logged.clone())],
        commands: vec![(endpoint(1), pending[0].number)],
        release: vec![endpoint(1)],
        ..Batch::default()
    };
    stage.commit(batch).await;

    let Some(stage) = reopened(stage).await else { return };
    assert_eq!((stage.record(1).await, stage.record(2).await), (over, under_way));
    assert_eq!(stage.endpoint_record(1).await, disabled(1, stage.now));
    assert_eq!(stage.attempts(delivery(1)).await, Ok(vec![logged]));
    let leased = stage.lease(2, 1).await;
    assert_eq!(leased.in_flight, [under_way]);
    assert!(leased.epoch > lease.epoch);
    assert_eq!(stage.fetch(endpoint(1), 9).await.commands, [pending[1]]);
}

/// A lease is still its owner's, unless it is taken over.
pub async fn a_lease_is_still_held<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let Some(stage) = reopened(stage).await else { return };
    assert_eq!(endpoints(&stage.lease_any(2).await), []);
    assert_eq!(stage.commit(Batch { leases: vec![lease], ..Batch::default() }).await.lost, []);
    if stage.store.take_over().await.unwrap() {
        assert!(stage.lease(2, 1).await.epoch > lease.epoch);
        assert_eq!(stage.commit(Batch { leases: vec![lease], ..Batch::default() }).await.lost, [endpoint(1)]);
    }
}

/// Subscriptions and their deletion, and keys, are there.
pub async fn settings_are_there<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let changed = SubscriptionRow { target: http(vec![1, 2, 3]), ..subscription(1) };
    assert_eq!(
        stage.store.put_subscription(changed.clone(), WriteCondition::Always, stage.now).await,
        Ok(true)
    );
    assert_eq!(stage.delete_subscription(2).await, Ok(true));
    let key = ApiKeyRow {
        id: Uuid::from_u128(1),
        digest: [1; 32],
        label: "till".to_owned(),
        rights: crate::ApiKeyRights::Retry,
        owner: crate::ApiKeyOwner::Gym("wien".to_owned()),
        issued_at: stage.now,
        revoked_at: Some(stage.now),
    };
    stage.store.put_api_key(key.clone()).await.unwrap();

    let Some(stage) = reopened(stage).await else { return };
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(changed)));
    assert_eq!(
        stage.store.put_subscription(subscription(2), WriteCondition::Always, stage.now).await,
        Ok(false)
    );
    assert_eq!(stage.api_keys().await, Ok(vec![key]));
}

/// What was purged is gone, and its sequence number is not reused.
pub async fn what_was_purged_is_gone<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let over = ended(stage.record(1).await, stage.now, End::Delivered);
    stage.write(1, vec![over]).await;
    assert_eq!(stage.store.purge(stage.now + HOUR, 9).await, Ok(1));
    let Some(stage) = reopened(stage).await else { return };
    let again = stage.store.enqueue(vec![notification(1, 1)], stage.now).await.unwrap();
    assert_eq!(again, [Ok(Enqueued::New)]);
    assert!(stage.record(1).await.sequence > over.sequence);
}
