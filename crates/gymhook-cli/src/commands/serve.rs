//! `gymhook serve`: the options, the start, loading the settings again, and the end of the gateway. `crate::serve` has the
//! parts that this file combines.

use core::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use gymhook_engine::store::StoreError;
use gymhook_service::{Config, Database, DatabasePlace, LogFormat, Service, StartError};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;
use crate::serve::{self, Certificates, Limits, Listener, Signals, Stopping, Traces};
use crate::target::without_secrets;

/// Run the gateway: webhooks in, one shape out, with an API and a page of everything that was delivered
#[derive(Args, Debug)]
#[command(after_help = "\
Without a configuration it listens on 127.0.0.1:8780, keeps everything in gymhook.db in the current folder, and prints a first API key, with which you sign in on the page.

A configuration file adds sources and destinations; each of its keys has an environment variable, such as GYMHOOK_LISTEN, that overrides it, and an option here overrides both. SIGHUP reads the file again. SIGTERM and Ctrl-C stop after the requests under way, a second time at once.

Example: try it
  gymhook serve
Example: look at a configuration, then run it
  gymhook serve --config gymhook.toml --check && gymhook serve --config gymhook.toml")]
pub(crate) struct Arguments {
    /// A configuration file in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8780]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Keep everything in this SQLite file [default: gymhook.db]
    #[arg(long, value_name = "FILE", conflicts_with = "database_url")]
    database: Option<PathBuf>,
    /// Keep everything in PostgreSQL; a URL with a password belongs in GYMHOOK_DATABASE_URL
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The form of log lines, on standard error [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<Format>,
    /// Read the configuration, say what would be started, and start nothing
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Serialize)]
struct Ready {
    record: &'static str,
    url: String,
    database: String,
    sources: usize,
    destinations: usize,
    metrics_url: Option<String>,
}

#[derive(Serialize)]
struct FirstKey<'a> {
    record: &'static str,
    id: String,
    key: &'a str,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = arguments.config()?;
    let certificates = config.tls.as_ref().map(Certificates::read).transpose().map_err(Failure::usage)?;
    if arguments.check {
        return check(&config, output);
    }
    super::block_on(serve(arguments, config, certificates.map(Arc::new), output))
}

impl Arguments {
    /// The configuration with what was said here over it.
    fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::load(self.config.as_deref()).map_err(Failure::usage)?;
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(file) = &self.database {
            config.database = DatabasePlace::File(file.clone());
        }
        if let Some(url) = &self.database_url {
            refuse_password(url)?;
            config.database = DatabasePlace::Url(url.clone());
        }
        match self.log_format {
            Some(Format::Text) => config.log_format = Some(LogFormat::Text),
            Some(Format::Json) => config.log_format = Some(LogFormat::Json),
            None => {}
        }
        serve::log_targets(&config.log_level)?;
        if cfg!(not(feature = "otlp")) && config.otlp_endpoint.is_some() {
            return Err(Failure::usage(
                "otlp_endpoint needs a gymhook with OpenTelemetry, which this one is not: install it with --features otlp, or leave the key out",
            ));
        }
        Ok(config)
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address of this machine with a port, such as 127.0.0.1:8780 or [::]:8780".to_owned())
}

/// A password in an argument is seen by everyone who may list processes.
fn refuse_password(url: &str) -> Result<(), Failure> {
    if DatabasePlace::has_password(url) {
        return Err(Failure::usage(
            "a password in an argument is seen by everyone who may list processes: set GYMHOOK_DATABASE_URL instead of --database-url",
        ));
    }
    Ok(())
}

/// The database as people may see it.
fn database_name(place: &DatabasePlace) -> String {
    match place {
        DatabasePlace::File(path) => path.display().to_string(),
        DatabasePlace::Url(_) => "PostgreSQL".to_owned(),
    }
}

