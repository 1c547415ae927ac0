//! Subscriptions: written, replaced, listed in pages and deleted, and the limits of their texts.

use gymhook_delivery::{BreakerState, End, EndpointRecord};

use super::Harness;
use super::stage::{
    HOUR, Stage, attempt, begun, delivery, disabled, ended, endpoint, endpoints, held, http, notification,
    skip, subscription, worker,
};
use crate::Direction;
use crate::{
    Batch, Command, DeleteCondition, LeaseRequest, State, StatsQuery, Store, StoreError, SubscriptionQuery,
    SubscriptionRow, TargetColumns, WriteCondition,
};

/// What was written comes back.
pub async fn what_was_put_is_there<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let row = SubscriptionRow {
        gym: "Zürich'; --".to_owned(),
        platform: "my \\ \"gym\" \u{1F3CB}".to_owned(),
        target: http((0..=255).collect()),
        settings: "{\"a\":\"\\u0000 \u{1F3CB}\"}".to_owned(),
        record: disabled(1, stage.now - HOUR),
        ..subscription(1)
    };
    assert_eq!(stage.store.put_subscription(row.clone(), WriteCondition::Always, stage.now).await, Ok(true));
    assert_eq!(stage.store.subscription(row.id).await, Ok(Some(row)));
    assert_eq!(stage.store.subscription(endpoint(2)).await, Ok(None));
}

/// New settings and secrets replace the old ones; how the endpoint is stays.
pub async fn a_change_keeps_the_record<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let breaker = BreakerState::Open { until: stage.now + HOUR, probes_failed: 2 };
    let record = EndpointRecord { breaker, warnings: 1, ..disabled(1, stage.now) };
    let batch = Batch { leases: vec![lease], endpoints: vec![record], ..Batch::default() };
    stage.commit(batch).await;

    let changed = SubscriptionRow {
        platform: "egym".to_owned(),
        target: TargetColumns::Http { url: "https://other.example/".to_owned(), secrets: vec![9] },
        settings: "{\"label\":\"changed\"}".to_owned(),
        ..subscription(1)
    };
    assert_eq!(
        stage.store.put_subscription(changed.clone(), WriteCondition::Always, stage.now).await,
        Ok(true)
    );
    let expected = SubscriptionRow { record, ..changed };
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(expected)));
    assert_eq!(stage.store.subscription(endpoint(2)).await, Ok(Some(subscription(2))));
}

/// A change leaves the lease with its owner.
pub async fn a_change_keeps_the_lease<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    assert_eq!(
        stage.store.put_subscription(subscription(1), WriteCondition::Always, stage.now).await,
        Ok(true)
    );
    assert_eq!(endpoints(&stage.lease_any(2).await), [], "it has an owner");
    let batch = Batch { leases: vec![lease], ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, []);
}

/// Nobody has read a subscription that was never leased, so nobody is told to read it again, and it gives no work.
pub async fn a_new_subscription_gives_no_work<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    for condition in
        [WriteCondition::New, WriteCondition::Always, WriteCondition::Unchanged(Box::new(subscription(1)))]
    {
        assert_eq!(stage.store.put_subscription(subscription(1), condition, stage.now).await, Ok(true));
        assert_eq!(stage.fetch(endpoint(1), 0).await.commands, []);
        assert_eq!(endpoints(&stage.lease_any(1).await), []);
    }
}

/// The worker is told to read the settings again, and nobody else is.
pub async fn a_change_is_told_to_the_worker<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), [], "nothing is to be done");
    assert_eq!(
        stage.store.put_subscription(subscription(1), WriteCondition::Always, stage.now).await,
        Ok(true)
    );
    let commands = stage.fetch(endpoint(1), 0).await.commands;
    assert_eq!(commands.iter().map(|command| command.command).collect::<Vec<_>>(), [Command::Reload]);
    assert_eq!(stage.fetch(endpoint(2), 0).await.commands, []);
    assert_eq!(endpoints(&stage.lease_any(1).await), [endpoint(1)]);
}

/// Subscriptions are listed by id, those of one gym or all.
pub async fn they_are_listed_by_id<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let row = |number: u128, gym: &str| SubscriptionRow { gym: gym.to_owned(), ..subscription(number) };
    let (one, two, three) = (row(1, "berlin"), row(2, "wien"), row(3, "berlin"));
    for row in [&three, &one, &two] {
        assert_eq!(
            stage.store.put_subscription(row.clone(), WriteCondition::Always, stage.now).await,
            Ok(true)
        );
    }
    let query =
        |gym: Option<&str>| SubscriptionQuery { gym: gym.map(str::to_owned), ..SubscriptionQuery::new(10) };
    let list = async |query| stage.subscriptions(query).await.unwrap();
    assert_eq!(list(query(None)).await, [one.clone(), two.clone(), three.clone()]);
    assert_eq!(list(query(Some("berlin"))).await, [one, three]);
    assert_eq!(list(query(Some("wien"))).await, [two]);
    assert_eq!(list(query(Some("Berlin"))).await, []);
    assert_eq!(list(query(Some(""))).await, []);
}

