//! Subscriptions.

use http::Method;
use serde_json::{Value, json};

use gymhook_service::Settings;

use crate::stage::{Receiver, Rights, Stage};

fn new() -> Value {
    json!({"gym": "berlin", "platform": "standard-webhooks", "url": "https://receiver.example/hooks?token=canary"})
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let stage = Stage::new().await;
    let answer = stage.post("/v1/subscriptions", new()).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let written = answer.expect(201);
    let (id, secret) = (written["id"].as_str().unwrap(), written["secret"].as_str().unwrap());
    assert_eq!(location, format!("subscriptions/{id}"), "relative to where it was posted");
    let location = format!("/v1/{location}");
    assert!(secret.starts_with("whsec_"));
    let shown = [
        stage.get(&location).await.expect(200).to_string(),
        stage.get("/v1/subscriptions").await.expect(200).to_string(),
        stage.patch(&location, json!({"label": "front desk"})).await.expect(200).to_string(),
    ];
    let rotated = stage.post(&format!("{location}/rotate"), Value::Null).await.expect(200);
    let next = rotated["secret"].as_str().unwrap();
    assert!(next != secret && next.starts_with("whsec_"));
    assert_eq!(rotated["keys"].as_array().unwrap().len(), 2, "both sign for a day");
    for shown in shown.iter().chain([&stage.get(&location).await.expect(200).to_string()]) {
        assert!(!shown.contains(secret) && !shown.contains(next) && !shown.contains("whsec_"), "{shown}");
    }
    // A given one is not repeated.
    let given = json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "overlap_seconds": 0});
    let answer = stage.post(&format!("{location}/rotate"), given).await.expect(200);
    assert_eq!(answer["secret"], Value::Null);
    assert!(!answer.to_string().contains("MfKQ9r8"));
}

#[tokio::test]
async fn what_is_disabled_is_shown_as_disabled_when_it_is_rotated() {
    let stage = Stage::new().await;
    let id = stage.subscribe("berlin", "https://receiver.example/").await;
    let path = format!("/v1/subscriptions/{id}");
    stage.post(&format!("{path}/disable"), Value::Null).await.expect(202);
    while stage.get(&path).await.expect(200)["health"]["status"] != json!("disabled") {
        tokio::time::sleep(core::time::Duration::from_millis(20)).await;
    }
    let rotated = stage.post(&format!("{path}/rotate"), Value::Null).await.expect(200);
    assert_eq!(rotated["health"]["status"], json!("disabled"));
    let listed = stage.get("/v1/subscriptions").await.expect(200);
    assert_eq!(listed["items"][0]["health"]["status"], json!("disabled"));
}

#[tokio::test]
async fn both_secrets_sign_during_a_rotation() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    let id = stage.subscribe("berlin", &receiver.url).await;
    stage
        .post(&format!("/v1/subscriptions/{id}/rotate"), json!({"overlap_seconds": 3_600}))
        .await
        .expect(200);
    let delivery = stage.publish("berlin", "x").await.remove(0);
    stage.until(&delivery, "delivered").await;
    let (headers, _) = receiver.requests().remove(0);
    let signatures = headers["webhook-signature"].to_str().unwrap();
    assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
}

