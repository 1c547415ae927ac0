//! A gateway in this process.

use core::net::SocketAddr;
use core::num::NonZeroU32;
use std::sync::Arc;

use gymhook::event::Vendor;
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_benches::Outcome;
use gymhook_benches::request::SECRET;
use gymhook_service::{Database, Destination, Service, Settings, Source};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A gateway that listens on a port of this machine.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    service: Service,
    server: JoinHandle<()>,
}

impl Serving {
    pub(crate) async fn start(settings: Settings, database: impl Into<Database>) -> Outcome<Self> {
        let service = Service::start(settings, database).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = service.router();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the gateway stopped: {error}");
            }
        });
        Ok(Self { address, service, server })
    }

    pub(crate) async fn stop(self) {
        self.server.abort();
        self.service.shutdown().await;
    }
}

/// Settings under which nothing is deleted and no key is asked to wait.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.keep = None;
    settings.requests_per_minute = NonZeroU32::MAX;
    settings
}

/// PG Next, whose ids are in the body.
pub(crate) fn source() -> Outcome<Source> {
    let provider = Provider::of(Vendor::PG_NEXT).ok_or("PG Next has a profile")?;
    Ok(Source::new("pg-next", Receiver::new(&provider, keys()?)?))
}

/// An application at this URL, which gets everything.
pub(crate) fn destination(url: String) -> Outcome<Destination> {
    Ok(Destination::new("application", url, Arc::new(keys()?)))
}

pub(crate) fn keys() -> Outcome<Keyring> {
    Ok(Keyring::single("main", Secret::new(SECRET)?)?)
}
