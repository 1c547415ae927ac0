//! `EndpointUrl`: the URL of an endpoint, checked by the platform's rule.

use core::fmt;

use http::Uri;
use http::uri::{InvalidUri, Scheme};

use crate::UrlRule;

/// An absolute URL of an endpoint, checked against a platform's [`UrlRule`].
///
/// `Display` and `Debug` omit the query, since receivers put tokens there. The connector checks the addresses that the host
/// resolves to, when it connects.
///
/// ```
/// use gymhook::{UrlRule, send::{EndpointUrl, UrlError}};
///
/// let url = EndpointUrl::new("https://receiver.example/hooks?token=secret", UrlRule::HttpsOn443)?;
/// assert_eq!(url.to_string(), "https://receiver.example/hooks");
/// let other_port = EndpointUrl::new("https://receiver.example:8443/hooks", UrlRule::HttpsOn443);
/// assert_eq!(other_port, Err(UrlError::Port { port: 8443 }));
/// # Ok::<(), UrlError>(())
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct EndpointUrl(Uri);

impl EndpointUrl {
    /// Parses a URL and checks it.
    ///
    /// # Errors
    /// - [`UrlError::Malformed`]: not an absolute URL with a host.
    /// - [`UrlError::Host`]: the host is not a valid name.
    /// - [`UrlError::Fragment`], [`UrlError::UserInfo`]: parts that a request does not carry, or should not.
    /// - [`UrlError::Scheme`], [`UrlError::Port`]: the rule forbids them.
    pub fn new(url: &str, rule: UrlRule) -> Result<Self, UrlError> {
        let checked = Self::parse(url)?;
        if checked.0.scheme() != Some(&Scheme::HTTPS) {
            return Err(UrlError::Scheme);
        }
        match (rule, checked.0.port_u16()) {
            (UrlRule::HttpsOn443, Some(port)) if port != 443 => Err(UrlError::Port { port }),
            (UrlRule::Https | UrlRule::HttpsOn443, _) => Ok(checked),
        }
    }

    /// Allows `http` and any port, for a receiver on your own machine. Never for a URL that somebody else chose.
    ///
    /// # Errors
    /// As [`EndpointUrl::new`], without [`UrlError::Port`]; [`UrlError::Scheme`] if it is neither `http` nor `https`.
    pub fn dangerous_without_rule(url: &str) -> Result<Self, UrlError> {
        let checked = Self::parse(url)?;
        let web = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&checked.0.scheme());
        if web { Ok(checked) } else { Err(UrlError::Scheme) }
    }

    /// The URL in full, query included.
    #[must_use]
    pub fn to_uri(&self) -> Uri {
        self.0.clone()
    }

    fn parse(url: &str) -> Result<Self, UrlError> {
        // `Uri` drops a fragment silently.
        if url.contains('#') {
            return Err(UrlError::Fragment);
        }
        let malformed = |problem: &str| UrlError::Malformed { problem: format!("{problem}; {WHOLE}") };
        let uri: Uri = url.parse().map_err(|error: InvalidUri| malformed(&error.to_string()))?;
        let Some(authority) = uri.authority() else { return Err(malformed("it has no host")) };
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        // `Uri` ignores a port that it cannot parse.
        let behind_host = authority.as_str().strip_prefix(authority.host());
        if authority.host().is_empty() || (behind_host != Some("") && authority.port_u16().is_none()) {
            return Err(malformed("it has no host, or no port after the colon"));
        }
        check_host(authority.host())?;
        Ok(Self(uri))
    }
}

const WHOLE: &str = "a whole URL is https://, a host and a path";

/// A host name has letters, digits, hyphens and dots (RFC 1123, section 2.1), and in practice underscores. RFC 3986 allows
/// more, but no such name can be resolved.
fn check_host(host: &str) -> Result<(), UrlError> {
    if host.starts_with('[') {
        return Ok(());
    }
    let foreign = host.chars().find(|c| !c.is_ascii_alphanumeric() && !['-', '_', '.'].contains(c));
    let problem = match foreign {
        None => return Ok(()),
        Some('*') => "it has a wildcard, and a request goes to one host: enter a URL for each".to_owned(),
        Some(other) => format!("it has {other:?}, which no host name has"),
    };
    Err(UrlError::Host { problem })
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, authority) = (self.0.scheme_str().unwrap_or_default(), self.0.authority());
        write!(f, "{scheme}://{}{}", authority.map_or("", |authority| authority.as_str()), self.0.path())
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointUrl({self})")
    }
}

