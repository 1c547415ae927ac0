//! The live tail.

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::Request;
use serde_json::Value;

use crate::stage::{Receiver, Rights, Stage};

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
    assert_eq!(stage.send(get(&key, "endpoint=x")).await.problem(422).0, "endpoint");
    stage.send(get(&key, "since=1")).await.problem(422);
}
