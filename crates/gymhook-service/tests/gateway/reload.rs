//! Settings that are loaded again, while requests come.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use gymhook::event::Vendor;
use gymhook::retry::RetrySchedule;
use gymhook_engine::store::{Store as _, SubscriptionQuery};
use gymhook_engine::{Engine, Subscription};
use gymhook_service::{Database, Service, Settings, StartError};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::application::{Application, SECRET};
use crate::gateway::{Gateway, STUDIO, check_in, destination, secret_of, settings_to, source, sqlite};

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_under_load_loses_no_request() {
    const SENDERS: usize = 4;
    const EACH: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Arc::new(Gateway::start(sqlite(folder.path()), settings_to(&application)).await);
    let done = Arc::new(AtomicBool::new(false));
    let reloading = {
        let (gateway, done, application) = (Arc::clone(&gateway), Arc::clone(&done), application.clone());
        tokio::spawn(async move {
            let mut reloads = 0;
            while !done.load(Ordering::SeqCst) {
                let mut settings = settings_to(&application);
                if reloads % 2 == 0 {
                    // Another key for the source under load, and the others are gone.
                    settings.sources = vec![source(Vendor::PG_NEXT, &[STUDIO, "poznan"])];
                }
                gateway.service.reload(settings).await.unwrap();
                reloads += 1;
                tokio::task::yield_now().await;
            }
            reloads
        })
    };
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move {
                for number in 0..EACH {
                    let body = check_in(&format!("u-{sender}-{number}"));
                    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &body).await, StatusCode::OK);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    assert!(reloading.await.unwrap() > 2);
    application.until_taken(SENDERS * EACH).await;
    gateway.until_idle().await;
    let taken = application.taken();
    let ids: BTreeSet<_> =
        taken.iter().map(|request| request.event()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((taken.len(), ids.len()), (SENDERS * EACH, SENDERS * EACH));
}

/// What waits for a destination that is declared no more was acknowledged: it is delivered first.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_declared_no_more_gets_what_waits_and_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Application::start().await, Application::start().await);
    old.answer_with(500);
    let mut settings = settings_to(&old);
    let database = sqlite(folder.path());
    let gateway = Gateway::start(database.clone(), settings.clone()).await;
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);
    old.until_attempted(1).await;

    settings.destinations = vec![destination("other", &new)];
    gateway.service.reload(settings.clone()).await.unwrap();
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-2")).await, StatusCode::OK);
    new.until_taken(1).await;
    old.answer_with(204);
    old.until_taken(1).await;
    gateway.until_idle().await;
    let taken = old.taken()[0].event();
    assert!(taken.to_string().contains("u-1"), "{taken}");
    assert_eq!((old.taken().len(), new.taken().len()), (1, 1));
    // Nothing waits any more: now it goes.
    gateway.service.reload(settings.clone()).await.unwrap();
    let (_, listed) = gateway.call("GET", "/v1/destinations", gateway.api_key(), None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");

    // A start that names none deletes none.
    gateway.service.shutdown().await;
    let key = gateway.api_key().to_owned();
    drop(gateway);
    settings.destinations.clear();
    let again = Gateway::start(database, settings).await;
    let (_, listed) = again.call("GET", "/v1/destinations", &key, None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_settings_take_effect_at_once_and_bad_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Application::start().await, Application::start().await);
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&first)).await;
    let mut other = settings_to(&second);
    other.sources = vec![source(Vendor::PG_NEXT, &[STUDIO, "poznan"])];
    gateway.service.reload(other.clone()).await.unwrap();
    let secret = secret_of(1, "poznan");
    let status = gateway.receive_signed(Vendor::PG_NEXT, "poznan", &secret, "", &check_in("u-1")).await;
    assert_eq!(status, StatusCode::OK);
    second.until_taken(1).await;
    assert!(first.taken().is_empty());
    let closed = gateway.post("/in/egym", HeaderMap::new(), "{}").await;
    assert_eq!(closed, StatusCode::NOT_FOUND);

    // The second source has the path of the first; the destination's name is none.
    let mut twice = other.clone();
    twice.sources.push(source(Vendor::EGYM, &["berlin"]));
    twice.sources[1].path.clone_from(&other.sources[0].path);
    assert!(gateway.service.reload(twice).await.is_err());
    let mut nameless = other.clone();
    nameless.sources.push(source(Vendor::EGYM, &["berlin"]));
    nameless.destinations.push(destination("a/b", &first));
    assert!(gateway.service.reload(nameless).await.is_err());
    let status = gateway.receive_signed(Vendor::PG_NEXT, "poznan", &secret, "", &check_in("u-2")).await;
    assert_eq!(status, StatusCode::OK);
    second.until_taken(2).await;
    assert_eq!(gateway.post("/in/egym", HeaderMap::new(), "{}").await, StatusCode::NOT_FOUND);
}

