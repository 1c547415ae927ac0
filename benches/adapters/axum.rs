//! The axum server.

use core::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use gymhook::event::point;
use gymhook_axum::{Webhook, WebhookSource, inbox_route};
use gymhook_benches::Outcome;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;

use crate::{contender, inbox};

/// What an application would write around the reference crate.
async fn by_hand(
    State(reference): State<Arc<standardwebhooks::Webhook>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if reference.verify(&body, &headers).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    match serde_json::from_slice::<point::Notification>(&body) {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

async fn webhook(_: Webhook<point::Notification>) {}

pub(crate) async fn serve(inbox: inbox::Source) -> Outcome<SocketAddr> {
    let reference = Arc::new(contender::reference()?);
    let routes = Router::new()
        .route("/read", post(|_: Bytes| async {}))
        .route("/point", post(webhook).with_state(WebhookSource::new(contender::point()?)))
        .route("/standard", post(webhook).with_state(WebhookSource::new(contender::standard()?)))
        .route("/by-hand", post(by_hand).with_state(reference))
        .route("/inbox", inbox_route(inbox));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}
