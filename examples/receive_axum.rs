//! How do I receive a platform's webhooks in my axum server?
//!
//! `cargo run --example receive_axum` listens on port 8080. With `-- --demo` it answers one request of its own and ends.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use gymhook::event::pg_next;
use gymhook::signature::{Key, Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_axum::{Webhook, WebhookSource};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

const BODY: &str = r#"{"entityId":7893459,"uuid":"095be615","payload":[{"timestamp":1642779144176,"type":"CUSTOMER_CHECKIN"}]}"#;

/// Runs only if the proof holds. The extractor answers everything else, with 401 if the key is wrong.
async fn on_webhook(Webhook(hook): Webhook<pg_next::Notification>) {
    for event in hook.value().events() {
        println!("studio {}: {} of {}", hook.proof().key(), event.kind, event.subject);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let berlin = Key::new("berlin", Secret::new("8c1f6d9b-berlin")?);
    let source = WebhookSource::new(Receiver::new(&Provider::pg_next(), Keyring::new([berlin])?)?);
    let routes = Router::new().route("/pg-next", post(on_webhook)).with_state(source);
    if std::env::args().any(|argument| argument == "--demo") {
        let request =
            Request::post("/pg-next").header("x-api-key", "8c1f6d9b-berlin").body(Body::from(BODY))?;
        let status = routes.oneshot(request).await?.status();
        println!("answered with {status}");
        return if status == StatusCode::OK { Ok(()) } else { Err("the request was refused".into()) };
    }
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8080").await?, routes).await?;
    Ok(())
}
