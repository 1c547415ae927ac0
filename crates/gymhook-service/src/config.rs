//! `Config`: the settings of a gateway, read from a TOML file, with environment variables over it; `DatabasePlace`,
//! `TlsFiles` and `LogFormat`.

mod destination;
mod document;
mod keys;
mod problem;
mod secret;
mod source;

use core::fmt;
use core::net::SocketAddr;
use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gymhook::secret_source::SecretFormat;
use http::Uri;
use ipnet::IpNet;

use self::document::{Entry, Section};
pub use self::keys::ConfigKey;
use self::problem::Problems;
pub use self::problem::{ConfigError, ConfigProblem, Place};
use self::secret::Variables;
use crate::Settings;

/// A configuration: the [`Settings`] of a service, and what the program around it needs.
///
/// It comes from a TOML file, and from environment variables, which override the file: `GYMHOOK_` and a key in capitals, such as
/// `GYMHOOK_LISTEN`. Unknown keys are refused. Secrets are never in the file: `"${NAME}"` refers to an environment variable,
/// `"file:PATH"` to a file. `deploy/gymhook.toml` of the repository documents every key.
///
/// ```
/// use gymhook_service::Config;
///
/// let config = Config::parse("listen = \"0.0.0.0:8780\"\nkeep_days = 90", "gymhook.toml", [])?;
/// assert_eq!(config.listen.port(), 8780);
///
/// let refused = Config::parse("listn = \"0.0.0.0:8780\"", "gymhook.toml", []).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "gymhook.toml:1:1: listn: there is no such key: did you mean \"listen\"?",
/// );
/// # Ok::<(), gymhook_service::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where the service listens. 127.0.0.1:8780 by default.
    pub listen: SocketAddr,
    /// Where everything is kept: `gymhook.db` in the current folder by default.
    pub database: DatabasePlace,
    /// The certificate to serve TLS with; without it, a proxy in front has to do it.
    pub tls: Option<TlsFiles>,
    /// Where Prometheus' metrics are served, on an address of their own since they need no key. Nowhere by default.
    pub metrics_listen: Option<SocketAddr>,
    /// The largest number of connections at a time: more wait for their turn. 1,024 by default (ours).
    pub max_connections: usize,
    /// The longest body of a request, in bytes. 8 MiB by default (ours); sources have a smaller limit.
    pub max_body_bytes: usize,
    /// The form of log lines; by default text on a terminal, else JSON.
    pub log_format: Option<LogFormat>,
    /// Which log lines are written: a level, or directives as `tracing-subscriber` takes them. `info` by default.
    pub log_level: String,
    /// Where an OpenTelemetry collector takes traces by OTLP over HTTP, without `/v1/traces`. Nowhere by default.
    pub otlp_endpoint: Option<Uri>,
    /// What the service is started with.
    pub settings: Settings,
}

/// Where everything is kept.
///
/// Exhaustive on purpose: whoever starts the service opens either.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabasePlace {
    /// In an SQLite file.
    File(PathBuf),
    /// In PostgreSQL at this URL, which may have a password.
    Url(String),
}

impl DatabasePlace {
    /// Whether this URL has a password, so that it does not belong in a file or an argument.
    ///
    /// ```
    /// use gymhook_service::DatabasePlace;
    ///
    /// assert!(DatabasePlace::has_password("postgres://gym:secret@db.example/gym"));
    /// assert!(!DatabasePlace::has_password("postgres://gym@db.example/gym"));
    /// ```
    #[must_use]
    pub fn has_password(url: &str) -> bool {
        let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next());
        let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
        // Of a parameter, as a keyword, or as the name of a file with it: in doubt, it has one.
        user.is_some_and(|user| user.contains(':')) || url.to_lowercase().contains("password")
    }
}

impl fmt::Debug for DatabasePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Url(_) => f.debug_tuple("Url").field(&"[REDACTED]").finish(),
        }
    }
}

/// A certificate's files, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The form of log lines.
///
/// Exhaustive on purpose: whoever starts the service writes either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

impl Config {
    /// The default of [`Config::listen`].
    pub const LISTEN: SocketAddr =
        SocketAddr::V4(core::net::SocketAddrV4::new(core::net::Ipv4Addr::LOCALHOST, 8780));
    /// The default of [`Config::database`].
    pub const DATABASE: &str = "gymhook.db";

