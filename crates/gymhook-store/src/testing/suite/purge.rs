//! Purging: which deliveries, bodies, attempts and notices are removed, and which are kept.

use gymhook_delivery::{End, Enqueued, LeaseEpoch, Undeliverable};

use super::Harness;
use super::stage::{
    HOUR, MICRO, SECOND, Stage, attempt, begun, delivery, ended, endpoint, held, notification, skip, waiting,
};
use crate::{Batch, Command, DeleteCondition, DeliveryQuery, Lease, Store};

/// Deliveries 1 to 6 to endpoint 1, each with an attempt: 1 delivered, 2 given up, 3 cancelled, 4 superseded, 5 under way,
/// 6 waiting. Each ended, is due or will be lost a second after the one before; 1 at the stage's beginning.
async fn six<H: Harness>(harness: &H) -> Stage<'_, H> {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue((1..=6).map(|number| notification(number, 1))).await;
    let mut batch = Batch { leases: vec![held(&stage.lease(1, 1).await)], ..Batch::default() };
    let mut at = stage.now;
    for number in 1..=6 {
        let record = stage.record(number).await;
        batch.attempts.push((endpoint(1), attempt(&record, 1, stage.now)));
        batch.deliveries.push(match number {
            1 => ended(record, at, End::Delivered),
            2 => ended(record, at, End::Undeliverable(Undeliverable::Gone)),
            3 => ended(record, at, End::Cancelled),
            4 => ended(record, at, End::Superseded),
            5 => begun(record, at),
            _ => waiting(record, at),
        });
        at += SECOND;
    }
    assert_eq!(stage.commit(batch).await.lost, []);
    stage
}

async fn left<H: Harness>(stage: &Stage<'_, H>) -> Vec<u128> {
    let query = DeliveryQuery::new(100);
    let rows = stage.store.deliveries(query).await.unwrap().items;
    let mut left: Vec<u128> =
        rows.iter().map(|row| (1..100).find(|number| delivery(*number) == row.id).unwrap()).collect();
    left.sort_unstable();
    left
}

/// Only what has ended is forgotten, however old the rest is.
pub async fn only_what_has_ended_is_forgotten<H: Harness>(harness: &H) {
    let stage = six(harness).await;
    assert_eq!(stage.store.purge(stage.now + 24 * HOUR, 100).await, Ok(4));
    assert_eq!(left(&stage).await, [5, 6]);
    assert_eq!(stage.store.body(delivery(6)).await, Ok(Some(notification(6, 1).body)));
    assert_eq!(stage.attempts(delivery(5)).await.unwrap().len(), 1);
    assert_eq!(stage.store.purge(stage.now + 24 * HOUR, 100).await, Ok(0));
}

/// What ended at that moment or later is kept.
pub async fn what_ended_later_is_kept<H: Harness>(harness: &H) {
    let stage = six(harness).await;
    assert_eq!(stage.store.purge(stage.now, 100).await, Ok(0));
    assert_eq!(stage.store.purge(stage.now + MICRO, 100).await, Ok(1));
    assert_eq!(left(&stage).await, [2, 3, 4, 5, 6]);
    assert_eq!(stage.store.purge(stage.now + 2 * SECOND, 100).await, Ok(1));
    assert_eq!(left(&stage).await, [3, 4, 5, 6]);
}

/// It is done in batches, until one is not full.
pub async fn it_is_done_in_batches<H: Harness>(harness: &H) {
    let stage = six(harness).await;
    let mut counts = Vec::new();
    for limit in [0, 3, 3] {
        counts.push(stage.store.purge(stage.now + HOUR, limit).await.unwrap());
    }
    assert_eq!(counts, [0, 3, 1]);
    assert_eq!(left(&stage).await, [5, 6]);
}

/// With a delivery go its body and its attempts.
pub async fn bodies_and_attempts_go_too<H: Harness>(harness: &H) {
    let stage = six(harness).await;
    stage.store.purge(stage.now + MICRO, 1).await.unwrap();
    assert_eq!(stage.store.delivery(delivery(1)).await, Ok(None));
    assert_eq!(stage.store.body(delivery(1)).await, Ok(None));
    assert_eq!(stage.attempts(delivery(1)).await, Ok(Vec::new()));
    assert_eq!(stage.attempts(delivery(2)).await.unwrap().len(), 1);
}

