//! What one gym may see and change: never another's, and another's id is answered like one that is not there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::fmt::Debug;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use gymhook_delivery::{DeliveryId, EndpointId};
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{
    ApiKeyOwner, ApiKeyQuery, ApiKeyRights, AttemptQuery, DeliveryQuery, Fetch, NewNotification,
    PendingCommand, Redelivery, StatsQuery, Store, SubscriptionQuery, SubscriptionRow, Unstorable,
};
use gymhook_engine::{
    ApiKeyError, Engine, EngineView, Inbox, Publication, Subscription, SubscriptionError, TestEvent,
    ViewError,
};
use gymhook_signature::{Key, Secret};
use scripted::{delivery, endpoint, notification, policy, subscription};
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
const HOUR: Duration = Duration::from_secs(3_600);

/// Subscription 1 is Berlin's, 2 is Wien's, 3 an inbox; 9 is none. Delivery 1 goes to 1, and so on.
async fn engine() -> Engine<MemoryStore> {
    let engine = Engine::builder(MemoryStore::new(NOW)).enqueue_only();
    engine.put_subscription(&of_gym(1, "berlin")).await.unwrap();
    engine.put_subscription(&of_gym(2, "wien")).await.unwrap();
    Inbox::open(engine.clone(), endpoint(3), "front desk", Inbox::policy()).await.unwrap();
    for number in 1..=3 {
        assert!(engine.enqueue(vec![notification(number, number)]).await.unwrap()[0].is_ok());
    }
    engine
}

fn of_gym(id: u128, gym: &str) -> Subscription {
    let like = subscription(id, policy());
    let (url, keys) = (like.http().unwrap().url().clone(), like.http().unwrap().keys().unwrap().clone());
    Subscription::new(endpoint(id), gym, "perfectgym", url, keys, policy())
}

fn key() -> Key {
    Key::new("2027-01", Secret::new("another secret of the tests").unwrap())
}

fn publication() -> Publication {
    Publication::new("perfectgym", "Test", "{}")
}

/// The rows of all subscriptions, and the commands that wait for each.
async fn everything(engine: &Engine<MemoryStore>) -> Vec<(Option<SubscriptionRow>, Vec<PendingCommand>)> {
    let store = engine.store();
    let mut all = Vec::new();
    for number in [1, 2, 3, 9] {
        let fetch = Fetch { endpoint: endpoint(number), ordered: false, after: None, limit: 0 };
        let mut fetched = store.fetch(vec![fetch], NOW + 2 * HOUR).await.unwrap();
        all.push((store.subscription(endpoint(number)).await.unwrap(), fetched.remove(0).commands));
    }
    all
}

/// What each operation answers that is about an id, in words.
async fn answers(
    view: &EngineView<MemoryStore>,
    to: EndpointId,
    of: DeliveryId,
) -> Vec<(&'static str, String)> {
    fn said<T: Debug>(name: &'static str, answer: T, to: EndpointId) -> (&'static str, String) {
        (name, format!("{answer:?}").replace(&format!("{to:?}"), "THE ID"))
    }
    let from = UtcDateTime::UNIX_EPOCH;
    let which = Redelivery { endpoint: to, from, until: None, undeliverable_only: false };
    let test = TestEvent::new("Test", "{}");
    let deliveries = DeliveryQuery { endpoint: Some(to), ..DeliveryQuery::new(9) };
    vec![
        said("subscription", view.subscription(to).await.map(|found| found.is_some()), to),
        said("endpoint_stats", view.endpoint_stats(to).await.map(|found| found.is_some()), to),
        said("deliveries", view.deliveries(deliveries).await.map(|page| page.items.len()), to),
        said("delivery", view.delivery(of).await.map(|found| found.is_some()), to),
        said("attempts", view.attempts(AttemptQuery::new(of, 9)).await, to),
        said("test_outcome", view.test_outcome(of).await, to),
        said("await_test", view.await_test(of, Duration::ZERO).await, to),
        said("test_event", view.test_event(to).await.map(drop), to),
        said("cancel", view.cancel(of).await, to),
        said("redeliver", view.redeliver(of).await, to),
        said("redeliver_range", view.redeliver_range(which).await, to),
        said("disable", view.disable(to).await, to),
        said("enable", view.enable(to).await, to),
        said("pause", view.pause(to, NOW + HOUR).await, to),
        said(
            "update_subscription",
            view.update_subscription(to, |held| held.with_label("x")).await.map(drop),
            to,
        ),
        said("rotate_key", view.rotate_key(to, key(), HOUR).await.map(drop), to),
        said("send_test", view.send_test(to).await.map(drop), to),
        said("send_test_event", view.send_test_event(to, &test).await.map(drop), to),
        said("delete_subscription", view.delete_subscription(to).await, to),
    ]
}

