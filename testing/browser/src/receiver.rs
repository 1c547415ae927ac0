//! The receivers of the subscriptions: some accept, some fail, one answers with a hostile page.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::browser::Result;
use crate::demo::HOSTILE;

/// Starts them all under one address.
pub(crate) async fn start() -> Result<String> {
    let routes = Router::new()
        .route("/ok", post(async || (StatusCode::OK, r#"{"status":"ok"}"#)))
        .route(
            "/slow",
            post(async || {
                tokio::time::sleep(Duration::from_millis(400)).await;
                StatusCode::ACCEPTED
            }),
        )
        .route(
            "/down",
            post(async || {
                let page = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>";
                (StatusCode::BAD_GATEWAY, page)
            }),
        )
        .route("/hostile", post(async || (StatusCode::INTERNAL_SERVER_ERROR, HOSTILE.repeat(20))));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(format!("http://{address}"))
}
