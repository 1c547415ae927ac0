//! `Target`: reads libpq's connection strings, as a URL or as pairs, with the options that this store knows, such as
//! `sslmode`.

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::error::with_causes;
use super::tls::{TlsSettings, Verify};
use gymhook_store::StoreError;

/// What a connection string says: where to, and by what kind of TLS.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: TlsSettings,
}

/// The options that the driver reads.
const DRIVERS: &str = "user password dbname options application_name sslnegotiation host hostaddr port connect_timeout \
    tcp_user_timeout keepalives keepalives_idle keepalives_interval keepalives_retries target_session_attrs \
    channel_binding load_balance_hosts";

/// Options of other programs, and what does the same here.
const ELSEWHERE: [(&str, &str); 5] = [
    ("schema search_path currentSchema", "name the schema with PostgresOptions::with_schema"),
    (
        "pgbouncer prepared_statements prepareThreshold statement_cache_size",
        "a pooler is detected, or set with PostgresOptions::with_pooling",
    ),
    ("connection_limit max_connections pool_size pool_max_conns", "use PostgresOptions::with_connections"),
    ("statement_timeout socket_timeout pool_timeout", "use PostgresOptions::with_call_timeout"),
    ("ssl tls", "use sslmode"),
];

impl Target {
    /// Reads `postgresql://user@host/database?option=value` or `host=… user=… option=…`.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let mut tls = TlsSettings::default();
        let mut mode = "prefer".to_owned();
        let (mut rest, pieces, [first, between]) = match split_url(text) {
            Some((rest, pieces)) => (rest.to_owned(), pieces, ["?", "&"]),
            None => (String::new(), split_pairs(text)?, ["", " "]),
        };
        let mut is_first = true;
        for Piece { name, value, written } in pieces {
            match name.as_str() {
                "sslmode" => mode = value,
                "sslrootcert" => tls.root = Some(value),
                "sslcert" => tls.certificate = Some(value),
                "sslkey" => tls.key = Some(value),
                known if DRIVERS.split(' ').any(|driver| driver == known) => {
                    rest.push_str(if is_first { first } else { between });
                    rest.push_str(written);
                    is_first = false;
                }
                unknown => return Err(not_known(unknown)),
            }
        }
        let ssl_mode = read_mode(&mode, &mut tls)?;
        let read = rest.parse().map_err(|error: tokio_postgres::Error| invalid(with_causes(&error)));
        let mut config: Config = read?;
        check(&config)?;
        if config.get_hosts().is_empty() {
            let addresses = config.get_hostaddrs().to_vec();
            addresses.iter().for_each(|address| _ = config.host(address.to_string()));
        }
        // As in libpq: nobody is between the ends of a Unix socket.
        let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        config.ssl_mode(if is_local { SslMode::Disable } else { ssl_mode });
        Ok(Self { config, tls })
    }
}

/// Whether it leads anywhere: the driver reports it only when it connects.
pub(super) fn check(config: &Config) -> Result<(), StoreError> {
    let (hosts, addresses, ports) =
        (config.get_hosts().len(), config.get_hostaddrs().len(), config.get_ports().len());
    let problem = if hosts == 0 && addresses == 0 {
        "no host is named: add host=… or postgresql://user@HOST/database".to_owned()
    } else if hosts > 0 && addresses > 0 && hosts != addresses {
        format!(
            "{hosts} are named by host and {addresses} by hostaddr: give each host its address, or leave hostaddr out"
        )
    } else if ports > 1 && ports != hosts.max(addresses) {
        format!(
            "port names {ports} and host {}: give each host its port, or all of them one",
            hosts.max(addresses)
        )
    } else {
        return Ok(());
    };
    Err(invalid(problem))
}

/// The hosts, as people name them.
pub(super) fn place(config: &Config) -> String {
    let hosts: Vec<String> = match config.get_hosts() {
        [] => config.get_hostaddrs().iter().map(ToString::to_string).collect(),
        hosts => hosts
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(folder) => folder.display().to_string(),
            })
            .collect(),
    };
    let ports = config.get_ports();
    let port = |at: usize| ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
    let places = hosts.iter().enumerate().map(|(at, host)| format!("{host}:{}", port(at)));
    places.collect::<Vec<String>>().join(", ")
}

fn read_mode(mode: &str, tls: &mut TlsSettings) -> Result<SslMode, StoreError> {
    let (ssl_mode, verify) = match mode {
        "disable" => (SslMode::Disable, Verify::Nothing),
        "prefer" => (SslMode::Prefer, Verify::Nothing),
        // As in libpq, for programs that were written when it had no other mode.
        "require" if tls.root.is_some() => (SslMode::Require, Verify::Issuer),
        "require" => (SslMode::Require, Verify::Nothing),
        "verify-ca" => (SslMode::Require, Verify::Issuer),
        "verify-full" => (SslMode::Require, Verify::IssuerAndHost),
        _ => {
            let known = "disable, prefer, require, verify-ca or verify-full";
            return Err(invalid(format!("sslmode is {mode:?}: use {known}")));
        }
    };
    if verify != Verify::Nothing && tls.root.is_none() {
        let problem = format!(
            "sslmode={mode} needs sslrootcert: the path of the CA's certificate in PEM, or `system` for the CAs that browsers \
             trust"
        );
        return Err(invalid(problem));
    }
    // Whoever may have a certificate for any name that they own proves nothing by having one.
    if tls.root.as_deref() == Some(TlsSettings::SYSTEM) && verify != Verify::IssuerAndHost {
        return Err(invalid(format!(
            "sslrootcert=system with sslmode={mode} proves nothing: use sslmode=verify-full"
        )));
    }
    if tls.certificate.is_some() != tls.key.is_some() {
        return Err(invalid("sslcert and sslkey go together: name both files, in PEM".to_owned()));
    }
    tls.verify = verify;
    Ok(ssl_mode)
}

