//! Damage: a row or a body that cannot be read is quarantined, and stops nothing else.

use gymhook_delivery::{DeliveryRecord, End};

use super::Harness;
use super::stage::{
    HOUR, Stage, attempt, begun, delivery, ended, endpoint, held, ids, notification, skip, waiting,
};
use crate::{AttemptRow, Batch, DeliveryQuery, Fetch, Leased, State, StatsQuery, Store};

/// Five deliveries to endpoint 1, of which the second's row is damaged; `None` if that cannot be done.
async fn with_bad_row<H: Harness>(harness: &H) -> Option<Stage<'_, H>> {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue((1..=5).map(|number| notification(number, 1))).await;
    if harness.damage_delivery(&stage.store, delivery(2)).await {
        return Some(stage);
    }
    skip("rows cannot be damaged here");
    None
}

/// The second of two deliveries is begun under a lease that stays, and its body is damaged before; `None` if that cannot be
/// done.
async fn with_bad_body<H: Harness>(harness: &H) -> Option<(Stage<'_, H>, Leased, DeliveryRecord)> {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    if !harness.damage_body(&stage.store, delivery(2)).await {
        skip("bodies cannot be damaged here");
        return None;
    }
    let leased = stage.lease(1, 1).await;
    let good = begun(stage.record(1).await, stage.now + HOUR);
    let bad = begun(stage.record(2).await, stage.now + HOUR);
    let batch = Batch {
        leases: vec![held(&leased)],
        deliveries: vec![good, bad],
        send: vec![delivery(1), delivery(2)],
        ..Batch::default()
    };
    let committed = stage.commit(batch).await;
    assert_eq!(committed.lost, []);
    let mut sent = committed.notifications;
    sent.sort_by_key(|(id, _)| *id);
    assert_eq!(sent.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [delivery(1), delivery(2)]);
    assert_eq!(sent[0].1.as_ref().map(|sent| &sent.body), Some(&notification(1, 1).body));
    assert_eq!(sent[1].1, None, "a body that is not the one that was enqueued is not sent");
    Some((stage, leased, bad))
}

async fn assert_quarantined<H: Harness>(stage: &Stage<'_, H>, number: u128) {
    let row = stage.row(number).await;
    assert_eq!((row.state, row.record), (State::Quarantined, None));
    assert_eq!((row.id, row.endpoint), (delivery(number), endpoint(1)));
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().quarantined, 1);
    let query = DeliveryQuery { state: Some(State::Quarantined), ..DeliveryQuery::new(9) };
    assert_eq!(stage.store.deliveries(query).await.unwrap().items, [row]);
}

/// A fetch quarantines a bad row, counts it once, and brings the others.
pub async fn a_fetch_goes_on<H: Harness>(harness: &H) {
    for ordered in [false, true] {
        let Some(stage) = with_bad_row(harness).await else { return };
        let fetch = Fetch { endpoint: endpoint(1), ordered, after: None, limit: 9 };
        let fetched = stage.fetch_with(fetch).await;
        assert_eq!(ids(&fetched.deliveries), [1, 3, 4, 5].map(delivery));
        assert_eq!(fetched.quarantined, 1);
        assert_quarantined(&stage, 2).await;
        let fetched = stage.fetch_with(fetch).await;
        assert_eq!((fetched.deliveries.len(), fetched.quarantined), (4, 0), "it is counted once");
        assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting, 4);
    }
}

/// Pages continue past a bad row, wherever it is in its page.
pub async fn pages_go_on<H: Harness>(harness: &H) {
    for limit in 1..=5 {
        let Some(stage) = with_bad_row(harness).await else { return };
        let (mut found, mut after, mut quarantined) = (Vec::new(), None, 0);
        for page in 0.. {
            assert!(page < 10, "it never ends");
            let fetch = Fetch { endpoint: endpoint(1), ordered: false, after, limit };
            let fetched = stage.fetch_with(fetch).await;
            found.extend(ids(&fetched.deliveries));
            quarantined += fetched.quarantined;
            after = fetched.more;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, [1, 3, 4, 5].map(delivery), "in pages of {limit}");
        assert_eq!(quarantined, 1);
    }
}

/// A lease quarantines what was in flight and cannot be read, and returns the rest.
pub async fn a_lease_goes_on<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue((1..=3).map(|number| notification(number, 1))).await;
    let mut records = Vec::new();
    for number in 1..=3 {
        records.push(begun(stage.record(number).await, stage.now + HOUR));
    }
    stage.write(1, records.clone()).await;
    if !harness.damage_delivery(&stage.store, delivery(2)).await {
        return skip("rows cannot be damaged here");
    }
    let mut leased = stage.lease(1, 1).await;
    leased.in_flight.sort_by_key(|record| record.sequence);
    assert_eq!(leased.in_flight, [records[0], records[2]]);
    assert_eq!(leased.quarantined, 1);
    assert_quarantined(&stage, 2).await;
    stage.release(held(&leased)).await;
    assert_eq!(stage.lease(2, 1).await.quarantined, 0, "it is counted once");
}