#[tokio::test]
async fn everything_is_set_and_read_back() {
    let stage = Stage::new().await;
    let mut new = new();
    for (field, value) in [
        ("label", json!("front desk <b>")),
        ("events", json!(["member.*", "workout.created"])),
        ("urls", json!({"workout.created": "https://other.example/"})),
        ("headers", json!({"x-tenant": "canary"})),
        ("max_in_flight", json!(3)),
        ("rate", json!({"attempts": 10, "per_seconds": 60, "burst": 2})),
        ("ordered", json!(false)),
        ("metadata", json!({"customer": "17"})),
        ("secret", json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
    ] {
        new[field] = value;
    }
    let written = stage.post("/v1/subscriptions", new).await.expect(201);
    let path = format!("/v1/subscriptions/{}", written["id"].as_str().unwrap());
    let found = stage.get(&path).await.expect(200);
    assert_eq!(found["label"], json!("front desk <b>"));
    assert_eq!(found["events"], json!(["workout.created", "member.*"]));
    assert_eq!(found["urls"], json!({"workout.created": "https://other.example/"}));
    assert_eq!(found["headers"], json!(["x-tenant"]), "a value may be a secret");
    assert_eq!((&found["max_in_flight"], &found["metadata"]), (&json!(3), &json!({"customer": "17"})));
    assert_eq!(found["rate"], json!({"attempts": 10, "per_seconds": 60, "burst": 2}));
    assert_eq!((&found["ordered"], &found["keys"].as_array().unwrap().len()), (&json!(false), &1));
    assert_eq!(found["counts"]["waiting"], json!(0));

    let changes =
        json!({"events": null, "urls": {}, "headers": {}, "rate": null, "ordered": true, "label": ""});
    let changed = stage.patch(&path, changes).await.expect(200);
    assert_eq!(
        (&changed["events"], &changed["urls"], &changed["headers"]),
        (&Value::Null, &json!({}), &json!([]))
    );
    assert_eq!((&changed["ordered"], &changed["label"]), (&json!(true), &json!("")));
    assert_eq!(changed["rate"], Value::Null);
    assert_eq!(
        changed["url"],
        json!("https://receiver.example/hooks?token=canary"),
        "what was left out stays"
    );
    for fixed in ["gym", "platform", "secret", "id"] {
        stage.patch(&path, json!({fixed: "x"})).await.problem(422);
    }
    stage.delete(&path).await.expect(204);
    stage.get(&path).await.problem(404);
    stage.delete(&path).await.problem(404);
    stage.patch(&path, json!({"label": "x"})).await.problem(404);
}

#[tokio::test]
async fn whoever_may_only_read_is_not_shown_a_url_s_token() {
    let stage = Stage::new().await;
    stage.post("/v1/subscriptions", new()).await.expect(201);
    let reader = stage.key_of("berlin", Rights::Read).await;
    let listed = stage.call_as(&reader, Method::GET, "/v1/subscriptions", &Value::Null).await.expect(200);
    assert_eq!(listed["items"][0]["url"], json!("https://receiver.example/hooks"));
    assert!(!listed.to_string().contains("canary"));
}

#[tokio::test]
async fn every_field_is_checked_at_its_place() {
    let stage = Stage::with(Settings::default()).await;
    let many: serde_json::Map<String, Value> =
        (0..33).map(|number| (format!("x-{number}"), json!("1"))).collect();
    for (field, value, place) in [
        ("gym", json!(""), "/gym"),
        ("gym", json!("x".repeat(1_025)), "/gym"),
        ("gym", json!("a\u{0}"), "/gym"),
        ("gym", json!(1), "/gym"),
        ("gym", json!("a\nb"), "/gym"),
        ("metadata", json!({"": "x"}), "/metadata"),
        ("metadata", json!({"x": "y".repeat(501)}), "/metadata"),
        ("metadata", json!({"x": 1}), "/metadata/x"),
        ("platform", json!("destination"), "/platform"),
        ("platform", json!("inbox"), "/platform"),
        ("platform", json!("GYMPOINT"), "/platform"),
        ("platform", json!(null), "/platform"),
        ("label", json!("x".repeat(201)), "/label"),
        ("label", json!([]), "/label"),
        ("secret", json!(""), "/secret"),
        ("secret", json!("whsec_not base64"), "/secret"),
        ("secret", json!(5), "/secret"),
        ("unsigned", json!(true), "/secret"),
        ("unsigned", json!("x"), "/unsigned"),
        ("events", json!([]), "/events"),
        ("events", json!(["a", ""]), "/events/1"),
        ("events", json!(["*x"]), "/events/0"),
        ("events", json!("member.*"), "/events"),
        ("events", json!(["kind:check-in"]), "/events/0"),
        ("urls", json!({"a": "http://receiver.example/"}), "/urls/a"),
        ("urls", json!({"a/b": "https://10.0.0.1/"}), "/urls/a~1b"),
        ("urls", json!({"a.*": "https://receiver.example/"}), "/urls/a.*"),
        ("headers", json!({"host": "x"}), "/headers"),
        ("headers", json!({"webhook-signature": "x"}), "/headers"),
        ("headers", json!({"content-length": "0"}), "/headers"),
        ("headers", json!({"a b": "x"}), "/headers/a b"),
        ("headers", json!({"x-a\r\nx-b": "x"}), "/headers/x-a\r\nx-b"),
        ("headers", json!({"x-a": "x\r\nx-b: y"}), "/headers/x-a"),
        ("headers", json!({"x-a": "\u{e9}"}), "/headers"),
        ("headers", json!(many), "/headers"),
        ("headers", json!({"x-a": "y".repeat(7_000)}), "/headers"),
        ("max_in_flight", json!(0), "/max_in_flight"),
        ("max_in_flight", json!(-1), "/max_in_flight"),
        ("rate", json!({"attempts": 0, "per_seconds": 1}), "/rate/attempts"),
        ("rate", json!({"attempts": 1, "per_seconds": 0}), "/rate/per_seconds"),
        ("rate", json!({"attempts": 1}), "/rate"),
        ("ordered", json!("yes"), "/ordered"),
    ] {
        let mut bad = new();
        bad[field] = value.clone();
        let (found, detail) = stage.post("/v1/subscriptions", bad).await.problem(422);
        assert_eq!(found, place, "{field}: {value}: {detail}");
    }
    for missing in ["gym", "platform", "url"] {
        let mut bad = new();
        bad.as_object_mut().unwrap().remove(missing);
        let (_, detail) = stage.post("/v1/subscriptions", bad).await.problem(422);
        assert!(detail.contains(missing), "{detail}");
    }
    assert_eq!(stage.get("/v1/subscriptions").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_url_leads_to_a_public_https_host_or_nowhere() {
    let stage = Stage::with(Settings::default()).await;
    let created = stage.post("/v1/subscriptions", new()).await.expect(201);
    let path = format!("/v1/subscriptions/{}", created["id"].as_str().unwrap());
    for url in [
        "",
        "receiver.example",
        "http://receiver.example/",
        "ftp://receiver.example/",
        "file:///etc/passwd",
        "https://user:canary@receiver.example/",
        "https://receiver.example/#fragment",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://intranet/",
        "https://0.0.0.0/",
        "https://receiver.example/\r\nX-Injected: 1",
        "https://receiver.example/ x",
        "gopher://127.0.0.1:6379/_FLUSHALL",
    ] {
        let mut bad = new();
        bad["url"] = json!(url);
        let (place, detail) = stage.post("/v1/subscriptions", bad).await.problem(422);
        assert_eq!(place, "/url", "{url}");
        assert!(!detail.contains("canary"), "{detail}");
        assert_eq!(stage.patch(&path, json!({"url": url})).await.problem(422).0, "/url", "{url}");
    }
}

#[tokio::test]
async fn a_pause_ends_by_itself_and_is_not_for_ever() {
    let stage = Stage::new().await;
    let id = stage.subscribe("berlin", "https://receiver.example/").await;
    let path = format!("/v1/subscriptions/{id}/pause");
    for until in ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "tomorrow", ""] {
        assert_eq!(stage.post(&path, json!({"until": until})).await.problem(422).0, "/until");
    }
    stage.post(&path, Value::Null).await.problem(415);
    let until = stage.engine.now().await.unwrap() + core::time::Duration::from_secs(3_600);
    let until = until.format(&time::format_description::well_known::Rfc3339).unwrap();
    stage.post(&path, json!({"until": until})).await.expect(202);
}

#[tokio::test]
async fn a_test_is_answered_with_how_it_went() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    let id = stage.subscribe("berlin", &receiver.url).await;
    let path = format!("/v1/subscriptions/{id}/test");
    let (_, detail) = stage.post(&path, Value::Null).await.problem(422);
    assert!(detail.contains("name the event"), "{detail}");
    let test = json!({"type": "ping", "data": {"hello": 1}, "wait_seconds": 30});
    let went = stage.post(&path, test.clone()).await.expect(200);
    assert_eq!((&went["outcome"], &went["status"]), (&json!("succeeded"), &json!(204)));
    assert_eq!(receiver.requests()[0].1, r#"{"hello":1}"#);
    receiver.answer_next(500, "broken");
    let went = stage.post(&path, test).await.expect(200);
    assert_eq!((&went["outcome"], &went["response"]), (&json!("failed"), &json!("broken")));
    for (body, place) in [
        (json!({"wait_seconds": 31}), "/wait_seconds"),
        (json!({"data": 1}), "/type"),
        (json!({"type": ""}), "/type"),
        (json!({"type": 1}), "/type"),
    ] {
        assert_eq!(stage.post(&path, body).await.problem(422).0, place);
    }
    let all = stage.post("/v1/gyms/berlin/test", Value::Null).await.expect(200);
    assert_eq!(all[0]["subscription"], json!(id));
    assert!(all[0]["delivery"].is_null() && all[0]["problem"]["detail"].is_string(), "{all}");
    let egym = json!({"gym": "berlin", "platform": "egym", "url": receiver.url, "secret": "a-bearer-secret-0123456789"});
    stage.post("/v1/subscriptions", egym).await.expect(201);
    let all = stage.post("/v1/gyms/berlin/test", Value::Null).await.expect(200);
    let sent = all.as_array().unwrap().iter().filter(|test| test["delivery"].is_string()).count();
    assert_eq!((all.as_array().unwrap().len(), sent), (2, 1));
    assert_eq!(stage.post("/v1/gyms/nowhere/test", Value::Null).await.expect(200), json!([]));
}

#[tokio::test]
async fn lists_are_narrowed_and_paged() {
    let stage = Stage::new().await;
    for (number, gym) in ["berlin", "berlin", "wien"].iter().enumerate() {
        for platform in ["gympoint", "standard-webhooks"] {
            let url = format!("https://receiver.example/{number}");
            stage
                .post("/v1/subscriptions", json!({"gym": gym, "platform": platform, "url": url}))
                .await
                .expect(201);
        }
    }
    for (query, count) in [
        ("", 6),
        ("gym=berlin", 4),
        ("platform=gympoint", 3),
        ("gym=wien&platform=gympoint", 1),
        ("platform=x", 0),
    ] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = stage.get(&format!("/v1/subscriptions?limit=2&{query}{cursor}")).await.expect(200);
            found.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count, "{query}");
    }
    assert_eq!(stage.get("/v1/subscriptions?cursor=7").await.problem(422).0, "cursor");
}

#[tokio::test]
async fn egym_s_rule_of_one_url_in_a_gym_is_kept() {
    let stage = Stage::new().await;
    let new = json!({"gym": "berlin", "platform": "egym", "url": "https://receiver.example/"});
    stage.post("/v1/subscriptions", new.clone()).await.expect(201);
    assert_eq!(stage.post("/v1/subscriptions", new).await.problem(409).0, "/url");
}