/// A list is that of a platform, of a gym or of all, page by page.
pub async fn they_are_listed_by_platform<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    for number in 1..=6 {
        let gym = if number > 4 { "wien" } else { "berlin" }.to_owned();
        let platform = if number % 2 == 0 { "egym'; --" } else { "point" }.to_owned();
        stage.subscribe(SubscriptionRow { gym, platform, ..subscription(number) }).await;
    }
    let list = async |gym: Option<&str>, platform: &str| {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let (gym, platform) = (gym.map(str::to_owned), Some(platform.to_owned()));
            let query = SubscriptionQuery { gym, platform, after, limit: 1 };
            let page = stage.store.subscriptions(query).await.unwrap();
            listed.extend(page.items.into_iter().map(|row| row.id));
            after = page.next;
            if after.is_none() {
                return listed;
            }
        }
    };
    assert_eq!(list(None, "egym'; --").await, [2, 4, 6].map(endpoint));
    assert_eq!(list(None, "point").await, [1, 3, 5].map(endpoint));
    assert_eq!(list(Some("berlin"), "point").await, [1, 3].map(endpoint));
    assert_eq!(list(Some("wien"), "egym'; --").await, [endpoint(6)]);
    for other in ["Point", "", "a\0b"] {
        assert_eq!(list(None, other).await, [], "{other:?}");
        assert_eq!(list(Some("berlin"), other).await, [], "{other:?}");
    }
}

/// A list goes on after the last one of the page before.
pub async fn a_list_has_pages<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, 1..=7).await;
    let other = SubscriptionRow { gym: "wien".to_owned(), ..subscription(8) };
    stage.subscribe(other).await;
    for (gym, count) in [(None, 8), (Some("berlin-mitte".to_owned()), 7)] {
        for limit in 1..=9 {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let query = SubscriptionQuery { gym: gym.clone(), after, ..SubscriptionQuery::new(limit) };
                let page = stage.store.subscriptions(query).await.unwrap();
                assert!(page.items.len() <= limit as usize);
                assert!(page.next.is_none() || page.items.len() == limit as usize);
                listed.extend(page.items.into_iter().map(|row| row.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
                assert!(listed.len() < 9, "a page said that there was more");
            }
            assert_eq!(listed, (1..=count).map(endpoint).collect::<Vec<_>>(), "in pages of {limit}");
        }
    }
    let query = SubscriptionQuery::new(0);
    assert_eq!(stage.subscriptions(query).await, Ok(Vec::new()));
}

/// Ids sort by their bytes, whatever their highest bit.
pub async fn ids_are_sorted_by_their_bytes<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let numbers = [u128::MAX, 1, 1 << 127, (1 << 127) - 1, 1 << 64];
    for number in numbers {
        let id = number.into_id();
        let row = SubscriptionRow { id, record: EndpointRecord::new(id), ..subscription(1) };
        assert_eq!(stage.store.put_subscription(row, WriteCondition::Always, stage.now).await, Ok(true));
    }
    let mut expected = numbers;
    expected.sort_unstable();
    let query = SubscriptionQuery::new(10);
    let listed = stage.subscriptions(query).await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|row| row.id).collect();
    assert_eq!(listed, expected.map(IntoId::into_id));
    let query = SubscriptionQuery { after: Some((1 << 127).into_id()), ..SubscriptionQuery::new(10) };
    let rest = stage.subscriptions(query).await.unwrap();
    assert_eq!(rest.into_iter().map(|row| row.id).collect::<Vec<_>>(), [u128::MAX.into_id()]);
}

trait IntoId {
    fn into_id(self) -> gymhook_delivery::EndpointId;
}

impl IntoId for u128 {
    fn into_id(self) -> gymhook_delivery::EndpointId {
        gymhook_delivery::EndpointId::from_u128(self)
    }
}

/// What is deleted is listed no more, and can still be asked for by its id.
pub async fn a_deleted_one_is_not_listed<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    let query = SubscriptionQuery::new(10);
    assert_eq!(stage.subscriptions(query).await, Ok(vec![subscription(2)]));
    let query = SubscriptionQuery { gym: Some("berlin-mitte".to_owned()), ..SubscriptionQuery::new(10) };
    assert_eq!(stage.subscriptions(query).await, Ok(vec![subscription(2)]));
    let deleted = SubscriptionRow { deleted_at: Some(stage.now), ..subscription(1) };
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(deleted)));
}

