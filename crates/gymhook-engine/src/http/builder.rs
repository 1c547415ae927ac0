//! `HttpTransportBuilder`: platforms, resolver, proxy, roots, addresses, timeouts and limits of a transport.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use gymhook::Provider;
use http::HeaderValue;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::client::Client;
use super::connector::Connector;
use super::platform::Platform;
use super::pool::Pool;
use super::tls::Tls;
use super::transport::Shared;
use super::{AddressRules, HttpTransport, NotPrivate, Proxy, Resolve, SystemResolver};

/// Builds an [`HttpTransport`].
///
/// ```
/// use std::time::Duration;
///
/// use gymhook::Provider;
/// use gymhook_engine::http::HttpTransport;
///
/// let transport = HttpTransport::builder()
///     .with_platform("point-staging", &Provider::point())
///     .forbidding("8.8.4.0/24".parse()?)
///     .with_idle_timeout(Duration::from_secs(2))
///     .build()?;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpTransportBuilder {
    platforms: BTreeMap<String, Platform>,
    addresses: AddressRules,
    resolver: Arc<dyn Resolve>,
    public_roots: bool,
    own_roots: Vec<Vec<u8>>,
    connect_timeout: Duration,
    idle_timeout: Duration,
    idle_connections: usize,
    user_agent: HeaderValue,
    content_type: HeaderValue,
    private_networks: Vec<IpNet>,
    proxy: Option<Proxy>,
    whole_success: bool,
    http2: bool,
}

impl HttpTransportBuilder {
    /// The default time limit for connecting, including all addresses and the handshake. Not published by a vendor: our
    /// default, a third of the longest attempt timeout of the five.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long an unused connection is kept by default: less than the five seconds after which several widespread servers
    /// close it, so that requests are rarely sent on a closing connection. Our default.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
    /// The default number of unused connections that are kept for one host and port: as many as an engine has attempts in
    /// flight by default, since all of them may go to one host. Our default.
    pub const IDLE_CONNECTIONS: usize = 256;

    pub(super) fn new() -> Self {
        Self {
            platforms: Platform::known(),
            addresses: AddressRules::new(),
            resolver: Arc::new(SystemResolver::new()),
            public_roots: true,
            own_roots: Vec::new(),
            connect_timeout: Self::CONNECT_TIMEOUT,
            idle_timeout: Self::IDLE_TIMEOUT,
            idle_connections: Self::IDLE_CONNECTIONS,
            user_agent: HeaderValue::from_static(USER_AGENT),
            content_type: HeaderValue::from_static(CONTENT_TYPE),
            private_networks: Vec::new(),
            proxy: None,
            whole_success: false,
            http2: true,
        }
    }

    /// Adds a platform, for subscriptions that name it; the five vendors and `standard-webhooks` are predefined and can be
    /// replaced.
    pub fn with_platform<N>(mut self, name: impl Into<String>, provider: &Provider<N>) -> Self {
        self.platforms.insert(name.into(), Platform::of(provider));
        self
    }

    /// Resolves names with something other than the operating system's resolver.
    pub fn with_resolver(self, resolver: impl Resolve) -> Self {
        Self { resolver: Arc::new(resolver), ..self }
    }

    /// Makes every connection through this proxy: see [`Proxy`] for what the guard can still check.
    pub fn with_proxy(self, proxy: Proxy) -> Self {
        Self { proxy: Some(proxy), ..self }
    }

