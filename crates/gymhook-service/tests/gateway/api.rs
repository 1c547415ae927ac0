//! Destinations and sources over the API.

use gymhook::event::Vendor;
use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights, SubscriptionQuery};
use http::StatusCode;
use serde_json::{Value, json};

use crate::application::{Application, SECRET};
use crate::gateway::{Gateway, check_in, destination, settings, settings_to, sqlite};

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_created_changed_rotated_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let (application, other) = (Application::start().await, Application::start().await);
    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    let key = gateway.api_key();
    let new = json!({"name": "app", "url": application.url, "kinds": ["check-in"]});
    let (status, created) = gateway.call("POST", "/v1/destinations", key, Some(new.clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let secret = created["secret"].as_str().unwrap().to_owned();
    assert_eq!((&created["form"], &created["declared"]), (&json!("cloudevents"), &json!(false)));
    let (status, _) = gateway.call("POST", "/v1/destinations", key, Some(new)).await;
    assert_eq!(status, StatusCode::CONFLICT);

    application.set_secret(&secret);
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);
    application.until_taken(1).await;

    // Both secrets sign for a while.
    let (status, rotated) = gateway.call("POST", "/v1/destinations/app/rotate", key, None).await;
    assert_eq!(status, StatusCode::OK, "{rotated}");
    assert_eq!(rotated["keys"].as_array().unwrap().len(), 2);
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-2")).await, StatusCode::OK);
    application.until_taken(2).await;
    application.set_secret(rotated["secret"].as_str().unwrap());
    other.set_secret(rotated["secret"].as_str().unwrap());

    let change = json!({"url": other.url, "form": "original", "kinds": []});
    let (status, changed) = gateway.call("PATCH", "/v1/destinations/app", key, Some(change)).await;
    assert_eq!((status, &changed["form"]), (StatusCode::OK, &json!("original")), "{changed}");
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-3")).await, StatusCode::OK);
    let original = other.until_taken(1).await;
    assert_eq!(&*original[0].body, check_in("u-3").as_bytes());

    let (status, tested) = gateway.call("POST", "/v1/destinations/app/test", key, None).await;
    assert_eq!((status, &tested["outcome"]), (StatusCode::OK, &json!("succeeded")), "{tested}");
    let test = other.until_taken(2).await[1].event();
    assert_eq!((&test["type"], &test["specversion"]), (&json!("gymhook.test"), &json!("1.0")));

    assert_eq!(gateway.call("DELETE", "/v1/destinations/app", key, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(gateway.call("GET", "/v1/destinations/app", key, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-4")).await, StatusCode::OK);
    gateway.until_idle().await;
    assert_eq!((application.taken().len(), other.taken().len()), (2, 2));
    // Its name can be used again.
    let again = json!({"name": "app", "url": application.url, "secret": SECRET});
    let (status, created) = gateway.call("POST", "/v1/destinations", key, Some(again)).await;
    assert_eq!((status, &created["secret"]), (StatusCode::CREATED, &Value::Null));
}

/// The network was taken out of the settings: whatever is changed of it, its URL is what has to be changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_whose_network_is_no_longer_allowed_is_refused_for_its_url() {
    let folder = tempfile::tempdir().unwrap();
    let (database, application) = (sqlite(folder.path()), Application::start().await);
    let before = Gateway::start(database.clone(), settings()).await;
    let new = json!({"name": "app", "url": application.url});
    let (status, created) = before.call("POST", "/v1/destinations", before.api_key(), Some(new)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let mut narrower = settings();
    narrower.destination_networks.clear();
    let after = Gateway::start(database, narrower).await;
    let change = json!({"kinds": ["check-in"]});
    let (status, said) = after.call("PATCH", "/v1/destinations/app", before.api_key(), Some(change)).await;
    assert_eq!((status, &said["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/url")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_destinations_are_tested_at_once_whatever_they_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Application::start().await, Application::start().await);
    let mut settings = settings();
    settings.destinations = vec![destination("test", &one), destination("paused", &other)];
    let gateway = Gateway::start(sqlite(folder.path()), settings).await;
    let key = gateway.api_key();
    let (status, _) = gateway.call("POST", "/v1/destinations/paused/disable", key, None).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, sent) = gateway.call("POST", "/v1/destination-tests", key, None).await;
    assert_eq!(status, StatusCode::OK, "{sent}");
    let names: Vec<_> = sent.as_array().unwrap().iter().map(|sent| sent["destination"].clone()).collect();
    assert_eq!(names, [json!("paused"), json!("test")]);
    for (sent, application) in sent.as_array().unwrap().iter().zip([&other, &one]) {
        let test = application.until_taken(1).await.remove(0);
        assert_eq!(test.event()["type"], json!("gymhook.test"));
        assert_eq!(test.header("webhook-id"), sent["delivery"].as_str().unwrap());
        assert_eq!(sent["problem"], Value::Null);
    }
    let (status, _) = gateway.call("GET", "/v1/destinations/test", key, None).await;
    assert_eq!(status, StatusCode::OK, "a destination of this name is there");
    let (_, audit) = gateway.call("GET", "/v1/audit", key, None).await;
    assert_eq!(audit["items"][0]["action"], json!("test all destinations"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_destination_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    let good = json!({"name": "app", "url": "https://app.example/hooks"});
    for (field, value, pointer) in [
        ("name", json!("a/b"), "/name"),
        ("name", json!(""), "/name"),
        ("url", json!("https://10.0.0.1/"), "/url"),
        ("url", json!("https://169.254.169.254/latest"), "/url"),
        ("url", json!("file:///etc/passwd"), "/url"),
        ("url", json!("http://93.184.215.14/"), "/url"),
        ("url", json!("https://user:pw@app.example/"), "/url"),
        ("secret", json!("short"), "/secret"),
        ("form", json!("xml"), "/form"),
        ("kinds", json!(["check-in", "chek-in"]), "/kinds/1"),
        ("sources", json!(["a\u{0}b"]), "/sources/0"),
        ("studios", json!(vec!["s".repeat(1_000); 100]), "/studios"),
        ("kinds", json!("check-in"), "/kinds"),
        ("retry_delays", json!(["5s", "soon"]), "/retry_delays/1"),
        ("retry_delays", json!(["0s"]), "/retry_delays/0"),
        ("retry_delays", json!(vec!["5s"; 101]), "/retry_delays"),
        ("retry_delays", json!([5]), "/retry_delays/0"),
        ("retry_exponential", json!("1m,2,1h"), "/retry_exponential"),
        ("attempt_timeout", json!("3m"), "/attempt_timeout"),
        ("extra", json!(1), "/extra"),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let (status, problem) =
            gateway.call("POST", "/v1/destinations", gateway.api_key(), Some(bad.clone())).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad:.200}: {problem}");
        assert_eq!(problem["pointer"], pointer, "{problem}");
    }
    assert_eq!(gateway.call("GET", "/v1/destinations", gateway.api_key(), None).await.1["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_destination_is_retried_is_set_kept_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    let key = gateway.api_key().to_owned();
    let set = async |gateway: &Gateway, method: &str, path: &str, body: Value| {
        let (status, answer) = gateway.call(method, path, &key, Some(body)).await;
        assert!(status.is_success(), "{answer}");
        (answer["retry_delays"].clone(), answer["attempt_timeout"].clone())
    };
    let new = json!({"name": "app", "url": application.url});
    let default = set(&gateway, "POST", "/v1/destinations", new).await;
    let standard = json!(["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "1d"]);
    assert_eq!(default, (standard, json!("15s")));
    let own = json!({"name": "own", "url": application.url, "retry_delays": ["90s", "1h"], "attempt_timeout": "4s"});
    let own = set(&gateway, "POST", "/v1/destinations", own).await;
    assert_eq!(own, (json!(["90s", "1h"]), json!("4s")));

    // What is not given stays as it is.
    let path = "/v1/destinations/own";
    assert_eq!(set(&gateway, "PATCH", path, json!({"kinds": ["check-in"]})).await, own);
    let growing = set(&gateway, "PATCH", path, json!({"retry_exponential": "1m,3,10m,4"})).await;
    assert_eq!(growing, (json!(["1m", "3m", "9m", "10m"]), json!("4s")));
    let both = json!({"retry_delays": [], "retry_exponential": "1m,2,1h,5"});
    let (status, problem) = gateway.call("PATCH", path, &key, Some(both)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["pointer"], "/retry_exponential", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("exclude one another"), "{problem}");
    gateway.service.shutdown().await;
    drop(gateway);

    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    assert_eq!(set(&gateway, "PATCH", path, json!({})).await, growing);
    let never = set(&gateway, "PATCH", path, json!({"retry_delays": []})).await;
    assert_eq!(never, (json!([]), json!("4s")));
}

/// `null` is the default again, which is told apart from a field that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_destination_has_of_its_own_is_unset_by_null() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(sqlite(folder.path()), settings()).await;
    let key = gateway.api_key();
    let own = json!({"name": "own", "url": "https://app.example/", "retry_delays": ["90s"], "attempt_timeout": "4s"});
    let (status, answer) = gateway.call("POST", "/v1/destinations", key, Some(own)).await;
    assert!(status.is_success(), "{answer}");
    // What Standard Webhooks recommends.
    let standard = || json!(["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "1d"]);
    for (change, delays, timeout) in [
        (json!({"attempt_timeout": null}), json!(["90s"]), "15s"),
        (json!({"attempt_timeout": "4s"}), json!(["90s"]), "4s"),
        (json!({"retry_delays": null}), standard(), "4s"),
        (json!({"retry_delays": null, "retry_exponential": "1m,2,1h,2"}), json!(["1m", "2m"]), "4s"),
        (json!({"retry_delays": ["7s"], "retry_exponential": null}), json!(["7s"]), "4s"),
        (json!({"kinds": []}), json!(["7s"]), "4s"),
        (json!({"retry_exponential": null}), standard(), "4s"),
        (json!({"retry_delays": []}), json!([]), "4s"),
        (
            json!({"retry_delays": null, "retry_exponential": null, "attempt_timeout": null}),
            standard(),
            "15s",
        ),
    ] {
        let path = "/v1/destinations/own";
        let (status, answer) = gateway.call("PATCH", path, key, Some(change.clone())).await;
        assert_eq!(status, StatusCode::OK, "{change}: {answer}");
        assert_eq!(
            (&answer["retry_delays"], &answer["attempt_timeout"]),
            (&delays, &json!(timeout)),
            "{change}"
        );
        let (_, read) = gateway.call("GET", path, key, None).await;
        assert_eq!((&read["retry_delays"], &read["attempt_timeout"]), (&delays, &json!(timeout)), "{change}");
    }
}

/// A destination is of no gym: a key of one gym does not reach it, whatever the gym is called.
#[tokio::test(flavor = "multi_thread")]
async fn no_gym_s_key_reaches_a_destination_or_a_source() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);
    application.until_taken(1).await;
    gateway.until_idle().await;
    let engine = gateway.engine();
    let listed = gateway.call("GET", "/v1/destinations", gateway.api_key(), None).await.1;
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let everything = engine.subscriptions(SubscriptionQuery::new(100)).await.unwrap().items;
    assert!(everything.iter().all(|subscription| subscription.gym().is_empty()));

    let nameless =
        engine.issue_api_key(ApiKeyOwner::Gym(String::new()), "nameless", ApiKeyRights::Write).await;
    assert!(nameless.is_err());
    for gym in ["destination", "inbox", " ", "null", "pg-next", "app"] {
        let owner = ApiKeyOwner::Gym(gym.to_owned());
        let issued = engine.issue_api_key(owner, "gym", ApiKeyRights::Write).await.unwrap();
        let key = issued.expose_key();
        for (method, path) in [
            ("GET", "/v1/destinations"),
            ("GET", "/v1/destinations/app"),
            ("DELETE", "/v1/destinations/app"),
            ("POST", "/v1/destinations/app/test"),
            ("POST", "/v1/destination-tests"),
            ("POST", "/v1/destinations/app/disable"),
            ("GET", "/v1/sources"),
            ("GET", "/v1/sources/egym"),
            ("GET", "/v1/refusals"),
            ("GET", &format!("/v1/subscriptions/{id}")),
            ("DELETE", &format!("/v1/subscriptions/{id}")),
        ] {
            let (status, answer) = gateway.call(method, path, key, None).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{gym:?} {method} {path}: {answer}");
        }
        let (_, deliveries) = gateway.call("GET", "/v1/deliveries", key, None).await;
        assert_eq!(deliveries["items"], json!([]), "{gym:?}");
    }
    assert_eq!(gateway.call("GET", "/v1/destinations/app", gateway.api_key(), None).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_settings_declare_is_changed_there() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let mut first = settings();
    first.destinations = vec![destination("app", &application), destination("gone", &application)];
    let gateway = Gateway::start(sqlite(folder.path()), first).await;
    let key = gateway.api_key().to_owned();
    for (method, path, body) in [
        ("PATCH", "/v1/destinations/app", Some(json!({"kinds": []}))),
        ("DELETE", "/v1/destinations/app", None),
        ("POST", "/v1/destinations/app/rotate", None),
    ] {
        let (status, problem) = gateway.call(method, path, &key, body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("settings"), "{problem}");
    }
    let (status, _) = gateway.call("POST", "/v1/destinations/app/disable", &key, None).await;
    assert_eq!(status, StatusCode::ACCEPTED, "operating it is not changing it");
    let by_hand = json!({"name": "by-hand", "url": application.url});
    assert_eq!(gateway.call("POST", "/v1/destinations", &key, Some(by_hand)).await.0, StatusCode::CREATED);
    gateway.service.shutdown().await;
    drop(gateway);

    let mut second = settings();
    second.destinations = vec![destination("app", &application)];
    let gateway = Gateway::start(sqlite(folder.path()), second).await;
    let (_, listed) = gateway.call("GET", "/v1/destinations", &key, None).await;
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert_eq!(names, [json!("app"), json!("by-hand")]);
}
