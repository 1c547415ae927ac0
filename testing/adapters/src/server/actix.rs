//! `gymhook-actix`.

use std::collections::BTreeMap;

use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use gymhook::event::{Notification, pg_next, point};
use gymhook::signature::{AsProved, BodySigned};
use gymhook_actix::{InboxSource, Strength, Webhook, inbox_route, inbox_scope};
use gymhook_engine::store::Store;
use tokio::sync::oneshot;

use super::{Server, Stop, give_up, summary};
use crate::Sources;

async fn answer<N: Notification, P: Strength>(hook: Webhook<N, P>) -> HttpResponse {
    HttpResponse::Ok().body(summary(&hook))
}

async fn answer_any(hook: Webhook) -> HttpResponse {
    HttpResponse::Ok().body(summary(&hook))
}

async fn panicking(_: Webhook) -> HttpResponse {
    give_up()
}

pub(super) fn routes(services: &mut ServiceConfig, sources: &Sources) {
    for (vendor, source) in &sources.any {
        let path = format!("/any/{vendor}");
        services.service(web::resource(path).app_data(source.clone()).to(answer_any));
    }
    let (pg_next, point) = (&sources.pg_next, &sources.point);
    // One of them in a `web::Data`, which is as good.
    let signed_point = web::resource("/signed/point").app_data(web::Data::new(point.clone()));
    let signed_pg_next = web::resource("/signed/pg-next").app_data(pg_next.clone());
    let typed = web::resource("/typed").app_data(pg_next.clone());
    services
        .service(web::resource("/slow").app_data(sources.slow.clone()).to(answer_any))
        .service(web::resource("/probe").app_data(sources.probe.clone()).to(answer_any))
        .service(web::resource("/large").app_data(sources.large.clone()).to(answer_any))
        .service(web::resource("/panic").app_data(sources.panic.clone()).to(panicking))
        .service(typed.to(answer::<pg_next::Notification, AsProved>))
        .service(signed_pg_next.to(answer::<pg_next::Notification, BodySigned>))
        .service(signed_point.to(answer::<point::Notification, BodySigned>));
}

pub(super) fn inboxes<S: Store>(services: &mut ServiceConfig, sources: &BTreeMap<String, InboxSource<S>>) {
    let first = sources.values().next().cloned().expect("a source");
    services.route("/alone", inbox_route(first)).service(inbox_scope("/inbox", sources.clone()));
}

/// actix runs in a thread with a runtime of its own.
pub(super) async fn serve(configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Server {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let configured = move || App::new().configure(configure.clone());
            let server = HttpServer::new(configured).workers(1).disable_signals();
            let server = server.bind_auto_h2c(("127.0.0.1", 0)).expect("a port");
            let address = *server.addrs().first().expect("an address");
            let running = server.run();
            tell.send((address, running.handle())).expect("a test that waits");
            running.await.expect("a server");
        });
    });
    let (address, handle) = told.await.expect("a server");
    Server { address, stop: Stop::Actix(handle) }
}