    /// Also trusts these certificates as roots: PEM, any number of them. [`build`](Self::build) reports those that cannot be
    /// read.
    pub fn with_roots_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.own_roots.push(pem.into());
        self
    }

    /// Trusts no public authority (by default Mozilla's, as of the build), only
    /// [your own roots](Self::with_roots_pem).
    pub fn without_public_roots(self) -> Self {
        Self { public_roots: false, ..self }
    }

    /// Sends nothing to this network, although it is public: see [`AddressRules::forbidding`].
    pub fn forbidding(self, network: IpNet) -> Self {
        Self { addresses: self.addresses.forbidding(network), ..self }
    }

    /// Sends to this network whatever the address table says, even over plain `http` and to any port: see
    /// [`AddressRules::dangerous_allow`]. [`build`](Self::build) logs each, as a warning unless it is this machine itself.
    pub fn dangerous_allow(self, network: IpNet) -> Self {
        Self { addresses: self.addresses.dangerous_allow(network), ..self }
    }

    /// Also sends to receivers in this private network, over `https` only: see
    /// [`AddressRules::dangerous_allow_private_network`]. [`build`](Self::build) logs a warning for each, and refuses a
    /// network that is not private.
    pub fn dangerous_allow_private_network(mut self, network: IpNet) -> Self {
        self.private_networks.push(network);
        self
    }

    /// [`dangerous_allow`](Self::dangerous_allow) for this machine itself, 127.0.0.0/8 and ::1: for tests.
    ///
    /// Then `http://127.0.0.1:8080/` and `http://localhost:8080/` are allowed, whatever the platform's rule says, for anybody
    /// who may enter a URL.
    pub fn dangerous_allow_loopback(self) -> Self {
        let v4 = Ipv4Net::new_assert(core::net::Ipv4Addr::LOCALHOST, 8);
        let v6 = Ipv6Net::new_assert(core::net::Ipv6Addr::LOCALHOST, 128);
        self.dangerous_allow(v4.into()).dangerous_allow(v6.into())
    }

    /// With another time limit for connecting (at most an hour); the attempt's own timeout applies as well.
    pub fn with_connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout.min(LONGEST), ..self }
    }

    /// With another time to keep an unused connection (at most an hour).
    pub fn with_idle_timeout(self, timeout: Duration) -> Self {
        Self { idle_timeout: timeout.min(LONGEST), ..self }
    }

    /// With another number of unused connections to keep for one host and port; with 0, each attempt opens a new connection.
    pub fn with_idle_connections(self, connections: usize) -> Self {
        Self { idle_connections: connections, ..self }
    }

    /// With another `user-agent`; by default `gymhook/` and the version.
    pub fn with_user_agent(self, user_agent: HeaderValue) -> Self {
        Self { user_agent, ..self }
    }

    /// With another `content-type` of every request, for example `application/cloudevents+json`; by default `application/json`,
    /// which is what the five platforms send.
    pub fn with_content_type(self, content_type: HeaderValue) -> Self {
        Self { content_type, ..self }
    }

    /// Counts a 2xx as delivered only if its body is complete.
    ///
    /// By default the status line and the headers decide, since a receiver that has answered 200 has the notification,
    /// whatever happens to the body of its response. With this, a 2xx whose body is cut is
    /// [`Fault::Reset`](gymhook_retry::Fault::Reset), and one whose body is not complete in time
    /// [`Fault::Timeout`](gymhook_retry::Fault::Timeout). Other responses, and bodies longer than what is read, are not
    /// affected.
    pub fn with_complete_success_required(self) -> Self {
        Self { whole_success: true, ..self }
    }

    /// Uses HTTP/1.1 only; by default HTTP/2 is used if the receiver offers it during the TLS handshake (ALPN).
    pub fn without_http2(self) -> Self {
        Self { http2: false, ..self }
    }

    /// Builds the transport.
    ///
    /// # Errors
    /// - [`BuildError::Pem`]: the roots are not PEM, or have no certificate.
    /// - [`BuildError::Root`]: a certificate cannot be a root.
    /// - [`BuildError::Tls`]: TLS itself cannot be set up.
    /// - [`BuildError::NotPrivate`]: a network that is not private was allowed as one.
    pub fn build(mut self) -> Result<HttpTransport, BuildError> {
        for network in core::mem::take(&mut self.private_networks) {
            self.addresses = self.addresses.dangerous_allow_private_network(network)?;
        }
        for network in self.addresses.private_networks() {
            tracing::warn!(%network, "webhooks may be sent to this network: dangerous_allow_private_network was used");
        }
        for network in self.addresses.dangerously_allowed() {
            // This machine itself is what a test or a program beside this one allows, and no secret of a network.
            if network.network().is_loopback() {
                tracing::info!(%network, "webhooks may be sent to this machine, over plain http, too: dangerous_allow was used");
            } else {
                tracing::warn!(%network, "webhooks may be sent to this network, over plain http, too: dangerous_allow was used");
            }
        }
        let tls = Tls::new(self.public_roots, &self.own_roots, self.http2)?;
        let connector =
            Connector::new(self.addresses.clone(), self.resolver, self.proxy, self.connect_timeout);
        let client = Client::new(connector, Pool::new(self.idle_connections, self.idle_timeout));
        let Self { platforms, addresses, user_agent, content_type, whole_success, .. } = self;
        Ok(HttpTransport::new(Shared {
            client,
            tls,
            platforms,
            addresses,
            user_agent,
            content_type,
            whole_success,
        }))
    }
}

/// Why a transport cannot be built. Caused by the configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A network that was allowed as private is not.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),
    /// The roots are not PEM, or have no certificate.
    #[error("the argument of with_roots_pem is not PEM certificates: {0}")]
    Pem(#[source] io::Error),
    /// A certificate cannot be used as a root.
    #[error("a certificate given to with_roots_pem cannot be used as a root: {0}")]
    Root(#[source] io::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] io::Error),
}

const CONTENT_TYPE: &str = "application/json";
const USER_AGENT: &str = concat!("gymhook/", env!("CARGO_PKG_VERSION"));
/// No connection deserves more patience, and no clock overflows.
const LONGEST: Duration = Duration::from_secs(3600);
