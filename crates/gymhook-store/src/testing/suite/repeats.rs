//! Repeats: a notification with another id whose fingerprint is known is refused within the window of its
//! `RepeatCheck`.

use core::time::Duration;

use gymhook_delivery::{DeliveryState, End, Enqueued};
use time::UtcDateTime;

use super::Harness;
use super::stage::{HOUR, MICRO, Stage, begun, delivery, ended, endpoint, held, notification, skip};
use crate::{Batch, NewNotification, Refused, RepeatCheck, State, StatsQuery, Store};

/// To endpoint 1, with this fingerprint.
fn once(number: u128, fingerprint: u8) -> NewNotification {
    let check = RepeatCheck { fingerprint: [fingerprint; 32], window: HOUR };
    NewNotification { repeat_check: Some(check), ..notification(number, 1) }
}

fn repeats(number: u128) -> Result<Enqueued, Refused> {
    Err(Refused::Repeat { delivery: delivery(number) })
}

async fn enqueue_at<H: Harness>(
    stage: &Stage<'_, H>,
    new: NewNotification,
    at: UtcDateTime,
) -> Result<Enqueued, Refused> {
    stage.store.enqueue(vec![new], at).await.unwrap()[0]
}

/// What has the same fingerprint is a repeat of the first and is not kept; what has another, or none, or goes elsewhere, is new.
pub async fn one_of_equal_fingerprints_is_kept<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([once(1, 7)]).await;
    assert_eq!(enqueue_at(&stage, once(2, 7), stage.now).await, repeats(1));
    assert_eq!(stage.store.delivery(delivery(2)).await, Ok(None));
    stage.enqueue([once(3, 8), notification(4, 1), notification(5, 1)]).await;
    stage.enqueue([NewNotification { endpoint: endpoint(2), ..once(6, 7) }]).await;
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting, 5);
    assert_eq!(stage.record(1).await, once(1, 7).record(stage.row(1).await.sequence, stage.now));
}

/// It does not matter whether it comes in the same call.
pub async fn a_repeat_in_one_batch_is_recognised<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let batch = vec![once(4, 7), notification(5, 1), once(3, 7), once(2, 8), once(1, 8)];
    let enqueued = stage.store.enqueue(batch, stage.now).await.unwrap();
    assert_eq!(enqueued, [Ok(Enqueued::New), Ok(Enqueued::New), repeats(4), Ok(Enqueued::New), repeats(2)]);
}

/// The window ends to the microsecond, and begins anew with the one that is kept then.
pub async fn a_window_ends_to_the_microsecond<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let now = stage.now;
    stage.enqueue([once(1, 7)]).await;
    assert_eq!(enqueue_at(&stage, once(2, 7), now + HOUR - MICRO).await, repeats(1));
    assert_eq!(enqueue_at(&stage, once(3, 7), now + HOUR).await, Ok(Enqueued::New));
    assert_eq!(enqueue_at(&stage, once(4, 7), now + HOUR + MICRO).await, repeats(3));
    assert_eq!(enqueue_at(&stage, once(5, 7), now + HOUR + HOUR - MICRO).await, repeats(3));
    assert_eq!(enqueue_at(&stage, once(6, 7), now + HOUR + HOUR + MICRO).await, Ok(Enqueued::New));
    assert_eq!(stage.store.stats(StatsQuery::new(), now).await.unwrap().waiting, 3);
}

/// A part of a microsecond makes a window longer, not shorter.
pub async fn a_window_is_rounded_up<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let with = |number| {
        let window = MICRO + Duration::from_nanos(1);
        NewNotification {
            repeat_check: Some(RepeatCheck { fingerprint: [7; 32], window }),
            ..notification(number, 1)
        }
    };
    stage.enqueue([with(1)]).await;
    assert_eq!(enqueue_at(&stage, with(2), stage.now + MICRO).await, repeats(1));
    assert_eq!(enqueue_at(&stage, with(3), stage.now + MICRO + MICRO).await, Ok(Enqueued::New));
}

/// A window of no length holds nothing up, one of the greatest length never ends, and each asks for its own.
pub async fn a_window_may_have_any_length<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let with = |number, window| NewNotification {
        repeat_check: Some(RepeatCheck { fingerprint: [7; 32], window }),
        ..notification(number, 1)
    };
    let none = Duration::ZERO;
    let enqueued = stage.store.enqueue(vec![with(1, none), with(2, none)], stage.now).await.unwrap();
    assert_eq!(enqueued, [Ok(Enqueued::New), Ok(Enqueued::New)]);
    assert_eq!(enqueue_at(&stage, with(3, none), stage.now).await, Ok(Enqueued::New));
    assert_eq!(enqueue_at(&stage, with(4, Duration::MAX), stage.now).await, Ok(Enqueued::New));
    let years = Duration::from_secs(86_400 * 365 * 1_000);
    assert_eq!(enqueue_at(&stage, with(5, Duration::MAX), stage.now + years).await, repeats(4));
    assert_eq!(enqueue_at(&stage, with(6, HOUR), stage.now + HOUR).await, Ok(Enqueued::New));
}

