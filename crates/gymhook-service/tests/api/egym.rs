//! EGYM's management API, called by a client that was written for EGYM, over a real socket.

use gymhook::UrlRule;
use gymhook::management::egym::{Api, Call, CallError, WebhookRequest};
use gymhook::send::EndpointUrl;
use gymhook::signature::Secret;
use gymhook_service::Settings;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::stage::{Receiver, Rights, Stage};

struct Egym {
    api: Api,
    client: Client<HttpConnector, Full<bytes::Bytes>>,
}

impl Egym {
    async fn new(stage: &Stage, key: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = stage.service.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let api = Api::at(&base, Secret::new(key).unwrap()).unwrap();
        Self { api, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn call<T>(&self, call: Call<T>) -> (http::StatusCode, Result<T, CallError>) {
        let (request, reply) = call.into_parts();
        let (parts, body) = self.client.request(request.map(Full::new)).await.unwrap().into_parts();
        let answer = Response::from_parts(parts, body.collect().await.unwrap().to_bytes());
        (answer.status(), reply.read(&answer))
    }
}

fn webhook(path: &str, secret: &str) -> WebhookRequest {
    let url = EndpointUrl::new(&format!("https://receiver.example/{path}"), UrlRule::Https).unwrap();
    WebhookRequest::new(url, Secret::new(secret).unwrap())
}

const SECRET: &str = "chosen-for-this-webhook";

#[tokio::test]
async fn the_six_calls_do_what_egym_s_do() {
    let stage = Stage::new().await;
    let key = stage.key_of("berlin", Rights::Write).await;
    let egym = Egym::new(&stage, &key).await;
    let (status, created) = egym.call(egym.api.create(&webhook("a?token=1", SECRET)).unwrap()).await;
    let created = created.unwrap();
    assert_eq!(status, 200, "and not 201");
    assert_eq!(created.url, "https://receiver.example/a?token=1");
    assert_eq!(created.secret.unwrap().expose_secret(), SECRET.as_bytes());

    let found = egym.call(egym.api.get(created.id).unwrap()).await.1.unwrap();
    assert_eq!(found.secret.unwrap().expose_secret(), SECRET.as_bytes(), "in clear");
    egym.call(egym.api.create(&webhook("b", SECRET)).unwrap()).await.1.unwrap();
    let listed = egym.call(egym.api.list().unwrap()).await.1.unwrap();
    assert_eq!(listed.len(), 2);

    let replaced = egym
        .call(egym.api.update(created.id, &webhook("c", "another-secret-0123")).unwrap())
        .await
        .1
        .unwrap();
    assert_eq!((replaced.id, replaced.url.as_str()), (created.id, "https://receiver.example/c"));
    assert_eq!(replaced.secret.unwrap().expose_secret(), b"another-secret-0123");

    let (status, triggered) = egym.call(egym.api.trigger(created.id).unwrap()).await;
    triggered.unwrap();
    assert_eq!(status, 200);
    let tests = stage.get("/v1/deliveries?type=TEST").await.expect(200);
    assert_eq!(tests["items"][0]["test"], json!(true));

    let (status, deleted) = egym.call(egym.api.delete(created.id).unwrap()).await;
    deleted.unwrap();
    assert_eq!(status, 204);
    let (status, gone) = egym.call(egym.api.get(created.id).unwrap()).await;
    assert_eq!(status, 404);
    let CallError::Refused { body: Some(body), .. } = gone.unwrap_err() else { panic!("a body") };
    assert_eq!(body.metadata["entity"], "WEBHOOK");
    assert_eq!((body.status, body.path.unwrap()), (Some(404), format!("/api/v2/webhooks/{}", created.id)));
}

#[tokio::test]
async fn a_url_is_registered_once_in_a_gym() {
    let stage = Stage::new().await;
    let key = stage.key_of("berlin", Rights::Write).await;
    let egym = Egym::new(&stage, &key).await;
    egym.call(egym.api.create(&webhook("a", SECRET)).unwrap()).await.1.unwrap();
    let (status, twice) = egym.call(egym.api.create(&webhook("a", "another-secret-0123")).unwrap()).await;
    assert_eq!(status, 409);
    assert!(twice.unwrap_err().is_url_already_registered());
    let other = Egym::new(&stage, &stage.key_of("wien", Rights::Write).await).await;
    other.call(other.api.create(&webhook("a", SECRET)).unwrap()).await.1.unwrap();
}

#[tokio::test]
async fn the_number_of_a_webhook_is_the_same_after_a_restart() {
    let stage = Stage::new().await;
    let id = stage.post(
        "/v1/subscriptions",
        json!({
            "gym": "berlin", "platform": "egym", "url": "https://receiver.example/", "secret": SECRET
        }),
    );
    let id = id.await.expect(201)["id"].as_str().unwrap().to_owned();
    let key = stage.key_of("berlin", Rights::Write).await;
    let (_, listed) = call(&stage, Some(&key), Method::GET, "/api/v2/webhooks", "").await;
    // By the definition: the first 53 bits of the SHA-256 of the subscription's id.
    let digest = <sha2::Sha256 as sha2::Digest>::digest(uuid::Uuid::parse_str(&id).unwrap().as_bytes());
    let bits = u64::from_be_bytes(digest[..8].try_into().unwrap()) / 2_048;
    assert_eq!(listed[0]["id"], json!(bits));
    let stage = stage.restarted().await;
    let (_, again) = call(&stage, Some(&key), Method::GET, "/api/v2/webhooks", "").await;
    assert_eq!((listed.as_array().unwrap().len(), again), (1, listed));
}

async fn call(stage: &Stage, key: Option<&str>, method: Method, path: &str, body: &str) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let answer = stage.send(request.body(axum::body::Body::from(body.to_owned())).unwrap()).await;
    let value = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (answer.status.as_u16(), value)
}

#[tokio::test]
async fn what_is_refused_is_refused_in_egym_s_form() {
    const PATH: &str = "/api/v2/webhooks";
    let stage = Stage::with(Settings::default()).await;
    let key = stage.key_of("berlin", Rights::Write).await;
    for (body, field) in [
        ("{", None),
        ("[]", None),
        ("{}", None),
        (r#"{"url":"https://receiver.example/"}"#, None),
        (r#"{"url":7,"secret":"x"}"#, Some("url")),
        (r#"{"url":"","secret":"0123456789abcdef"}"#, Some("url")),
        (r#"{"url":"http://receiver.example/","secret":"0123456789abcdef"}"#, Some("url")),
        (r#"{"url":"https://169.254.169.254/","secret":"0123456789abcdef"}"#, Some("url")),
        (r#"{"url":"https://receiver.example/","secret":""}"#, Some("secret")),
        (r#"{"url":"https://receiver.example/","secret":"canary\r\nx: y"}"#, Some("secret")),
    ] {
        let (status, error) = call(&stage, Some(&key), Method::POST, PATH, body).await;
        assert_eq!((status, &error["status"]), (400, &json!(400)), "{body}: {error}");
        let named = error["fieldErrors"][0]["name"].as_str();
        assert_eq!(named, field, "{body}: {error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    for bad in [None, Some("x"), Some("")] {
        let (status, error) = call(&stage, bad, Method::GET, PATH, "").await;
        assert_eq!((status, &error["error"]), (401, &json!("Unauthorized")));
    }
    let (status, error) = call(&stage, Some(&stage.operator), Method::GET, PATH, "").await;
    assert_eq!(status, 403, "a key of all gyms is of none: {error}");
    for id in ["x", "-1", "9223372036854775808", "1"] {
        for (method, more) in [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/trigger")] {
            let (status, error) = call(&stage, Some(&key), method, &format!("{PATH}/{id}{more}"), "").await;
            assert_eq!((status, &error["metadata"]["entity"]), (404, &json!("WEBHOOK")), "{id}");
        }
    }
}

#[tokio::test]
async fn another_gym_s_webhooks_and_other_platforms_are_not_there_and_a_reader_changes_nothing() {
    let stage = Stage::new().await;
    let key = stage.key_of("berlin", Rights::Write).await;
    let good = json!({"url": "https://receiver.example/", "secret": SECRET}).to_string();
    let (_, created) = call(&stage, Some(&key), Method::POST, "/api/v2/webhooks", &good).await;
    stage
        .post(
            "/v1/subscriptions",
            json!({"gym": "berlin", "platform": "point", "url": "https://receiver.example/"}),
        )
        .await
        .expect(201);
    let one = format!("/api/v2/webhooks/{}", created["id"]);
    let changes = [
        (Method::PUT, one.clone(), good.as_str()),
        (Method::POST, format!("{one}/trigger"), ""),
        (Method::DELETE, one.clone(), ""),
    ];
    let wien = stage.key_of("wien", Rights::Write).await;
    let reader = stage.key_of("berlin", Rights::Read).await;
    for (method, path, body) in &changes {
        assert_eq!(call(&stage, Some(&wien), method.clone(), path, body).await.0, 404, "{method} {path}");
        assert_eq!(call(&stage, Some(&reader), method.clone(), path, body).await.0, 403, "{method} {path}");
    }
    assert_eq!(call(&stage, Some(&reader), Method::POST, "/api/v2/webhooks", &good).await.0, 403);
    assert_eq!(call(&stage, Some(&wien), Method::GET, &one, "").await.0, 404);
    assert_eq!(call(&stage, Some(&wien), Method::GET, "/api/v2/webhooks", "").await.1, json!([]));
    let (_, listed) = call(&stage, Some(&reader), Method::GET, "/api/v2/webhooks", "").await;
    assert_eq!(listed.as_array().unwrap().len(), 1, "not the one of another platform");
    assert_eq!(listed[0]["secret"], json!(""), "not for a reader");
}

#[tokio::test]
async fn a_triggered_test_arrives_with_the_secret() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    let key = stage.key_of("berlin", Rights::Write).await;
    let new = json!({"url": receiver.url, "secret": SECRET}).to_string();
    let (status, created) = call(&stage, Some(&key), Method::POST, "/api/v2/webhooks", &new).await;
    assert_eq!(status, 200, "{created}");
    let path = format!("/api/v2/webhooks/{}/trigger", created["id"]);
    assert_eq!(call(&stage, Some(&key), Method::POST, &path, "").await, (200, Value::Null));
    let tests = stage.get("/v1/deliveries?type=TEST").await.expect(200);
    stage.until(tests["items"][0]["id"].as_str().unwrap(), "delivered").await;
    let (headers, body) = receiver.requests().remove(0);
    assert_eq!(headers["x-api-key"], SECRET);
    assert!(String::from_utf8(body.to_vec()).unwrap().contains("TEST"));
}
