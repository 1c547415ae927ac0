//! The actix server, in a thread of its own with two workers.

use core::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use gymhook::event::point;
use gymhook_actix::{Webhook, WebhookSource, inbox_route};
use gymhook_benches::Outcome;
use tokio::sync::oneshot;

use crate::{contender, inbox};

async fn by_hand(
    reference: web::Data<standardwebhooks::Webhook>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    // The reference takes the headers of `http` 1.
    let mut headers = http::HeaderMap::new();
    for (name, value) in request.headers() {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = http::HeaderValue::from_bytes(value.as_bytes());
        let (Ok(name), Ok(value)) = (name, value) else { return HttpResponse::BadRequest().finish() };
        headers.append(name, value);
    }
    if reference.verify(&body, &headers).is_err() {
        return HttpResponse::Unauthorized().finish();
    }
    match serde_json::from_slice::<point::Notification>(&body) {
        Ok(_) => HttpResponse::Ok().finish(),
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}

async fn read(_: Bytes) -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn webhook(_: Webhook<point::Notification>) -> HttpResponse {
    HttpResponse::Ok().finish()
}

pub(crate) async fn serve(inbox: inbox::Source) -> Outcome<SocketAddr> {
    let reference = web::Data::from(Arc::new(contender::reference()?));
    let point = WebhookSource::new(contender::point()?);
    let standard = WebhookSource::new(contender::standard()?);
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let app = move || {
            App::new()
                .app_data(reference.clone())
                .route("/read", web::post().to(read))
                .service(web::resource("/point").app_data(point.clone()).to(webhook))
                .service(web::resource("/standard").app_data(standard.clone()).to(webhook))
                .route("/by-hand", web::post().to(by_hand))
                .route("/inbox", inbox_route(inbox.clone()))
        };
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(app).workers(2).disable_signals().bind(("127.0.0.1", 0));
            let Ok(server) = server else { return };
            let address = server.addrs().first().copied();
            let running = server.run();
            if tell.send(address).is_ok() {
                // It ends with the process.
                drop(running.await);
            }
        });
    });
    Ok(told.await?.ok_or("no address")?)
}
