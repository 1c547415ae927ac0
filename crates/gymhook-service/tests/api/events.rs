//! Publishing.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::stage::{Answer, Receiver, Rights, Stage};

fn deliveries(published: &Value) -> usize {
    published["deliveries"].as_array().unwrap().len()
}

async fn publish(stage: &Stage, key: Option<&str>, body: &str) -> Answer {
    let mut request = Request::post("/v1/events")
        .header("authorization", format!("Bearer {}", stage.operator))
        .header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    stage.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn what_is_published_is_sent_byte_for_byte_and_signed() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    let new = json!({"gym": "berlin", "platform": "standard-webhooks", "url": receiver.url});
    let written = stage.post("/v1/subscriptions", new).await.expect(201);
    let secret = written["secret"].as_str().unwrap();
    // The order of fields, the spelling of numbers and the white space are the publisher's.
    let data = r#"{ "b": 1.50, "a": 10000000000000000000000001,  "e": "\u0041" }"#;
    let event = format!(r#"{{"gym":"berlin","type":"workout.created","data":{data}}}"#);
    let published = publish(&stage, None, &event).await.expect(202);
    let delivery = published["deliveries"][0]["id"].as_str().unwrap().to_owned();
    stage.until(&delivery, "delivered").await;
    let (headers, body) = receiver.requests().pop().unwrap();
    assert_eq!(body, data);
    assert_eq!(headers["webhook-id"], delivery.as_str());
    let verified = standard_signature(secret, &headers, &body);
    assert_eq!(headers["webhook-signature"], verified.as_str());

    let kept = stage.get(&format!("/v1/deliveries/{delivery}/body")).await;
    assert_eq!(kept.body, data);
}

/// By the specification: base64 of the HMAC-SHA256 of `id.timestamp.body` under the decoded secret.
fn standard_signature(secret: &str, headers: &http::HeaderMap, body: &[u8]) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{KeyInit as _, Mac as _};
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    let text = |name: &str| headers[name].to_str().unwrap();
    mac.update(format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_repeat_says_so_and_delivers_nothing_twice() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    stage.subscribe("berlin", &receiver.url).await;
    let event = r#"{"gym":"berlin","type":"x","data":1}"#;
    let first = publish(&stage, Some("event-1"), event).await.expect(202);
    assert_eq!((&first["id"], &first["repeated"]), (&json!("event-1"), &json!(false)));
    let again = publish(&stage, Some("event-1"), event).await.expect(200);
    assert_eq!(again["repeated"], json!(true));
    assert_eq!(again["deliveries"][0]["id"], first["deliveries"][0]["id"]);
    // The field and the header are one.
    let field = r#"{"id":"event-1","gym":"berlin","type":"x","data":1}"#;
    assert_eq!(publish(&stage, None, field).await.expect(200)["repeated"], json!(true));
    assert_eq!(publish(&stage, Some("event-1"), field).await.expect(200)["repeated"], json!(true));
    assert_eq!(publish(&stage, Some("event-2"), field).await.problem(422).0, "/id");
    // Another body under the same id is a mistake, and not a repeat.
    let other = r#"{"gym":"berlin","type":"x","data":2}"#;
    assert_eq!(publish(&stage, Some("event-1"), other).await.problem(409).0, "/id");
    // Of a list as well, if nothing of it was enqueued.
    let listed = r#"{"id":"event-1","gym":"berlin","type":"x","data":2}"#;
    assert_eq!(publish(&stage, None, &format!("[{listed},{listed}]")).await.problem(409).0, "/0/id");
    let new = r#"{"id":"event-2","gym":"berlin","type":"other","data":2}"#;
    let mixed = publish(&stage, None, &format!("[{listed},{new}]")).await.expect(202);
    let results = [&mixed[0]["deliveries"][0]["result"], &mixed[1]["deliveries"][0]["result"]];
    assert_eq!(results, [&json!("refused"), &json!("enqueued")]);
    let id = first["deliveries"][0]["id"].as_str().unwrap();
    stage.until(id, "delivered").await;
    stage.until(mixed[1]["deliveries"][0]["id"].as_str().unwrap(), "delivered").await;
    assert_eq!(receiver.requests().len(), 2);
    // Somebody who has subscribed meanwhile gets it: then it was not refused, and the answer says what was.
    stage.subscribe("berlin", &format!("{}&again", receiver.url)).await;
    let partly = publish(&stage, Some("event-1"), other).await.expect(202);
    let results: Vec<_> =
        partly["deliveries"].as_array().unwrap().iter().map(|it| it["result"].as_str()).collect();
    assert!(results.contains(&Some("refused")) && results.contains(&Some("enqueued")), "{partly}");
    // Without an id each is an event of its own.
    let [one, two] = [publish(&stage, None, event).await, publish(&stage, None, event).await];
    assert_ne!(one.expect(202)["id"], two.expect(202)["id"]);
}

#[tokio::test]
async fn up_to_a_hundred_are_published_in_order_or_none_is() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    let new = json!({"gym": "berlin", "platform": "standard-webhooks", "url": receiver.url, "ordered": true});
    stage.post("/v1/subscriptions", new).await.expect(201);
    let event = |number: usize| json!({"gym": "berlin", "type": "x", "data": number});
    let all: Vec<Value> = (0..100).map(event).collect();
    let published = publish(&stage, Some("k"), &json!(all).to_string()).await.expect(202);
    assert_eq!(published.as_array().unwrap().len(), 100);
    assert_eq!(published[7]["id"], json!("k.7"));
    let last = published[99]["deliveries"][0]["id"].as_str().unwrap();
    stage.until(last, "delivered").await;
    let bodies: Vec<String> =
        receiver.requests().iter().map(|(_, body)| String::from_utf8(body.to_vec()).unwrap()).collect();
    let expected: Vec<String> = (0..100).map(|number: usize| number.to_string()).collect();
    assert_eq!(bodies, expected);
    publish(&stage, Some("k"), &json!(all).to_string()).await.expect(200);

    assert_eq!(stage.post("/v1/events", json!([])).await.problem(422).0, "");
    let too_many: Vec<Value> = (0..101).map(event).collect();
    stage.post("/v1/events", json!(too_many)).await.problem(422);
    let mut one_bad = all.clone();
    one_bad[3] = json!({"gym": "berlin", "type": "", "data": 1});
    assert_eq!(stage.post("/v1/events", json!(one_bad)).await.problem(422).0, "/3/type");
    one_bad[3] = json!({"gym": "berlin", "type": "x", "data": 1, "id": 7});
    assert_eq!(stage.post("/v1/events", json!(one_bad)).await.problem(422).0, "/3/id");
    let count = stage.get("/v1/deliveries?limit=200").await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!(count, 100, "nothing of what was refused is there");
}