#[tokio::test]
async fn another_gym_s_ids_are_answered_like_ids_that_are_not_there() {
    let engine = engine().await;
    let view = engine.for_gym("berlin");
    let before = everything(&engine).await;
    let nobodys = answers(&view, endpoint(9), delivery(9)).await;
    for other in [2, 3] {
        assert_eq!(answers(&view, endpoint(other), delivery(other)).await, nobodys, "{other}");
    }
    assert_eq!(everything(&engine).await, before, "nothing was changed");
    let waiting = engine.stats().await.unwrap().waiting;
    assert_eq!(waiting, 3, "nothing was sent");
    // All of them answer otherwise to the gym's own ids, so that the table above says something.
    let own = answers(&view, endpoint(1), delivery(1)).await;
    let same: Vec<&str> =
        own.iter().zip(&nobodys).filter(|(own, other)| own == other).map(|(own, _)| own.0).collect();
    assert_eq!(same, ["attempts", "test_outcome", "await_test", "redeliver_range"], "there is none yet");
}

#[tokio::test]
async fn a_gym_s_lists_and_figures_are_its_own() {
    let engine = engine().await;
    let view = engine.for_gym("berlin");
    let ids = |page: gymhook_engine::store::Page<Subscription, EndpointId>| {
        page.items.iter().map(Subscription::id).collect::<Vec<_>>()
    };
    assert_eq!(ids(view.subscriptions(SubscriptionQuery::new(9)).await.unwrap()), [endpoint(1)]);
    let deliveries = view.deliveries(DeliveryQuery::new(9)).await.unwrap();
    assert_eq!(deliveries.items.iter().map(|row| row.id).collect::<Vec<_>>(), [delivery(1)]);
    let stats = view.stats(StatsQuery::new()).await.unwrap();
    assert_eq!((stats.subscriptions, stats.waiting), (1, 1));
    for gym in ["wien", "", "Berlin"] {
        let gym = || Some(gym.to_owned());
        let subscriptions = SubscriptionQuery { gym: gym(), ..SubscriptionQuery::new(9) };
        assert_eq!(ids(view.subscriptions(subscriptions).await.unwrap()), []);
        let deliveries = DeliveryQuery { gym: gym(), ..DeliveryQuery::new(9) };
        assert_eq!(view.deliveries(deliveries).await.unwrap().items, []);
        let stats = StatsQuery { gym: gym(), ..StatsQuery::new() };
        assert_eq!(view.stats(stats).await.unwrap(), gymhook_engine::store::Stats::default());
    }
}

/// Inboxes have no gym, and are no one's who has none.
#[tokio::test]
async fn a_view_of_no_gym_finds_nothing() {
    let engine = engine().await;
    let view = engine.for_gym("");
    let nobodys = answers(&view, endpoint(9), delivery(9)).await;
    assert_eq!(answers(&view, endpoint(3), delivery(3)).await, nobodys);
    assert_eq!(view.subscriptions(SubscriptionQuery::new(9)).await.unwrap().items.len(), 0);
    assert_eq!(view.deliveries(DeliveryQuery::new(9)).await.unwrap().items, []);
    assert_eq!(view.stats(StatsQuery::new()).await.unwrap().subscriptions, 0);
}

#[tokio::test]
async fn a_view_writes_subscriptions_of_its_gym_only() {
    let engine = engine().await;
    let view = engine.for_gym("berlin");
    let other_gym = Err(ViewError::OtherGym { gym: "wien".to_owned() });
    assert_eq!(view.put_subscription(&of_gym(4, "wien")).await, other_gym);
    assert_eq!(view.put_subscription(&of_gym(2, "wien")).await, other_gym);
    for taken in [2, 3] {
        let before = everything(&engine).await;
        let unknown = SubscriptionError::Unknown { subscription: endpoint(taken) };
        assert_eq!(view.put_subscription(&of_gym(taken, "berlin")).await, Err(unknown.into()), "{taken}");
        assert_eq!(everything(&engine).await, before, "it stays the other's");
    }
    assert_eq!(view.put_subscription(&of_gym(4, "berlin")).await, Ok(()));
    assert_eq!(view.put_subscription(&of_gym(1, "berlin").with_label("changed")).await, Ok(()));
    assert_eq!(view.subscription(endpoint(1)).await.unwrap().unwrap().label(), "changed");
}