/// A deletion is told once; what is not there cannot be deleted.
pub async fn a_deletion_tells_whether_there_was_one<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    assert_eq!(stage.delete_subscription(2).await, Ok(false));
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    assert_eq!(
        stage.store.delete_subscription(endpoint(1), DeleteCondition::Always, stage.now + HOUR).await,
        Ok(false)
    );
    let deleted = stage.store.subscription(endpoint(1)).await.unwrap().unwrap();
    assert_eq!(deleted.deleted_at, Some(stage.now));
}

/// A deleted subscription stays deleted, whatever is written.
pub async fn a_deleted_one_stays_deleted<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    let changed = SubscriptionRow { settings: "{}".to_owned(), ..subscription(1) };
    assert_eq!(stage.store.put_subscription(changed, WriteCondition::Always, stage.now).await, Ok(false));
    let deleted = SubscriptionRow { deleted_at: Some(stage.now), ..subscription(1) };
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(deleted)));
    assert_eq!(endpoints(&stage.lease_any(1).await), []);
}

/// Neither an inbox nor a subscription that is sent to becomes the other.
pub async fn none_changes_its_direction<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let incoming = |number| SubscriptionRow { target: TargetColumns::Handler, ..subscription(number) };
    assert_eq!(stage.store.put_subscription(incoming(1), WriteCondition::Always, stage.now).await, Ok(false));
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(subscription(1))));
    assert_eq!(endpoints(&stage.lease_any(1).await), [], "nor is its worker told anything");

    assert_eq!(stage.store.put_subscription(incoming(2), WriteCondition::Always, stage.now).await, Ok(true));
    assert_eq!(
        stage.store.put_subscription(subscription(2), WriteCondition::Always, stage.now).await,
        Ok(false)
    );
    assert_eq!(stage.store.subscription(endpoint(2)).await, Ok(Some(incoming(2))));
    assert_eq!(stage.store.put_subscription(incoming(2), WriteCondition::Always, stage.now).await, Ok(true));
}

/// A handler has neither URL nor secrets, and is listed, changed and leased like any other.
pub async fn a_handler_has_neither_url_nor_secrets<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let handler = SubscriptionRow { gym: String::new(), target: TargetColumns::Handler, ..subscription(2) };
    assert_eq!(
        stage.store.put_subscription(handler.clone(), WriteCondition::Always, stage.now).await,
        Ok(true)
    );
    assert_eq!(stage.store.subscription(endpoint(2)).await, Ok(Some(handler.clone())));
    let query = SubscriptionQuery::new(10);
    let listed = stage.store.subscriptions(query).await.unwrap();
    assert_eq!(listed.items, [subscription(1), handler.clone()]);

    let changed = SubscriptionRow { settings: "{}".to_owned(), ..handler };
    assert_eq!(
        stage.store.put_subscription(changed.clone(), WriteCondition::Always, stage.now).await,
        Ok(true)
    );
    assert_eq!(stage.store.subscription(endpoint(2)).await, Ok(Some(changed.clone())));
    stage.enqueue([notification(1, 2)]).await;
    let direction = Direction::Incoming;
    let request = LeaseRequest { worker: worker(1), direction, length: HOUR, limit: 9, only: None };
    let leased = stage.store.lease(request, stage.now).await.unwrap();
    assert_eq!(leased.into_iter().map(|leased| leased.subscription).collect::<Vec<_>>(), [changed]);
}

/// An endpoint's URL is kept as it is, empty or odd, and may be changed.
pub async fn a_url_is_kept_as_it_is<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let long = format!("https://receiver.example/?{}", "a=\"'%22&".repeat(1_000));
    for url in ["", "https://receiver.example/z\u{fc}rich?a=\"b\\\"&'--;", long.as_str()] {
        let target = TargetColumns::Http { url: url.to_owned(), secrets: Vec::new() };
        let row = SubscriptionRow { target, ..subscription(1) };
        assert_eq!(
            stage.store.put_subscription(row.clone(), WriteCondition::Always, stage.now).await,
            Ok(true)
        );
        assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(row)));
    }
}

/// Nothing more is leased for a deleted subscription: not what waits, not what was under way, no commands.
pub async fn a_deleted_one_is_never_leased<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let under_way = begun(stage.record(2).await, stage.now);
    stage.write(1, vec![under_way]).await;
    stage.store.command(vec![(endpoint(1), Command::Enable)], stage.now).await.unwrap();
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    stage.store.command(vec![(endpoint(1), Command::Enable)], stage.now).await.unwrap();
    assert_eq!(endpoints(&stage.lease_any(1).await), []);
    let only = Some(vec![endpoint(1)]);
    let request =
        LeaseRequest { worker: worker(1), direction: Direction::Outgoing, length: HOUR, limit: 1, only };
    assert_eq!(endpoints(&stage.store.lease(request, stage.now).await.unwrap()), []);
}

