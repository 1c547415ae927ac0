//! What is true of every route: the document says which there are, so a new one cannot be left out.

use gymhook_engine::store::ApiKeyOwner;
use gymhook_service::Settings;
use http::Method;
use serde_json::{Value, json};

use crate::document::{Operation, document, operations};
use crate::stage::{Answer, Rights, Stage, egym_source};

/// A gym with one of everything, and a body for each operation that is about it.
struct Berlin {
    stage: Stage,
    subscription: String,
    delivery: String,
    key: String,
}

impl Berlin {
    async fn new() -> Self {
        let mut settings = Settings::default();
        settings.requests_per_minute = core::num::NonZeroU32::MAX;
        settings.sources = vec![egym_source()];
        let stage = Stage::with(settings).await;
        let destination = json!({"name": "app", "url": "https://app.example/berlin"});
        stage.post("/v1/destinations", destination).await.expect(201);
        let new = json!({"gym": "berlin", "platform": "egym", "url": "https://receiver.example/"});
        let written = stage.post("/v1/subscriptions", new).await.expect(201);
        let subscription = written["id"].as_str().unwrap().to_owned();
        let delivery = stage.publish("berlin", "GYM_CHECKIN").await.remove(0);
        let issued = json!({"label": "berlin's", "gym": "berlin", "rights": "write"});
        let key = stage.post("/v1/api-keys", issued).await.expect(201)["id"].as_str().unwrap().to_owned();
        Self { stage, subscription, delivery, key }
    }

    /// The path of an operation, about what is berlin's.
    fn path(&self, path: &str) -> String {
        let id = match path.split('/').nth(2).unwrap() {
            "deliveries" => self.delivery.as_str(),
            "subscriptions" => self.subscription.as_str(),
            "api-keys" => self.key.as_str(),
            other => {
                assert!(!path.contains("{id}"), "what is {{id}} of {other}?");
                ""
            }
        };
        let name = if path.starts_with("/v1/sources") { "egym-berlin" } else { "app" };
        path.replace("{id}", id).replace("{gym}", "berlin").replace("{name}", name)
    }

    /// A body that would do, if the caller were allowed to.
    fn body(&self, operation: &Operation) -> Value {
        let name = operation.about["operationId"].as_str().unwrap();
        match name {
            "publish" => json!({"gym": "berlin", "type": "GYM_CHECKIN", "data": {}}),
            "redeliverMany" => json!({"gym": "berlin", "state": "waiting"}),
            "createSubscription" => {
                json!({"gym": "berlin", "platform": "gympoint", "url": "https://receiver.example/"})
            }
            "updateSubscription" => json!({"label": "changed"}),
            "createDestination" => json!({"name": "other", "url": "https://app.example/"}),
            "updateDestination" => json!({"kinds": []}),
            "pauseSubscription" | "pauseDestination" => {
                let until = time::UtcDateTime::now() + core::time::Duration::from_secs(3_600);
                json!({"until": until.format(&time::format_description::well_known::Rfc3339).unwrap()})
            }
            "issueApiKey" => json!({"label": "x", "gym": "berlin", "rights": "read"}),
            _ => {
                assert!(
                    operation.about["requestBody"]["required"] != json!(true),
                    "what is the body of {name}?"
                );
                Value::Null
            }
        }
    }

    async fn call(&self, key: &str, operation: &Operation) -> Answer {
        let (path, body) = (self.path(&operation.path), self.body(operation));
        self.stage.call_as(key, operation.method.clone(), &path, &body).await
    }

    /// All operations but those of EGYM's API, which has another way of keys, and its own tests.
    async fn operations(&self) -> Vec<Operation> {
        let mut all = operations(&document(&self.stage).await);
        all.retain(|operation| operation.path.starts_with("/v1/"));
        assert!(all.len() >= 20);
        all
    }
}

#[tokio::test]
async fn what_is_another_gym_s_is_not_there() {
    let berlin = Berlin::new().await;
    let wien = berlin.stage.key_of("wien", Rights::Write).await;
    for operation in berlin.operations().await {
        let Operation { method, path, .. } = &operation;
        let names_nothing = !path.contains('{') && *method == Method::GET;
        if !names_nothing {
            berlin.call(&wien, &operation).await.problem(404);
            continue;
        }
        if path == "/v1/tail" {
            // Its test listens to it.
            continue;
        }
        let answer = berlin.call(&wien, &operation).await;
        if answer.status == 200 {
            let text = String::from_utf8(answer.body.to_vec()).unwrap();
            for hidden in ["berlin", "app.example", &berlin.subscription, &berlin.delivery, &berlin.key] {
                assert!(!text.contains(hidden), "{path}: {text}");
            }
        } else {
            answer.problem(404);
        }
    }
    // The operator finds everything as it was.
    let found = berlin.stage.get(&format!("/v1/subscriptions/{}", berlin.subscription)).await.expect(200);
    assert_eq!((&found["label"], &found["health"]["status"]), (&json!(""), &json!("enabled")));
    let key = berlin.stage.get(&format!("/v1/api-keys/{}", berlin.key)).await.expect(200);
    assert_eq!(key["revoked_at"], Value::Null);
    let log = berlin.stage.get("/v1/deliveries").await.expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn another_gym_s_ids_as_filters_find_nothing() {
    let berlin = Berlin::new().await;
    let wien = berlin.stage.key_of("wien", Rights::Read).await;
    for path in ["/v1/deliveries", "/v1/subscriptions", "/v1/api-keys", "/v1/stats"] {
        let path = format!("{path}?gym=berlin");
        berlin.stage.call_as(&wien, Method::GET, &path, &Value::Null).await.problem(404);
    }
    let path = format!("/v1/deliveries?endpoint={}", berlin.subscription);
    let found = berlin.stage.call_as(&wien, Method::GET, &path, &Value::Null).await.expect(200);
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn a_key_that_may_only_read_changes_nothing() {
    let berlin = Berlin::new().await;
    let readers = [
        berlin.stage.key_of("berlin", Rights::Read).await,
        berlin.stage.key(ApiKeyOwner::All, Rights::Read).await,
    ];
    for operation in berlin.operations().await {
        for reader in &readers {
            if operation.method != Method::GET {
                berlin.call(reader, &operation).await.problem(403);
            }
        }
    }
}

/// So that the two tests above are about what would be done otherwise.
#[tokio::test]
async fn whoever_may_does_all_of_it() {
    let berlin = Berlin::new().await;
    let mut operations = berlin.operations().await;
    // What ends something comes last.
    operations.sort_by_key(|operation| operation.method == Method::DELETE);
    for operation in operations {
        if operation.path == "/v1/tail" {
            continue;
        }
        let operator = berlin.stage.operator.clone();
        let answer = berlin.call(&operator, &operation).await;
        // The one delivery may be under way, or over.
        let is_late = answer.status == 409 && operation.path.starts_with("/v1/deliveries/");
        assert!(answer.status.is_success() || is_late, "{} {}: {answer:?}", operation.method, operation.path);
    }
}
