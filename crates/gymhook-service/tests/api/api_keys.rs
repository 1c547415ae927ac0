//! API keys.

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Rights, Stage};

#[tokio::test]
async fn a_key_is_shown_once_and_does_what_it_was_issued_for() {
    let stage = Stage::new().await;
    let new = json!({"label": "front desk", "gym": "berlin", "rights": "read"});
    let issued = stage.post("/v1/api-keys", new).await.expect(201);
    let (key, id) = (issued["key"].as_str().unwrap(), issued["id"].as_str().unwrap());
    assert!(key.starts_with("ghk_"));
    let shown = [
        stage.get("/v1/api-keys").await.expect(200).to_string(),
        stage.get(&format!("/v1/api-keys/{id}")).await.expect(200).to_string(),
    ];
    assert!(shown.iter().all(|shown| !shown.contains("ghk_") && shown.contains("front desk")), "{shown:?}");
    let own = stage.call_as(key, Method::GET, "/v1/api-keys", &Value::Null).await.expect(200);
    assert_eq!(own["items"].as_array().unwrap().len(), 1, "a gym sees its own: {own}");
    stage.call_as(key, Method::POST, "/v1/events", &json!({"type": "x", "data": 1})).await.problem(403);
}

#[tokio::test]
async fn a_gym_s_key_makes_no_others() {
    let stage = Stage::new().await;
    let key = stage.key_of("berlin", Rights::Write).await;
    let new = json!({"label": "x", "gym": "berlin", "rights": "read"});
    stage.call_as(&key, Method::POST, "/v1/api-keys", &new).await.problem(404);
    let own = stage.call_as(&key, Method::GET, "/v1/api-keys", &Value::Null).await.expect(200);
    let id = own["items"][0]["id"].as_str().unwrap();
    stage.call_as(&key, Method::DELETE, &format!("/v1/api-keys/{id}"), &Value::Null).await.problem(404);
    stage.call_as(&key, Method::POST, &format!("/v1/api-keys/{id}/rotate"), &Value::Null).await.problem(404);
}

#[tokio::test]
async fn a_rotated_key_counts_until_its_overlap_ends() {
    let stage = Stage::new().await;
    let issued = stage.post("/v1/api-keys", json!({"label": "x", "rights": "write"})).await.expect(201);
    let (old, id) = (issued["key"].as_str().unwrap(), issued["id"].as_str().unwrap());
    let path = format!("/v1/api-keys/{id}/rotate");
    let next = stage.post(&path, json!({"overlap_seconds": 3_600})).await.expect(201);
    for key in [old, next["key"].as_str().unwrap()] {
        stage.call_as(key, Method::GET, "/v1/stats", &Value::Null).await.expect(200);
    }
    assert_eq!((&next["label"], &next["rights"]), (&json!("x"), &json!("write")));
    stage.post(&path, Value::Null).await.problem(409);
    let path = format!("/v1/api-keys/{}/rotate", next["id"].as_str().unwrap());
    assert_eq!(
        stage.post(&path, json!({"overlap_seconds": 2_592_001})).await.problem(422).0,
        "/overlap_seconds"
    );
    stage.post(&path, json!({"overlap_seconds": 0})).await.expect(201);
    let ended = next["key"].as_str().unwrap();
    stage.call_as(ended, Method::GET, "/v1/stats", &Value::Null).await.problem(401);
}

#[tokio::test]
async fn every_field_is_checked_at_its_place() {
    let stage = Stage::new().await;
    for (new, place) in [
        (json!({"label": "", "rights": "read"}), "/label"),
        (json!({"label": "  ", "rights": "read"}), "/label"),
        (json!({"label": "x".repeat(201), "rights": "read"}), "/label"),
        (json!({"label": "a\u{0}", "rights": "read"}), "/label"),
        (json!({"label": 1, "rights": "read"}), "/label"),
        (json!({"label": "x", "rights": "all"}), "/rights"),
        (json!({"label": "x", "rights": "Write"}), "/rights"),
        (json!({"label": "x", "rights": "read", "gym": ""}), "/gym"),
        (json!({"label": "x", "rights": "read", "gym": "a\u{0}"}), "/gym"),
        (json!({"label": "x", "rights": "read", "gym": "x".repeat(2_000)}), "/gym"),
    ] {
        let (found, detail) = stage.post("/v1/api-keys", new.clone()).await.problem(422);
        assert_eq!(found, place, "{new}: {detail}");
    }
    let (_, detail) = stage.post("/v1/api-keys", json!({"label": "x"})).await.problem(422);
    assert!(detail.contains("rights"), "{detail}");
    assert_eq!(stage.get("/v1/api-keys?cursor=x").await.problem(422).0, "cursor");
    let nobody = "0192ab34-0000-7000-8000-000000000001";
    assert_eq!(stage.get(&format!("/v1/api-keys?cursor={nobody}")).await.expect(200)["items"], json!([]));
}
