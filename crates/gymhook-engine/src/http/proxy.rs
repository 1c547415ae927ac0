//! `Proxy`, an outbound proxy for all connections, and the tunnel that it opens with CONNECT.

use core::fmt;
use core::net::SocketAddr;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Host, Url};
use zeroize::Zeroizing;

/// An HTTP proxy for every connection, by `CONNECT` (RFC 9110, section 9.3.6).
///
/// It is the only way out: nothing but the proxy is dialled, and proxies from the environment are still not used. TLS is end
/// to end, so the proxy sees host names but no requests.
///
/// The guard still checks the target. A name is resolved locally, every address is checked, and the proxy is asked to connect
/// to a checked address. The guard cannot check where the proxy then connects to: a proxy inside a private network should
/// refuse private addresses itself.
///
/// ```
/// use gymhook_engine::http::{HttpTransport, Proxy};
///
/// let proxy = Proxy::new("http://proxy.internal:3128")?.with_basic_auth("gymhook", "the password")?;
/// let transport = HttpTransport::builder().with_proxy(proxy).build()?;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    pub(super) host: Host,
    pub(super) port: u16,
    authorization: Option<Zeroizing<String>>,
    pub(super) resolves: bool,
}

impl Proxy {
    /// The proxy at `http://host:port`.
    ///
    /// # Errors
    /// [`ProxyError::Url`]: it is not an `http` URL with only a host and a port.
    pub fn new(url: &str) -> Result<Self, ProxyError> {
        let parsed = Url::parse(url).ok().filter(|url| url.scheme() == "http");
        let bare = parsed.filter(|url| {
            let credentials = !url.username().is_empty() || url.password().is_some();
            !credentials && url.path() == "/" && url.query().is_none() && url.fragment().is_none()
        });
        let port = bare.as_ref().and_then(Url::port_or_known_default);
        let host = bare.as_ref().and_then(Url::host).map(|host| host.to_owned());
        let (Some(host), Some(port)) = (host, port) else { return Err(ProxyError::Url) };
        Ok(Self { host, port, authorization: None, resolves: false })
    }

    /// Authenticates with user name and password (RFC 7617).
    ///
    /// # Errors
    /// [`ProxyError::Credentials`]: the user name has a colon, or one of them a control character.
    pub fn with_basic_auth(self, user: &str, password: &str) -> Result<Self, ProxyError> {
        if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
            return Err(ProxyError::Credentials);
        }
        let plain = Zeroizing::new(format!("{user}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(plain.as_bytes()));
        let line = format!("proxy-authorization: Basic {}\r\n", encoded.as_str());
        Ok(Self { authorization: Some(Zeroizing::new(line)), ..self })
    }

    /// Lets the proxy resolve names, if there is no local name server for the public internet.
    ///
    /// Then the addresses behind a name are not checked here: the proxy must refuse private ones, or anybody who may enter a
    /// URL can reach whatever the proxy reaches. Addresses in URLs are still checked, and plain `http` is not used for names.
    #[must_use]
    pub fn dangerous_resolve_at_proxy(self) -> Self {
        Self { resolves: true, ..self }
    }

    /// Asks for a connection to `to`, a host or an address with its port.
    pub(super) async fn open(&self, stream: &mut TcpStream, to: &str) -> Result<(), TunnelError> {
        let authorization = self.authorization.as_ref().map_or("", |line| line.as_str());
        let request = Zeroizing::new(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n{authorization}\r\n"));
        stream.write_all(request.as_bytes()).await.map_err(TunnelError::Broken)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= MOST_HEAD {
                return Err(TunnelError::Unreadable);
            }
            // Byte by byte, since what comes behind is not the proxy's.
            let byte = stream.read_u8().await.map_err(TunnelError::Broken)?;
            head.push(byte);
        }
        match status(&head).ok_or(TunnelError::Unreadable)? {
            200..=299 => Ok(()),
            407 => Err(TunnelError::Credentials { given: self.authorization.is_some() }),
            status => Err(TunnelError::Refused { status }),
        }
    }

    pub(super) fn at(&self, addresses: impl IntoIterator<Item = core::net::IpAddr>) -> Vec<SocketAddr> {
        addresses.into_iter().map(|address| SocketAddr::new(address.to_canonical(), self.port)).collect()
    }
}

/// `Debug` shows no credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

/// Why a proxy cannot be used. Caused by the configuration; no part of it is repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The user name or the password is invalid.
    #[error(
        "the proxy's user name holds a colon, or user name or password a control character, which basic authentication does not allow"
    )]
    Credentials,
    /// The URL is invalid.
    #[error(
        "the proxy's URL is not http:// with a host and a port and nothing else: credentials go to Proxy::with_basic_auth"
    )]
    Url,
}

/// What prevents a tunnel to the target.
#[derive(Debug, thiserror::Error)]
pub(super) enum TunnelError {
    #[error("the proxy closed the connection instead of answering: {0}")]
    Broken(#[source] io::Error),
    #[error(
        "the proxy {}",
        if *given {
            "refuses the user name and password given to Proxy::with_basic_auth"
        } else {
            "asks for a user name and a password: see Proxy::with_basic_auth"
        }
    )]
    Credentials { given: bool },
    #[error("the proxy answered {status} instead of connecting")]
    Refused { status: u16 },
    #[error("the proxy's answer is not HTTP: is it an HTTP proxy that allows CONNECT?")]
    Unreadable,
}

/// Our limit.
const MOST_HEAD: usize = 8 * 1024;

fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let code = rest.get(2..5)?;
    let ends = rest.get(5).is_some_and(|byte| b" \r".contains(byte));
    if !ends || rest.get(1) != Some(&b' ') {
        return None;
    }
    str::from_utf8(code).ok()?.parse().ok()
}
