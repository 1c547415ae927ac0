//! Applications that fail, and gateways that are stopped.

use core::time::Duration;
use std::collections::BTreeSet;

use gymhook::event::Vendor;
use gymhook_engine::store::DeliveryQuery;
use http::StatusCode;

use crate::application::Application;
use crate::gateway::{Gateway, check_in, settings_to, sqlite};

#[tokio::test(flavor = "multi_thread")]
async fn what_an_application_does_not_take_is_tried_again_over_a_restart() {
    const COUNT: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    application.answer_with(503);
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    for number in 0..COUNT {
        let body = check_in(&format!("u-{number}"));
        assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &body).await, StatusCode::OK);
    }
    application.until_attempted(COUNT / 2).await;
    gateway.service.shutdown().await;
    drop(gateway);
    assert!(application.taken().is_empty());

    application.answer_with(200);
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    application.until_taken(COUNT).await;
    let stats = gateway.until_idle().await;
    assert_eq!((stats.undeliverable, stats.quarantined, stats.unreadable), (0, 0, 0));
    let taken = application.taken();
    let ids: BTreeSet<_> =
        taken.iter().map(|request| request.event()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((taken.len(), ids.len()), (COUNT, COUNT));
}

/// What could not be read is kept where it is, and what follows goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_proved_and_not_understood_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    for body in ["", "{}", "not json", r#"{"uuid":"a","uuid":"b","payload":[]}"#] {
        assert_eq!(gateway.receive(Vendor::PG_NEXT, "", body).await, StatusCode::OK, "{body}");
    }
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);
    application.until_taken(1).await;
    let stats = gateway.until_idle().await;
    assert_eq!((application.taken().len(), stats.unreadable), (1, 4));
}

/// Its row was damaged while the gateway ran: what it was known to want is enqueued all the same, and waits for its repair.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_cannot_be_read_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);
    application.until_taken(1).await;
    let (_, listed) = gateway.call("GET", "/v1/destinations/app", gateway.api_key(), None).await;
    let endpoint: uuid::Uuid = listed["id"].as_str().unwrap().parse().unwrap();

    let connection = rusqlite::Connection::open(folder.path().join("gymhook.db")).unwrap();
    let damaged = connection
        .execute("UPDATE gymhook_subscriptions SET settings = '[]' WHERE id = ?1", [endpoint.as_bytes()])
        .unwrap();
    assert_eq!(damaged, 1);
    // What was known of it holds for a second.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-2")).await, StatusCode::OK);
    let query = DeliveryQuery { endpoint: Some(endpoint.into()), ..DeliveryQuery::new(10) };
    let engine = gateway.engine();
    let enqueued = async {
        while engine.deliveries(query.clone()).await.unwrap().items.len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), enqueued).await.expect("the second is not enqueued");
}
