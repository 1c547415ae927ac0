//! `gymhook serve`: its options, the configuration that they override, and `--check`. `gateway.rs` runs the gateway.

use core::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use gymhook_service::{Config, DatabasePlace, LogFormat};

use crate::failure::Failure;
use crate::gateway::{self, Certificates, Ready, database_name, refused_start, url, warn_of_plain_http};
use crate::output::Output;
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

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = arguments.config()?;
    let certificates = config.tls.as_ref().map(Certificates::read).transpose().map_err(Failure::usage)?;
    if arguments.check {
        return check(&config, output);
    }
    let load = || arguments.config();
    super::block_on(gateway::serve(load, config, certificates.map(Arc::new), output))
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
        gateway::log_targets(&config.log_level)?;
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
