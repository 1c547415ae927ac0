//! EGYM's management API: the six calls of the vendor's OpenAPI file, and what comes back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use gymhook::UrlRule;
use gymhook::management::egym::{Api, ApiError, CallError, Reply, WebhookRequest, WebhookResponse};
use gymhook::send::EndpointUrl;
use gymhook::signature::Secret;
use http::{Request, Response, StatusCode};

const CANARY: &str = "canary-secret-of-the-webhook";
const WEBHOOK: &str = r#"{"id":9007199254740993,"url":"https://receiver.example/egym?t=1","secret":"canary-secret-of-the-webhook","later":1}"#;

fn api() -> Api {
    Api::production(Secret::new("canary-key-of-the-gym").unwrap()).unwrap()
}

fn webhook() -> WebhookRequest {
    let url = EndpointUrl::new("https://receiver.example/egym?t=1", UrlRule::Https).unwrap();
    WebhookRequest::new(url, Secret::new(CANARY).unwrap())
}

fn answer(status: u16, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// Method, path and documented status, from the file's table of calls.
#[track_caller]
fn assert_call<T>((request, reply): (Request<Bytes>, Reply<T>), method: &str, path: &str, success: u16) {
    assert_eq!(request.method(), method);
    assert_eq!(request.uri().to_string(), format!("https://mms.api.egym.com{path}"));
    assert_eq!(reply.success().as_u16(), success);
    assert_eq!(request.headers()["x-api-key"], "canary-key-of-the-gym");
    assert!(request.headers()["x-api-key"].is_sensitive());
    let has_body = ["POST", "PUT"].contains(&method) && !path.ends_with("/trigger");
    assert_eq!(request.headers().contains_key("content-type"), has_body);
    let body = r#"{"url":"https://receiver.example/egym?t=1","secret":"canary-secret-of-the-webhook"}"#;
    assert_eq!(request.body(), if has_body { body } else { "" });
}

#[test]
fn the_six_calls_are_those_of_the_vendor_s_file() {
    let api = api();
    assert_call(api.list().unwrap().into_parts(), "GET", "/api/v2/webhooks", 200);
    assert_call(api.create(&webhook()).unwrap().into_parts(), "POST", "/api/v2/webhooks", 200);
    assert_call(api.get(17).unwrap().into_parts(), "GET", "/api/v2/webhooks/17", 200);
    assert_call(api.update(17, &webhook()).unwrap().into_parts(), "PUT", "/api/v2/webhooks/17", 200);
    assert_call(api.delete(17).unwrap().into_parts(), "DELETE", "/api/v2/webhooks/17", 204);
    assert_call(api.trigger(17).unwrap().into_parts(), "POST", "/api/v2/webhooks/17/trigger", 200);
}

#[test]
fn a_webhook_is_read_with_its_secret() {
    let (_, reply) = api().create(&webhook()).unwrap().into_parts();
    let read: WebhookResponse = reply.read(&answer(200, WEBHOOK)).unwrap();
    assert_eq!((read.id, read.url.as_str()), (9_007_199_254_740_993, "https://receiver.example/egym?t=1"));
    assert_eq!(read.secret.unwrap().expose_secret(), CANARY.as_bytes());
    let (_, reply) = api().list().unwrap().into_parts();
    assert_eq!(reply.read(&answer(200, &format!("[{WEBHOOK},{WEBHOOK}]"))).unwrap().len(), 2);
    assert!(reply.read(&answer(200, "[]")).unwrap().is_empty());
    let (_, reply) = api().delete(1).unwrap().into_parts();
    assert!(reply.read(&answer(204, "")).is_ok());
}

#[test]
fn a_refusal_says_what_egym_said() {
    let (_, reply) = api().create(&webhook()).unwrap().into_parts();
    let conflict = r#"{"timestamp":"2026-07-01T10:00:00Z","path":"/api/v2/webhooks","requestId":"r-1","status":409,"error":"Conflict","errorCode":"webhookUrlAlreadyRegistered","message":"taken"}"#;
    let refusal = reply.read(&answer(409, conflict)).unwrap_err();
    assert!(refusal.is_url_already_registered());
    assert_eq!(refusal.to_string(), "EGYM answered 409 Conflict: webhookUrlAlreadyRegistered: taken");
    let missing = reply.read(&answer(404, r#"{"metadata":{"entity":"WEBHOOK"}}"#)).unwrap_err();
    assert!(!missing.is_url_already_registered());
    let CallError::Refused { status, body: Some(body) } = missing else { panic!("{missing}") };
    assert_eq!((status, body.metadata["entity"].as_str()), (StatusCode::NOT_FOUND, "WEBHOOK"));
    for (status, text) in [(400, "{}"), (401, ""), (403, "<html>"), (500, "null"), (302, "")] {
        let refusal = reply.read(&answer(status, text)).unwrap_err();
        assert!(matches!(refusal, CallError::Refused { .. }), "{refusal}");
    }
}

#[test]
fn a_rate_limit_is_told_apart() {
    let (_, reply) = api().list().unwrap().into_parts();
    let mut limited = answer(429, "");
    limited.headers_mut().insert("x-ratelimit-remaining", "0".parse().unwrap());
    assert!(matches!(reply.read(&limited), Err(CallError::RateLimited { remaining: Some(0) })));
    assert!(matches!(reply.read(&answer(429, "")), Err(CallError::RateLimited { remaining: None })));
}

#[test]
fn a_success_that_cannot_be_read_is_an_error() {
    let (_, reply) = api().get(1).unwrap().into_parts();
    for body in ["", "{}", r#"{"id":"1","url":"u","secret":"s"}"#, "[]"] {
        assert!(matches!(reply.read(&answer(200, body)), Err(CallError::Unreadable { .. })), "{body}");
    }
}

#[test]
fn nothing_printed_holds_a_secret() {
    let (api, webhook) = (api(), webhook());
    let call = api.create(&webhook).unwrap();
    let printed = format!("{api:?} {webhook:?} {call:?}");
    let (_, reply) = call.into_parts();
    let read = reply.read(&answer(200, WEBHOOK)).unwrap();
    let field = r#"{"fieldErrors":[{"name":"secret","message":"weak","rejectedValue":"canary-secret-of-the-webhook"}]}"#;
    let refusal = reply.read(&answer(400, field)).unwrap_err();
    let unreadable = reply.read(&answer(200, r#"{"secret":"canary"}"#)).unwrap_err();
    let printed = format!("{printed} {read:?} {refusal:?} {refusal} {unreadable:?} {unreadable}");
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is() {
    let key = || Secret::new("key").unwrap();
    for base in
        ["mms.api.egym.com", "/api", "https://mms.api.egym.com/api", "https://mms.api.egym.com?x=1", ""]
    {
        assert_eq!(Api::at(base, key()).map(drop), Err(ApiError::NotABase), "{base}");
    }
    assert!(Api::at(Api::TEST, key()).is_ok());
    let line_break = Api::production(Secret::new("a\nb").unwrap());
    assert_eq!(line_break.map(drop), Err(ApiError::UnsendableKey));
    for secret in ["with space", "\u{e9}", "a\u{7f}"] {
        let url = EndpointUrl::new("https://receiver.example/egym", UrlRule::Https).unwrap();
        let webhook = WebhookRequest::new(url, Secret::new(secret).unwrap());
        assert_eq!(api().create(&webhook).map(drop), Err(ApiError::UnsendableSecret), "{secret}");
    }
}