fn url(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// Says what would be started.
fn check(config: &Config, output: &mut Output) -> Result<(), Failure> {
    let settings = &config.settings;
    settings.check().map_err(|error| refused_start(&error))?;
    output.record(&Ready {
        record: "would-start",
        url: url(config, config.listen),
        database: database_name(&config.database),
        sources: settings.sources.len(),
        destinations: settings.destinations.len(),
        metrics_url: config.metrics_listen.map(|address| format!("http://{address}/metrics")),
    })?;
    output.line(&format!("would listen on {}, and keep everything in {}", url(config, config.listen), database_name(&config.database)))?;
    for source in &settings.sources {
        let keys = source.receiver.verifier().keyring().len();
        output.line(&format!(
            "source {}: {} at {}, {keys} {}",
            source.name,
            source.receiver.vendor(),
            source.path,
            if keys == 1 { "key" } else { "keys" }
        ))?;
        for warning in source.receiver.verifier().keyring().warnings() {
            output.warn(&format!("source {}: {warning}", source.name));
        }
    }
    for destination in &settings.destinations {
        // This is printed into journals.
        let url = without_secrets(&destination.url);
        output.line(&format!("destination {}: {url}, as {}", destination.name, destination.form.as_str()))?;
    }
    warn_of_plain_http(config, output);
    Ok(())
}

fn warn_of_plain_http(config: &Config, output: &Output) {
    // With `https`, its operator says that a proxy serves TLS.
    if config.tls.is_none() && !config.settings.https && !config.listen.ip().is_loopback() {
        output.warn(
            "this serves plain HTTP to other machines: put a proxy in front that serves TLS and set https, or set \
             tls_certificate and tls_key",
        );
    }
}

async fn serve(
    arguments: &Arguments,
    mut config: Config,
    certificates: Option<Arc<Certificates>>,
    output: &mut Output,
) -> Result<(), Failure> {
    let (traces, layer) = Traces::start(config.otlp_endpoint.as_ref(), &mut config.settings)?;
    serve::start_logs(config.log_format, &config.log_level, layer)?;
    let mut signals = Signals::listen()?;
    warn_of_plain_http(&config, output);
    // Before the database: a second process that was started by mistake changes nothing.
    let listener = Listener::bind(config.listen, "--listen").await?;
    let metrics = match config.metrics_listen {
        Some(address) => Some((Listener::bind(address, "metrics_listen").await?, recorder()?)),
        None => None,
    };
    let database = serve::open_database(&config.database).await?;
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

    while signals.next().await == serve::Asked::Reload {
        reload(arguments, &config, &service, certificates.as_deref()).await;
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

/// Counts from now on.
///
/// What is measured is counted in buckets: quantiles of several processes cannot be added up.
fn recorder() -> Result<PrometheusHandle, Failure> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let records = Matcher::Full("gymhook_commit_records".to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, &BUCKETS_OF_SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(records, &BUCKETS_OF_RECORDS));
    let installed = builder.and_then(PrometheusBuilder::install_recorder);
    installed.map_err(|error| Failure::failed(format!("nothing can be counted: {error}")))
}

/// From a commit on a fast disk to the longest attempt that a destination may be given; between them, how long platforms wait.
const BUCKETS_OF_SECONDS: [f64; 16] =
    [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];
const BUCKETS_OF_RECORDS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

fn refused_start(error: &StartError) -> Failure {
    if matches!(error, StartError::Source { .. } | StartError::Destination { .. }) {
        return Failure::usage(format!("{error}: correct the configuration"));
    }
    Failure::failed(format!("the service cannot be started: {error}"))
}

/// Prints where it is and, once for a new database, a first API key: to standard output alone, never to the log.
async fn announce(
    config: &Config,
    address: SocketAddr,
    metrics: Option<&Listener>,
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
        output.record(&FirstKey { record: "api-key", id: issued.key.id.to_string(), key: issued.expose_key() })?;
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

/// Reads the configuration again. What is wrong is told, and changes nothing.
async fn reload(arguments: &Arguments, started: &Config, service: &Service, certificates: Option<&Certificates>) {
    tell_system(&[sd_notify::NotifyState::Reloading, sd_notify::NotifyState::monotonic_usec_now().unwrap_or(sd_notify::NotifyState::Reloading)]);
    match load_again(arguments, started, service, certificates).await {
        Ok(config) => {
            for key in needs_restart(started, &config) {
                tracing::warn!(key, "this was changed and needs a new start: it stays as it was");
            }
            let (sources, destinations) = (config.settings.sources.len(), config.settings.destinations.len());
            tracing::info!(sources, destinations, "the configuration was read again");
        }
        Err(problem) => {
            for problem in problem.lines() {
                tracing::error!(problem, "the configuration was not read again: everything stays as it was");
            }
        }
    }
    tell_system(&[sd_notify::NotifyState::Ready]);
}

async fn load_again(
    arguments: &Arguments,
    started: &Config,
    service: &Service,
    certificates: Option<&Certificates>,
) -> Result<Config, String> {
    let mut config = arguments.config().map_err(|failure| failure.to_string())?;
    if config.tls.is_some() != started.tls.is_some() {
        // What is served stays what it was, and so does what cookies may be sent over.
        config.settings.https = started.settings.https;
    }
    // Both are looked at before either is changed.
    let files = config.tls.as_ref().filter(|_| started.tls.is_some());
    if let Some(files) = files {
        Certificates::read(files)?;
    }
    service.reload(config.settings.clone()).await.map_err(|error| error.to_string())?;
    if let (Some(files), Some(certificates)) = (files, certificates) {
        certificates.reload(files)?;
    }
    Ok(config)
}

/// What was changed and is not changed by reading the configuration again.
fn needs_restart(started: &Config, now: &Config) -> Vec<&'static str> {
    // Other files are read again; to begin or to end serving TLS needs a new start.
    let tls = ("tls_certificate", started.tls.is_some() != now.tls.is_some());
    compared(started, now).into_iter().chain([tls]).filter_map(|(key, changed)| changed.then_some(key)).collect()
}

/// The keys that need a new start, and whether they were changed. Both keys of the database are the one.
fn compared(started: &Config, now: &Config) -> Vec<(&'static str, bool)> {
    vec![
        ("listen", started.listen != now.listen),
        ("database", started.database != now.database),
        ("metrics_listen", started.metrics_listen != now.metrics_listen),
        ("max_connections", started.max_connections != now.max_connections),
        ("max_body_bytes", started.max_body_bytes != now.max_body_bytes),
        ("log_format", started.log_format != now.log_format),
        ("log_level", started.log_level != now.log_level),
        ("otlp_endpoint", started.otlp_endpoint != now.otlp_endpoint),
        ("grace_seconds", started.settings.grace != now.settings.grace),
        ("session_secret", session_secret(started) != session_secret(now)),
        ("requests_per_minute", started.settings.requests_per_minute != now.settings.requests_per_minute),
        ("destination_networks", started.settings.destination_networks != now.settings.destination_networks),
        ("subscriber_networks", started.settings.subscriber_networks != now.settings.subscriber_networks),
    ]
}

fn session_secret(config: &Config) -> Option<&[u8]> {
    config.settings.session_secret.as_ref().map(|secret| secret.expose_secret())
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

/// What a service manager is told, if there is one.
fn tell_system(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Each key that needs a new start, and a value that is not the default.
    const CHANGES: [(&str, &str); 14] = [
        ("listen", r#""127.0.0.1:1""#),
        ("database", r#""other.db""#),
        ("database_url", r#""postgres://db.example/gym""#),
        ("session_secret", r#""${SECRET}""#),
        ("requests_per_minute", "7"),
        ("destination_networks", r#"["10.0.0.0/8"]"#),
        ("subscriber_networks", r#"["10.0.0.0/8"]"#),
        ("metrics_listen", r#""127.0.0.1:2""#),
        ("max_connections", "7"),
        ("max_body_bytes", "2048"),
        ("grace_seconds", "7"),
        ("log_format", r#""json""#),
        ("log_level", r#""debug""#),
        ("otlp_endpoint", r#""http://127.0.0.1:4318""#),
    ];

    #[test]
    fn a_change_of_each_key_that_needs_a_new_start_is_noticed() {
        let needed = Config::keys().filter(|key| key.needs_restart).map(|key| key.name);
        assert_eq!(CHANGES.map(|(key, _)| key).into_iter().collect::<BTreeSet<_>>(), needed.collect());
        let secret = ("SECRET".to_owned(), "b7f0c1d2e3a49586b7f0c1d2e3a49586b7f0c1d2e3a49586".to_owned());
        let default = Config::parse("", "gymhook.toml", []).unwrap();
        assert_eq!(needs_restart(&default, &default), Vec::<&str>::new());
        for (key, value) in CHANGES {
            let text = format!("{key} = {value}");
            let changed = Config::parse(&text, "gymhook.toml", [secret.clone()]).unwrap();
            // Both keys of the database are the one.
            let named = if key == "database_url" { "database" } else { key };
            assert_eq!(needs_restart(&default, &changed), [named]);
        }
    }
}
