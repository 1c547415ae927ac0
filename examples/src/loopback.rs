//! A receiver on this machine, with a subscription and a transport to deliver to it.
//!
//! The requests are signed as Standard Webhooks specifies: the signed `webhook-id` is the delivery's id.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use gymhook::delivery::EndpointPolicy;
use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret, StandardWebhooks, Verifier};
use gymhook_engine::{EndpointId, HttpTransport, Subscription};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use time::UtcDateTime;
use tokio::net::TcpListener;

use crate::AnyError;

/// A request with a valid signature.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The delivery's id.
    pub delivery: String,
    /// The path of the request.
    pub path: String,
    /// The sender's `user-agent`; empty if there is none.
    pub sender: String,
}

/// Starts a server that answers 401 to requests not signed with the example's key, and calls `answer` for the others. Returns its
/// URL, without a path.
pub async fn receive_on_loopback<F, R>(answer: F) -> Result<String, AnyError>
where
    F: Fn(Arrived) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = StatusCode> + Send,
{
    let verifier = Verifier::new(StandardWebhooks::new(), keys()?)?;
    let hook = async move |uri: Uri, headers: HeaderMap, body: Bytes| match arrived(
        &verifier, &uri, &headers, &body,
    ) {
        Some(arrived) => answer(arrived).await,
        None => StatusCode::UNAUTHORIZED,
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(hook)).await });
    Ok(url)
}

/// A subscription of that receiver.
pub fn subscription(
    id: EndpointId,
    gym: &str,
    url: &str,
    policy: EndpointPolicy,
) -> Result<Subscription, AnyError> {
    // A platform's rule requires https; this receiver is on our own machine.
    let url = EndpointUrl::dangerous_without_rule(url)?;
    Ok(Subscription::new(id, gym, "standard-webhooks", url, Arc::new(keys()?), policy))
}

/// A transport that may also send to this machine, with `sender` as its user agent.
pub fn transport(sender: &str) -> Result<HttpTransport, AnyError> {
    let sender = HeaderValue::from_str(sender)?;
    Ok(HttpTransport::builder().dangerous_allow_loopback().with_user_agent(sender).build()?)
}

fn arrived(verifier: &Verifier, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Arrived> {
    let proof = verifier.verify(headers, body, UtcDateTime::now()).ok()?;
    let sender = headers.get(header::USER_AGENT).and_then(|sender| sender.to_str().ok()).unwrap_or_default();
    Some(Arrived {
        delivery: proof.id()?.to_string(),
        path: uri.path().to_owned(),
        sender: sender.to_owned(),
    })
}

fn keys() -> Result<Keyring, AnyError> {
    Ok(Keyring::single("main", Secret::new("a secret that both sides know")?)?)
}
