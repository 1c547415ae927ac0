//! The log and the figures.

use core::time::Duration;

use gymhook_delivery::{End, EndpointRecord, Undeliverable};

use super::Harness;
use super::stage::{
    HOUR, MICRO, SECOND, Stage, attempt, begun, delivery, disabled, ended, endpoint, held, notification,
    subscription, waiting, worker,
};
use crate::Direction;
use crate::{
    AttemptQuery, Batch, DeliveryQuery, EndpointStats, LeaseHolder, LeaseRequest, NewNotification, State,
    Stats, StatsQuery, Store, SubscriptionQuery, SubscriptionRow,
};

const ALL: DeliveryQuery = DeliveryQuery::new(100);

/// Nine deliveries, every third one to endpoint 3 and so on: 1, 4 and 7 to endpoint 1. 4 is under way, 7 delivered, 5 given up,
/// 8 cancelled.
async fn nine<H: Harness>(harness: &H) -> Stage<'_, H> {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    stage.enqueue((1..=9).map(|number| notification(number, (number - 1) % 3 + 1))).await;
    let four = begun(stage.record(4).await, stage.now + HOUR);
    let seven = ended(stage.record(7).await, stage.now, End::Delivered);
    stage.write(1, vec![four, seven]).await;
    let five = ended(stage.record(5).await, stage.now, End::Undeliverable(Undeliverable::Exhausted));
    let eight = ended(stage.record(8).await, stage.now, End::Cancelled);
    stage.write(2, vec![five, eight]).await;
    stage
}

async fn numbers<H: Harness>(stage: &Stage<'_, H>, query: DeliveryQuery) -> Vec<u128> {
    let page = stage.store.deliveries(query).await.unwrap();
    assert_eq!(page.next, None, "it is the last page");
    let number = |id| (1..100).find(|number| delivery(*number) == id).unwrap();
    page.items.iter().map(|row| number(row.id)).collect()
}

/// The latest comes first.
pub async fn the_latest_comes_first<H: Harness>(harness: &H) {
    let stage = nine(harness).await;
    assert_eq!(numbers(&stage, ALL).await, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let rows = stage.store.deliveries(ALL).await.unwrap().items;
    assert_eq!(rows[3], stage.row(6).await, "a row in the list is the row by its name");
}

/// A row names the gym and the platform of its subscription, as they are now, and of a deleted one as they were.
pub async fn a_row_names_gym_and_platform<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let other = |platform: &str| SubscriptionRow {
        gym: "wien".to_owned(),
        platform: platform.to_owned(),
        ..subscription(2)
    };
    stage.subscribe(other("egym")).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let named = async || {
        let rows = stage.store.deliveries(ALL).await.unwrap().items;
        for row in &rows {
            assert_eq!(stage.store.delivery(row.id).await, Ok(Some(row.clone())));
        }
        rows.into_iter().map(|row| (row.gym, row.platform)).collect::<Vec<_>>()
    };
    let named_as = |gym: &str, platform: &str| (gym.to_owned(), platform.to_owned());
    assert_eq!(named().await, [named_as("wien", "egym"), named_as("berlin-mitte", "point")]);
    stage.subscribe(other("standard-webhooks")).await;
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    assert_eq!(named().await, [named_as("wien", "standard-webhooks"), named_as("berlin-mitte", "point")]);
}

/// The log is that of one endpoint or of one state, if that is asked for, or of both.
pub async fn the_log_can_be_narrowed<H: Harness>(harness: &H) {
    let stage = nine(harness).await;
    let of = |number: u128| Some(endpoint(number));
    assert_eq!(numbers(&stage, DeliveryQuery { endpoint: of(1), ..ALL }).await, [7, 4, 1]);
    assert_eq!(numbers(&stage, DeliveryQuery { endpoint: of(9), ..ALL }).await, []);
    let states = [
        (State::Waiting, vec![9, 6, 3, 2, 1]),
        (State::InFlight, vec![4]),
        (State::Delivered, vec![7]),
        (State::Undeliverable, vec![5]),
        (State::Cancelled, vec![8]),
        (State::Quarantined, vec![]),
    ];
    for (state, expected) in states {
        assert_eq!(numbers(&stage, DeliveryQuery { state: Some(state), ..ALL }).await, expected, "{state:?}");
    }
    let both = DeliveryQuery { endpoint: of(2), state: Some(State::Waiting), ..ALL };
    assert_eq!(numbers(&stage, both).await, [2]);
}