/// Another gym takes the id after every look at it and before it is written.
#[tokio::test]
async fn a_subscription_that_another_gym_writes_first_stays_its_own() {
    let store = FaultyStore::new(MemoryStore::new(NOW));
    let engine = Engine::builder(store.clone()).enqueue_only();
    let other = Engine::builder(store.inner().clone()).enqueue_only();
    let is_written = AtomicBool::new(false);
    store.on(Operation::PutSubscription, When::Before, move || {
        if !is_written.swap(true, Ordering::SeqCst) {
            let theirs = of_gym(1, "wien");
            // A store in memory answers at once.
            let mut writing = pin!(other.put_subscription(&theirs));
            let written = writing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(written, Poll::Ready(Ok(())));
        }
    });
    let unknown = SubscriptionError::Unknown { subscription: endpoint(1) };
    let written = engine.for_gym("berlin").put_subscription(&of_gym(1, "berlin")).await;
    assert_eq!(written, Err(unknown.into()));
    assert_eq!(engine.subscription(endpoint(1)).await.unwrap().unwrap().gym(), "wien");
    assert_eq!(engine.for_gym("wien").put_subscription(&of_gym(1, "wien")).await, Ok(()));
}

#[tokio::test]
async fn a_view_publishes_and_tests_for_its_gym_only() {
    let engine = engine().await;
    let view = engine.for_gym("berlin");
    let other_gym = ViewError::OtherGym { gym: "wien".to_owned() };
    assert_eq!(view.publish("wien", "e-1", &publication()).await, Err(other_gym.clone()));
    assert_eq!(view.test_all("wien").await, Err(other_gym));
    assert_eq!(engine.stats().await.unwrap().waiting, 3);
    assert_eq!(view.publish("berlin", "e-1", &publication()).await.unwrap()[0].subscription, endpoint(1));
    assert_eq!(view.test_all("berlin").await.unwrap()[0].subscription, endpoint(1));
    assert_eq!(engine.stats().await.unwrap().waiting, 5);
}

#[tokio::test]
async fn a_key_s_view_is_its_owner_s() {
    let engine = engine().await;
    let berlin = ApiKeyOwner::Gym("berlin".to_owned());
    let of_one = engine.issue_api_key(berlin.clone(), "front desk", ApiKeyRights::Write).await.unwrap();
    let of_all = engine.issue_api_key(ApiKeyOwner::All, "operator", ApiKeyRights::Write).await.unwrap();
    let checked = engine.check_api_key(of_one.expose_key()).await.unwrap().unwrap();
    assert_eq!(checked.owner, berlin);
    let (one, all) = (checked.view(&engine), of_all.key.view(&engine));
    assert_eq!((one.owner(), all.owner()), (&berlin, &ApiKeyOwner::All));
    assert!(one.subscription(endpoint(1)).await.unwrap().is_some());
    assert!(one.subscription(endpoint(2)).await.unwrap().is_none());
    for number in 1..=3 {
        assert!(all.subscription(endpoint(number)).await.unwrap().is_some());
        assert!(all.delivery(delivery(number)).await.unwrap().is_some());
    }
    assert_eq!(all.cancel(delivery(2)).await, Ok(true));
    let listed = async |view: &EngineView<MemoryStore>| {
        view.api_keys(ApiKeyQuery::new(9))
            .await
            .unwrap()
            .items
            .into_iter()
            .map(|key| key.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&one).await, [of_one.key.id]);
    assert_eq!(listed(&all).await, [of_one.key.id, of_all.key.id]);
    // Rotated, it stays the gym's.
    let next = engine.rotate_api_key(of_one.key.id, HOUR).await.unwrap().unwrap();
    assert_eq!(next.key.owner, berlin);
}

/// What each operation in [`answers`] needs that changes something.
const NEEDS: [(&str, ApiKeyRights); 11] = [
    ("cancel", ApiKeyRights::Retry),
    ("redeliver", ApiKeyRights::Retry),
    ("redeliver_range", ApiKeyRights::Retry),
    ("disable", ApiKeyRights::Write),
    ("enable", ApiKeyRights::Write),
    ("pause", ApiKeyRights::Write),
    ("update_subscription", ApiKeyRights::Write),
    ("rotate_key", ApiKeyRights::Write),
    ("send_test", ApiKeyRights::Retry),
    ("send_test_event", ApiKeyRights::Retry),
    ("delete_subscription", ApiKeyRights::Write),
];

