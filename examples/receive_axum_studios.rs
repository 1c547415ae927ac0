//! How do I receive the webhooks of all five platforms, for several studios, in one axum server?
//!
//! This is a long demonstration; `receive_axum` is the short answer for one platform. There is one handler, behind a route for
//! each platform: the extractor verifies the request, says which of three studios sent it, and reads the notification. A refused
//! request is answered by the extractor and never reaches the handler.
//!
//! `cargo run --release --example receive_axum_studios` listens on port 8080 and prints curl commands, signed for the current time
//! (Point's are valid for five minutes). With `-- --demo` it plays the platforms itself, and exits with 0 only if every answer was
//! as expected.

use std::process::ExitCode;

use axum::Router;
use axum::routing::any;
use gymhook::event::{Event, Kind};
use gymhook_axum::{Webhook, WebhookSource};
use gymhook_examples::AnyError;
use gymhook_examples::platforms::{NOTIFICATIONS, Platforms, curl_lines, receiver};
use tokio::net::TcpListener;

/// Runs only if the proof holds. Work that takes long belongs behind an inbox: see `receive_to_inbox`.
async fn on_webhook(Webhook(hook): Webhook) {
    for event in hook.value().events() {
        println!("{} of studio {}: {}", event.vendor, hook.proof().key(), what_to_do(&event));
    }
}

fn what_to_do(event: &Event<'_>) -> String {
    let who = event.subject.id.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string);
    match event.kind {
        Kind::CheckIn => format!("greet {who}"),
        Kind::PaymentFailed => format!("remind {who}"),
        Kind::WorkoutRecorded => format!("congratulate {who}"),
        // There are more kinds, and a platform may add types at any time.
        _ => format!("note {} of {who}", event.event_type),
    }
}

fn routes() -> Result<Router, AnyError> {
    let mut routes = Router::new();
    for (vendor, _) in NOTIFICATIONS {
        // Each route has its own state. `any`: the extractor answers methods other than POST.
        let source = WebhookSource::new(receiver(vendor)?);
        routes = routes.route(&format!("/{vendor}"), any(on_webhook).with_state(source));
    }
    Ok(routes)
}

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    let routes = Router::new().nest("/hooks", routes()?);
    let demo = std::env::args().any(|argument| argument == "--demo");
    let listener = TcpListener::bind(("127.0.0.1", if demo { 0 } else { 8080 })).await?;
    let url = format!("http://{}/hooks", listener.local_addr()?);
    if !demo {
        println!("{}", curl_lines(&url)?);
        axum::serve(listener, routes).await?;
        return Ok(ExitCode::SUCCESS);
    }
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let tally = Platforms::new(url).play().await?;
    println!("{} answers were as expected, {} were not", tally.expected, tally.unexpected);
    Ok(if tally.unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
