//! All platforms in one shape, each once.

use std::collections::BTreeSet;

use gymhook::event::{AnyNotification, Notification as _, Vendor, samples};
use gymhook_service::Database;
use http::StatusCode;

use crate::application::Application;
use crate::gateway::{Gateway, check_in, postgres, settings_to, sqlite};

async fn all_platforms_arrive(database: impl Into<Database>) {
    let application = Application::start().await;
    let gateway = Gateway::start(database, settings_to(&application)).await;
    let mut expected = 0;
    for (number, sample) in samples().enumerate() {
        let status = gateway.receive(sample.vendor, &format!("request-{number}"), sample.body).await;
        assert_eq!(status, StatusCode::OK, "{sample}");
        expected += AnyNotification::decode(sample.vendor, sample.body.as_bytes()).unwrap().event_count();
    }
    application.until_taken(expected).await;
    gateway.until_idle().await;
    let taken = application.taken();
    assert_eq!(taken.len(), expected);

    let mut platforms = BTreeSet::new();
    let mut names = BTreeSet::new();
    for request in &taken {
        let event = request.event();
        assert_eq!(request.header("content-type"), "application/cloudevents+json");
        assert_eq!(event["specversion"], "1.0");
        assert!(event["gymhookproved"].as_str().unwrap().starts_with("sender"), "{event}");
        let source = event["source"].as_str().unwrap().to_owned();
        assert!(source.ends_with("/berlin"), "{source}");
        assert!(names.insert((source.clone(), event["id"].as_str().unwrap().to_owned())), "twice: {event}");
        platforms.insert(source);
    }
    let of_all: BTreeSet<_> = Vendor::ALL.iter().map(|vendor| format!("/gymhook/{vendor}/berlin")).collect();
    assert_eq!(platforms, of_all);
    let ids: BTreeSet<_> = taken.iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), expected);
    // A kind finds what came in and what was passed on, at every platform.
    let (_, listed) =
        gateway.call("GET", "/v1/deliveries?kind=check-in&limit=200", gateway.api_key(), None).await;
    let listed = listed["items"].as_array().unwrap();
    assert!(listed.iter().all(|item| item["kind"] == "check-in"), "{listed:?}");
    let of = |platform: &str| listed.iter().filter(|item| item["platform"] == platform).count();
    let passed_on = taken.iter().filter(|request| request.event()["type"] == "gymhook.check-in").count();
    assert!(passed_on >= 4 && of("inbox") >= 4, "{listed:?}");
    assert_eq!(of("destination"), passed_on);
    gateway.service.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_platforms_arrive_in_one_shape_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    all_platforms_arrive(sqlite(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_platforms_arrive_in_one_shape_on_postgres() {
    all_platforms_arrive(postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_and_not_passed_on_again() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    for _ in 0..5 {
        assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);
    }
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-2")).await, StatusCode::OK);
    // The same id with another body.
    let other = check_in("u-1").replace("7893459", "1");
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &other).await, StatusCode::CONFLICT);
    application.until_taken(2).await;
    gateway.until_idle().await;
    let taken = application.taken();
    let ids: BTreeSet<_> =
        taken.iter().map(|request| request.event()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((taken.len(), ids), (2, BTreeSet::from(["u-1:0".to_owned(), "u-2:0".to_owned()])));
}

/// A type that nobody knew when this was written, and more events than one transaction takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_notification_of_thousands_of_events_arrives_whole() {
    const EVENTS: usize = 2_500;
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    let one = |index: usize| format!(r#"{{"timestamp":{index},"type":"SOMETHING_NEW"}}"#);
    let events: Vec<_> = (0..EVENTS).map(one).collect();
    let body = format!(r#"{{"entityId":1,"uuid":"many","payload":[{}]}}"#, events.join(","));
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &body).await, StatusCode::OK);
    let taken = application.until_taken(EVENTS).await;
    let ids: BTreeSet<_> =
        taken.iter().map(|request| request.event()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((taken.len(), ids.len()), (EVENTS, EVENTS));
    assert!(taken.iter().all(|request| request.event()["type"] == "gymhook.other"));
    assert!(taken.iter().all(|request| request.event()["data"]["type"] == "SOMETHING_NEW"));
}