/// The destination of this name, as a subscription.
async fn held(engine: &Engine<Database>, name: &str) -> Subscription {
    let query = SubscriptionQuery { platform: Some("destination".to_owned()), ..SubscriptionQuery::new(100) };
    for row in engine.store().subscriptions(query).await.unwrap().items {
        let subscription = engine.subscription(row.id).await.unwrap().unwrap();
        if subscription.label() == name {
            return subscription;
        }
    }
    panic!("there is no destination {name}");
}

/// The destinations, without how they are: an attempt may have failed in between.
async fn listed(gateway: &Gateway) -> Value {
    let (status, mut listed) = gateway.call("GET", "/v1/destinations", gateway.api_key(), None).await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    for item in listed["items"].as_array_mut().unwrap() {
        item.as_object_mut().unwrap().remove("health").unwrap();
    }
    listed
}

/// The database refuses the last of what is written: first a destination, then the inbox of a source.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_fails_halfway_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Application::start().await, Application::start().await);
    // A worker may still know the URL that was written and put back: then it tries again, with what is written.
    second.answer_with(500);
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&first)).await;
    let mine = json!({"name": "mine", "url": first.url, "secret": SECRET, "sources": ["egym"]});
    let (status, created) = gateway.call("POST", "/v1/destinations", gateway.api_key(), Some(mine)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let before = listed(&gateway).await;

    let mut other = settings_to(&second);
    other.destinations = ["app", "mine", "new", "broken"].map(|name| destination(name, &second)).to_vec();
    let mut late = source(Vendor::PG_NEXT, &[STUDIO]);
    (late.name, late.path) = ("late".to_owned(), "/in/late".to_owned());
    other.sources.push(late);
    let connection = rusqlite::Connection::open(folder.path().join("gymhook.db")).unwrap();
    for refused in ["broken", "late"] {
        let fault = format!(
            "CREATE TRIGGER fault BEFORE INSERT ON gymhook_subscriptions WHEN instr(new.settings, '\"{refused}\"') BEGIN SELECT RAISE(ABORT, 'refused'); END"
        );
        connection.execute_batch(&fault).unwrap();
        let error = gateway.service.reload(other.clone()).await.unwrap_err();
        assert!(matches!(error, StartError::Store(_)), "{refused}: {error}");
        assert_eq!(listed(&gateway).await, before, "{refused}");
        let uuid = format!("u-{refused}");
        assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in(&uuid)).await, StatusCode::OK);
        assert_eq!(gateway.post("/in/late", HeaderMap::new(), "{}").await, StatusCode::NOT_FOUND);
        connection.execute_batch("DROP TRIGGER fault").unwrap();
    }
    first.until_taken(2).await;
    gateway.until_idle().await;

    first.answer_with(500);
    second.answer_with(204);
    gateway.service.reload(other).await.unwrap();
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-after")).await, StatusCode::OK);
    second.until_taken(4).await;
    assert_eq!(first.taken().len(), 2);
}

