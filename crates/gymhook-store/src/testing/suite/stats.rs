//! Counting: `stats` for all, for a gym and by window, and `endpoint_stats` for one endpoint.

use core::time::Duration;

use gymhook_delivery::{End, EndpointRecord, Undeliverable};

use super::Harness;
use super::stage::{
    HOUR, MICRO, SECOND, Stage, begun, delivery, disabled, ended, endpoint, held, nine, notification,
    subscription, waiting, worker,
};
use crate::{Batch, EndpointStats, LeaseHolder, NewNotification, Stats, StatsQuery, Store, SubscriptionRow};

/// What ended within the window is counted, from its first moment on, of all gyms or of one; what is redelivered is counted no
/// more.
pub async fn what_ended_is_counted_by_window<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.subscribe(SubscriptionRow { gym: "wien".to_owned(), ..subscription(3) }).await;
    stage.enqueue((1..=10).map(|number| notification(number, (number - 1) % 3 + 1))).await;
    let at = |ago| stage.now - ago;
    let gave_up = End::Undeliverable(Undeliverable::Exhausted);
    let ends = [
        (1, 1, HOUR, End::Delivered),
        (1, 4, HOUR + MICRO, End::Delivered),
        (1, 7, SECOND, gave_up),
        (2, 2, SECOND, End::Delivered),
        (2, 5, SECOND, End::Cancelled),
        (3, 3, HOUR, End::Delivered),
        (3, 6, 2 * HOUR, gave_up),
    ];
    for number in 1..=3 {
        let mut records = Vec::new();
        for (_, id, ago, end) in ends.iter().filter(|(to, ..)| *to == number) {
            records.push(ended(stage.record(*id).await, at(*ago), *end));
        }
        stage.write(number, records).await;
    }
    let of = async |gym: Option<&str>, window| {
        let query = StatsQuery { gym: gym.map(str::to_owned), window };
        let stats = stage.store.stats(query, stage.now).await.unwrap();
        (stats.delivered, stats.given_up)
    };
    assert_eq!(of(None, HOUR).await, (3, 1), "its first moment counts");
    assert_eq!(of(None, HOUR - MICRO).await, (1, 1));
    assert_eq!(of(None, HOUR + MICRO).await, (4, 1));
    assert_eq!(of(None, Duration::ZERO).await, (0, 0));
    assert_eq!(of(None, Duration::MAX).await, (4, 2));
    assert_eq!(of(None, StatsQuery::new().window).await, (4, 2), "24 h by default");
    assert_eq!(of(Some("berlin-mitte"), HOUR).await, (2, 1));
    assert_eq!(of(Some("wien"), 2 * HOUR).await, (1, 1));
    for other in ["Wien", "", "a\0b"] {
        assert_eq!(of(Some(other), Duration::MAX).await, (0, 0), "{other:?}");
    }
    // Whatever else is counted is that gym's, too.
    let wien = StatsQuery { gym: Some("wien".to_owned()), window: HOUR };
    let expected = Stats {
        subscriptions: 1,
        waiting: 1,
        undeliverable: 1,
        delivered: 1,
        oldest_due: Some(stage.now),
        ..Stats::default()
    };
    assert_eq!(stage.store.stats(wien, stage.now).await, Ok(expected));
    let again = waiting(stage.record(7).await, stage.now);
    stage.write(1, vec![again]).await;
    assert_eq!(of(None, HOUR).await, (3, 0));
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    assert_eq!(of(None, HOUR).await, (2, 0), "a deleted one is not counted");
}

