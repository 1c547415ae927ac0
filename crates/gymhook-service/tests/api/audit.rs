//! What was done, and what the last hour was like.

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Receiver, Rights, Stage};

#[tokio::test]
async fn each_change_is_there_with_the_key_that_made_it() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    let id = stage.subscribe("berlin", &receiver.url).await;
    let path = format!("/v1/subscriptions/{id}");
    stage.patch(&path, json!({"label": "front desk"})).await.expect(200);
    stage.post(&format!("{path}/rotate"), Value::Null).await.expect(200);
    stage.post(&format!("{path}/test"), json!({"type": "ping", "wait_seconds": 0})).await.expect(200);
    stage.post(&format!("{path}/disable"), Value::Null).await.expect(202);
    stage.post(&format!("{path}/enable"), Value::Null).await.expect(202);
    let delivery = stage.publish("berlin", "x").await.remove(0);
    stage.until(&delivery, "delivered").await;
    let gyms = stage.key_of("berlin", Rights::Retry).await;
    let redeliver = format!("/v1/deliveries/{delivery}/redeliver");
    stage.call_as(&gyms, Method::POST, &redeliver, &Value::Null).await.expect(202);
    stage.post("/v1/redeliveries", json!({"state": "delivered"})).await.expect(200);
    // One that finds nothing would push out what did something.
    stage.post("/v1/gyms/nowhere/test", Value::Null).await.expect(200);
    stage.post("/v1/redeliveries", json!({"state": "undeliverable"})).await.expect(200);
    stage.delete(&path).await.expect(204);
    // Refused or not there: nothing was done.
    stage.delete(&path).await.problem(404);
    stage.post("/v1/redeliveries", json!({"state": "undeliverable", "dry_run": true})).await.expect(200);

    let listed = stage.get("/v1/audit").await.expect(200);
    let actions: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "delete subscription",
            "redeliver many",
            "redeliver",
            "enable subscription",
            "disable subscription",
            "send test",
            "rotate secret",
            "update subscription",
            "create subscription",
        ]
    );
    let redelivered = &listed["items"][2];
    assert_eq!((&redelivered["label"], &redelivered["subject"]), (&json!("a test's"), &json!(delivery)));
    assert_eq!(listed["items"][0]["label"], json!("first key"));
    let about = stage.get(&format!("/v1/audit?subject={id}")).await.expect(200);
    assert_eq!(about["items"].as_array().unwrap().len(), 7);

    let page = stage.get("/v1/audit?limit=4").await.expect(200);
    let next = page["next"].as_str().unwrap();
    let rest = stage.get(&format!("/v1/audit?cursor={next}")).await.expect(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 5);
    let secrets = listed.to_string();
    assert!(!secrets.contains("whsec_") && !secrets.contains("ghk_"));
}

#[tokio::test]
async fn a_gym_s_key_sees_what_concerns_its_gym() {
    let stage = Stage::new().await;
    stage.subscribe("berlin", "https://receiver.example/").await;
    stage.subscribe("wien", "https://receiver.example/").await;
    stage.post("/v1/api-keys", json!({"label": "x", "rights": "read"})).await.expect(201);
    let key = stage.key_of("wien", Rights::Read).await;
    let listed = stage.call_as(&key, Method::GET, "/v1/audit", &Value::Null).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["gym"], json!("wien"));
    stage.call_as(&key, Method::GET, "/v1/audit?gym=berlin", &Value::Null).await.problem(404);
    assert_eq!(stage.get("/v1/audit").await.expect(200)["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_key_that_may_retry_does_that_and_no_more() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    let id = stage.subscribe("berlin", &receiver.url).await;
    let delivery = stage.publish("berlin", "x").await.remove(0);
    stage.until(&delivery, "delivered").await;
    let key = stage.key_of("berlin", Rights::Retry).await;
    let post = async |path: String, body: Value| stage.call_as(&key, Method::POST, &path, &body).await;
    post(format!("/v1/deliveries/{delivery}/redeliver"), Value::Null).await.expect(202);
    post("/v1/redeliveries".to_owned(), json!({"state": "undeliverable"})).await.expect(200);
    post(format!("/v1/subscriptions/{id}/test"), json!({"type": "ping"})).await.expect(200);
    post("/v1/gyms/berlin/test".to_owned(), Value::Null).await.expect(200);
    for (path, body) in [
        (format!("/v1/subscriptions/{id}/rotate"), Value::Null),
        (format!("/v1/subscriptions/{id}/disable"), Value::Null),
        (format!("/v1/subscriptions/{id}/enable"), Value::Null),
        ("/v1/events".to_owned(), json!({"gym": "berlin", "type": "x", "data": 1})),
    ] {
        post(path, body).await.problem(403);
    }
    let path = format!("/v1/subscriptions/{id}");
    stage.call_as(&key, Method::PATCH, &path, &json!({"label": "x"})).await.problem(403);
    stage.call_as(&key, Method::DELETE, &path, &Value::Null).await.problem(403);
}

#[tokio::test]
async fn stats_count_what_there_is_of_a_gym_or_of_all() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    stage.subscribe("berlin", &receiver.url).await;
    let delivery = stage.publish("berlin", "x").await.remove(0);
    stage.until(&delivery, "delivered").await;
    let stats = stage.get("/v1/stats").await.expect(200);
    assert_eq!(
        (&stats["subscriptions"], &stats["delivered"], &stats["waiting"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(stage.get("/v1/stats?gym=wien").await.expect(200)["delivered"], json!(0));
    for bad in ["window_seconds=0", "window_seconds=2678401", "window_seconds=x"] {
        assert_eq!(stage.get(&format!("/v1/stats?{bad}")).await.problem(422).0, "window_seconds");
    }
    // It is counted once it is in the log.
    let mut delivered = 0;
    for _ in 0..1_000 {
        let hour = stage.get("/v1/activity").await.expect(200);
        let minutes = hour["minutes"].as_array().unwrap();
        assert_eq!(minutes.len(), 60);
        delivered = minutes.iter().map(|minute| minute["delivered"].as_u64().unwrap()).sum();
        if delivered > 0 {
            break;
        }
        tokio::time::sleep(core::time::Duration::from_millis(20)).await;
    }
    assert_eq!(delivered, 1);
}
