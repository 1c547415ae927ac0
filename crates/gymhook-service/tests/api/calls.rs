//! What is the same for all calls: keys, bodies, paths and methods.

use core::task::Poll;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::stage::{Answer, Rights, Stage};

async fn with_authorization(stage: &Stage, value: Option<&str>) -> Answer {
    let mut request = Request::get("/v1/stats");
    if let Some(value) = value {
        request = request.header("authorization", value);
    }
    stage.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_key_is_needed_and_only_one_that_counts_will_do() {
    let stage = Stage::new().await;
    let good = format!("bearer {}", stage.operator);
    assert_eq!(with_authorization(&stage, Some(&good)).await.status, 200);
    let other = format!("Bearer {}x", stage.operator);
    let basic = format!("Basic {}", stage.operator);
    for bad in [None, Some(""), Some("Bearer"), Some("Bearer "), Some(&*other), Some(&*basic)] {
        let answer = with_authorization(&stage, bad).await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{bad:?}");
        answer.problem(401);
    }
    let twice = Request::get("/v1/stats").header("authorization", &good).header("authorization", &good);
    stage.send(twice.body(Body::empty()).unwrap()).await.problem(401);
    // The key is not read from anywhere else.
    let in_query = format!("/v1/stats?key={}", stage.operator);
    stage.send(Request::get(in_query).body(Body::empty()).unwrap()).await.problem(401);
}

#[tokio::test]
async fn a_revoked_key_counts_no_more() {
    let stage = Stage::new().await;
    let issued = stage.post("/v1/api-keys", json!({"label": "x", "rights": "write"})).await.expect(201);
    let (key, id) = (issued["key"].as_str().unwrap(), issued["id"].as_str().unwrap());
    stage.call_as(key, Method::GET, "/v1/stats", &Value::Null).await.expect(200);
    stage.delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    stage.call_as(key, Method::GET, "/v1/stats", &Value::Null).await.problem(401);
}

#[tokio::test]
async fn nothing_here_and_not_like_this_are_problems_too() {
    let stage = Stage::new().await;
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/deliveries/", "/v2/stats", "/v1/stats/"] {
        stage.get(path).await.problem(404);
    }
    for id in ["1", "x", "..", "%00", "%ff", "0192ab34000070008000000000000001", "%27%20OR%201=1"] {
        for path in
            [format!("/v1/deliveries/{id}"), format!("/v1/subscriptions/{id}"), format!("/v1/api-keys/{id}")]
        {
            stage.get(&path).await.problem(404);
        }
    }
    let answer = stage.delete("/v1/deliveries").await;
    assert!(answer.headers["allow"].to_str().unwrap().contains("GET"));
    answer.problem(405);
}

#[tokio::test]
async fn a_body_is_json_and_not_too_long() {
    let stage = Stage::new().await;
    let with = |content_type: Option<&str>, body: Vec<u8>| {
        let mut request =
            Request::post("/v1/events").header("authorization", format!("Bearer {}", stage.operator));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        stage.send(request.body(Body::from(body)).unwrap())
    };
    let event = br#"{"gym":"berlin","type":"x","data":1}"#.to_vec();
    with(Some("application/json; charset=utf-8"), event.clone()).await.expect(202);
    for content_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx")]
    {
        with(content_type, event.clone()).await.problem(415);
    }
    for body in [
        "",
        "{",
        "[] x",
        "{\"gym\":\"a\",\"type\":\"x\",\"data\":1} x",
        "\u{feff}{}",
        "{\"gym\":\"a\"",
        "{'gym':1}",
    ] {
        with(Some("application/json"), body.as_bytes().to_vec()).await.problem(400);
    }
    with(Some("application/json"), b"\xff\xfe".to_vec()).await.problem(400);
    with(Some("application/json"), vec![b' '; 10 << 20]).await.problem(413);

    // Without a declared length as well: no more is read than may be.
    let chunks =
        futures_util::stream::repeat_with(|| Ok::<_, core::convert::Infallible>(vec![b' '; 64 << 10]));
    let endless = Request::post("/v1/events")
        .header("authorization", format!("Bearer {}", stage.operator))
        .header("content-type", "application/json")
        .body(Body::from_stream(chunks));
    stage.send(endless.unwrap()).await.problem(413);
}

#[tokio::test]
async fn a_change_whose_caller_hangs_up_goes_on_to_its_end() {
    let stage = Stage::new().await;
    let new = json!({"gym": "berlin", "platform": "gympoint", "url": "https://receiver.example/"});
    let request = Request::post("/v1/subscriptions")
        .header("authorization", format!("Bearer {}", stage.operator))
        .header("content-type", "application/json")
        .body(Body::from(new.to_string()));
    let mut call = Box::pin(stage.answer(request.unwrap()));
    let is_pending = core::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending()));
    assert!(is_pending.await, "it is under way");
    drop(call);
    let mut done = json!([]);
    for _ in 0..500 {
        done = stage.get("/v1/audit").await.expect(200)["items"].clone();
        if done != json!([]) {
            break;
        }
        tokio::time::sleep(core::time::Duration::from_millis(20)).await;
    }
    assert_eq!(done[0]["action"], json!("create subscription"));
    let listed = stage.get("/v1/subscriptions").await.expect(200);
    assert_eq!(listed["items"][0]["id"], done[0]["subject"]);
}

#[tokio::test]
async fn an_unknown_parameter_or_field_is_refused_by_name() {
    let stage = Stage::new().await;
    let (place, detail) = stage.get("/v1/deliveries?stat=waiting").await.problem(422);
    assert_eq!(place, "stat");
    assert!(detail.contains("did you mean \"state\"?"), "{detail}");
    stage.get("/v1/deliveries?limit=1&limit=2").await.problem(422);
    let (_, detail) = stage.post("/v1/events", json!({"gym": "a", "typ": "x", "data": 1})).await.problem(422);
    assert!(detail.contains("typ") && detail.contains("type"), "{detail}");
}

#[tokio::test]
async fn answers_are_not_kept_and_are_what_they_say() {
    let stage = Stage::new().await;
    let answer = stage.get("/v1/stats").await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_reader_changes_nothing_whatever_it_sends() {
    let stage = Stage::new().await;
    let reader = stage.key_of("berlin", Rights::Read).await;
    // Refused before the body is looked at.
    for body in [json!({}), json!([]), json!({"gym": "berlin"})] {
        let (_, detail) = stage.call_as(&reader, Method::POST, "/v1/events", &body).await.problem(403);
        assert!(detail.contains("use one with the rights \"write\""), "{detail}");
    }
}
