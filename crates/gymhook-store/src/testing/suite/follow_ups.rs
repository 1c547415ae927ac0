//! Follow-ups: notifications that a commit enqueues in the transaction that ends the one that they follow from.

use core::time::Duration;

use gymhook_delivery::End;

use super::Harness;
use super::stage::{HOUR, Stage, attempt, begun, delivery, ended, endpoint, held, notification, skip, stale};
use crate::{Batch, Lease, NewNotification, Refused, RepeatCheck, State, Store, Unstorable, body_digest};

/// The batch of a delivery to endpoint `to` that was handled, with what follows from it.
async fn handled<H: Harness>(
    stage: &Stage<'_, H>,
    lease: Lease,
    number: u128,
    follow_ups: impl IntoIterator<Item = NewNotification>,
) -> Batch {
    let record = begun(stage.record(number).await, stage.now + HOUR);
    Batch {
        leases: vec![lease],
        deliveries: vec![ended(record, stage.now, End::Delivered)],
        attempts: vec![(lease.endpoint, attempt(&record, 1, stage.now))],
        follow_ups: follow_ups.into_iter().map(|new| (lease.endpoint, new)).collect(),
        ..Batch::default()
    }
}

/// How many deliveries wait at an endpoint.
async fn waiting<H: Harness>(stage: &Stage<'_, H>, number: u128) -> u64 {
    stage.store.endpoint_stats(endpoint(number), stage.now).await.unwrap().expect("it is there").waiting
}

/// They are enqueued, to any endpoint and whole, with the record.
pub async fn what_follows_is_enqueued_with_the_record<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let origin = Some("{\"headers\":[]}".to_owned());
    let later = NewNotification { origin, not_before: Some(stage.now + HOUR), ..notification(11, 2) };
    let follow_ups = [notification(10, 2), later.clone(), notification(12, 1)];
    let committed = stage.commit(handled(&stage, lease, 1, follow_ups).await).await;
    assert_eq!((committed.lost, committed.refused), (Vec::new(), Vec::new()));

    assert_eq!(stage.row(1).await.state, State::Delivered);
    for (number, to) in [(10, 2), (11, 2), (12, 1)] {
        let row = stage.row(number).await;
        assert_eq!((row.state, row.endpoint, row.enqueued_at), (State::Waiting, endpoint(to), stage.now));
        let body = stage.store.body(delivery(number)).await.unwrap();
        assert_eq!(body, Some(notification(number, to).body));
    }
    assert_eq!(stage.row(11).await.origin, later.origin);
    assert_eq!(stage.fetch(endpoint(2), 9).await.deliveries, [stage.record(10).await]);
    assert!(stage.record(10).await.sequence < stage.record(11).await.sequence, "in their order");
}

/// Of an endpoint whose lease is lost nothing is enqueued, nor refused; of the others in the batch everything is.
pub async fn a_lost_lease_enqueues_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let lost = stale(held(&stage.lease(1, 1).await));
    let good = held(&stage.lease(1, 2).await);
    let mut batch = handled(&stage, lost, 1, [notification(10, 3), notification(11, 9)]).await;
    let rest = handled(&stage, good, 2, [notification(12, 3)]).await;
    batch.leases.extend(rest.leases);
    batch.deliveries.extend(rest.deliveries);
    batch.follow_ups.extend(rest.follow_ups);
    // Covered by no lease.
    batch.follow_ups.push((endpoint(3), notification(13, 3)));
    let committed = stage.commit(batch).await;
    assert_eq!((committed.lost, committed.refused), (vec![endpoint(1)], Vec::new()));
    assert_eq!((stage.row(1).await.state, stage.row(2).await.state), (State::Waiting, State::Delivered));
    assert_eq!(stage.row(12).await.state, State::Waiting);
    for number in [10, 11, 13] {
        assert_eq!(stage.store.delivery(delivery(number)).await, Ok(None), "{number}");
    }
    let only_lost = handled(&stage, lost, 1, [notification(10, 3)]).await;
    assert_eq!(stage.commit(only_lost).await.lost, [endpoint(1)]);
    assert_eq!(waiting(&stage, 3).await, 1);
}

