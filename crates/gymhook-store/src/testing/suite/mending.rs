//! Mending: a lost or damaged body is replaced when the same notification is enqueued again.

use gymhook_delivery::{DeliveryRecord, DeliveryState, End, Enqueued};

use super::Harness;
use super::stage::{
    HOUR, SECOND, Stage, attempt, begun, delivery, ended, endpoint, held, ids, notification, send_all, skip,
};
use crate::{Batch, Lease, NewNotification, Refused, RepeatCheck, State, StatsQuery, Store};

/// What may happen to a body.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Damaged,
    Lost,
}

const HARMS: [Harm; 2] = [Harm::Damaged, Harm::Lost];

/// Whether that could be done.
async fn harm<H: Harness>(stage: &Stage<'_, H>, harm: Harm, number: u128) -> bool {
    let done = match harm {
        Harm::Damaged => stage.harness.damage_body(&stage.store, delivery(number)).await,
        Harm::Lost => stage.harness.lose_body(&stage.store, delivery(number)).await,
    };
    if !done {
        skip("bodies cannot be damaged or lost here");
    }
    done
}

async fn again<H: Harness>(stage: &Stage<'_, H>, new: NewNotification) -> Result<Enqueued, Refused> {
    stage.store.enqueue(vec![new], stage.now).await.unwrap().remove(0)
}

fn waits<H: Harness>(stage: &Stage<'_, H>) -> Result<Enqueued, Refused> {
    Ok(Enqueued::Duplicate { state: DeliveryState::Waiting { due: stage.now } })
}

/// The same bytes again are a duplicate, and the delivery has its body back.
pub async fn a_duplicate_brings_the_body_back<H: Harness>(harness: &H) {
    for how in HARMS {
        let stage = Stage::with(harness, [1]).await;
        stage.enqueue([notification(1, 1), notification(2, 1)]).await;
        if !harm(&stage, how, 1).await {
            return;
        }
        let other = NewNotification { body: "other".into(), ..notification(1, 1) };
        let conflict = Err(Refused::Conflict { delivery: delivery(1) });
        assert_eq!(again(&stage, other).await, conflict, "its digest tells");
        assert_eq!(again(&stage, notification(1, 1)).await, waits(&stage), "{how:?}");
        assert_eq!(stage.store.body(delivery(1)).await, Ok(Some(notification(1, 1).body)), "{how:?}");
        let sent = send_all(&stage, 1, 2).await;
        assert_eq!([&sent[0].body, &sent[1].body], [1, 2].map(|n| notification(n, 1).body).each_ref());
    }
}

/// So has one that the new one repeats, and one that could not be read when it came in.
pub async fn a_repeat_brings_the_body_back<H: Harness>(harness: &H) {
    for how in HARMS {
        let stage = Stage::with(harness, [1]).await;
        let check = Some(RepeatCheck { fingerprint: [7; 32], window: HOUR });
        let first = NewNotification { repeat_check: check, ..notification(1, 1) };
        let unread = NewNotification { unreadable: true, ..notification(3, 1) };
        stage.enqueue([first.clone(), unread.clone()]).await;
        let repeat = NewNotification { id: delivery(2), ..first.clone() };
        let (one, three) = (delivery(1), delivery(3));
        for (number, new, repeated) in [(1, repeat, one), (3, unread.clone(), three)] {
            if !harm(&stage, how, number).await {
                return;
            }
            assert_eq!(again(&stage, new).await, Err(Refused::Repeat { delivery: repeated }), "{how:?}");
        }
        assert_eq!(stage.store.body(one).await, Ok(Some(first.body)), "{how:?}");
        assert_eq!(stage.store.body(three).await, Ok(Some(unread.body)), "{how:?}");
    }
}

/// A delivery that is quarantined because of its body when its attempt was to begin, with the lease that it happened under.
async fn quarantined<H: Harness>(stage: &Stage<'_, H>, how: Harm) -> Option<(Lease, DeliveryRecord)> {
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    if !harm(stage, how, 1).await {
        return None;
    }
    let lease = held(&stage.lease(1, 1).await);
    let record = begun(stage.record(1).await, stage.now + HOUR);
    let batch = Batch {
        leases: vec![lease],
        deliveries: vec![record],
        send: vec![delivery(1)],
        attempts: vec![(endpoint(1), attempt(&record, 1, stage.now))],
        ..Batch::default()
    };
    assert_eq!(stage.commit(batch).await.notifications, [(delivery(1), None)]);
    assert_eq!(stage.row(1).await.state, State::Quarantined);
    Some((lease, record))
}

