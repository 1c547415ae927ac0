//! Two gateways on one database, whose users change the same things at the same time.

use gymhook_service::Database;
use http::StatusCode;
use serde_json::{Value, json};

use crate::application::Application;
use crate::gateway::{Gateway, destination, postgres, settings, settings_to, sqlite};

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

/// Both declare the same destination; one of them fails at the last of many, and takes back only what it wrote itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_fails_takes_nothing_back_that_the_other_gateway_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(folder.path());
    let (mine, theirs) = (Application::start().await, Application::start().await);
    let one = Gateway::start(database.clone(), settings_to(&mine)).await;
    let other = Gateway::start(database, settings_to(&mine)).await;
    let connection = rusqlite::Connection::open(folder.path().join("gymhook.db")).unwrap();
    let fault = "CREATE TRIGGER fault BEFORE INSERT ON gymhook_subscriptions WHEN instr(new.settings, '\"broken\"') BEGIN SELECT RAISE(ABORT, 'refused'); END";
    connection.execute_batch(fault).unwrap();
    for round in 0..ROUNDS {
        let shared = format!("shared-{round}");
        let mut failing = settings_to(&mine);
        let names = (0..20).map(|number| format!("other-{round}-{number}"));
        let names = core::iter::once(shared.clone()).chain(names).chain(["broken".to_owned()]);
        failing.destinations = names.map(|name| destination(&name, &mine)).collect();
        let mut right = settings_to(&theirs);
        right.destinations = vec![destination(&shared, &theirs)];
        let (failed, done) = tokio::join!(one.service.reload(failing), other.service.reload(right));
        assert!(failed.is_err());
        done.unwrap();
        let (status, found) =
            one.call("GET", &format!("/v1/destinations/{shared}"), one.api_key(), None).await;
        assert_eq!((status, &found["url"]), (StatusCode::OK, &json!(theirs.url)), "{round}: {found}");
        let (_, listed) = one.call("GET", "/v1/destinations", one.api_key(), None).await;
        let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
        assert_eq!(names, [&json!(shared)], "what failed has left nothing");
    }
}