/// A clock that went back makes no repeat new.
pub async fn a_clock_that_goes_back_ends_no_window<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([once(1, 7)]).await;
    assert_eq!(enqueue_at(&stage, once(2, 7), stage.now - HOUR - HOUR).await, repeats(1));
}

/// The id is compared first: the same delivery is a duplicate however old, and another body under its id a conflict.
pub async fn the_id_is_compared_first<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([once(1, 7)]).await;
    let duplicate = Ok(Enqueued::Duplicate { state: DeliveryState::Waiting { due: stage.now } });
    assert_eq!(enqueue_at(&stage, once(1, 7), stage.now).await, duplicate);
    assert_eq!(enqueue_at(&stage, once(1, 7), stage.now + HOUR).await, duplicate);
    let other = NewNotification { body: "other".into(), ..once(1, 7) };
    let conflict = Err(Refused::Conflict { delivery: delivery(1) });
    assert_eq!(enqueue_at(&stage, other, stage.now).await, conflict);
}

/// What was handled already is not to be handled again.
pub async fn what_is_over_is_repeated_too<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([once(1, 7)]).await;
    for state in
        [begun(stage.record(1).await, stage.now), ended(stage.record(1).await, stage.now, End::Delivered)]
    {
        stage.write(1, vec![state]).await;
        assert_eq!(enqueue_at(&stage, once(2, 7), stage.now).await, repeats(1));
    }
}

/// What is forgotten is repeated by nothing.
pub async fn what_was_purged_is_not_repeated<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([once(1, 7)]).await;
    stage.write(1, vec![ended(stage.record(1).await, stage.now, End::Delivered)]).await;
    assert_eq!(stage.store.purge(stage.now + MICRO, 9).await, Ok(1));
    assert_eq!(enqueue_at(&stage, once(2, 7), stage.now).await, Ok(Enqueued::New));
    assert_eq!(enqueue_at(&stage, once(3, 7), stage.now).await, repeats(2));
}

/// What is quarantined will not be handled, so its repeat is.
pub async fn what_was_quarantined_is_not_repeated<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([once(1, 7)]).await;
    if !harness.damage_delivery(&stage.store, delivery(1)).await {
        return skip("rows cannot be damaged here");
    }
    stage.fetch(endpoint(1), 9).await;
    assert_eq!(stage.row(1).await.state, State::Quarantined);
    assert_eq!(enqueue_at(&stage, once(2, 7), stage.now).await, Ok(Enqueued::New));
    assert_eq!(enqueue_at(&stage, once(3, 7), stage.now).await, repeats(2));
}

/// What is refused for another reason leaves no fingerprint behind.
pub async fn what_is_refused_is_not_repeated<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let nobody = NewNotification { endpoint: endpoint(9), ..once(1, 7) };
    let odd = NewNotification { event_type: "a\0b".to_owned(), ..once(2, 7) };
    let enqueued = stage.store.enqueue(vec![nobody, odd, once(3, 7)], stage.now).await.unwrap();
    assert_eq!(enqueued[0], Err(Refused::UnknownEndpoint { endpoint: endpoint(9) }));
    assert!(matches!(enqueued[1], Err(Refused::Unstorable { .. })), "{enqueued:?}");
    assert_eq!(enqueued[2], Ok(Enqueued::New));
}

/// A repeat is recognised after a restart.
pub async fn a_repeat_is_recognised_after_a_restart<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let now = stage.now;
    stage.enqueue([once(1, 7)]).await;
    let Some(store) = harness.reopen(stage.store).await else { return skip("it is not durable") };
    assert_eq!(store.enqueue(vec![once(2, 7)], now).await, Ok(vec![repeats(1)]));
}

/// What is kept is sent like any other.
pub async fn the_one_that_is_kept_is_sent<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([once(1, 7)]).await;
    assert_eq!(enqueue_at(&stage, once(2, 7), stage.now).await, repeats(1));
    let lease = held(&stage.lease(1, 1).await);
    let fetched = stage.fetch(endpoint(1), 9).await.deliveries;
    let deliveries: Vec<_> = fetched.iter().map(|record| begun(*record, stage.now + HOUR)).collect();
    let send = vec![delivery(1)];
    let batch = Batch { leases: vec![lease], deliveries, send, ..Batch::default() };
    let sent = stage.commit(batch).await.notifications;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.as_ref().map(|sent| &sent.body), Some(&once(1, 7).body));
}