/// One that was quarantined because of its body is delivered when the same bytes are enqueued again: it waits, in another
/// round, behind what was enqueued before, and its log goes on.
pub async fn what_was_quarantined_for_its_body_is_delivered<H: Harness>(harness: &H) {
    for how in HARMS {
        let stage = Stage::with(harness, [1]).await;
        let Some((lease, old)) = quarantined(&stage, how).await else { return };
        let other = NewNotification { body: "other".into(), ..notification(1, 1) };
        let conflict = Err(Refused::Conflict { delivery: delivery(1) });
        assert_eq!(again(&stage, other).await, conflict);
        let test = NewNotification { test: true, ..notification(1, 1) };
        assert_eq!(again(&stage, test).await, conflict);
        let both = vec![notification(1, 1), notification(3, 1), notification(1, 1)];
        let enqueued = stage.store.enqueue(both, stage.now).await.unwrap();
        assert_eq!(enqueued, [waits(&stage), Ok(Enqueued::New), waits(&stage)], "{how:?}");

        let record = stage.record(1).await;
        assert!(record.sequence > stage.record(2).await.sequence);
        let round = old.round.saturating_add(1);
        let due = DeliveryState::Waiting { due: stage.now };
        assert_eq!(record, DeliveryRecord { round, sequence: record.sequence, state: due, ..old });
        assert_eq!(stage.store.body(delivery(1)).await, Ok(Some(notification(1, 1).body)));
        let stats = stage.store.stats(StatsQuery::new(), stage.now).await.unwrap();
        assert_eq!((stats.quarantined, stats.waiting), (0, 3));
        let logged = stage.attempts(delivery(1)).await.unwrap();
        assert_eq!(
            logged.iter().map(|row| (row.send, row.sequence)).collect::<Vec<_>>(),
            [(1, record.sequence)]
        );

        let next = begun(record, stage.now + HOUR);
        let batch = Batch {
            leases: vec![lease],
            deliveries: vec![next],
            send: vec![delivery(1)],
            attempts: vec![(endpoint(1), attempt(&next, next.sends, stage.now))],
            ..Batch::default()
        };
        let sent = stage.commit(batch).await.notifications;
        assert_eq!(sent[0].1.as_ref().map(|sent| &sent.body), Some(&notification(1, 1).body), "{how:?}");
        assert_eq!(stage.attempts(delivery(1)).await.unwrap().len(), 2);
    }
}

/// What the worker that had quarantined it says of it afterwards changes nothing: it knows only what was there before.
pub async fn what_is_said_late_of_a_quarantined_one_is_not_heard<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let Some((lease, old)) = quarantined(&stage, Harm::Damaged).await else { return };
    assert_eq!(again(&stage, notification(1, 1)).await, waits(&stage));
    let record = stage.record(1).await;
    let late = Batch {
        leases: vec![lease],
        deliveries: vec![ended(old, stage.now, End::Cancelled)],
        attempts: vec![(endpoint(1), attempt(&old, 2, stage.now + SECOND))],
        ..Batch::default()
    };
    assert_eq!(stage.commit(late).await.lost, []);
    assert_eq!(stage.record(1).await, record);
    assert_eq!(stage.attempts(delivery(1)).await.unwrap().len(), 1);
    let fetched = stage.fetch(endpoint(1), 9).await;
    assert_eq!(ids(&fetched.deliveries), [delivery(2), delivery(1)]);
}

/// A row that is damaged itself is no body's fault: its id stays taken, whatever its state was.
pub async fn a_damaged_row_is_not_mended<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let Some((lease, _)) = quarantined(&stage, Harm::Damaged).await else { return };
    if !harness.damage_delivery(&stage.store, delivery(1)).await {
        return skip("rows cannot be damaged here");
    }
    let conflict = Err(Refused::Conflict { delivery: delivery(1) });
    assert_eq!(again(&stage, notification(1, 1)).await, conflict);
    assert_eq!(stage.row(1).await.state, State::Quarantined);
    stage.release(lease).await;
}

/// Of several that enqueue it again at once each is told that it waits, and it is there once.
pub async fn several_mend_it_at_once<H: Harness>(harness: &H) {
    for _ in 0..8 {
        let stage = Stage::with(harness, [1]).await;
        let Some((_, old)) = quarantined(&stage, Harm::Lost).await else { return };
        let now = stage.now;
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let store = stage.store.clone();
                tokio::spawn(async move { store.enqueue(vec![notification(1, 1)], now).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), [waits(&stage)]);
        }
        assert_eq!(stage.record(1).await.round, old.round.saturating_add(1), "it was mended once");
        assert_eq!(stage.store.stats(StatsQuery::new(), now).await.unwrap().waiting, 2);
        let fetched = stage.fetch(endpoint(1), 9).await;
        assert_eq!(ids(&fetched.deliveries), [delivery(2), delivery(1)]);
    }
}
