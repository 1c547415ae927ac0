//! Reading the log: deliveries in pages, the latest first, each with its gym and platform, and their attempts in pages.

use super::Harness;
use super::stage::{
    HOUR, Stage, attempt, delivery, endpoint, held, nine, notification, subscription, worker,
};
use crate::Direction;
use crate::{
    AttemptQuery, Batch, DeliveryQuery, LeaseRequest, State, Stats, StatsQuery, Store, SubscriptionQuery,
    SubscriptionRow,
};

const ALL: DeliveryQuery = DeliveryQuery::new(100);

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
