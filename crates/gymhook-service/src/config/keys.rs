//! The keys of a configuration file: one list, which the reader, the documentation and the tests share.

/// A key of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigKey {
    /// The table that it is in: empty, `sources`, `sources.keys` or `destinations`.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether a change takes effect at the next start only, and not when the file is read again.
    pub needs_restart: bool,
}

/// The table of the keys of one source.
pub(super) const SOURCE_KEYS: &str = "sources.keys";
pub(super) const SOURCES: &str = "sources";
pub(super) const DESTINATIONS: &str = "destinations";

const TABLES: [(&str, &[&str]); 4] = [
    (
        "",
        &[
            "listen",
            "database",
            "database_url",
            "tls_certificate",
            "tls_key",
            "https",
            "session_secret",
            "keep_days",
            "requests_per_minute",
            "destination_networks",
            "subscriber_networks",
            "metrics_listen",
            "max_connections",
            "max_body_bytes",
            "grace_seconds",
            "log_format",
            "log_level",
            "otlp_endpoint",
            SOURCES,
            DESTINATIONS,
        ],
    ),
    (
        SOURCES,
        &["name", "platform", "path", "signature_header", "signature_encoding", "signature_prefix", "keys"],
    ),
    (SOURCE_KEYS, &["id", "studio", "secret", "encoding", "from", "until"]),
    (DESTINATIONS, &["name", "url", "secret", "secrets", "encoding", "form", "sources", "studios", "kinds"]),
];

/// Those whose changes take effect at the next start.
const NEEDS_RESTART: [&str; 14] = [
    "listen",
    "database",
    "database_url",
    "session_secret",
    "requests_per_minute",
    "destination_networks",
    "subscriber_networks",
    "metrics_listen",
    "max_connections",
    "max_body_bytes",
    "grace_seconds",
    "log_format",
    "log_level",
    "otlp_endpoint",
];

/// The keys of this table.
pub(super) fn of_table(table: &str) -> &'static [&'static str] {
    TABLES.iter().find(|(name, _)| *name == table).map_or(&[], |(_, keys)| keys)
}

/// All keys.
pub(super) fn all() -> impl Iterator<Item = ConfigKey> {
    TABLES.iter().flat_map(|(table, keys)| {
        keys.iter().map(move |name| {
            let needs_restart = table.is_empty() && NEEDS_RESTART.contains(name);
            ConfigKey { table, name, needs_restart }
        })
    })
}

impl ConfigKey {
    /// The environment variable that overrides it: `GYMHOOK_` and its name in capitals. Tables have none.
    ///
    /// ```
    /// use gymhook_service::Config;
    ///
    /// let variables: Vec<_> = Config::keys().filter_map(|key| key.variable()).collect();
    /// assert_eq!(variables.first().map(String::as_str), Some("GYMHOOK_LISTEN"));
    /// ```
    #[must_use]
    pub fn variable(self) -> Option<String> {
        let has_one = self.table.is_empty() && self.name != SOURCES && self.name != DESTINATIONS;
        has_one.then(|| format!("GYMHOOK_{}", self.name.to_uppercase()))
    }
}
