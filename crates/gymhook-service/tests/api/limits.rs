//! How often a key may ask.

use core::num::NonZeroU32;

use http::Method;
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