/// A bad row is shown in the log, without a record, and its neighbours are whole.
pub async fn the_log_goes_on<H: Harness>(harness: &H) {
    let Some(stage) = with_bad_row(harness).await else { return };
    assert_eq!(stage.row(2).await.record, None);
    let query = DeliveryQuery { endpoint: Some(endpoint(1)), ..DeliveryQuery::new(9) };
    let rows = stage.store.deliveries(query).await.unwrap().items;
    let whole: Vec<_> = rows.iter().map(|row| (row.id, row.record.is_some())).collect();
    assert_eq!(whole, [5, 4, 3, 2, 1].map(|number| (delivery(number), number != 2)));
}

/// Later commits do not touch what was quarantined.
pub async fn a_later_commit_leaves_it_alone<H: Harness>(harness: &H) {
    let Some(stage) = with_bad_row(harness).await else { return };
    let one = stage.record(1).await;
    let two = DeliveryRecord { sequence: stage.row(2).await.sequence, id: delivery(2), ..one };
    let two = DeliveryRecord { body: notification(2, 1).digest(), ..two };
    stage.fetch(endpoint(1), 9).await;
    assert_quarantined(&stage, 2).await;
    let lease = held(&stage.lease(1, 1).await);
    for record in [waiting(two, stage.now), begun(two, stage.now), ended(two, stage.now, End::Delivered)] {
        let deliveries = vec![record, begun(one, stage.now)];
        let send = vec![delivery(2)];
        let batch = Batch { leases: vec![lease], deliveries, send, ..Batch::default() };
        let committed = stage.commit(batch).await;
        assert_eq!((committed.lost, committed.notifications), (vec![], vec![(delivery(2), None)]));
        assert_quarantined(&stage, 2).await;
    }
    assert_eq!(stage.record(1).await, begun(one, stage.now), "the others are written");
}

/// An id whose row is quarantined is taken.
pub async fn its_id_is_taken<H: Harness>(harness: &H) {
    let Some(stage) = with_bad_row(harness).await else { return };
    stage.fetch(endpoint(1), 9).await;
    let batch = vec![notification(2, 1), notification(6, 1)];
    let enqueued = stage.store.enqueue(batch, stage.now).await.unwrap();
    assert_eq!(enqueued[0], Err(crate::Refused::Conflict { delivery: delivery(2) }));
    assert_eq!(enqueued[1], Ok(gymhook_delivery::Enqueued::New));
}

/// A damaged body is never sent: the delivery is quarantined, and the others are sent.
pub async fn a_damaged_body_is_not_sent<H: Harness>(harness: &H) {
    let Some((stage, _, _)) = with_bad_body(harness).await else { return };
    assert_quarantined(&stage, 2).await;
    assert_eq!(stage.row(1).await.state, State::InFlight);
}

/// A delivery with a damaged body is passed to no later owner, and no later commit brings it back.
pub async fn a_damaged_body_stays_quarantined<H: Harness>(harness: &H) {
    let Some((stage, leased, bad)) = with_bad_body(harness).await else { return };
    for record in [waiting(bad, stage.now), ended(bad, stage.now, End::Delivered)] {
        let batch = Batch { leases: vec![held(&leased)], deliveries: vec![record], ..Batch::default() };
        assert_eq!(stage.commit(batch).await.lost, []);
        assert_quarantined(&stage, 2).await;
    }
    stage.release(held(&leased)).await;
    let next = stage.lease(2, 1).await;
    assert_eq!((ids(&next.in_flight), next.quarantined), (vec![delivery(1)], 0));
    assert_eq!(ids(&stage.fetch(endpoint(1), 9).await.deliveries), []);
}

/// An attempt whose outcome is a word that nobody knows is said to be unreadable; other deliveries' attempts are read.
pub async fn an_unknown_outcome_is_said<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let mut rows = Vec::new();
    for (number, send) in [(1, 1), (1, 2), (2, 1)] {
        rows.push((endpoint(1), attempt(&stage.record(number).await, send, stage.now)));
    }
    stage.commit(Batch { leases: vec![lease], attempts: rows.clone(), ..Batch::default() }).await;
    if !harness.damage_attempt(&stage.store, delivery(1), 2).await {
        return skip("attempts cannot be damaged here");
    }
    let unreadable = AttemptRow::unreadable(delivery(1), 2, "outcome");
    assert_eq!(stage.attempts(delivery(1)).await, Err(unreadable));
    assert_eq!(stage.attempts(delivery(2)).await, Ok(vec![rows.remove(2).1]));
}
