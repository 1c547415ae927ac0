//! Receiving: the whole of it, its parts, and an HTTP request to compare it with.
//!
//! The request goes from hyper's pooled client to an axum server over a kept-alive loopback connection, both on one thread, one
//! request after another: its time is what the two cost together, and the network nothing.

use core::hint::black_box;
use std::rc::Rc;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use gymhook::event::{
    Notification, Sample, check_strict, decode, egym, gympoint, perfectgym, pg_next, point,
};
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use time::UtcDateTime;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::request::{REQUEST_ID, SECRET, usual_headers};
use crate::{Group, Outcome};

/// One group a vendor.
pub fn groups() -> impl Iterator<Item = Outcome<Group>> {
    let builds: [fn() -> Outcome<Group>; 5] = [
        || group("receive GymPoint", &Provider::gympoint(), gympoint::samples()),
        || group("receive EGYM", &Provider::egym(), egym::samples()),
        || group("receive PerfectGym", &Provider::perfectgym(), perfectgym::samples()),
        || group("receive PG Next", &Provider::pg_next(), pg_next::samples()),
        || group("receive Point", &Provider::point(), point::samples()),
    ];
    builds.into_iter().map(|build| build())
}

fn group<N>(name: &'static str, provider: &Provider<N>, samples: &[Sample]) -> Outcome<Group>
where
    N: Notification + DeserializeOwned,
{
    let longest =
        samples.iter().map(|sample| sample.body).max_by_key(|body| body.len()).ok_or("no sample")?;
    let body = Bytes::from_static(longest.as_bytes());
    let now = UtcDateTime::now();
    let receiver = Receiver::new(provider, Keyring::single("2026-05", Secret::new(SECRET)?)?)?;
    let verifier = receiver.verifier().clone();
    let mut headers = usual_headers(body.len())?;
    headers.extend(verifier.signer().sign(REQUEST_ID, &body, now)?);

    let loopback = Loopback::start()?;
    let request = Rc::new((headers, body));
    let [sent, received, verified, walked, parsed] = core::array::from_fn(|_| Rc::clone(&request));
    Group::new(name, longest.len())
        .with("HTTP request on loopback", move || loopback.post(&sent.0, &sent.1))?
        .with("receive", move || {
            let (headers, body) = black_box(&*received);
            black_box(&receiver.receive(headers, body.clone(), now)).is_ok()
        })?
        .with("of that, verify", move || {
            let (headers, body) = black_box(&*verified);
            black_box(&verifier.verify(headers, body, now)).is_ok()
        })?
        .with("of that, check_strict", move || check_strict(black_box(&walked.1)).is_ok())?
        .with("of that, decode", move || black_box(&decode::<N>(black_box(&parsed.1))).is_ok())
}

/// A client and a server in one thread.
struct Loopback {
    runtime: Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Loopback {
    fn start() -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let url = format!("http://{}/", listener.local_addr()?);
        let routes = Router::new().route("/", post(|_body: Bytes| async { StatusCode::NO_CONTENT }));
        runtime.spawn(async move { axum::serve(listener, routes).await });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { runtime, client, url })
    }

    fn post(&self, headers: &HeaderMap, body: &Bytes) -> bool {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = headers.clone();
        let Ok(uri) = self.url.parse() else { return false };
        *request.uri_mut() = uri;
        let answer = self.runtime.block_on(self.client.request(request));
        answer.is_ok_and(|answer| answer.status() == StatusCode::NO_CONTENT)
    }
}