/// Why a URL is refused. Caused by the input; the message does not repeat the URL.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It has a fragment, which no request carries.
    #[error("the URL has a fragment (#…), which is never sent: remove it")]
    Fragment,
    /// The host is not a valid name.
    #[error("the URL's host is not valid: {problem}")]
    Host {
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Not an absolute URL.
    #[error("the URL cannot be read: {problem}")]
    Malformed {
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The platform does not send to this port.
    #[error("the URL has port {port}, but this platform sends to port 443 only")]
    Port {
        /// The port.
        port: u16,
    },
    /// The platform does not send in this scheme.
    #[error("the URL is not https: enter the receiver's https:// URL")]
    Scheme,
    /// It has a user name or a password.
    #[error(
        "the URL has a user name or password before the host: remove it, since the signature proves the sender"
    )]
    UserInfo,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_decides_on_scheme_and_port() {
        let accepted = |url: &str, rule| EndpointUrl::new(url, rule).map(|url| url.to_uri().to_string());
        for url in ["https://h.example/", "https://h.example:443/hook?a=b", "HTTPS://h.example/x"] {
            assert!(accepted(url, UrlRule::Https).is_ok(), "{url}");
            assert!(accepted(url, UrlRule::HttpsOn443).is_ok(), "{url}");
        }
        assert!(accepted("https://h.example:8443/", UrlRule::Https).is_ok());
        assert_eq!(
            accepted("https://h.example:8443/", UrlRule::HttpsOn443),
            Err(UrlError::Port { port: 8443 })
        );
        assert_eq!(accepted("http://h.example/", UrlRule::Https), Err(UrlError::Scheme));
        assert_eq!(accepted("ftp://h.example/", UrlRule::Https), Err(UrlError::Scheme));
    }

    #[test]
    fn refuses_what_a_request_does_not_carry() {
        let refused = |url: &str| EndpointUrl::new(url, UrlRule::Https).unwrap_err();
        assert_eq!(refused("https://h.example/#top"), UrlError::Fragment);
        assert_eq!(refused("https://user:password@h.example/"), UrlError::UserInfo);
        assert_eq!(refused("https://user@h.example/"), UrlError::UserInfo);
        for url in [
            "",
            "/hook",
            "h.example",
            "https://",
            "https:///hook",
            "https://:443/",
            "https://h.example:/",
            "https://h.example:99999/",
            "https://h example/",
            "https://h.example/\n",
        ] {
            assert!(matches!(refused(url), UrlError::Malformed { .. } | UrlError::Scheme), "{url:?}");
        }
    }

    #[test]
    fn a_host_that_no_host_has_is_refused() {
        let refused = |url: &str| EndpointUrl::new(url, UrlRule::Https).unwrap_err();
        for url in [
            "https://*.example.com/",
            "https://*/",
            "https://hooks.*.example.com:8443/x",
            "https://a,b.example/",
        ] {
            assert!(matches!(refused(url), UrlError::Host { .. }), "{url}: {:?}", refused(url));
        }
        assert!(EndpointUrl::dangerous_without_rule("http://*.localhost/").is_err());
        for url in [
            "https://my_receiver.example/",
            "https://xn--mnchen-3ya.example/*",
            "https://[2620:fe::fe]/",
            "https://crm/",
        ] {
            assert!(EndpointUrl::new(url, UrlRule::Https).is_ok(), "{url}");
        }
    }

    /// What happened, where, what to do: for a person to read.
    #[test]
    fn every_message_can_be_read_by_itself() {
        let message = |url: &str| EndpointUrl::new(url, UrlRule::HttpsOn443).unwrap_err().to_string();
        for (url, expected) in [
            ("", "the URL cannot be read: empty string; a whole URL is https://, a host and a path"),
            ("/hook", "the URL cannot be read: it has no host; a whole URL is https://, a host and a path"),
            (
                "https://h example/",
                "the URL cannot be read: invalid uri character; a whole URL is https://, a host and a path",
            ),
            (
                "https://:443/",
                "the URL cannot be read: it has no host, or no port after the colon; a whole URL is https://, a host and a path",
            ),
            (
                "https://*.h.example/",
                "the URL's host is not valid: it has a wildcard, and a request goes to one host: enter a URL for each",
            ),
            ("https://a,b/", "the URL's host is not valid: it has ',', which no host name has"),
            ("http://h.example/", "the URL is not https: enter the receiver's https:// URL"),
            ("https://h.example:8443/", "the URL has port 8443, but this platform sends to port 443 only"),
            ("https://h.example/#top", "the URL has a fragment (#…), which is never sent: remove it"),
            (
                "https://u:p@h.example/",
                "the URL has a user name or password before the host: remove it, since the signature proves the sender",
            ),
        ] {
            assert_eq!(message(url), expected, "{url}");
        }
    }

    #[test]
    fn only_the_dangerous_path_allows_plain_http() {
        assert!(EndpointUrl::dangerous_without_rule("http://127.0.0.1:8080/hook").is_ok());
        assert_eq!(EndpointUrl::dangerous_without_rule("ftp://127.0.0.1/"), Err(UrlError::Scheme));
        assert_eq!(EndpointUrl::dangerous_without_rule("http://u@127.0.0.1/"), Err(UrlError::UserInfo));
    }

    #[test]
    fn a_query_is_sent_and_never_shown() {
        let url = EndpointUrl::new("https://h.example/hook?token=canary", UrlRule::Https).unwrap();
        assert_eq!(url.to_uri().query(), Some("token=canary"));
        assert!(!format!("{url} {url:?}").contains("canary"));
    }
}