    /// Reads a file, if one is named, and this process's environment variables.
    ///
    /// # Errors
    /// [`ConfigError`], with everything that is wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        // A variable that is not Unicode is none of ours; a secret in it is missed by its name.
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let Some(file) = file else { return Self::parse("", "", variables) };
        let text = fs::read_to_string(file).map_err(|error| {
            let mut problems = Problems::default();
            let problem = format!("the file cannot be read ({error}): look at its path, and who may read it");
            problems.add(&Place::whole(file), "", problem);
            problems.or::<Self>(None)
        });
        match text {
            Ok(text) => Self::parse(&text, file, variables),
            Err(refused) => refused,
        }
    }

    /// Reads a text, which was at `file`, with these environment variables.
    ///
    /// # Errors
    /// [`ConfigError`], with everything that is wrong.
    pub fn parse(
        text: &str,
        file: impl AsRef<Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let variables: Variables = variables.into_iter().collect();
        let mut problems = Problems::default();
        let document = Section::parse(text, file.as_ref(), &variables, &mut problems);
        let config = Self::read(document, &variables, &mut problems);
        problems.or(config)
    }

    /// All keys that a configuration file may have.
    pub fn keys() -> impl Iterator<Item = ConfigKey> {
        keys::all()
    }

    fn read(mut document: Section, variables: &Variables, problems: &mut Problems) -> Option<Self> {
        let address = "write an address of this machine with a port, such as 127.0.0.1:8780 or [::]:8780";
        let listen = document.take("listen", problems, |entry| entry.parsed(address));
        let metrics_listen = document.take("metrics_listen", problems, |entry| entry.parsed(address));
        let database = database(&mut document, variables, problems);
        let tls = tls(&mut document, problems);
        let log_formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let log_format = document.take("log_format", problems, |entry| entry.one_of(&log_formats));
        let text = |entry: &Entry| entry.text().map(str::to_owned);
        let log_level = document.take("log_level", problems, text);
        let otlp_endpoint = document.take("otlp_endpoint", problems, otlp_endpoint);
        let max_connections = document.take("max_connections", problems, |entry| entry.number(1, 1_000_000));
        let max_body = document.take("max_body_bytes", problems, |entry| entry.number(1_024, 1 << 30));
        let settings = settings(&mut document, variables, tls.is_some(), problems);
        if listen.is_some() && listen == metrics_listen {
            let problem = "this is the address of the service itself: metrics need one of their own";
            problems.add(&document.place, "metrics_listen", problem);
        }
        document.finish(problems);
        Some(Self {
            listen: listen.unwrap_or(Self::LISTEN),
            database: database?,
            tls,
            metrics_listen,
            max_connections: usize_of(max_connections.unwrap_or(1_024)),
            max_body_bytes: usize_of(max_body.unwrap_or(8 << 20)),
            log_format,
            log_level: log_level.unwrap_or_else(|| "info".to_owned()),
            otlp_endpoint,
            settings,
        })
    }
}

