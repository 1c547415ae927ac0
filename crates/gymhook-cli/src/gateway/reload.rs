//! Loads the settings again on SIGHUP: `reload` applies what can change while the gateway runs, and `needs_restart` names the
//! keys that cannot.

use gymhook_service::{Config, Service};

use super::service_manager::tell_system;
use super::tls::Certificates;
use crate::failure::Failure;

/// Reads the configuration again. What is wrong is told, and changes nothing.
pub(super) async fn reload(
    load: impl Fn() -> Result<Config, Failure>,
    started: &Config,
    service: &Service,
    certificates: Option<&Certificates>,
) {
    tell_system(&[
        sd_notify::NotifyState::Reloading,
        sd_notify::NotifyState::monotonic_usec_now().unwrap_or(sd_notify::NotifyState::Reloading),
    ]);
    match load_again(load, started, service, certificates).await {
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
    load: impl Fn() -> Result<Config, Failure>,
    started: &Config,
    service: &Service,
    certificates: Option<&Certificates>,
) -> Result<Config, String> {
    let mut config = load().map_err(|failure| failure.to_string())?;
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
    compared(started, now)
        .into_iter()
        .chain([tls])
        .filter_map(|(key, changed)| changed.then_some(key))
        .collect()
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
