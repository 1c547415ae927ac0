//! How often a key may ask.

use core::num::NonZeroU32;

use axum::body::Body;
use http::{Method, Request};
use serde_json::Value;

use gymhook_engine::store::ApiKeyOwner;
use gymhook_service::Settings;

use crate::stage::{Rights, Stage};

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_go_on_and_others_are_not_held_up() {
    let mut settings = Settings::default();
    settings.requests_per_minute = NonZeroU32::new(3).unwrap();
    let stage = Stage::with(settings).await;
    let (one, other) = (stage.operator.clone(), stage.key(ApiKeyOwner::All, Rights::Read).await);
    for _ in 0..3 {
        stage.call_as(&one, Method::GET, "/v1/stats", &Value::Null).await.expect(200);
    }
    let answer = stage.call_as(&one, Method::GET, "/v1/stats", &Value::Null).await;
    let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=21).contains(&seconds), "{seconds}");
    answer.problem(429);
    stage.call_as(&other, Method::GET, "/v1/stats", &Value::Null).await.expect(200);
}

/// Live tails are requests that do not end: they must not take all connections.
#[tokio::test]
async fn a_key_has_so_many_requests_under_way_and_no_more() {
    let stage = Stage::new().await;
    let listen = || {
        let request = Request::get("/v1/tail").header("authorization", format!("Bearer {}", stage.operator));
        stage.answer(request.body(Body::empty()).unwrap())
    };
    let other = stage.key(ApiKeyOwner::All, Rights::Read).await;
    let mut tails = Vec::new();
    for _ in 0..64 {
        let answer = listen().await;
        assert_eq!(answer.status(), 200);
        tails.push(answer);
    }
    assert_eq!(listen().await.status(), 429);
    stage.get("/v1/stats").await.problem(429);
    stage.call_as(&other, Method::GET, "/v1/stats", &Value::Null).await.expect(200);
    tails.pop();
    stage.get("/v1/stats").await.expect(200);
}