/// A URL without secrets: what a collector asks for comes from another place.
fn otlp_endpoint(entry: &Entry) -> Result<Uri, String> {
    // It may have a password, so it is not repeated.
    let problem = "write the collector's URL as http://127.0.0.1:4318, without user, password and query: headers that it needs belong in the environment variable OTEL_EXPORTER_OTLP_HEADERS";
    let text = entry.text()?;
    let uri: Uri = text.parse().map_err(|_| problem.to_owned())?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_plain = uri.query().is_none() && !text.contains(['@', '#']);
    if is_http && is_plain { Ok(uri) } else { Err(problem.to_owned()) }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The two keys exclude one another, but a variable overrides either.
fn database(document: &mut Section, variables: &Variables, problems: &mut Problems) -> Option<DatabasePlace> {
    let is_variable = |document: &Section, name| matches!(document.place_of(name), Place::Variable(_));
    let (has_file, has_url) = (document.has("database"), document.has("database_url"));
    let (url_overrides, file_overrides) =
        (is_variable(document, "database_url"), is_variable(document, "database"));
    let place = document.place_of("database_url");
    let url = document.take("database_url", problems, |entry| database_url(entry, variables));
    let file = document.take("database", problems, Entry::path);
    match (has_file, has_url) {
        (true, true) if url_overrides == file_overrides => {
            let problem = "database and database_url exclude one another: leave one out";
            problems.add(&place, "database_url", problem);
            None
        }
        (true, true) if url_overrides => url.map(DatabasePlace::Url),
        (false, true) => url.map(DatabasePlace::Url),
        (true, _) => file.map(DatabasePlace::File),
        (false, false) => Some(DatabasePlace::File(PathBuf::from(Config::DATABASE))),
    }
}

/// A URL may be in the file as long as it has no password.
fn database_url(entry: &Entry, variables: &Variables) -> Result<String, String> {
    let text = entry.text()?;
    let refers = text.starts_with("file:") || secret::variable(text).is_some();
    if refers || matches!(entry.place, Place::Variable(_)) {
        return secret::text(entry, variables);
    }
    if DatabasePlace::has_password(text) {
        return Err(
            "a password does not belong in this file: write \"${NAME}\" for an environment variable with the URL, or \"file:PATH\""
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}

fn tls(document: &mut Section, problems: &mut Problems) -> Option<TlsFiles> {
    let given = [document.has("tls_certificate"), document.has("tls_key")];
    let place = [document.place_of("tls_certificate"), document.place_of("tls_key")];
    let certificate = document.take("tls_certificate", problems, Entry::path);
    let key = document.take("tls_key", problems, Entry::path);
    let [certificate_place, key_place] = place;
    match given {
        [true, false] => problems.add(
            &certificate_place,
            "tls_certificate",
            "tls_key is missing: name the private key's file, too",
        ),
        [false, true] => problems.add(
            &key_place,
            "tls_key",
            "tls_certificate is missing: name the certificate's file, too",
        ),
        _ => {}
    }
    Some(TlsFiles { certificate: certificate?, key: key? })
}

fn settings(
    document: &mut Section,
    variables: &Variables,
    serves_tls: bool,
    problems: &mut Problems,
) -> Settings {
    let mut settings = Settings::default();
    let networks = |entry: &Entry| {
        let wanted = |text: &str| format!("{text:?} is not a valid network: write it as 10.0.0.0/8");
        entry.list(|text| text.parse::<IpNet>().map(|network| network.trunc()).map_err(|_| wanted(text)))
    };
    if let Some(networks) = document.take("destination_networks", problems, networks) {
        settings.destination_networks = networks;
    }
    if let Some(networks) = document.take("subscriber_networks", problems, networks) {
        settings.subscriber_networks = networks;
    }
    if let Some(days) = document.take("keep_days", problems, |entry| entry.number(0, 36_500)) {
        settings.keep = (days > 0).then(|| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    }
    let per_minute = document.take("requests_per_minute", problems, |entry| entry.number(1, 1_000_000));
    if let Some(per_minute) = per_minute.and_then(NonZeroU32::new) {
        settings.requests_per_minute = per_minute;
    }
    if let Some(seconds) = document.take("grace_seconds", problems, |entry| entry.number(0, 3_600)) {
        settings.grace = Duration::from_secs(seconds.into());
    }
    settings.https = document.take("https", problems, Entry::flag).unwrap_or(serves_tls);
    let session_secret = document.take("session_secret", problems, |entry| {
        let secret = secret::read(entry, SecretFormat::Text, variables)?;
        if secret.is_weak() {
            return Err(
                "this secret is too short to be one: draw 32 random bytes, such as with openssl rand -hex 32"
                    .to_owned(),
            );
        }
        Ok(secret)
    });
    settings.session_secret = session_secret.map(Arc::new);
    let sources = document.take_sections("sources", problems);
    // A source with a mistake has its name all the same.
    let names = sources.iter().filter_map(|section| section.text_of("name")).map(str::to_owned);
    let names: Vec<String> = names.collect();
    for section in sources {
        settings.sources.extend(source::read(section, variables, problems));
    }
    for section in document.take_sections("destinations", problems) {
        settings.destinations.extend(destination::read(section, &names, variables, problems));
    }
    let place = document.place.clone();
    let mut refuse_repeats = |what: &str, values: &mut dyn Iterator<Item = &str>| {
        let mut seen = BTreeSet::new();
        for value in values {
            if !seen.insert(value) {
                problems.add(&place, "", format!("two {what} {value:?}: give each its own"));
            }
        }
    };
    refuse_repeats("sources have the name", &mut settings.sources.iter().map(|source| source.name.as_str()));
    refuse_repeats("sources have the path", &mut settings.sources.iter().map(|source| source.path.as_str()));
    let destinations = settings.destinations.iter();
    refuse_repeats(
        "destinations have the name",
        &mut destinations.map(|destination| destination.name.as_str()),
    );
    settings
}
