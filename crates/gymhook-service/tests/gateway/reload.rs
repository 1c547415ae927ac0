//! Settings that are loaded again, while requests come.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeSet;
use std::sync::Arc;

use gymhook::event::Vendor;
use http::{HeaderMap, StatusCode};

use crate::application::Application;
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
