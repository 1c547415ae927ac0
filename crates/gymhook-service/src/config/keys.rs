//! `ConfigKey`: the keys of a configuration file, one list, which the reader, the documentation and the tests share.

use self::Applies::{AtStart, OnReload};

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

/// Whether a change takes effect when the file is read again, or at the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applies {
    OnReload,
    AtStart,
}

const TABLES: [(&str, &[(&str, Applies)]); 4] = [
    (
        "",
        &[
            ("listen", AtStart),
            ("database", AtStart),
            ("database_url", AtStart),
            ("tls_certificate", OnReload),
            ("tls_key", OnReload),
            ("https", OnReload),
            ("session_secret", AtStart),
            ("keep_days", OnReload),
            ("requests_per_minute", AtStart),
            ("destination_networks", AtStart),
            ("subscriber_networks", AtStart),
            ("metrics_listen", AtStart),
            ("max_connections", AtStart),
            ("max_body_bytes", AtStart),
            ("grace_seconds", AtStart),
            ("log_format", AtStart),
            ("log_level", AtStart),
            ("otlp_endpoint", AtStart),
            (SOURCES, OnReload),
            (DESTINATIONS, OnReload),
        ],
    ),
    (
        SOURCES,
        &[
            ("name", OnReload),
            ("platform", OnReload),
            ("path", OnReload),
            ("signature_header", OnReload),
            ("signature_encoding", OnReload),
            ("signature_prefix", OnReload),
            ("keys", OnReload),
        ],
    ),
    (
        SOURCE_KEYS,
        &[
            ("id", OnReload),
            ("studio", OnReload),
            ("secret", OnReload),
            ("encoding", OnReload),
            ("from", OnReload),
            ("until", OnReload),
        ],
    ),
    (
        DESTINATIONS,
        &[
            ("name", OnReload),
            ("url", OnReload),
            ("secret", OnReload),
            ("secrets", OnReload),
            ("encoding", OnReload),
            ("form", OnReload),
            ("sources", OnReload),
            ("studios", OnReload),
            ("kinds", OnReload),
            ("retry_delays", OnReload),
            ("retry_exponential", OnReload),
            ("attempt_timeout", OnReload),
        ],
    ),
];

/// The keys of this table.
pub(super) fn of_table(table: &str) -> impl Iterator<Item = &'static str> + Clone + use<> {
    let keys = TABLES.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, keys)| keys);
    keys.iter().map(|(name, _)| *name)
}

/// All keys.
pub(super) fn all() -> impl Iterator<Item = ConfigKey> {
    TABLES.iter().flat_map(|(table, keys)| {
        keys.iter().map(move |(name, applies)| ConfigKey { table, name, needs_restart: *applies == AtStart })
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
