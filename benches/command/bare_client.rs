//! The least that a client does: hyper's pooled client, one request after another in each of several tasks.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use bytes::Bytes;
use gymhook_benches::Outcome;
use gymhook_benches::wire::Sent;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

use crate::send::body;

/// The argument that makes this program the bare client.
pub(crate) const MODE: &str = "--bare-client";

pub(crate) async fn run(url: &str, count: u64, concurrency: usize) -> Outcome<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let (url, body): (Uri, _) = (url.parse()?, Bytes::from_static(body()?.as_bytes()));
    let sent = Arc::new(AtomicU64::new(0));
    let mut sending = JoinSet::new();
    for _ in 0..concurrency {
        let (client, url, body, sent) = (client.clone(), url.clone(), body.clone(), Arc::clone(&sent));
        sending.spawn(async move {
            while sent.fetch_add(1, Ordering::Relaxed) < count {
                let mut request = Request::post(url.clone()).body(Full::new(body.clone()))?;
                let json = HeaderValue::from_static("application/json");
                request.headers_mut().insert(header::CONTENT_TYPE, json);
                let response = client.request(request).await?;
                if !response.status().is_success() {
                    return Err("it was refused".into());
                }
                response.into_body().collect().await?;
            }
            Sent::Ok(())
        });
    }
    while let Some(done) = sending.join_next().await {
        done?.map_err(|error| error.to_string())?;
    }
    Ok(())
}
