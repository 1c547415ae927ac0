//! How do I register, change, test and remove a webhook at EGYM?
//!
//! The six calls of EGYM's management API with a real HTTP client, against a server on this machine that answers as the vendor's
//! OpenAPI file says, and whose trigger sends a `TEST` to the webhook. For EGYM's own server, use `Api::production` and EGYM's key.
//!
//! `cargo run --example manage_egym`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use gymhook::management::egym::{Api, Call, WebhookRequest};
use gymhook::send::{self, EndpointUrl};
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_examples::AnyError;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use time::UtcDateTime;
use tokio::net::TcpListener;

/// What EGYM issued for the gym: it opens the API, and is no webhook's secret.
const API_KEY: &str = "issued-by-egym-for-this-gym";
/// What we chose for the webhook: it comes in with every event.
const WEBHOOK_SECRET: &str = "chosen-for-this-webhook-3f9c2a7e";

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let server = serve().await?;
    let api = Api::at(&server, Secret::new(API_KEY)?)?;
    // EGYM asks for https; this receiver is on our own machine.
    let url = EndpointUrl::dangerous_without_rule(&format!("{server}/our-receiver"))?;
    let webhook = WebhookRequest::new(url, Secret::new(WEBHOOK_SECRET)?);

    let made = exchange(api.create(&webhook)?).await?;
    println!("made      {made:?}");
    match exchange(api.create(&webhook)?).await {
        Err(Failed::Call(refusal)) if refusal.is_url_already_registered() => println!("again     {refusal}"),
        other => return Err(format!("the same URL twice in one gym: {other:?}").into()),
    }
    exchange(api.trigger(made.id)?).await?;
    println!("triggered a TEST, which our receiver has verified");
    let changed = exchange(api.update(made.id, &webhook)?).await?;
    println!("changed   webhook {}", changed.id);
    println!("listed    {} webhook(s)", exchange(api.list()?).await?.len());
    exchange(api.delete(made.id)?).await?;
    match exchange(api.get(made.id)?).await {
        Err(Failed::Call(refusal)) => println!("removed   {refusal}"),
        other => return Err(format!("it was removed: {other:?}").into()),
    }
    Ok(())
}

/// Why a call failed: on the way, or by EGYM's answer.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    OnTheWay(#[from] AnyError),
    #[error(transparent)]
    Call(#[from] gymhook::management::egym::CallError),
}

/// One call through the client that one has anyway.
async fn exchange<T>(call: Call<T>) -> Result<T, Failed> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let (request, reply) = call.into_parts();
    let response = client.request(request.map(Full::new)).await.map_err(AnyError::from)?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(AnyError::from)?.to_bytes();
    Ok(reply.read(&http::Response::from_parts(parts, body))?)
}

// ---------------------------------------------------------------- a server that answers as EGYM's does

type Webhooks = Arc<Mutex<BTreeMap<i64, Value>>>;

async fn serve() -> Result<String, AnyError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let server = format!("http://{}", listener.local_addr()?);
    let routes = Router::new()
        .route("/api/v2/webhooks", get(list).post(create))
        .route("/api/v2/webhooks/{id}", get(one).put(update).delete(remove))
        .route("/api/v2/webhooks/{id}/trigger", post(trigger))
        .route("/our-receiver", post(receive))
        .with_state(Webhooks::default());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(server)
}

fn locked(webhooks: &Webhooks) -> std::sync::MutexGuard<'_, BTreeMap<i64, Value>> {
    webhooks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

async fn list(State(webhooks): State<Webhooks>, headers: HeaderMap) -> Response {
    if headers.get("x-api-key").is_none_or(|key| key != API_KEY) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Value::from_iter(locked(&webhooks).values().cloned()).to_string().into_response()
}

async fn create(State(webhooks): State<Webhooks>, body: Bytes) -> Response {
    let wanted = read(&body);
    let mut webhooks = locked(&webhooks);
    if webhooks.values().any(|webhook| webhook["url"] == wanted["url"]) {
        let error = json!({"status": 409, "errorCode": "webhookUrlAlreadyRegistered"});
        return (StatusCode::CONFLICT, error.to_string()).into_response();
    }
    let id = 17;
    let made = json!({"id": id, "url": wanted["url"], "secret": wanted["secret"]});
    webhooks.insert(id, made.clone());
    made.to_string().into_response()
}

async fn one(State(webhooks): State<Webhooks>, Path(id): Path<i64>) -> Response {
    match locked(&webhooks).get(&id) {
        Some(webhook) => webhook.to_string().into_response(),
        None => {
            let error = json!({"status": 404, "errorCode": "notFound", "metadata": {"entity": "WEBHOOK"}});
            (StatusCode::NOT_FOUND, error.to_string()).into_response()
        }
    }
}

async fn update(State(webhooks): State<Webhooks>, Path(id): Path<i64>, body: Bytes) -> String {
    let wanted = read(&body);
    let changed = json!({"id": id, "url": wanted["url"], "secret": wanted["secret"]});
    locked(&webhooks).insert(id, changed.clone());
    changed.to_string()
}

async fn remove(State(webhooks): State<Webhooks>, Path(id): Path<i64>) -> StatusCode {
    locked(&webhooks).remove(&id);
    StatusCode::NO_CONTENT
}

/// Sends a `TEST` with the webhook's secret; 200 only if the receiver took it, so that this example tells.
async fn trigger(State(webhooks): State<Webhooks>, Path(id): Path<i64>) -> StatusCode {
    let webhook = locked(&webhooks).get(&id).cloned().unwrap_or_default();
    match send_test(&webhook).await {
        Ok(status) if status.is_success() => StatusCode::OK,
        Ok(_) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn send_test(webhook: &Value) -> Result<StatusCode, AnyError> {
    let text = |field: &str| webhook[field].as_str().unwrap_or_default().to_owned();
    let url = EndpointUrl::dangerous_without_rule(&text("url"))?;
    let signer = Provider::egym().signer(Keyring::single("main", Secret::new(text("secret"))?)?)?;
    let body = Bytes::from_static(br#"{"type":"TEST"}"#);
    let request = send::request(&signer, &url, "", body, UtcDateTime::now())?;
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    Ok(client.request(request.map(Full::new)).await?.status())
}

// ---------------------------------------------------------------- our own receiver

async fn receive(headers: HeaderMap, body: Bytes) -> StatusCode {
    let receiver = Secret::new(WEBHOOK_SECRET)
        .ok()
        .and_then(|secret| Keyring::single("this-gym", secret).ok())
        .and_then(|keyring| Receiver::new(&Provider::egym(), keyring).ok());
    match receiver.map(|receiver| receiver.receive(&headers, body, UtcDateTime::now())) {
        Some(Ok(_)) => StatusCode::OK,
        Some(Err(refusal)) => refusal.status(),
        None => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
