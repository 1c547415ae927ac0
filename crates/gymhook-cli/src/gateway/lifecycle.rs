//! The life of a gateway, from `serve`, which starts the servers, through `announce`, which prints the URL and the first API key,
//! to `close`, which ends the database.

use core::net::SocketAddr;
use std::sync::Arc;

use gymhook_engine::store::StoreError;
use gymhook_service::{Config, Database, DatabasePlace, Service, StartError};
use serde::Serialize;

use super::database::open as open_database;
use super::http_server::{HttpServer, Limits};
use super::logs::start as start_logs;
use super::metrics::recorder;
use super::reload::reload;
use super::service_manager::tell_system;
use super::signals::{Asked, Signals, Stopping};
use super::tls::Certificates;
use super::traces::Traces;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Serialize)]
pub(crate) struct Ready {
    pub(crate) record: &'static str,
    pub(crate) url: String,
    pub(crate) database: String,
    pub(crate) sources: usize,
    pub(crate) destinations: usize,
    pub(crate) metrics_url: Option<String>,
}

#[derive(Serialize)]
struct FirstKey<'a> {
    record: &'static str,
    id: String,
    key: &'a str,
}

pub(crate) async fn serve(
    load: impl Fn() -> Result<Config, Failure>,
    mut config: Config,
    certificates: Option<Arc<Certificates>>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (traces, layer) = Traces::start(config.otlp_endpoint.as_ref(), &mut config.settings)?;
    start_logs(config.log_format, &config.log_level, layer)?;
    let mut signals = Signals::listen()?;
    warn_of_plain_http(&config, output);
    // Before the database: a second process that was started by mistake changes nothing.
    let listener = HttpServer::bind(config.listen, "--listen").await?;
    let metrics = match config.metrics_listen {
        Some(address) => Some((HttpServer::bind(address, "metrics_listen").await?, recorder()?)),
        None => None,
    };
    let database = open_database(&config.database).await?;
    let started = Service::start(config.settings.clone(), database.clone()).await;
    let service = started.map_err(|error| refused_start(&error))?;
    let address = listener.address()?;
    announce(&config, address, metrics.as_ref().map(|(listener, _)| listener), &service, output).await?;

    let (stop, stopping) = Stopping::new();
    let limits = Limits {
        connections: config.max_connections,
        body_bytes: config.max_body_bytes,
        grace: config.settings.grace,
    };
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(listener.serve(service.router(), certificates.clone(), limits, stopping.clone()));
    if let Some((listener, handle)) = metrics {
        let router = service.metrics_router(move || {
            handle.run_upkeep();
            handle.render()
        });
        let limits = Limits { connections: 16, ..limits };
        servers.spawn(listener.serve(router, None, limits, stopping));
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, database = database_name(&config.database), "serving");
    tell_system(&[sd_notify::NotifyState::Ready]);

    while signals.next().await == Asked::Reload {
        reload(&load, &config, &service, certificates.as_deref()).await;
    }
    tell_system(&[sd_notify::NotifyState::Stopping]);
    tracing::info!(grace = ?config.settings.grace, "stopping: a second signal stops at once");
    // Nobody is left to serve if this fails.
    let _ = stop.send(true);
    let ended = async {
        // Requests end while attempts do: what they still bring is kept, and delivered after the next start.
        tokio::join!(service.shutdown(), async { while servers.join_next().await.is_some() {} });
        let closed = close(&database).await;
        traces.end().await;
        closed
    };
    tokio::select! {
        closed = ended => closed,
        () = signals.stop() => {
            tracing::warn!("stopped at once: attempts under way are made again after the next start");
            Err(Failure::Interrupted)
        }
    }
}

pub(crate) fn refused_start(error: &StartError) -> Failure {
    if matches!(error, StartError::Source { .. } | StartError::Destination { .. }) {
        return Failure::usage(format!("{error}: correct the configuration"));
    }
    Failure::failed(format!("the service cannot be started: {error}"))
}

/// Prints where it is and, once for a new database, a first API key: to standard output alone, never to the log.
async fn announce(
    config: &Config,
    address: SocketAddr,
    metrics: Option<&HttpServer>,
    service: &Service,
    output: &mut Output,
) -> Result<(), Failure> {
    let url = url(config, address);
    let first = service.first_api_key().await;
    let first = first.map_err(|error| Failure::failed(format!("no API key can be issued: {error}")))?;
    let metrics_url = match metrics {
        Some(listener) => Some(format!("http://{}/metrics", listener.address()?)),
        None => None,
    };
    output.line(&format!("web UI: {url}/"))?;
    if let Some(issued) = &first {
        output.line(&format!("first API key, which is not shown again: {}", issued.expose_key()))?;
        output.record(&FirstKey {
            record: "api-key",
            id: issued.key.id.to_string(),
            key: issued.expose_key(),
        })?;
    }
    output.record(&Ready {
        record: "ready",
        url,
        database: database_name(&config.database),
        sources: config.settings.sources.len(),
        destinations: config.settings.destinations.len(),
        metrics_url,
    })
}

/// Closes an SQLite file, so that it is complete without its log.
async fn close(database: &Database) -> Result<(), Failure> {
    let closed = if let Database::Sqlite(store) = database { store.close().await } else { Ok(()) };
    match closed {
        Ok(()) | Err(StoreError::Closed) => {
            tracing::info!("stopped");
            Ok(())
        }
        Err(error) => Err(Failure::failed(format!("the database could not be closed: {error}"))),
    }
}

/// The database as people may see it.
pub(crate) fn database_name(place: &DatabasePlace) -> String {
    match place {
        DatabasePlace::File(path) => path.display().to_string(),
        DatabasePlace::Url(_) => "PostgreSQL".to_owned(),
    }
}

pub(crate) fn url(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

pub(crate) fn warn_of_plain_http(config: &Config, output: &Output) {
    // With `https`, its operator says that a proxy serves TLS.
    if config.tls.is_none() && !config.settings.https && !config.listen.ip().is_loopback() {
        output.warn(
            "this serves plain HTTP to other machines: put a proxy in front that serves TLS and set https, or set \
             tls_certificate and tls_key",
        );
    }
}
