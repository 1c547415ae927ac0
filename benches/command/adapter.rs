//! What `gymhook listen` is compared with: a server with gymhook's extractor in it, in a process of its own.

use axum::Router;
use axum::routing::post;
use gymhook::event::point;
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_axum::{Webhook, WebhookSource};
use gymhook_benches::Outcome;
use gymhook_benches::request::SECRET;
use tokio::net::TcpListener;

/// The argument that makes this program the server; its port is the next one.
pub(crate) const MODE: &str = "--adapter";

async fn webhook(_: Webhook<point::Notification>) {}

/// Serves until it is killed.
pub(crate) async fn run(port: u16) -> Outcome<()> {
    let keyring = Keyring::single("main", Secret::new(SECRET)?)?;
    let source = WebhookSource::new(Receiver::new(&Provider::point(), keyring)?);
    let routes = Router::new().route("/hooks", post(webhook).with_state(source));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, routes).await?;
    Ok(())
}
