//! Two gateways on one database, whose users change the same things at the same time.

use gymhook_service::Database;
use http::StatusCode;
use serde_json::{Value, json};

use crate::gateway::{Gateway, postgres, settings, sqlite};

const ROUNDS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_keep_each_others_changes_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    each_others_changes_are_kept(sqlite(folder.path()).into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_keep_each_others_changes_on_postgres() {
    each_others_changes_are_kept(postgres().await.into()).await;
}

async fn each_others_changes_are_kept(database: Database) {
    let one = Gateway::start(database.clone(), settings()).await;
    let other = Gateway::start(database, settings()).await;
    let key = one.api_key();
    let subscription = json!({"gym": "berlin", "platform": "point", "url": "https://app.example/hooks"});
    let (status, created) = one.call("POST", "/v1/subscriptions", key, Some(subscription)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let subscription = format!("/v1/subscriptions/{}", created["id"].as_str().unwrap());

    for round in 0..ROUNDS {
        let name = format!("app-{round}");
        let new = || Some(json!({"name": name, "url": "https://app.example/hooks"}));
        let (first, second) = tokio::join!(
            one.call("POST", "/v1/destinations", key, new()),
            other.call("POST", "/v1/destinations", key, new()),
        );
        let mut created = [first.0.as_u16(), second.0.as_u16()];
        created.sort_unstable();
        assert_eq!(created, [201, 409], "{} {}", first.1, second.1);

        let destination = format!("/v1/destinations/{name}");
        changed(&one, &destination, json!({"kinds": ["check-in"]}), &other, json!({"studios": ["wien"]}))
            .await;
        let (_, found) = one.call("GET", &destination, key, None).await;
        assert_eq!((&found["kinds"], &found["studios"]), (&json!(["check-in"]), &json!(["wien"])), "{found}");

        let header = format!("x-round-{round}");
        let headers = json!({"headers": {header.as_str(): "canary"}});
        changed(&one, &subscription, json!({"label": name}), &other, headers).await;
        let (_, found) = one.call("GET", &subscription, key, None).await;
        assert_eq!((&found["label"], &found["headers"]), (&json!(name), &json!([header])), "{found}");
    }
}

/// Makes one change through each gateway, at the same time.
async fn changed(one: &Gateway, path: &str, first: Value, other: &Gateway, second: Value) {
    let key = one.api_key();
    let (first, second) = tokio::join!(
        one.call("PATCH", path, key, Some(first)),
        other.call("PATCH", path, key, Some(second)),
    );
    for (status, said) in [first, second] {
        assert_eq!(status, StatusCode::OK, "{path}: {said}");
    }
}