/// Everything is counted.
pub async fn everything_is_counted<H: Harness>(harness: &H) {
    let stage = nine(harness).await;
    let disabled = SubscriptionRow { record: disabled(4, stage.now), ..subscription(4) };
    stage.subscribe(disabled).await;
    stage.subscribe(subscription(5)).await;
    stage.enqueue([notification(10, 4)]).await;
    let later = Some(stage.now + HOUR);
    stage.enqueue([NewNotification { not_before: later, ..notification(11, 3) }]).await;
    let expected = Stats {
        subscriptions: 5,
        disabled: 1,
        waiting: 7,
        in_flight: 1,
        undeliverable: 1,
        unreadable: 0,
        quarantined: 0,
        delivered: 1,
        given_up: 1,
        oldest_due: Some(stage.now),
    };
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await, Ok(expected));
}

/// A deleted subscription is not counted any more, and what waits for it does not grow old.
pub async fn a_deleted_subscription_is_not_counted<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let later = waiting(stage.record(2).await, stage.now + HOUR);
    stage.write(2, vec![later]).await;
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    let expected = Stats { subscriptions: 1, waiting: 1, ..Stats::default() };
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await, Ok(expected));
    assert_eq!(stage.row(1).await.id, delivery(1), "its log is kept");
}

/// An endpoint's figures are its own.
pub async fn an_endpoint_is_counted_alone<H: Harness>(harness: &H) {
    let stage = nine(harness).await;
    let stats = |number| EndpointStats {
        record: EndpointRecord::new(endpoint(number)),
        waiting: 0,
        in_flight: 0,
        undeliverable: 0,
        oldest_due: Some(stage.now),
        last_delivered: None,
        last_undeliverable: None,
        lease: None,
    };
    let of = async |number| stage.store.endpoint_stats(endpoint(number), stage.now).await.unwrap().unwrap();
    assert_eq!(
        of(1).await,
        EndpointStats { waiting: 1, in_flight: 1, last_delivered: Some(stage.now), ..stats(1) }
    );
    assert_eq!(
        of(2).await,
        EndpointStats { waiting: 1, undeliverable: 1, last_undeliverable: Some(stage.now), ..stats(2) }
    );
    assert_eq!(of(3).await, EndpointStats { waiting: 3, ..stats(3) });

    let lease = held(&stage.lease(1, 3).await);
    let batch = Batch { leases: vec![lease], endpoints: vec![disabled(3, stage.now)], ..Batch::default() };
    stage.commit(batch).await;
    let holder = LeaseHolder { worker: worker(1), epoch: lease.epoch, ends: stage.now + HOUR };
    let leased =
        EndpointStats { record: disabled(3, stage.now), waiting: 3, lease: Some(holder), ..stats(3) };
    assert_eq!(of(3).await, leased);
    stage.release(lease).await;
    assert_eq!(of(3).await, EndpointStats { lease: None, ..leased });
}

/// The oldest is the one that has been due the longest; what is not due yet is none, nor what is under way.
pub async fn the_oldest_has_been_due_the_longest<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let oldest = async |now| {
        let all = stage.store.stats(StatsQuery::new(), now).await.unwrap().oldest_due;
        (all, stage.store.endpoint_stats(endpoint(1), now).await.unwrap().unwrap().oldest_due)
    };
    assert_eq!(oldest(stage.now).await, (None, None));
    let due = stage.now + SECOND;
    let at = |number, to, due| NewNotification { not_before: Some(due), ..notification(number, to) };
    stage.enqueue([at(1, 1, due + SECOND), at(2, 1, due), at(3, 2, due + HOUR)]).await;
    assert_eq!(oldest(stage.now).await, (None, None));
    assert_eq!(oldest(due).await, (Some(due), Some(due)));
    assert_eq!(oldest(due + 2 * HOUR).await, (Some(due), Some(due)));
    stage.enqueue([notification(4, 2), notification(5, 1)]).await;
    assert_eq!(oldest(stage.now).await, (Some(stage.now), Some(stage.now)));
    let under_way = begun(stage.record(5).await, stage.now - HOUR);
    let over = ended(stage.record(2).await, stage.now - HOUR, End::Delivered);
    stage.write(1, vec![under_way, over]).await;
    assert_eq!(oldest(stage.now + HOUR).await, (Some(stage.now), Some(due + SECOND)));
}
