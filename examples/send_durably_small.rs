//! How do I send webhooks so that none is lost, with nothing but a file?
//!
//! `cargo run --example send_durably_small` sends to a server on this machine. `send_durably` is the long demonstration.

use std::{sync::Arc, time::Duration};

use gymhook::retry::RetryPolicy;
use gymhook::signature::{Keyring, Secret};
use gymhook_engine::store::SqliteStore;
use gymhook_engine::{EndpointId, EndpointPolicy, Engine, HttpTransport, Publication, Subscription};
use gymhook_examples::{AnyError, receive_on_loopback};

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let server = receive_on_loopback(|arrived| async move {
        println!("verified   {} at {}", arrived.delivery, arrived.path);
        http::StatusCode::NO_CONTENT
    });
    let transport = HttpTransport::builder().dangerous_allow_loopback().build()?; // for a test
    let url = transport.endpoint_url("standard-webhooks", &format!("{}/hooks", server.await?))?;
    let keyring = Arc::new(Keyring::single("2026-11", Secret::new("a secret that both sides know")?)?);
    let policy = EndpointPolicy::new(RetryPolicy::standard_webhooks());
    let id = EndpointId::from_u128(1); // choose it once, and keep it

    let folder = tempfile::tempdir()?;
    let engine =
        Engine::builder(SqliteStore::open(folder.path().join("webhooks.db"))?).start(transport).await?;
    engine
        .put_subscription(&Subscription::new(id, "berlin", "standard-webhooks", url, keyring, policy))
        .await?;
    let body = r#"{"type":"workout.created","data":{"member":17}}"#;
    let workout = Publication::new("standard-webhooks", "workout.created", body);
    engine.publish("berlin", "workout-4711", &workout).await?; // it is on disk now, and survives a crash

    let mut stats = engine.stats().await?;
    while stats.waiting + stats.in_flight > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        stats = engine.stats().await?;
    }
    engine.shutdown().await;
    Ok(())
}