fn not_known(name: &str) -> StoreError {
    let elsewhere = ELSEWHERE.iter().find(|(names, _)| names.split(' ').any(|known| known == name));
    let instead = elsewhere.map_or(
        "remove it, or set it on a tokio_postgres::Config and use PostgresStore::connect_with",
        |(_, instead)| instead,
    );
    invalid(format!("unknown option {name:?}: {instead}"))
}

fn invalid(problem: String) -> StoreError {
    // The driver begins like this, too.
    let problem = problem.trim_start_matches("invalid connection string: ");
    StoreError::Invalid { problem: format!("the connection settings cannot be used: {problem}") }
}

/// One option, decoded and as it is written.
struct Piece<'t> {
    name: String,
    value: String,
    written: &'t str,
}

/// A URL up to its options, and these; `None` if it is none.
fn split_url(text: &str) -> Option<(&str, Vec<Piece<'_>>)> {
    let prefix = ["postgres://", "postgresql://"].into_iter().find(|prefix| text.starts_with(prefix))?;
    // A password may have a question mark.
    let behind_user = text.find('@').unwrap_or(prefix.len());
    let behind = text.get(behind_user..).and_then(|rest| rest.find('?')).map(|at| at + behind_user);
    let Some((base, options)) = behind.and_then(|at| text.split_at_checked(at)) else {
        return Some((text, Vec::new()));
    };
    let options = options.get(1..).unwrap_or_default().split('&').filter(|option| !option.is_empty());
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pieces = options.map(|written| {
        let (name, value) = written.split_once('=').unwrap_or((written, ""));
        Piece { name: decode(name), value: decode(value), written }
    });
    Some((base, pieces.collect()))
}

/// Pairs of `name = value`, where a value may be in single quotes, and a backslash escapes the next character.
fn split_pairs(text: &str) -> Result<Vec<Piece<'_>>, StoreError> {
    let mut pieces = Vec::new();
    let mut left = text.trim_start();
    while !left.is_empty() {
        let Some((name, behind)) = left.split_once('=') else {
            return Err(invalid("an option has no value: write name=value".to_owned()));
        };
        let name = name.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(invalid(
                "an option has no value: write name=value, with blanks in values quoted".to_owned(),
            ));
        }
        let behind = behind.trim_start();
        let (value, rest) = take_value(behind)
            .ok_or_else(|| invalid(format!("the value of {name} has an opening quote and no closing one")))?;
        let written = left.get(..left.len() - rest.len()).unwrap_or(left);
        pieces.push(Piece { name: name.to_owned(), value, written });
        left = rest.trim_start();
    }
    Ok(pieces)
}

/// A value, and what is behind it; `None` if its quote is not closed.
fn take_value(text: &str) -> Option<(String, &str)> {
    let quoted = text.strip_prefix('\'');
    let inside = quoted.unwrap_or(text);
    let mut value = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted.is_some() => return Some((value, inside.get(at + 1..)?)),
            blank if blank.is_whitespace() && quoted.is_none() => return Some((value, inside.get(at..)?)),
            other => value.push(other),
        }
    }
    quoted.is_none().then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_pairs_say_the_same() {
        let texts = [
            "postgresql://gym:p%3Fw@db.example:6432/hooks?sslmode=verify-full&sslrootcert=%2Fetc%2Fca%20s.pem&application_name=a%20b",
            r"host = db.example  port=6432 user=gym password='p?w' dbname=hooks sslmode=verify-full sslrootcert='/etc/ca s.pem' application_name='a b'",
            r"sslrootcert=/etc/ca\ s.pem host=db.example port=6432 user=gym password=p?w application_name=a\ b dbname=hooks sslmode=verify-full",
        ];
        for text in texts {
            let Target { config, tls } = Target::parse(text).unwrap();
            assert_eq!(config.get_hosts(), [Host::Tcp("db.example".to_owned())], "{text}");
            assert_eq!(config.get_ports(), [6432], "{text}");
            assert_eq!((config.get_user(), config.get_dbname()), (Some("gym"), Some("hooks")), "{text}");
            assert_eq!(config.get_password(), Some(b"p?w".as_slice()), "{text}");
            assert_eq!(config.get_application_name(), Some("a b"), "{text}");
            assert_eq!(config.get_ssl_mode(), SslMode::Require, "{text}");
            assert_eq!(
                (tls.verify, tls.root.as_deref()),
                (Verify::IssuerAndHost, Some("/etc/ca s.pem")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_unix_socket_has_no_tls_and_an_address_is_a_host() {
        let local = Target::parse("postgresql:///hooks?host=/run/postgresql&sslmode=require").unwrap().config;
        assert_eq!(local.get_ssl_mode(), SslMode::Disable);
        let address = Target::parse("hostaddr=192.0.2.7 user=gym").unwrap().config;
        assert_eq!(address.get_hosts(), [Host::Tcp("192.0.2.7".to_owned())]);
        assert_eq!(address.get_ssl_mode(), SslMode::Prefer);
    }
}