#[tokio::test]
async fn each_platform_gets_its_own_body_or_the_common_one() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    for platform in ["gympoint", "point", "standard-webhooks"] {
        let url = format!("{}&for={platform}", receiver.url);
        stage
            .post("/v1/subscriptions", json!({"gym": "berlin", "platform": platform, "url": url}))
            .await
            .expect(201);
    }
    let event = json!({"gym": "berlin", "type": "checkin.created", "data": {"common": true}});
    assert_eq!(deliveries(&stage.post("/v1/events", event.clone()).await.expect(202)), 3);
    let mut one = event.clone();
    one["platform"] = json!("gympoint");
    assert_eq!(deliveries(&stage.post("/v1/events", one).await.expect(202)), 1);
    let event = json!({
        "gym": "berlin", "type": "workout.created",
        "bodies": {"point": {"body": "<raw>"}, "gympoint": {"type": "checkin.created", "data": [1]}}
    });
    let published = stage.post("/v1/events", event).await.expect(202);
    assert_eq!(deliveries(&published), 2);
    let mut bodies = Vec::new();
    for delivery in published["deliveries"].as_array().unwrap() {
        let id = delivery["id"].as_str().unwrap();
        bodies.push(stage.get(&format!("/v1/deliveries/{id}/body")).await.body);
    }
    bodies.sort();
    assert_eq!(bodies, ["<raw>", "[1]"]);
}

#[tokio::test]
async fn every_field_of_an_event_is_checked_at_its_place() {
    let stage = Stage::new().await;
    let good = json!({"gym": "berlin", "type": "x", "data": 1});
    stage.post("/v1/events", good.clone()).await.expect(202);
    let long = "x".repeat(257);
    for (field, value, place) in [
        ("gym", json!(null), "/gym"),
        ("gym", json!(""), "/gym"),
        ("gym", json!(7), "/gym"),
        ("gym", json!("a\u{0}"), "/gym"),
        ("gym", json!("x".repeat(1_025)), "/gym"),
        ("type", json!(null), "/type"),
        ("type", json!(""), "/type"),
        ("type", json!("a\u{0}b"), "/type"),
        ("type", json!("a\nb"), "/type"),
        ("type", json!(long), "/type"),
        ("type", json!(["x"]), "/type"),
        ("id", json!(""), "/id"),
        ("id", json!(long), "/id"),
        ("id", json!("a\r\nX-Injected: 1"), "/id"),
        ("id", json!({}), "/id"),
        ("data", json!(null), "/data"),
        ("body", json!("x"), "/body"),
        ("body", json!(7), "/body"),
        ("platform", json!("destination"), "/platform"),
        ("platform", json!("inbox"), "/platform"),
        ("platform", json!(""), "/platform"),
        ("platform", json!(7), "/platform"),
        ("bodies", json!([]), "/bodies"),
        ("bodies", json!({"destination": {"data": 1}}), "/bodies/destination"),
        ("bodies", json!({"a/b~c": {"data": 1}}), "/bodies/a~1b~0c"),
        ("bodies", json!({"point": {}}), "/bodies/point/data"),
        ("bodies", json!({"point": {"data": 1, "body": ""}}), "/bodies/point/body"),
        ("bodies", json!({"point": {"type": "", "data": 1}}), "/bodies/point/type"),
    ] {
        let mut event = good.clone();
        event[field] = value.clone();
        let (found, _) = stage.post("/v1/events", event).await.problem(422);
        assert_eq!(found, place, "{field}: {value}");
    }
    for missing in ["gym", "type", "data"] {
        let mut event = good.clone();
        event.as_object_mut().unwrap().remove(missing);
        stage.post("/v1/events", event).await.problem(422);
    }
    for key in ["", &long, "a\u{e9}"] {
        let (place, _) = publish(&stage, Some(key), &good.to_string()).await.problem(422);
        assert_eq!(place, "Idempotency-Key", "{key:?}");
    }
}

#[tokio::test]
async fn a_gym_s_key_need_not_name_its_gym_and_cannot_name_another() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    stage.subscribe("berlin", &receiver.url).await;
    let key = stage.key_of("berlin", Rights::Write).await;
    let event = json!({"type": "x", "data": 1});
    assert_eq!(deliveries(&stage.call_as(&key, Method::POST, "/v1/events", &event).await.expect(202)), 1);
    let other = json!([{"type": "x", "data": 1}, {"gym": "wien", "type": "x", "data": 1}]);
    stage.call_as(&key, Method::POST, "/v1/events", &other).await.problem(404);
}