/// What the settings refuse is known before the database is touched.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_refused_for_what_the_check_refuses_and_nothing_is_written() {
    type Change = fn(&mut Settings);
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let database = sqlite(folder.path());
    let changes: [(&str, Change); 8] = [
        ("1 to 64 letters", |settings| settings.sources[1].name = "a/b".to_owned()),
        ("the service itself answers at /v1", |settings| settings.sources[1].path = "/v1/egym".to_owned()),
        ("begins with a slash", |settings| settings.sources[1].path = "egym".to_owned()),
        ("two sources have this name", |settings| {
            settings.sources[1].name = settings.sources[0].name.clone()
        }),
        ("1 to 64 letters", |settings| settings.destinations[0].name = "..".to_owned()),
        ("two destinations", |settings| settings.destinations.push(settings.destinations[0].clone())),
        ("shorten them", |settings| settings.destinations[0].studios = vec!["s".repeat(30_000)]),
        ("not on the public internet", |settings| {
            settings.destinations[0].url = "http://10.0.0.7/hooks".to_owned()
        }),
    ];
    for (expected, change) in changes {
        let mut settings = settings_to(&application);
        change(&mut settings);
        let checked = settings.check().unwrap_err();
        let is_of_settings = matches!(checked, StartError::Source { .. } | StartError::Destination { .. });
        assert!(is_of_settings && checked.to_string().contains(expected), "{expected}: {checked}");
        let started = Service::start(settings, database.clone()).await.unwrap_err();
        assert_eq!(started.to_string(), checked.to_string());
        assert!(
            database.subscriptions(SubscriptionQuery::new(1)).await.unwrap().items.is_empty(),
            "{expected}"
        );
    }
    assert!(settings_to(&application).check().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_gets_the_policy_of_this_version() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let (database, settings) = (sqlite(folder.path()), settings_to(&application));
    let gateway = Gateway::start(database.clone(), settings.clone()).await;
    let written = held(&gateway.engine(), "app").await;
    let policy = written.policy().clone();
    let earlier = policy.clone().with_max_in_flight(core::num::NonZeroU32::MIN);
    assert_ne!(policy, earlier);
    gateway.engine().put_subscription(&written.with_policy(earlier)).await.unwrap();
    gateway.service.reload(settings).await.unwrap();
    assert_eq!(*held(&gateway.engine(), "app").await.policy(), policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_destination_is_retried_is_what_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let (database, settings) = (sqlite(folder.path()), settings_to(&application));
    let mut own = settings.clone();
    own.destinations[0].retry_delays = Some(vec![Duration::from_secs(90)]);
    own.destinations[0].attempt_timeout = Some(Duration::from_secs(4));
    let gateway = Gateway::start(database, own.clone()).await;
    let retry = async || held(&gateway.engine(), "app").await.policy().retry().clone();
    assert_eq!(*retry().await.schedule(), RetrySchedule::fixed(vec![Duration::from_secs(90)]));
    assert_eq!(retry().await.attempt_timeout(), Duration::from_secs(4));
    let mut wrong = own;
    wrong.destinations[0].attempt_timeout = Some(Duration::ZERO);
    let refused = gateway.service.reload(wrong).await.unwrap_err().to_string();
    assert!(refused.contains("\"app\": attempt_timeout: write whole seconds from 1s to 2m"), "{refused}");
    assert_eq!(retry().await.attempt_timeout(), Duration::from_secs(4));
    gateway.service.reload(settings).await.unwrap();
    assert_eq!((retry().await.schedule().retries(), retry().await.attempt_timeout().as_secs()), (9, 15));
}

/// It cannot be retired, since nothing may be sent to it, and that stops no start.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_removed_with_its_network_stops_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Application::start().await, Application::start().await);
    old.answer_with(500);
    let (database, mut settings) = (sqlite(folder.path()), settings_to(&old));
    let gateway = Gateway::start(database.clone(), settings.clone()).await;
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);
    old.until_attempted(1).await;
    gateway.service.shutdown().await;
    drop(gateway);

    // The new one is at a name, which is looked up when something is sent.
    settings.destinations = vec![destination("other", &new)];
    settings.destinations[0].url = "https://app.example/hooks".to_owned();
    settings.destination_networks.clear();
    let gateway = Gateway::start(database, settings).await;
    assert_eq!(held(&gateway.engine(), "app").await.label(), "app", "it was not deleted: something waits");
}