/// A purged id may be used again, even for another body; its sequence number is not reused, and old attempts are not found.
pub async fn a_forgotten_id_is_as_good_as_new<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let old = stage.record(2).await;
    let records =
        vec![ended(stage.record(1).await, stage.now, End::Delivered), ended(old, stage.now, End::Delivered)];
    let batch = Batch {
        leases: vec![held(&stage.lease(1, 1).await)],
        deliveries: records,
        attempts: vec![(endpoint(1), attempt(&old, 1, stage.now))],
        ..Batch::default()
    };
    stage.commit(batch).await;
    assert_eq!(stage.store.purge(stage.now + MICRO, 9).await, Ok(2));

    let again = crate::NewNotification { id: delivery(2), ..notification(3, 1) };
    assert_eq!(stage.store.enqueue(vec![again.clone()], stage.now).await, Ok(vec![Ok(Enqueued::New)]));
    assert!(stage.row(2).await.sequence > old.sequence);
    assert_eq!(stage.store.body(delivery(2)).await, Ok(Some(again.body)));
    assert_eq!(stage.attempts(delivery(2)).await, Ok(Vec::new()));
}

/// A command about a forgotten delivery finds none.
pub async fn a_command_about_a_forgotten_one_finds_none<H: Harness>(harness: &H) {
    let stage = six(harness).await;
    let command = (endpoint(1), Command::Redeliver(delivery(1)));
    stage.store.command(vec![command], stage.now).await.unwrap();
    stage.store.purge(stage.now + MICRO, 9).await.unwrap();
    let pending = stage.fetch(endpoint(1), 0).await.commands;
    assert_eq!((pending.len(), pending[0].delivery), (1, None));
}

/// A late commit does not bring a forgotten delivery back.
pub async fn a_commit_brings_nothing_back<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let over = ended(stage.record(1).await, stage.now, End::Delivered);
    stage.commit(Batch { leases: vec![lease], deliveries: vec![over], ..Batch::default() }).await;
    assert_eq!(stage.store.purge(stage.now + MICRO, 9).await, Ok(1));
    stage.commit(Batch { leases: vec![lease], deliveries: vec![over], ..Batch::default() }).await;
    assert_eq!(stage.store.delivery(delivery(1)).await, Ok(None));
    assert_eq!(left(&stage).await, [2]);
}

/// What still waits at a deleted subscription ended with it, and is forgotten like the rest.
pub async fn what_waited_at_a_deleted_subscription_is_forgotten<H: Harness>(harness: &H) {
    let stage = six(harness).await;
    assert_eq!(
        stage.store.delete_subscription(endpoint(1), DeleteCondition::Always, stage.now + HOUR).await,
        Ok(true)
    );
    assert_eq!(stage.store.purge(stage.now + HOUR, 100).await, Ok(4));
    assert_eq!(left(&stage).await, [5, 6]);
    assert_eq!(stage.store.purge(stage.now + HOUR + MICRO, 100).await, Ok(2));
    assert_eq!(left(&stage).await, []);
}

/// So is what was quarantined there, whatever its time.
pub async fn what_was_quarantined_at_a_deleted_subscription_is_forgotten<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    stage.write(1, vec![begun(stage.record(1).await, stage.now + 24 * HOUR)]).await;
    if !harness.damage_delivery(&stage.store, delivery(1)).await {
        return skip("rows cannot be damaged here");
    }
    assert_eq!(stage.lease(1, 1).await.quarantined, 1);
    assert_eq!(stage.store.purge(stage.now + HOUR, 100).await, Ok(0), "its time is later");
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    assert_eq!(stage.store.purge(stage.now + MICRO, 100).await, Ok(1));
    assert_eq!(left(&stage).await, []);
}

/// Nor does it leave an attempt behind, which nobody could find or forget.
pub async fn an_attempt_of_a_forgotten_one_is_not_kept<H: Harness>(harness: &H) {
    let stage = six(harness).await;
    let lease = Lease { endpoint: endpoint(1), epoch: LeaseEpoch::new(0) };
    let record = stage.record(1).await;
    stage.store.purge(stage.now + MICRO, 9).await.unwrap();
    let Some(before) = harness.count_attempts(&stage.store).await else {
        return skip("attempts cannot be counted here");
    };
    assert_eq!(before, 5);
    // Whichever number its lease has.
    let mut written = 0;
    for epoch in 0..20 {
        let batch = Batch {
            leases: vec![Lease { epoch: LeaseEpoch::new(epoch), ..lease }],
            attempts: vec![(endpoint(1), attempt(&record, 2, stage.now))],
            ..Batch::default()
        };
        written += usize::from(stage.commit(batch).await.lost.is_empty());
    }
    assert_eq!(written, 1, "one of them was its lease");
    assert_eq!(harness.count_attempts(&stage.store).await, Some(5));
}
