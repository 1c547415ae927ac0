//! Unreadable bodies: kept, listed, given to no handler, and replaced when they have been read again.

use gymhook_delivery::{DeliveryState, Enqueued};

use super::Harness;
use super::stage::{HOUR, MICRO, Stage, delivery, endpoint, ids, notification, skip};
use crate::{DeliveryQuery, NewNotification, Refused, RepeatCheck, State, StatsQuery, Store};

fn unreadable(number: u128) -> NewNotification {
    let origin = Some("{\"key\":\"berlin\"}".to_owned());
    NewNotification { unreadable: true, origin, ..notification(number, 1) }
}

/// What was read from another one.
fn read_from(from: u128, number: u128) -> NewNotification {
    NewNotification { read_from: Some(delivery(from)), ..notification(number, 1) }
}

fn repeats(number: u128) -> Result<Enqueued, Refused> {
    Err(Refused::Repeat { delivery: delivery(number) })
}

async fn assert_kept<H: Harness>(stage: &Stage<'_, H>, number: u128) {
    let row = stage.row(number).await;
    assert_eq!((row.state, row.record), (State::Unreadable, None));
    assert_eq!((row.endpoint, row.origin.as_deref()), (endpoint(1), unreadable(number).origin.as_deref()));
    assert_eq!(stage.store.body(delivery(number)).await, Ok(Some(unreadable(number).body)));
    let query = DeliveryQuery { state: Some(State::Unreadable), ..DeliveryQuery::new(9) };
    assert_eq!(stage.store.deliveries(query).await.unwrap().items, [row]);
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().unreadable, 1);
}

async fn assert_gone<H: Harness>(stage: &Stage<'_, H>, number: u128) {
    assert_eq!(stage.store.delivery(delivery(number)).await, Ok(None));
    assert_eq!(stage.store.body(delivery(number)).await, Ok(None));
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().unreadable, 0);
}

/// It is kept whole and shown as what it is, and no worker is leased it or receives it.
pub async fn it_is_kept_and_sent_to_nobody<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([unreadable(1)]).await;
    assert_kept(&stage, 1).await;
    assert_eq!(stage.lease_any(1).await.len(), 0);
    stage.enqueue([notification(2, 1)]).await;
    stage.lease(1, 1).await;
    assert_eq!(ids(&stage.fetch(endpoint(1), 9).await.deliveries), [delivery(2)]);
    let stats = stage.store.stats(StatsQuery::new(), stage.now).await.unwrap();
    assert_eq!((stats.waiting, stats.quarantined, stats.undeliverable), (1, 0, 0));
}

/// The same again, in one batch too, is a repeat of it; its id with anything else is taken.
pub async fn the_same_again_repeats_it<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let batch = vec![unreadable(1), unreadable(1)];
    let enqueued = stage.store.enqueue(batch, stage.now).await.unwrap();
    assert_eq!(enqueued, [Ok(Enqueued::New), repeats(1)]);
    let other_body = NewNotification { body: "other".into(), ..unreadable(1) };
    let other_endpoint = NewNotification { endpoint: endpoint(2), ..unreadable(1) };
    let batch = vec![unreadable(1), notification(1, 1), other_body, other_endpoint];
    let enqueued = stage.store.enqueue(batch, stage.now + HOUR).await.unwrap();
    let conflict = Err(Refused::Conflict { delivery: delivery(1) });
    assert_eq!(enqueued, [repeats(1), conflict, conflict, conflict]);
    assert_kept(&stage, 1).await;
}

/// What is read from it takes its place: new, or as a duplicate or a repeat of what came in readable meanwhile.
pub async fn what_is_read_takes_its_place<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let check = RepeatCheck { fingerprint: [7; 32], window: HOUR };
    let once = |new: NewNotification| NewNotification { repeat_check: Some(check), ..new };
    let duplicate = Ok(Enqueued::Duplicate { state: DeliveryState::Waiting { due: stage.now } });
    for (new, expected) in [
        (read_from(1, 2), Ok(Enqueued::New)),
        (read_from(1, 2), duplicate),
        (once(read_from(1, 3)), Ok(Enqueued::New)),
        (once(read_from(1, 4)), repeats(3)),
    ] {
        stage.enqueue([unreadable(1)]).await;
        assert_kept(&stage, 1).await;
        assert_eq!(stage.store.enqueue(vec![new], stage.now).await.unwrap(), [expected]);
        assert_gone(&stage, 1).await;
    }
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting, 2);
    assert_eq!(stage.record(2).await.state, DeliveryState::Waiting { due: stage.now });
}

/// It stays where what is read from it is refused.
pub async fn a_refusal_leaves_it_there<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([unreadable(1), notification(2, 1)]).await;
    let conflict = NewNotification { body: "other".into(), ..read_from(1, 2) };
    let odd = NewNotification { event_type: "a\0b".to_owned(), ..read_from(1, 3) };
    let nobody = NewNotification { endpoint: endpoint(9), ..read_from(1, 4) };
    let enqueued = stage.store.enqueue(vec![conflict, odd, nobody], stage.now).await.unwrap();
    assert!(enqueued.iter().all(Result::is_err), "{enqueued:?}");
    assert_kept(&stage, 1).await;
}

/// Nothing that can be delivered is forgotten, nor is anything missed that is not there.
pub async fn only_what_is_unreadable_is_forgotten<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), read_from(1, 2), read_from(9, 3)]).await;
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting, 3);
}

/// It can be purged by the time at which it came in.
pub async fn it_is_purged_when_it_is_old<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([unreadable(1)]).await;
    assert_eq!(stage.store.purge(stage.now, 9).await, Ok(0));
    assert_kept(&stage, 1).await;
    assert_eq!(stage.store.purge(stage.now + MICRO, 9).await, Ok(1));
    assert_gone(&stage, 1).await;
}

/// It is there after a restart.
pub async fn it_is_there_after_a_restart<H: Harness>(harness: &H) {
    let Stage { harness, store, now } = {
        let stage = Stage::with(harness, [1]).await;
        stage.enqueue([unreadable(1)]).await;
        stage
    };
    let Some(store) = harness.reopen(store).await else { return skip("it is not durable") };
    assert_kept(&Stage { harness, store, now }, 1).await;
}
