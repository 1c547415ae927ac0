//! How do I receive the webhooks of all five platforms in my actix-web server?
//!
//! There is one handler, behind a resource for each platform: the extractor verifies the request, says which of three studios
//! sent it, and reads the notification. A refused request is answered by the extractor and never reaches the handler.
//!
//! `cargo run --release --example receive_actix` listens on port 8080 and prints curl commands, signed for the current time
//! (Point's are valid for five minutes). With `-- --demo` it plays the platforms itself, and exits with 0 only if every answer was as expected.

use std::process::ExitCode;

use actix_web::{App, HttpResponse, HttpServer, web};
use gymhook::event::{Event, Kind};
use gymhook_actix::{Webhook, WebhookSource};
use gymhook_examples::AnyError;
use gymhook_examples::platforms::{NOTIFICATIONS, Platforms, curl_lines, receiver};

/// Runs only if the proof holds. What takes long belongs behind an inbox: see `receive_to_inbox`.
async fn on_webhook(Webhook(hook): Webhook) -> HttpResponse {
    for event in hook.value().events() {
        println!("{} of studio {}: {}", event.vendor, hook.proof().key(), what_to_do(&event));
    }
    HttpResponse::Ok().finish()
}

fn what_to_do(event: &Event<'_>) -> String {
    let who = event.subject.id.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string);
    match event.kind {
        Kind::CheckIn => format!("greet {who}"),
        Kind::PaymentFailed => format!("remind {who}"),
        Kind::WorkoutRecorded => format!("congratulate {who}"),
        // There are more, and a platform may send what nobody knew when this was written.
        _ => format!("note {} of {who}", event.event_type),
    }
}

/// Each resource has a source of its own. `to`, for all methods: the extractor answers what is no POST.
fn routes(services: &mut web::ServiceConfig, sources: &[WebhookSource]) {
    for source in sources {
        let resource = web::resource(format!("/hooks/{}", source.vendor())).app_data(source.clone());
        services.service(resource.to(on_webhook));
    }
}

#[actix_web::main]
async fn main() -> Result<ExitCode, AnyError> {
    let mut sources = Vec::new();
    for (vendor, _) in NOTIFICATIONS {
        sources.push(WebhookSource::new(receiver(vendor)?));
    }
    // For each worker an App, and one set of sources for all.
    let app = move || App::new().configure(|services| routes(services, &sources));
    let demo = std::env::args().any(|argument| argument == "--demo");
    let server = HttpServer::new(app).workers(2).bind(("127.0.0.1", if demo { 0 } else { 8080 }))?;
    let address = server.addrs().first().copied().ok_or("no address")?;
    let url = format!("http://{address}/hooks");
    if !demo {
        println!("{}", curl_lines(&url)?);
        server.run().await?;
        return Ok(ExitCode::SUCCESS);
    }
    let running = server.run();
    let handle = running.handle();
    actix_web::rt::spawn(running);
    let tally = Platforms::new(url).play().await?;
    handle.stop(true).await;
    println!("{} answers were as expected, {} were not", tally.expected, tally.unexpected);
    Ok(if tally.unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
