//! Applications that fail, and gateways that are stopped.

use std::collections::BTreeSet;

use gymhook::event::Vendor;
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
