//! What was refused, and why: the answer to "why does nothing arrive?"

use core::time::Duration;

use gymhook::event::Vendor;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::gateway::{Gateway, check_in, settings, sqlite};

/// The log is written a moment later.
async fn until_logged(gateway: &Gateway, path: &str, count: usize) -> Value {
    let waiting = async {
        loop {
            let (status, page) = gateway.call("GET", path, gateway.api_key(), None).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            if page["items"].as_array().unwrap().len() >= count {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("nothing is logged")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_logged_with_its_reason_and_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    let (_, before) = gateway.call("GET", "/v1/sources/egym", gateway.api_key(), None).await;
    assert_eq!(before["state"], "not-connected");
    let mut headers = HeaderMap::new();
    headers.insert(
        HeaderName::from_static("x-api-key"),
        HeaderValue::from_static("canary-of-a-key-that-is-wrong"),
    );
    headers.insert(HeaderName::from_static("x-stranger"), HeaderValue::from_static("canary"));
    let status = gateway.post("/in/egym", headers, r#"{"type":"canary"}"#).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(gateway.post("/in/point", HeaderMap::new(), "canary").await, StatusCode::UNAUTHORIZED);

    let page = until_logged(&gateway, "/v1/refusals?source=egym", 1).await;
    let refused = &page["items"][0];
    assert_eq!((&refused["reason"], &refused["status"]), (&json!("unknown-key"), &json!(401)), "{refused}");
    assert_eq!((&refused["keys_tried"], &refused["keys"]), (&json!(["berlin"]), &json!(1)));
    assert!(refused["headers"].as_array().unwrap().contains(&json!("x-stranger")));
    let all = until_logged(&gateway, "/v1/refusals", 2).await;
    assert!(!all.to_string().contains("canary"), "{all}");
    let of_reason = until_logged(&gateway, "/v1/refusals?reason=missing-header", 1).await;
    assert_eq!(of_reason["items"].as_array().unwrap().len(), 1);
    assert_eq!(of_reason["items"][0]["source"], "point");

    let (_, source) = gateway.call("GET", "/v1/sources/egym", gateway.api_key(), None).await;
    assert_eq!((&source["state"], &source["counts"]["refused"]["unknown-key"]), (&json!("error"), &json!(1)));
    let body = r#"{"accountId":"a","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    for _ in 0..2 {
        assert_eq!(gateway.receive(Vendor::EGYM, "", body).await, StatusCode::OK);
    }
    let (_, source) = gateway.call("GET", "/v1/sources/egym", gateway.api_key(), None).await;
    assert_eq!(source["state"], "connected", "{source}");
    assert_eq!(source["keys"], json!([{"id": "berlin", "state": "valid", "from": null, "until": null}]));
    assert_eq!((&source["counts"]["accepted"], &source["counts"]["duplicates"]), (&json!(1), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_is_counted_and_does_not_stop_what_is_signed() {
    const FLOOD: usize = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    for number in 0..FLOOD {
        assert_eq!(gateway.post("/in/pg-next", HeaderMap::new(), "x").await, StatusCode::UNAUTHORIZED);
        if number % 300 == 0 {
            let status = gateway.receive(Vendor::PG_NEXT, "", &check_in(&format!("u-{number}"))).await;
            assert_eq!(status, StatusCode::OK);
        }
    }
    assert_eq!(gateway.post("/in/egym", HeaderMap::new(), "x").await, StatusCode::UNAUTHORIZED);
    until_logged(&gateway, "/v1/refusals?source=egym", 1).await;
    let (_, page) = gateway.call("GET", "/v1/refusals?limit=1", gateway.api_key(), None).await;
    assert!(page["dropped"].as_u64().unwrap() > 0, "{page}");
    let (_, source) = gateway.call("GET", "/v1/sources/pg-next", gateway.api_key(), None).await;
    assert_eq!(source["counts"]["refused"]["missing-header"], FLOOD, "{source}");
    assert_eq!(source["counts"]["accepted"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_refusals_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    for number in 0_u16..25 {
        let mut headers = HeaderMap::new();
        let name: HeaderName = format!("x-number-{number}").parse().unwrap();
        headers.insert(name, HeaderValue::from_static("1"));
        gateway.post(if number % 2 == 0 { "/in/egym" } else { "/in/point" }, headers, "x").await;
    }
    until_logged(&gateway, "/v1/refusals?limit=200", 25).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/refusals?limit=4&source=egym{cursor}");
        let (_, page) = gateway.call("GET", &path, gateway.api_key(), None).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["headers"][0].clone()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let expected: Vec<Value> =
        (0..25).rev().step_by(2).map(|number| json!(format!("x-number-{number}"))).collect();
    assert_eq!(seen, expected);
}

/// A platform that was given a URL with a mistake in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_to_a_path_that_is_no_source_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-api-key"), HeaderValue::from_static("canary"));
    let status = gateway.post("/in/egmy?token=canary", headers, r#"{"type":"canary"}"#).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let page = until_logged(&gateway, "/v1/refusals?reason=unknown-path", 1).await;
    let refused = &page["items"][0];
    assert_eq!((&refused["source"], &refused["status"]), (&json!("(no source)"), &json!(404)), "{refused}");
    assert_eq!(refused["detail"], "no source has the path /in/egmy");
    assert_eq!(refused["headers"], json!(["x-api-key"]));
    assert!(!page.to_string().contains("canary"), "{page}");

    // What is the service's own, or a browser's, is no webhook.
    assert_eq!(gateway.post("/v1/nothing", HeaderMap::new(), "{}").await, StatusCode::NOT_FOUND);
    let (status, _) = gateway.call("GET", "/favicon.png", "", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(gateway.post("/in/other", HeaderMap::new(), "{}").await, StatusCode::NOT_FOUND);
    let page = until_logged(&gateway, "/v1/refusals", 2).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2, "{page}");
    assert_eq!(page["items"][0]["detail"], "no source has the path /in/other");
}
