//! How do I sign and send one webhook with my own HTTP client?
//!
//! `cargo run --example send_once` sends to a server on this machine.

use bytes::Bytes;
use gymhook::retry::{AttemptNumber, Decision, RetryPolicy};
use gymhook::send::{self, EndpointUrl};
use gymhook::signature::{Keyring, Secret, Signer, StandardWebhooks};
use gymhook_examples::{AnyError, receive_on_loopback};
use http::StatusCode;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use time::UtcDateTime;
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let server = receive_on_loopback(|arrived| async move {
        println!("verified   {} at {}", arrived.delivery, arrived.path);
        StatusCode::NO_CONTENT
    });
    // `Provider::point().signer(keyring)` signs as Point does; so do the other platforms' profiles.
    let keyring = Keyring::single("2026-11", Secret::new("a secret that both sides know")?)?;
    let signer = Signer::new(StandardWebhooks::new(), keyring)?;
    let url = EndpointUrl::dangerous_without_rule(&format!("{}/hooks", server.await?))?; // not https: a test
    let policy = RetryPolicy::standard_webhooks();

    let body = Bytes::from_static(br#"{"type":"workout.created","data":{"member":17}}"#);
    let request = send::request(&signer, &url, "delivery-1", body, UtcDateTime::now())?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = timeout(policy.attempt_timeout(), client.request(request.map(http_body_util::Full::new)));
    let response = response.await??; // an error is an `Outcome::Failure` of your delivery

    let now = UtcDateTime::now();
    let outcome = send::outcome(&response, now);
    let decision = policy.decide(AttemptNumber::FIRST, None, &outcome, 0, now);
    println!("answered   {}: {decision:?}", response.status());
    if decision == Decision::Delivered { Ok(()) } else { Err("it was not delivered".into()) }
}