/// A batch whose answer was lost, and is repeated, enqueues each once.
pub async fn a_repeated_batch_enqueues_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let batch = handled(&stage, lease, 1, [notification(10, 2), notification(11, 2)]).await;
    assert_eq!(stage.commit(batch.clone()).await.refused, []);
    let before = (stage.row(10).await, stage.row(11).await);
    let again = stage.commit(batch).await;
    assert_eq!((again.lost, again.refused), (Vec::new(), Vec::new()));
    assert_eq!((stage.row(10).await, stage.row(11).await), before);
    assert_eq!(waiting(&stage, 2).await, 2);
    assert_eq!(stage.attempts(delivery(1)).await.unwrap().len(), 1);
}

/// One that is refused is reported, and keeps neither the record nor the others from being written.
pub async fn a_refused_one_keeps_nothing_else_back<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    let fingerprint = *body_digest(b"a repeat").as_bytes();
    let checked = |number| NewNotification {
        repeat_check: Some(RepeatCheck { fingerprint, window: HOUR }),
        ..notification(number, 2)
    };
    stage.enqueue([notification(1, 1), notification(5, 2), checked(6)]).await;
    assert!(stage.delete_subscription(3).await.unwrap());
    let lease = held(&stage.lease(1, 1).await);
    let conflict = NewNotification { body: notification(6, 2).body, ..notification(5, 2) };
    let nul = NewNotification { event_type: "a\0b".to_owned(), ..notification(14, 2) };
    let follow_ups = [
        notification(10, 9),
        notification(11, 2),
        notification(12, 3),
        conflict,
        checked(13),
        nul,
        notification(5, 2),
        notification(15, 2),
    ];
    let committed = stage.commit(handled(&stage, lease, 1, follow_ups).await).await;
    let field = "event type";
    let expected = [
        (10, Refused::UnknownEndpoint { endpoint: endpoint(9) }),
        (12, Refused::UnknownEndpoint { endpoint: endpoint(3) }),
        (5, Refused::Conflict { delivery: delivery(5) }),
        (13, Refused::Repeat { delivery: delivery(6) }),
        (14, Refused::Unstorable { delivery: delivery(14), field, problem: Unstorable::Nul }),
    ];
    assert_eq!(committed.refused, expected.map(|(number, refused)| (delivery(number), refused)));
    assert_eq!(committed.lost, []);
    assert_eq!(stage.row(1).await.state, State::Delivered);
    assert_eq!(stage.attempts(delivery(1)).await.unwrap().len(), 1);
    for number in [11, 15] {
        assert_eq!(stage.row(number).await.state, State::Waiting, "{number}");
    }
    assert_eq!(waiting(&stage, 2).await, 4);
}

/// Two workers that handle two things at the same time enqueue what follows from both of them once.
pub async fn two_batches_enqueue_the_same_one_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let [one, two] = [stage.lease(1, 1).await, stage.lease(2, 2).await].map(|leased| held(&leased));
    let first = handled(&stage, one, 1, [notification(10, 3), notification(11, 3)]).await;
    let second = handled(&stage, two, 2, [notification(11, 3), notification(10, 3)]).await;
    let (first, second) = tokio::join!(stage.commit(first), stage.commit(second));
    assert_eq!((first.refused, second.refused), (Vec::new(), Vec::new()));
    assert_eq!((stage.row(1).await.state, stage.row(2).await.state), (State::Delivered, State::Delivered));
    assert_eq!(waiting(&stage, 3).await, 2);
}

/// Every worker of the process hears of it, as of what is enqueued: one may send what another one's handler passes on.
pub async fn each_worker_hears_of_it<H: Harness>(harness: &H) {
    const PATIENT: Duration = Duration::from_secs(30);
    const QUIET: Duration = Duration::from_millis(200);
    let stage = Stage::with(harness, [1, 2]).await;
    let workers = [stage.store.clone(), stage.store.clone()];
    let hear = |worker: usize, limit| tokio::time::timeout(limit, workers[worker].work_arrived());
    // Where a store begins to listen with the first call.
    while hear(0, QUIET).await.is_ok() || hear(1, QUIET).await.is_ok() {}
    stage.enqueue([notification(1, 1)]).await;
    if hear(0, PATIENT / 10).await.is_err() {
        return skip("this store does not tell of what is enqueued");
    }
    hear(1, PATIENT).await.expect("both are told of what is enqueued");
    while hear(0, QUIET).await.is_ok() || hear(1, QUIET).await.is_ok() {}
    let lease = held(&stage.lease(1, 1).await);
    stage.commit(handled(&stage, lease, 1, [notification(10, 2)]).await).await;
    for worker in [0, 1] {
        let heard = hear(worker, PATIENT).await.expect("it is told");
        assert!(heard.is_empty() || heard == [endpoint(2)], "{heard:?}");
    }
}