#[tokio::test]
async fn a_key_does_what_its_rights_allow_and_nothing_else() {
    for rights in ApiKeyRights::ALL {
        for owner in [ApiKeyOwner::All, ApiKeyOwner::Gym("berlin".to_owned())] {
            let engine = engine().await;
            let before = everything(&engine).await;
            let view = engine.issue_api_key(owner, "wall display", rights).await.unwrap().key.view(&engine);
            assert_eq!(view.rights(), rights);
            assert!(view.subscription(endpoint(1)).await.unwrap().is_some());
            let answers = answers(&view, endpoint(1), delivery(1)).await;
            let (reads, changes) = answers.split_at(8);
            assert!(reads.iter().all(|(_, said)| !said.contains("NotAllowed")), "{reads:?}");
            let refused = |needs: ApiKeyRights| format!("Err({:?})", ViewError::NotAllowed { needs });
            for ((name, said), (expected, needs)) in changes.iter().zip(NEEDS) {
                assert_eq!(
                    (*name, *said == refused(needs)),
                    (expected, rights < needs),
                    "{rights:?}: {said}"
                );
            }
            assert_eq!(changes.len(), NEEDS.len());
            let allowed = |needs| if rights < needs { Err(ViewError::NotAllowed { needs }) } else { Ok(()) };
            let write = allowed(ApiKeyRights::Write);
            assert_eq!(view.put_subscription(&of_gym(4, "berlin")).await, write);
            assert_eq!(view.test_all("berlin").await.map(drop), allowed(ApiKeyRights::Retry));
            assert_eq!(view.publish("berlin", "e-1", &publication()).await.map(drop), write);
            if rights == ApiKeyRights::Read {
                assert_eq!(everything(&engine).await, before);
                assert_eq!(engine.stats().await.unwrap().waiting, 3);
            }
        }
    }
}

#[tokio::test]
async fn a_gym_without_a_name_owns_no_key() {
    let engine = engine().await;
    for (gym, problem) in [("", Unstorable::Empty), ("a\0b", Unstorable::Nul)] {
        let refused =
            engine.issue_api_key(ApiKeyOwner::Gym(gym.to_owned()), "front desk", ApiKeyRights::Write).await;
        assert_eq!(refused.map(drop).unwrap_err(), ApiKeyError::Owner { problem });
    }
    assert_eq!(engine.api_keys(ApiKeyQuery::new(9)).await.unwrap().items, []);
}

/// What a gym's subscription had sent stays the gym's when it is deleted.
#[tokio::test]
async fn a_deleted_subscription_s_log_stays_its_gym_s() {
    let engine = engine().await;
    assert_eq!(engine.delete_subscription(endpoint(1)).await, Ok(true));
    assert!(engine.for_gym("berlin").delivery(delivery(1)).await.unwrap().is_some());
    assert!(engine.for_gym("wien").delivery(delivery(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_key_as_json_has_no_digest_and_no_key() {
    let engine = engine().await;
    let owner = ApiKeyOwner::Gym("berlin".to_owned());
    let issued = engine.issue_api_key(owner, "front desk", ApiKeyRights::Write).await.unwrap();
    let id = issued.key.id;
    let expected = format!(
        r#"{{"id":"{id}","owner":"berlin","label":"front desk","rights":"write","issued_at":"2026-01-01T12:00:00Z","revoked_at":null}}"#
    );
    assert_eq!(serde_json::to_string(&issued.key).unwrap(), expected);
    let of_all = engine.issue_api_key(ApiKeyOwner::All, "operator", ApiKeyRights::Retry).await.unwrap();
    assert!(
        serde_json::to_string(&of_all.key)
            .unwrap()
            .contains(r#""owner":null,"label":"operator","rights":"retry""#)
    );
}

#[tokio::test]
async fn a_delivery_names_its_gym_and_its_platform() {
    let engine = engine().await;
    let new = NewNotification::new(delivery(7), endpoint(1), "Test", "{}".into());
    assert!(engine.enqueue(vec![new]).await.unwrap()[0].is_ok());
    let log = engine.for_gym("berlin").delivery(delivery(7)).await.unwrap().unwrap();
    assert_eq!((log.attempts.items.len(), log.attempts.next), (0, None));
    assert_eq!(log.delivery.gym, "berlin");
    assert_eq!(log.delivery.platform, "perfectgym");
}
