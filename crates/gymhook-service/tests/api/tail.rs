//! The live tail.

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::Request;
use serde_json::Value;

use gymhook_service::Settings;

use crate::stage::{Receiver, Rights, Stage, egym_source};

struct Heard {
    stream: BodyDataStream,
    text: String,
}

impl Heard {
    async fn listen(stage: &Stage, key: &str, query: &str) -> Self {
        let request =
            Request::get(format!("/v1/tail?{query}")).header("authorization", format!("Bearer {key}"));
        let answer = stage.answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { stream: answer.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event: its name and its data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = (field("event: "), field("data: "));
                self.text = rest.to_owned();
                if let (Some(name), Some(data)) = found {
                    return (name, serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let chunk = self.stream.next().await.unwrap().unwrap();
            self.text.push_str(core::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn a_gym_hears_of_its_own_attempts_alone() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    stage.subscribe("wien", &receiver.url).await;
    stage.subscribe("berlin", &receiver.url).await;
    let key = stage.key_of("berlin", Rights::Read).await;
    let mut own = Heard::listen(&stage, &key, "").await;
    let mut all = Heard::listen(&stage, &stage.operator, "").await;
    let mut some = Heard::listen(&stage, &stage.operator, "type=y").await;
    let other = stage.publish("wien", "x").await.remove(0);
    stage.until(&other, "delivered").await;
    let mine = stage.publish("berlin", "y").await.remove(0);
    let (name, attempt) = own.next().await;
    assert_eq!((name.as_str(), attempt["delivery"].as_str().unwrap()), ("attempt", mine.as_str()));
    assert_eq!((attempt["gym"].as_str(), attempt["status"].as_u64()), (Some("berlin"), Some(204)));
    assert_eq!(all.next().await.1["delivery"].as_str().unwrap(), other);
    assert_eq!(all.next().await.1["delivery"].as_str().unwrap(), mine);
    assert_eq!(some.next().await.1["delivery"].as_str().unwrap(), mine);
}

/// Whoever hears of an attempt may read its delivery at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_in_the_log_when_it_is_heard_of() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    stage.subscribe("berlin", &receiver.url).await;
    let mut heard = Heard::listen(&stage, &stage.operator, "what=attempt").await;
    for number in 0..50 {
        let sent = stage.publish("berlin", "x").await.remove(0);
        let (_, attempt) = heard.next().await;
        assert_eq!(attempt["delivery"].as_str().unwrap(), sent);
        let delivery = stage.get(&format!("/v1/deliveries/{sent}")).await.expect(200);
        assert_eq!(delivery["state"].as_str(), Some("delivered"), "{number}: {delivery}");
        let logged = &delivery["log"].as_array().unwrap()[0];
        assert_eq!(
            (&attempt["status"], &attempt["outcome"]),
            (&logged["status"], &logged["outcome"]),
            "{number}: {attempt} {logged}"
        );
        assert!(attempt["took_ms"].is_u64() && attempt["event_type"] == "x", "{attempt}");
    }
}

#[tokio::test]
async fn a_slow_listener_is_told_how_many_it_missed_and_no_gym_hears_of_a_source() {
    let mut settings = Settings::default();
    settings.sources = vec![egym_source()];
    let stage = Stage::with(settings).await;
    let key = stage.key_of("berlin", Rights::Read).await;
    let mut slow = Heard::listen(&stage, &stage.operator, "what=received").await;
    let mut other = Heard::listen(&stage, &stage.operator, "source=nothing").await;
    let mut gyms = Heard::listen(&stage, &key, "").await;
    // Nobody reads meanwhile; 1,024 are kept for each listener.
    for _ in 0..1_030 {
        let refused = Request::post("/in/egym-berlin").body(Body::from("{}")).unwrap();
        assert_eq!(stage.send(refused).await.status, 401);
    }
    let (name, missed) = slow.next().await;
    assert_eq!((name.as_str(), &missed["missed"]), ("missed", &serde_json::json!(6)));
    let (name, received) = slow.next().await;
    assert_eq!((name.as_str(), received["status"].as_u64()), ("received", Some(401)));
    for quiet in [&mut other, &mut gyms] {
        assert_eq!(quiet.next().await.0, "missed", "whatever they were about");
        let more = tokio::time::timeout(core::time::Duration::from_millis(200), quiet.next()).await;
        assert!(more.is_err(), "{more:?}");
    }
}

#[tokio::test]
async fn a_revoked_key_hears_no_more() {
    let stage = Stage::new().await;
    let issued =
        stage.post("/v1/api-keys", serde_json::json!({"label": "x", "rights": "read"})).await.expect(201);
    let mut heard = Heard::listen(&stage, issued["key"].as_str().unwrap(), "").await;
    let mut goes_on = Heard::listen(&stage, &stage.operator, "").await;
    stage.delete(&format!("/v1/api-keys/{}", issued["id"].as_str().unwrap())).await.expect(204);
    // The stream ends by itself.
    while let Some(chunk) = heard.stream.next().await {
        chunk.unwrap();
    }
    let more = tokio::time::timeout(core::time::Duration::from_millis(200), goes_on.next()).await;
    assert!(more.is_err(), "a key that counts listens on");
}

#[tokio::test]
async fn another_gym_cannot_be_listened_to_and_parameters_are_checked() {
    let stage = Stage::new().await;
    let key = stage.key_of("berlin", Rights::Read).await;
    let get = |key: &str, query: &str| {
        let request =
            Request::get(format!("/v1/tail?{query}")).header("authorization", format!("Bearer {key}"));
        request.body(Body::empty()).unwrap()
    };
    stage.send(get(&key, "gym=wien")).await.problem(404);
    assert_eq!(stage.send(get(&key, "what=x")).await.problem(422).0, "what");
    for (query, name) in [
        ("what=attempt&source=egym", "source"),
        ("what=received&type=x", "type"),
        ("source=egym&gym=berlin", "gym"),
    ] {
        assert_eq!(stage.send(get(&stage.operator, query)).await.problem(422).0, name, "{query}");
    }
    assert_eq!(stage.send(get(&key, "endpoint=x")).await.problem(422).0, "endpoint");
    stage.send(get(&key, "since=1")).await.problem(422);
}
