//! What people may ask of a running engine.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use std::sync::{Arc, Mutex};

use gymhook::send::EndpointUrl;
use gymhook_delivery::EndpointChange;
use gymhook_engine::store::{
    ApiKeyOwner, ApiKeyQuery, ApiKeyRights, DeliveryQuery, Redelivery, Refused, SqliteStore, State, Store,
    StoreError, SubscriptionQuery, Unstorable,
};
use gymhook_engine::{
    ApiKeyError, Engine, NotPublished, Publication, SecretCipher, SecretCipherError, Sending, Subscription,
    SubscriptionError, TestEvent,
};
use gymhook_retry::Classify;
use gymhook_signature::{Key, Secret};
use http::StatusCode;
use scripted::setup::Setup;
use scripted::*;
use time::UtcDateTime;

async fn with_endpoint(transport: Scripted) -> Setup {
    let setup = Setup::new(transport).await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup
}

async fn disabled(setup: &Setup, endpoints: u64) {
    until("it is disabled", || async { setup.engine.stats().await.unwrap().disabled == endpoints }).await;
}

#[tokio::test]
async fn nothing_goes_to_a_disabled_endpoint_and_everything_goes_once_it_is_enabled() {
    let setup = with_endpoint(Scripted::accepting()).await;
    setup.engine.disable(endpoint(1)).await.unwrap();
    disabled(&setup, 1).await;
    setup.enqueue(1..=20, 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(setup.transport.sent().len(), 0);
    assert_eq!(setup.engine.endpoint_stats(endpoint(1)).await.unwrap().unwrap().waiting, 20);
    setup.engine.enable(endpoint(1)).await.unwrap();
    setup.until_idle().await;
    assert_eq!(setup.transport.sent().len(), 20);
}

#[tokio::test]
async fn a_pause_ends_by_itself() {
    let setup = with_endpoint(Scripted::accepting()).await;
    let until_then = setup.engine.now().await.unwrap() + Duration::from_millis(700);
    setup.engine.pause(endpoint(1), until_then).await.unwrap();
    disabled(&setup, 1).await;
    setup.enqueue([1], 1).await;
    setup.until_state(1, State::Delivered).await;
    assert!(setup.transport.sent()[0].now >= until_then);
}

#[tokio::test]
async fn a_waiting_delivery_is_cancelled_and_redelivered() {
    let setup = with_endpoint(Scripted::accepting()).await;
    setup.engine.disable(endpoint(1)).await.unwrap();
    disabled(&setup, 1).await;
    setup.enqueue([1, 2], 1).await;
    assert!(setup.engine.cancel(delivery(1)).await.unwrap());
    assert!(!setup.engine.cancel(delivery(99)).await.unwrap());
    setup.until_state(1, State::Cancelled).await;
    setup.engine.enable(endpoint(1)).await.unwrap();
    setup.until_state(2, State::Delivered).await;
    assert_eq!(setup.transport.sent_ids(), [2]);
    assert!(setup.engine.redeliver(delivery(1)).await.unwrap());
    setup.until_state(1, State::Delivered).await;
    assert_eq!(setup.transport.sent()[1].attempt.round.get(), 2);
}

#[tokio::test]
async fn everything_that_was_given_up_since_is_redelivered() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let answer = move |_: &Sending| {
        status(if is_broken.load(Ordering::SeqCst) { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
    };
    let setup = with_endpoint(Scripted::new(answer)).await;
    setup.enqueue(1..=5, 1).await;
    setup.until_idle().await;
    let since = setup.engine.now().await.unwrap();
    setup.enqueue(6..=500, 1).await;
    until("all are given up", || async { setup.engine.stats().await.unwrap().undeliverable == 500 }).await;
    broken.store(false, Ordering::SeqCst);
    let which = Redelivery { endpoint: endpoint(1), from: since, until: None, undeliverable_only: true };
    assert_eq!(setup.engine.redeliver_range(which).await.unwrap(), 495);
    until("they are delivered", || async { setup.engine.stats().await.unwrap().undeliverable == 5 }).await;
    setup.until_idle().await;
    assert_eq!(setup.state(5).await, State::Undeliverable);
    assert_eq!(setup.outcomes(6).await, ["502", "502", "502", "502", "200"]);
    assert_eq!(setup.state(500).await, State::Delivered);
}

#[tokio::test]
async fn a_test_event_is_sent_once() {
    let setup = with_endpoint(Scripted::new(|_| status(StatusCode::BAD_GATEWAY))).await;
    let test = TestEvent::new("TEST", "{}");
    let id = setup.engine.send_test_event(endpoint(1), &test).await.unwrap();
    let id = id.as_uuid().as_u128();
    setup.until_state(id, State::Undeliverable).await;
    assert!(setup.transport.sent()[0].attempt.test);
    assert_eq!(setup.outcomes(id).await, ["502"]);
    let unknown = setup.engine.send_test_event(endpoint(9), &test).await;
    assert_eq!(unknown, Err(SubscriptionError::Unknown { subscription: endpoint(9) }));
}

#[tokio::test]
async fn new_settings_count_for_what_waits() {
    let setup = with_endpoint(Scripted::new(|sending| {
        status(if sending.subscription.label() == "new" { StatusCode::OK } else { StatusCode::BAD_GATEWAY })
    }))
    .await;
    setup.enqueue([1], 1).await;
    until("it failed once", || async { !setup.outcomes(1).await.is_empty() }).await;
    let other = EndpointUrl::dangerous_without_rule("http://127.0.0.1:9/other?token=x").unwrap();
    let changed =
        subscription(1, policy()).with_label("new").with_url(other.clone()).only(["insight.created"]);
    setup.engine.put_subscription(&changed).await.unwrap();
    setup.until_idle().await;
    assert_eq!(setup.state(1).await, State::Delivered);
    assert_eq!(setup.transport.sent().last().unwrap().subscription.http().unwrap().url(), &other);
    let read = setup.engine.subscription(endpoint(1)).await.unwrap().unwrap();
    assert_eq!(
        (read.label(), read.http().unwrap().url(), read.wants("workout.created")),
        ("new", &other, false)
    );
}

#[tokio::test]
async fn a_rotated_key_signs_first_and_the_old_one_counts_for_the_overlap() {
    let setup = with_endpoint(Scripted::accepting()).await;
    let new = || Key::new("2026-12", Secret::new("the next secret").unwrap()).with_tenant("berlin");
    setup.engine.rotate_key(endpoint(1), new(), Duration::from_secs(3_600)).await.unwrap();
    let now = setup.engine.now().await.unwrap();
    let read = setup.engine.subscription(endpoint(1)).await.unwrap().unwrap();
    let at = |at: UtcDateTime| {
        read.http()
            .unwrap()
            .keys()
            .unwrap()
            .valid_at(at)
            .map(|key| key.id().as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(at(now), ["2026-12", "main"]);
    assert_eq!(at(now + Duration::from_secs(3_601)), ["2026-12"]);
    let again = setup.engine.rotate_key(endpoint(1), new(), Duration::ZERO).await;
    assert!(matches!(again, Err(SubscriptionError::Key(_))), "{again:?}");
    let padded = Key::new("2027-01", Secret::new("the next secret\0").unwrap());
    let same_to_hmac = setup.engine.rotate_key(endpoint(1), padded, Duration::ZERO).await;
    assert!(matches!(same_to_hmac, Err(SubscriptionError::Key(_))), "{same_to_hmac:?}");
    let third = Key::new("2027-02", Secret::new("the third secret").unwrap()).with_tenant("berlin");
    setup.engine.rotate_key(endpoint(1), third, Duration::from_secs(3_600)).await.unwrap();
    let read = setup.engine.subscription(endpoint(1)).await.unwrap().unwrap();
    let tenants: Vec<&str> =
        read.http().unwrap().keys().unwrap().keys().map(|key| key.tenant().as_str()).collect();
    assert_eq!(tenants, ["berlin", "berlin", "main"], "stored and read again, and kept by a rotation");
    let unknown = setup.engine.rotate_key(endpoint(9), new(), Duration::ZERO).await;
    assert_eq!(unknown.unwrap_err(), SubscriptionError::Unknown { subscription: endpoint(9) });
}

#[tokio::test]
async fn an_unsigned_subscription_is_stored_listed_and_signed_once_it_has_a_key() {
    let setup = with_endpoint(Scripted::accepting()).await;
    let url = subscription(1, policy()).http().unwrap().url().clone();
    let unsigned = Subscription::dangerous_unsigned(endpoint(2), "berlin", "gympoint", url, policy());
    setup.engine.put_subscription(&unsigned).await.unwrap();
    let listed = setup.engine.subscriptions(of_gym("berlin")).await.unwrap().items;
    let signed = |listed: &[Subscription]| {
        listed.iter().map(|one| one.http().unwrap().keys().is_some()).collect::<Vec<_>>()
    };
    assert_eq!(signed(&listed), [true, false]);
    assert!(format!("{:?}", listed[1]).contains("signed: false"));
    setup.enqueue([1], 2).await;
    setup.until_state(1, State::Delivered).await;
    assert!(setup.transport.sent()[0].subscription.http().unwrap().keys().is_none());

    let first = Key::new("2026-12", Secret::new("the first secret").unwrap());
    setup.engine.rotate_key(endpoint(2), first, Duration::from_secs(3_600)).await.unwrap();
    setup.enqueue([2], 2).await;
    setup.until_state(2, State::Delivered).await;
    let keys = setup.transport.sent()[1].subscription.http().unwrap().keys().cloned().unwrap();
    assert_eq!(keys.keys().map(|key| key.id().as_str()).collect::<Vec<_>>(), ["2026-12"]);
}

/// What no store keeps is refused alone, and the error says for which subscription and why.
#[tokio::test]
async fn what_cannot_be_stored_is_named_when_it_is_published() {
    let setup = with_endpoint(Scripted::accepting()).await;
    let problem = Unstorable::Nul;
    let published =
        setup.engine.publish("berlin", "e-1", &Publication::new("point", "a\0b", "{}")).await.unwrap();
    let [published] = published.as_slice() else { panic!("{published:?}") };
    let delivery = published.delivery;
    let refused = Refused::Unstorable { delivery, field: "event type", problem };
    assert_eq!((published.subscription, published.enqueued.clone()), (endpoint(1), Err(refused.into())));
    let test = setup.engine.send_test_event(endpoint(1), &TestEvent::new("a\0b", "{}")).await;
    assert_eq!(test, Err(SubscriptionError::Unstorable { field: "event type", problem }));
}

#[tokio::test]
async fn an_event_goes_to_every_subscription_of_the_gym_that_wants_it_once() {
    let setup = with_endpoint(Scripted::accepting()).await;
    let wants_other = subscription(2, policy()).only(["insight.created"]);
    setup.engine.put_subscription(&wants_other).await.unwrap();
    setup.engine.put_subscription(&subscription(3, policy())).await.unwrap();
    let workout = Publication::new("point", "workout.created", "{}");
    for _ in 0..2 {
        let published = setup.engine.publish("berlin", "e-1", &workout).await.unwrap();
        assert_eq!(
            published.iter().map(|one| one.subscription).collect::<Vec<_>>(),
            [endpoint(1), endpoint(3)]
        );
    }
    assert!(setup.engine.publish("hamburg", "e-1", &workout).await.unwrap().is_empty());
    setup.until_idle().await;
    assert_eq!(setup.transport.sent().len(), 2);
}

/// A body has one platform's shape: a subscription gets that of its own, or nothing, and then it is named.
#[tokio::test]
async fn a_subscription_gets_the_body_of_its_platform_or_nothing() {
    let setup = with_endpoint(Scripted::accepting()).await;
    for (number, platform) in [(2, "gympoint"), (3, "egym"), (4, "gympoint"), (5, "pg-next")] {
        let like = subscription(number, policy());
        let (url, keys) = (like.http().unwrap().url().clone(), like.http().unwrap().keys().unwrap().clone());
        let new = Subscription::new(endpoint(number), "berlin", platform, url, keys, policy());
        let new = if number == 4 { new.only(["member.created"]) } else { new };
        setup.engine.put_subscription(&new).await.unwrap();
    }
    let check_in = Publication::new("egym", "GYM_CHECKIN", r#"{"type":"GYM_CHECKIN"}"#)
        .and("gympoint", "checkin.created", r#"{"event":"checkin.created"}"#)
        .and("perfectgym", "UserPresenceChanged", r#"{"event":"UserPresenceChanged"}"#);
    let published = setup.engine.publish("berlin", "e-1", &check_in).await.unwrap();
    let came = |published: &gymhook_engine::Published| match &published.enqueued {
        Ok(_) => None,
        Err(NotPublished::OtherPlatform { platform }) => Some(platform.clone()),
        Err(other) => panic!("{other}"),
    };
    let said: Vec<_> = published.iter().map(|one| (one.subscription, came(one))).collect();
    let other = |platform: &str| Some(platform.to_owned());
    // The fourth does not want the type.
    let expected = [(1, other("point")), (2, None), (3, None), (5, other("pg-next"))]
        .map(|(id, out)| (endpoint(id), out));
    assert_eq!(said, expected);
    setup.until_idle().await;
    let mut sent: Vec<_> = setup
        .transport
        .sent()
        .into_iter()
        .map(|sent| (sent.subscription.http().unwrap().platform().to_owned(), sent.event_type, sent.body))
        .collect();
    sent.sort();
    let of = |platform: &str, event_type: &str, body: &'static str| {
        (platform.to_owned(), event_type.to_owned(), bytes::Bytes::from_static(body.as_bytes()))
    };
    let egym = of("egym", "GYM_CHECKIN", r#"{"type":"GYM_CHECKIN"}"#);
    assert_eq!(sent, [egym, of("gympoint", "checkin.created", r#"{"event":"checkin.created"}"#)]);
}

#[tokio::test]
async fn a_deleted_subscription_gets_nothing_more() {
    let setup = with_endpoint(Scripted::new(|_| Reply::Never)).await;
    setup.enqueue(1..=30, 1).await;
    setup.until_state(1, State::InFlight).await;
    assert!(setup.engine.delete_subscription(endpoint(1)).await.unwrap());
    assert!(!setup.engine.delete_subscription(endpoint(1)).await.unwrap());
    assert_eq!(setup.engine.subscription(endpoint(1)).await.unwrap().map(|_| ()), None);
    let refused = setup.engine.put_subscription(&subscription(1, policy())).await;
    assert_eq!(refused, Err(SubscriptionError::Deleted { subscription: endpoint(1) }));
    let sent = setup.transport.sent().len();
    assert!(setup.engine.enqueue(vec![notification(99, 1)]).await.unwrap()[0].is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(setup.transport.sent().len(), sent);
    let log = DeliveryQuery { endpoint: Some(endpoint(1)), ..DeliveryQuery::new(100) };
    assert_eq!(setup.engine.deliveries(log).await.unwrap().items.len(), 30, "its log is kept");
}

#[tokio::test]
async fn a_purge_forgets_what_ended() {
    let setup = with_endpoint(Scripted::accepting()).await;
    setup.enqueue(1..=2_500, 1).await;
    setup.until_idle().await;
    let now = setup.engine.now().await.unwrap();
    assert_eq!(setup.engine.purge(now + Duration::from_secs(1)).await.unwrap(), 2_500);
    assert_eq!(setup.engine.delivery(delivery(1)).await.unwrap(), None);
}

#[tokio::test]
async fn an_api_key_counts_until_it_is_revoked_and_is_shown_once() {
    let setup = with_endpoint(Scripted::accepting()).await;
    let engine = &setup.engine;
    let issued = engine.issue_api_key(ApiKeyOwner::All, "front desk", ApiKeyRights::Retry).await.unwrap();
    assert!(!format!("{issued:?}").contains(issued.expose_key()));
    assert_eq!(engine.check_api_key(issued.expose_key()).await.unwrap(), Some(issued.key.clone()));
    assert_eq!(engine.check_api_key("").await.unwrap(), None);
    assert_eq!(engine.check_api_key(&issued.expose_key()[1..]).await.unwrap(), None);

    let next = engine.rotate_api_key(issued.key.id, Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!((next.key.label.as_str(), next.key.rights), ("front desk", ApiKeyRights::Retry));
    assert_ne!(next.expose_key(), issued.expose_key());
    assert!(engine.check_api_key(issued.expose_key()).await.unwrap().is_some(), "the overlap");
    assert!(engine.revoke_api_key(issued.key.id).await.unwrap());
    assert_eq!(engine.check_api_key(issued.expose_key()).await.unwrap(), None);
    assert!(engine.check_api_key(next.expose_key()).await.unwrap().is_some());
    assert_eq!(engine.api_keys(ApiKeyQuery::new(9)).await.unwrap().items.len(), 2);
    assert!(!engine.revoke_api_key(uuid::Uuid::nil()).await.unwrap());

    let file = std::fs::read(engine.store().path()).unwrap();
    let log = std::fs::read(format!("{}-wal", engine.store().path().display())).unwrap();
    for bytes in [file, log] {
        assert!(!contains(&bytes, next.expose_key().as_bytes()), "only its digest is stored");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_rotated_and_revoked_at_once_does_not_count() {
    let setup = with_endpoint(Scripted::accepting()).await;
    let engine = &setup.engine;
    for round in 0..40 {
        let old = engine.issue_api_key(ApiKeyOwner::All, "front desk", ApiKeyRights::Retry).await.unwrap();
        let (rotating, revoking, id) = (engine.clone(), engine.clone(), old.key.id);
        let rotating =
            tokio::spawn(async move { rotating.rotate_api_key(id, Duration::from_secs(3_600)).await });
        let revoking = tokio::spawn(async move { revoking.revoke_api_key(id).await });
        let next = rotating.await.unwrap().unwrap();
        assert_eq!(revoking.await.unwrap(), Ok(true));
        assert_eq!(engine.check_api_key(old.expose_key()).await, Ok(None), "round {round}");
        assert!(engine.rotate_api_key(id, Duration::ZERO).await.unwrap().is_none(), "round {round}");
        let now = engine.now().await.unwrap();
        let keys = engine.api_keys(ApiKeyQuery::new(1_000)).await.unwrap().items;
        let live = keys.iter().filter(|key| key.revoked_at.is_none_or(|at| now < at)).map(|key| key.id);
        let expected: Vec<_> = next.iter().map(|next| next.key.id).collect();
        assert_eq!(live.collect::<Vec<_>>(), expected, "what was issued before the revocation, or nothing");
        for next in expected {
            assert_eq!(engine.revoke_api_key(next).await, Ok(true));
        }
    }
}

#[tokio::test]
async fn an_api_key_has_a_label() {
    let setup = with_endpoint(Scripted::accepting()).await;
    for label in ["", " \t"] {
        let refused = setup
            .engine
            .issue_api_key(ApiKeyOwner::All, label, ApiKeyRights::Read)
            .await
            .map(drop)
            .unwrap_err();
        assert_eq!(refused, ApiKeyError::Label { problem: Unstorable::Empty });
    }
    assert_eq!(setup.engine.api_keys(ApiKeyQuery::new(9)).await.unwrap().items, []);
}

fn of_gym(gym: &str) -> SubscriptionQuery {
    SubscriptionQuery { gym: Some(gym.to_owned()), ..SubscriptionQuery::new(10) }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Stands in for a cipher: no byte is left as it was, and what is encrypted for one subscription is decrypted for no other.
#[derive(Debug)]
struct Xor;

impl SecretCipher for Xor {
    fn encrypt(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        Ok(plain.iter().zip(context.iter().cycle()).map(|(byte, key)| byte ^ key ^ 0xA5).collect())
    }

    fn decrypt(&self, encrypted: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        self.encrypt(encrypted, context)
    }
}

#[tokio::test]
async fn sealed_secrets_lie_in_no_file() {
    const CANARY: &str = "a secret of the tests";
    let folder = tempfile::tempdir().unwrap();
    for encrypted in [true, false] {
        let path = folder.path().join(format!("{encrypted}.db"));
        let store = SqliteStore::open(&path).unwrap();
        let builder = Engine::builder(store);
        let engine =
            if encrypted { builder.secret_cipher(Xor).enqueue_only() } else { builder.enqueue_only() };
        let mut headers = http::HeaderMap::new();
        headers.insert("x-token", "token-of-the-tests".parse().unwrap());
        let subscription = subscription(1, policy()).with_headers(headers);
        engine.put_subscription(&subscription).await.unwrap();
        let read = engine.subscription(endpoint(1)).await.unwrap().unwrap();
        assert_eq!(
            read.http().unwrap().keys().unwrap().keys().next().unwrap().secret().expose_secret(),
            CANARY.as_bytes()
        );
        assert_eq!(read.http().unwrap().headers()["x-token"], "token-of-the-tests");
        assert!(read.http().unwrap().headers()["x-token"].is_sensitive());
        let row = engine.store().subscription(endpoint(1)).await.unwrap().unwrap();
        // Secrets are kept in base64.
        let stored = contains(row.target.secrets().unwrap(), b"YSBzZWNyZXQgb2YgdGhlIHRlc3Rz");
        assert_eq!(stored, !encrypted);
        assert_eq!(contains(row.target.secrets().unwrap(), b"token-of-the-tests"), !encrypted);
        assert!(!row.settings.contains("token"));
    }
}

#[tokio::test]
async fn whoever_watches_hears_of_a_disabled_endpoint() {
    let heard: Arc<Mutex<Vec<EndpointChange>>> = Arc::default();
    let tell = Arc::clone(&heard);
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder(SqliteStore::open(folder.path().join("webhooks.db")).unwrap())
        .poll_interval(Duration::from_millis(50))
        .on_endpoint_change(move |_, change| tell.lock().unwrap().push(change))
        .start(Scripted::new(|_| status(StatusCode::GONE)))
        .await
        .unwrap();
    let disabled_by_410 = policy().retry().clone().with_classify(Classify::new().disabling_on_gone());
    engine.put_subscription(&subscription(1, policy().with_retry(disabled_by_410))).await.unwrap();
    let _new = engine.enqueue(vec![notification(1, 1)]).await.unwrap();
    until("it is disabled", || async {
        heard.lock().unwrap().iter().any(|change| matches!(change, EndpointChange::Disabled { .. }))
    })
    .await;
    engine.shutdown().await;
    assert_eq!(engine.stats().await.unwrap().disabled, 1);
}

#[tokio::test]
async fn files_of_newer_programs_and_of_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.db");
    drop(SqliteStore::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    assert_eq!(SqliteStore::open(&path).map(drop), Err(StoreError::Schema { found: 99, known: 10 }));
    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is no database, and it is longer than a header").unwrap();
    assert!(matches!(SqliteStore::open(&text).map(drop), Err(StoreError::Damaged { .. })));
    let nowhere = SqliteStore::open(folder.path().join("no/such/folder.db")).map(drop);
    assert!(matches!(nowhere, Err(StoreError::Invalid { .. })), "{nowhere:?}");
}

#[cfg(feature = "http")]
#[tokio::test]
async fn what_the_transport_cannot_send_for_is_refused_when_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
    let transport = gymhook_engine::HttpTransport::builder().build().unwrap();
    let good = transport.endpoint_url("point", "https://receiver.example/hooks").unwrap();
    let engine = Engine::builder(store.clone()).start(transport).await.unwrap();
    let written = async |platform: &str, url: &EndpointUrl| {
        let keys = subscription(1, policy()).http().unwrap().keys().unwrap().clone();
        let new = Subscription::new(endpoint(1), "berlin-mitte", platform, url.clone(), keys, policy());
        engine.put_subscription(&new).await.map_err(|error| error.to_string())
    };
    let unknown = written("piont", &good).await.unwrap_err();
    assert!(unknown.contains("has no platform named \"piont\""), "{unknown}");
    let inside = EndpointUrl::dangerous_without_rule("https://10.0.0.1/hooks").unwrap();
    let forbidden = written("point", &inside).await.unwrap_err();
    assert!(forbidden.contains("10.0.0.1 is not on the public internet"), "{forbidden}");
    assert_eq!(store.subscription(endpoint(1)).await, Ok(None));
    assert_eq!(written("point", &good).await, Ok(()));
    engine.shutdown().await;
}

#[tokio::test]
async fn nothing_can_be_ordered_for_what_was_deleted() {
    let setup = with_endpoint(Scripted::accepting()).await;
    setup.enqueue([1], 1).await;
    setup.until_state(1, State::Delivered).await;
    assert_eq!(setup.engine.redeliver(delivery(2)).await, Ok(false), "there is none");
    assert_eq!(setup.engine.delete_subscription(endpoint(1)).await, Ok(true));
    assert_eq!(setup.engine.redeliver(delivery(1)).await, Ok(false));
    assert_eq!(setup.engine.cancel(delivery(1)).await, Ok(false));
}