/// What was under way when a subscription was deleted ends with it; the log says that nobody knows how the attempt ended, and
/// nobody is left who could write it.
pub async fn what_a_deleted_one_had_under_way_ends<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 1), notification(3, 2)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let (first, other) = (stage.record(1).await, stage.record(3).await);
    let under_way = begun(first, stage.now + HOUR);
    let batch = Batch { leases: vec![lease], deliveries: vec![under_way], ..Batch::default() };
    stage.commit(batch).await;
    stage.write(2, vec![begun(other, stage.now + HOUR)]).await;
    assert_eq!(stage.delete_subscription(1).await, Ok(true));

    assert_eq!(stage.record(1).await, ended(under_way, stage.now, End::Cancelled));
    let attempts = stage.attempts(delivery(1)).await.unwrap();
    let told: Vec<_> =
        attempts.iter().map(|row| (row.send, row.outcome.as_str(), row.detail.as_deref())).collect();
    assert_eq!(told, [(1, "lost", Some("not known: the subscription was deleted"))]);
    assert_eq!(stage.row(2).await.state, State::Waiting, "it had not begun");
    assert_eq!(stage.row(3).await.state, State::InFlight, "another one's");
    let stats = stage.store.endpoint_stats(endpoint(1), stage.now).await.unwrap().unwrap();
    assert_eq!((stats.in_flight, stats.lease), (0, None));
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().in_flight, 1);

    // Its worker hears of it, and what it still has to say changes nothing.
    let answered = ended(under_way, stage.now, End::Delivered);
    let row = attempt(&answered, 1, stage.now);
    let late = Batch {
        leases: vec![lease],
        deliveries: vec![answered],
        attempts: vec![(endpoint(1), row)],
        ..Batch::default()
    };
    assert_eq!(stage.commit(late).await.lost, [endpoint(1)]);
    assert_eq!(stage.row(1).await.state, State::Cancelled);
    assert_eq!(stage.attempts(delivery(1)).await.unwrap(), attempts);
    // Nothing of it is left when it is purged.
    assert_eq!(stage.store.purge(stage.now + HOUR, 10).await, Ok(2));
    assert_eq!(stage.store.delivery(delivery(1)).await, Ok(None));
}

/// What not every database can keep is refused by each, with the field; nobody's gym has such a name.
pub async fn what_cannot_be_stored_is_refused<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let longest = SubscriptionRow { gym: "g".repeat(1 << 10), ..subscription(1) };
    assert_eq!(
        stage.store.put_subscription(longest.clone(), WriteCondition::Always, stage.now).await,
        Ok(true)
    );
    for (row, field) in [
        (SubscriptionRow { gym: "a\0b".to_owned(), ..subscription(2) }, "gym"),
        (SubscriptionRow { gym: "g".repeat((1 << 10) + 1), ..subscription(2) }, "gym"),
        (SubscriptionRow { platform: "a\0b".to_owned(), ..subscription(2) }, "platform"),
        (SubscriptionRow { platform: "p".repeat((1 << 10) + 1), ..subscription(2) }, "platform"),
        (SubscriptionRow { settings: "{\"\0\":1}".to_owned(), ..subscription(2) }, "settings"),
        (
            SubscriptionRow {
                target: TargetColumns::Http { url: "https://a\0b/".to_owned(), secrets: Vec::new() },
                ..subscription(2)
            },
            "URL",
        ),
    ] {
        match stage.store.put_subscription(row, WriteCondition::Always, stage.now).await {
            Err(StoreError::Invalid { problem }) => assert!(problem.contains(field), "{problem}"),
            other => panic!("{field}: {other:?}"),
        }
    }
    assert_eq!(stage.store.subscription(endpoint(2)).await, Ok(None));
    let all = |gym: &str| SubscriptionQuery { gym: Some(gym.to_owned()), ..SubscriptionQuery::new(10) };
    assert_eq!(stage.subscriptions(all(&longest.gym)).await, Ok(vec![longest]));
    assert_eq!(stage.subscriptions(all("a\0b")).await, Ok(Vec::new()));
}

/// One that cannot be read is left out of a list, which goes on behind it.
pub async fn a_list_goes_on_past_one_that_cannot_be_read<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, 1..=9).await;
    for number in [2, 3, 4, 6, 9] {
        if !harness.damage_subscription(&stage.store, endpoint(number)).await {
            return skip("subscriptions cannot be damaged here");
        }
    }
    for gym in [None, Some("berlin-mitte".to_owned())] {
        for limit in 1..=5 {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let query = SubscriptionQuery { gym: gym.clone(), after, ..SubscriptionQuery::new(limit) };
                let page = stage.store.subscriptions(query).await.unwrap();
                listed.extend(page.items.iter().map(|row| row.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(listed, [1, 5, 7, 8].map(endpoint), "in pages of {limit}");
        }
    }
}