/// Pages leave nothing out and repeat nothing; the last one says that it is the last.
pub async fn the_log_has_pages<H: Harness>(harness: &H) {
    let stage = nine(harness).await;
    let queries = [
        ALL,
        DeliveryQuery { endpoint: Some(endpoint(1)), ..ALL },
        DeliveryQuery { state: Some(State::Waiting), ..ALL },
        DeliveryQuery { endpoint: Some(endpoint(3)), state: Some(State::Waiting), ..ALL },
    ];
    for query in queries {
        let whole = stage.store.deliveries(query.clone()).await.unwrap().items;
        for limit in 1..=10 {
            let mut found = Vec::new();
            let mut before = None;
            while found.len() <= whole.len() {
                let page = DeliveryQuery { before, limit, ..query.clone() };
                let page = stage.store.deliveries(page).await.unwrap();
                assert!(!page.items.is_empty(), "the page before said that there was more");
                assert!(page.items.len() <= limit as usize);
                found.extend(page.items);
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(found, whole, "{query:?} in pages of {limit}");
        }
    }
}

/// A delivery's attempts come page by page, the first one first, however many rounds it had.
pub async fn attempts_have_pages<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let (one, two) = (stage.record(1).await, stage.record(2).await);
    // One request's end is not known yet.
    let sends = [1, 2, 4, 5, 6, 300];
    let rows = sends.map(|send| attempt(&one, send, stage.now));
    let others = attempt(&two, 1, stage.now);
    let lease = held(&stage.lease(1, 1).await);
    let attempts = rows.iter().chain([&others]).map(|row| (endpoint(1), row.clone())).collect();
    stage.commit(Batch { leases: vec![lease], attempts, ..Batch::default() }).await;
    for limit in 1..=7 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = AttemptQuery { delivery: delivery(1), after, limit };
            let page = stage.store.attempts(query).await.unwrap();
            assert!(page.next.is_none() || page.items.len() == limit as usize);
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
            assert!(found.len() < rows.len(), "a page said that there was more");
        }
        assert_eq!(found, rows, "in pages of {limit}");
    }
    let after_gap = AttemptQuery { after: Some(3), ..AttemptQuery::new(delivery(1), 2) };
    assert_eq!(stage.store.attempts(after_gap).await.unwrap().items, rows[2..4]);
    let at_the_end = AttemptQuery { after: Some(u32::MAX), ..AttemptQuery::new(delivery(1), u32::MAX) };
    assert_eq!(stage.store.attempts(at_the_end).await.unwrap().items, []);
    assert_eq!(stage.store.attempts(AttemptQuery::new(delivery(1), 0)).await.unwrap().items, []);
}

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

/// What is enqueued between two pages moves nothing.
pub async fn pages_stand_still_while_more_comes<H: Harness>(harness: &H) {
    let stage = nine(harness).await;
    let first = stage.store.deliveries(DeliveryQuery { limit: 4, ..ALL }).await.unwrap();
    stage.enqueue([notification(10, 1), notification(11, 2)]).await;
    assert_eq!(numbers(&stage, DeliveryQuery { before: first.next, ..ALL }).await, [5, 4, 3, 2, 1]);
}

/// What is not there has no row, no body and no attempts.
pub async fn what_is_not_there_is_not_found<H: Harness>(harness: &H) {
    let stage = nine(harness).await;
    assert_eq!(stage.store.delivery(delivery(99)).await, Ok(None));
    assert_eq!(stage.store.body(delivery(99)).await, Ok(None));
    assert_eq!(stage.attempts(delivery(99)).await, Ok(Vec::new()));
    assert_eq!(stage.store.endpoint_stats(endpoint(99), stage.now).await, Ok(None));
}

/// An empty store has nothing to count and nothing to show.
pub async fn an_empty_store_is_empty<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await, Ok(Stats::default()));
    assert_eq!(numbers(&stage, ALL).await, []);
    assert_eq!(stage.lease_any(1).await.len(), 0);
    assert_eq!(stage.api_keys().await, Ok(Vec::new()));
    assert_eq!(stage.store.purge(stage.now + HOUR, 100).await, Ok(0));
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

/// The largest limit is none.
pub async fn the_largest_limit_is_none<H: Harness>(harness: &H) {
    let stage = nine(harness).await;
    let query = DeliveryQuery { before: Some(u64::MAX), limit: u32::MAX, ..ALL };
    assert_eq!(numbers(&stage, query).await.len(), 9);
    let query = SubscriptionQuery::new(u32::MAX);
    assert_eq!(stage.subscriptions(query).await.unwrap().len(), 3);
    assert_eq!(stage.fetch(endpoint(3), u32::MAX).await.deliveries.len(), 3);
    let request = LeaseRequest {
        worker: worker(1),
        direction: Direction::Outgoing,
        length: HOUR,
        limit: u32::MAX,
        only: None,
    };
    assert_eq!(stage.store.lease(request, stage.now).await.unwrap().len(), 3);
    assert_eq!(stage.store.purge(stage.now + HOUR, u32::MAX).await, Ok(3));
}
