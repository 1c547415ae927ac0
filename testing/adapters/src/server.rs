//! The same routes on each adapter's server.

mod actix;
mod axum;
mod tower;

use core::net::SocketAddr;
use std::collections::BTreeMap;

use gymhook::Received;
use gymhook::event::Notification;
use gymhook::signature::Verified;
use gymhook_engine::store::Store;
use gymhook_tower::InboxSource;
use tokio::task::JoinHandle;

use crate::Sources;

/// Which adapter a server is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// `gymhook-tower`, served by hyper.
    Tower,
    /// `gymhook-axum`.
    Axum,
    /// `gymhook-actix`.
    Actix,
}

impl Adapter {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Tower, Self::Axum, Self::Actix];
}

/// A server on a loopback port, stopped when it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Stop,
}

#[derive(Debug)]
enum Stop {
    Task(JoinHandle<()>),
    Actix(actix_web::dev::ServerHandle),
}

impl Drop for Server {
    fn drop(&mut self) {
        match &self.stop {
            Stop::Task(task) => task.abort(),
            Stop::Actix(handle) => drop(handle.stop(false)),
        }
    }
}

/// Serves these sources.
pub async fn start(adapter: Adapter, sources: &Sources) -> Server {
    match adapter {
        Adapter::Tower => tower::serve(tower::routes(sources)).await,
        Adapter::Axum => axum::serve(axum::routes(sources)).await,
        Adapter::Actix => {
            let sources = sources.clone();
            actix::serve(move |services| actix::routes(services, &sources)).await
        }
    }
}

/// Serves inboxes under `/inbox/{name}`, and the first of them under `/alone`, too.
pub async fn start_inboxes<S: Store>(adapter: Adapter, sources: BTreeMap<String, InboxSource<S>>) -> Server {
    match adapter {
        Adapter::Tower => tower::serve(tower::inboxes(sources)).await,
        Adapter::Axum => axum::serve(axum::inboxes(sources)).await,
        Adapter::Actix => actix::serve(move |services| actix::inboxes(services, &sources)).await,
    }
}

/// What every handler answers: who sent how much of what.
fn summary<N: Notification, P>(hook: &Verified<Received<N>, P>) -> String {
    let received = hook.value();
    let (events, bytes) = (received.events().count(), received.body().len());
    format!("{} {} {events} {bytes}", received.vendor(), hook.proof().key())
}

/// What the handler at `/panic` does.
fn give_up() -> ! {
    panic!("the handler panics, as it should")
}
