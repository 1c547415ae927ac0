//! `check_url` and `CheckUrlError`: which URLs may be sent to, as far as the URL alone tells.

use gymhook::UrlRule;
use gymhook::send::{EndpointUrl, UrlError};
use url::{Host, ParseError, Url};

use super::{AddressRules, ForbiddenAddress};

/// Parses a URL as a browser would, and checks it: the platform's rule, the host, and IP literals in any spelling.
///
/// It returns the normalised URL: what was checked is what is sent to. A name's addresses are checked when it is resolved,
/// for each connection.
///
/// ```
/// use gymhook::UrlRule;
/// use gymhook_engine::http::{AddressRules, check_url};
///
/// let check = |url: &str| check_url(url, UrlRule::Https, &AddressRules::new());
/// assert_eq!(check("HTTPS://Receiver.Example:443/hooks")?.to_string(), "https://receiver.example/hooks");
/// assert!(check("https://127.0.0.1/").is_err());
/// assert!(check("https://0x7f.1/").is_err()); // the same address
/// assert!(check("https://printer.local/").is_err());
/// # Ok::<(), gymhook_engine::http::CheckUrlError>(())
/// ```
///
/// # Errors
/// - [`CheckUrlError::Url`]: not an absolute URL, or it breaks the platform's rule, or it has user info or a fragment.
/// - [`CheckUrlError::Address`]: its host is an IP address that must not be sent to.
/// - [`CheckUrlError::LocalName`], [`CheckUrlError::NoDot`]: its host is a name for private networks only. If
///   [a private network](AddressRules::dangerous_allow_private_network) is allowed, so are these names.
pub fn check_url(url: &str, rule: UrlRule, addresses: &AddressRules) -> Result<EndpointUrl, CheckUrlError> {
    let url = parse(url)?;
    let excused = match url.host() {
        Some(Host::Ipv4(address)) => check_literal(address.into(), addresses)?,
        Some(Host::Ipv6(address)) => check_literal(address.into(), addresses)?,
        Some(Host::Domain(name)) => check_name(name, url.scheme(), addresses)?,
        None => return Err(unreadable(ParseError::EmptyHost)),
    };
    let checked = if excused {
        EndpointUrl::dangerous_without_rule(url.as_str())?
    } else {
        EndpointUrl::new(url.as_str(), rule)?
    };
    Ok(checked)
}

/// Why a URL is refused. Caused by the input; of the URL, only the host is repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckUrlError {
    /// The host is an address that must not be sent to.
    #[error(transparent)]
    Address(#[from] ForbiddenAddress),
    /// The host is a name that public DNS does not serve.
    #[error(
        "{name} is a name for private networks ({source_document}), not a public host: enter the receiver's public name"
    )]
    LocalName {
        /// The name, in lower case.
        name: String,
        /// The document that reserves it.
        source_document: &'static str,
    },
    /// The host is a name without a dot, which only the local network's search list could complete.
    #[error(
        "{name} has no dot, so it is not a public host: enter the receiver's full name, such as {name}.example.com"
    )]
    NoDot {
        /// The name, in lower case.
        name: String,
    },
    /// It cannot be parsed, or violates the platform's rule.
    #[error(transparent)]
    Url(#[from] UrlError),
}

/// Top-level domains, and one domain, that never lead to a public host.
const LOCAL_DOMAINS: [(&str, &str); 8] = [
    ("alt", "RFC 9476"),
    ("home.arpa", "RFC 8375"),
    ("internal", "ICANN board resolution 2024.07.29.06"),
    ("invalid", "RFC 6761"),
    ("local", "RFC 6762"),
    ("localhost", "RFC 6761"),
    ("onion", "RFC 7686"),
    ("test", "RFC 6761"),
];

fn parse(url: &str) -> Result<Url, CheckUrlError> {
    // The URL standard drops some of these silently; nobody who enters a URL means them.
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(malformed("it holds a space or a control character: was something else copied with it?"));
    }
    let url = Url::parse(url).map_err(unreadable)?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(UrlError::Scheme.into());
    }
    if url.fragment().is_some() {
        return Err(UrlError::Fragment.into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::UserInfo.into());
    }
    Ok(url)
}

/// Says whether the platform's rule is waived, as it is for what was dangerously allowed.
fn check_literal(address: core::net::IpAddr, addresses: &AddressRules) -> Result<bool, CheckUrlError> {
    addresses.check(address)?;
    Ok(addresses.is_dangerously_allowed(address))
}

/// As [`check_literal`]. Where a name leads is not known yet: the connector sees to it that plain `http` goes to dangerously
/// allowed addresses only.
fn check_name(name: &str, scheme: &str, addresses: &AddressRules) -> Result<bool, CheckUrlError> {
    if let Some(without) = name.strip_suffix('.') {
        return Err(host(&format!("it ends with a dot: enter {without}")));
    }
    if name.split('.').any(str::is_empty) {
        return Err(host("it has an empty label: two dots in a row, or a dot at the start"));
    }
    let dangerous = !addresses.dangerously_allowed().is_empty();
    match check_public(name) {
        Err(local) if !dangerous && !addresses.allows_private_networks() => Err(local),
        checked => Ok(dangerous && (checked.is_err() || scheme == "http")),
    }
}

/// Whether public DNS could know the name.
fn check_public(name: &str) -> Result<(), CheckUrlError> {
    if !name.contains('.') && name != "localhost" {
        return Err(CheckUrlError::NoDot { name: name.to_owned() });
    }
    let within =
        |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    match LOCAL_DOMAINS.iter().find(|(domain, _)| within(domain)) {
        Some(&(_, source_document)) => {
            Err(CheckUrlError::LocalName { name: name.to_owned(), source_document })
        }
        None => Ok(()),
    }
}

/// Which of the parser's words need more.
fn unreadable(error: ParseError) -> CheckUrlError {
    if matches!(error, ParseError::RelativeUrlWithoutBase | ParseError::EmptyHost) {
        return malformed(&format!("{error}; a whole URL is https://, a host and a path"));
    }
    if matches!(error, ParseError::IdnaError | ParseError::InvalidDomainCharacter) {
        return host("it has a character that no host name has");
    }
    malformed(&error.to_string())
}

fn host(problem: &str) -> CheckUrlError {
    UrlError::Host { problem: problem.to_owned() }.into()
}

fn malformed(problem: &str) -> CheckUrlError {
    UrlError::Malformed { problem: problem.to_owned() }.into()
}
