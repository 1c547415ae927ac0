//! `Connector`, the gate that every connection passes: resolve, check, pin, connect, check again, TLS handshake.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use http::Uri;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use url::Host;

use super::connect_error::{ConnectError, Phase};
use super::dial::dial;
use super::proxy::{Proxy, TunnelError};
use super::stream::Stream;
use super::tcp::Tcp;
use super::tls::ReceiverTls;
use super::{AddressRules, Resolve};
use crate::user_code::{self, Place};

/// Makes the pool's connections. A connection taken from the pool has passed here when it was made.
#[derive(Debug)]
pub(super) struct Connector {
    addresses: AddressRules,
    resolver: Arc<dyn Resolve>,
    proxy: Option<Proxy>,
    patience: Duration,
}

impl Connector {
    /// `patience` bounds resolving, connecting and the handshake together.
    pub(super) fn new(
        addresses: AddressRules,
        resolver: Arc<dyn Resolve>,
        proxy: Option<Proxy>,
        patience: Duration,
    ) -> Self {
        Self { addresses, resolver, proxy, patience }
    }

    pub(super) async fn connect(&self, target: &Target, tls: &ReceiverTls) -> Result<Stream, ConnectError> {
        let until = Instant::now() + self.patience;
        let out_of = |phase: Phase| move |_| ConnectError::Patience(phase);

        let stream = match &self.proxy {
            Some(proxy) => {
                timeout_at(until, self.tunnel(proxy, target)).await.map_err(out_of(Phase::Tunnel))??
            }
            None => {
                let found =
                    timeout_at(until, self.resolve(&target.host)).await.map_err(out_of(Phase::Resolve))??;
                let pinned = pin(found, target, &self.addresses)?;
                let stream = timeout_at(until, dial(&pinned)).await.map_err(out_of(Phase::Dial))??;
                check_peer(&stream, &pinned)?;
                stream
            }
        };
        // Requests are small and written whole: waiting for more to send only delays them. Worth no failure.
        let _ = stream.set_nodelay(true);

        let tcp = Tcp::new(stream);
        if !target.tls {
            return Ok(Stream::plain(tcp));
        }
        let handshake = tls.connect(target.server_name()?, tcp);
        let (stream, asked) = timeout_at(until, handshake).await.map_err(out_of(Phase::Handshake))?;
        match stream {
            Ok(stream) => Ok(Stream::tls(stream, asked)),
            Err(error) => Err(ConnectError::Tls { error, asked }),
        }
    }

    /// A connection that the proxy makes, to an address that was checked here unless the proxy is to resolve names.
    async fn tunnel(&self, proxy: &Proxy, target: &Target) -> Result<TcpStream, ConnectError> {
        let ways = match &target.host {
            Host::Domain(name) if proxy.resolves => {
                if !target.tls {
                    return Err(ConnectError::PlainToName);
                }
                vec![format!("{name}:{}", target.port)]
            }
            Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => {
                let pinned = pin(self.resolve(&target.host).await?, target, &self.addresses)?;
                pinned.iter().map(ToString::to_string).collect()
            }
        };
        let proxies =
            self.resolve(&proxy.host).await.map_err(|error| ConnectError::Proxy(Box::new(error)))?;
        let proxies = proxy.at(proxies);
        let mut last = ConnectError::NoAddress;
        for way in ways {
            let dialled = dial(&proxies).await.map_err(|error| ConnectError::Proxy(Box::new(error)));
            let mut stream = dialled?;
            check_peer(&stream, &proxies)?;
            match proxy.open(&mut stream, &way).await {
                Ok(()) => return Ok(stream),
                // Another address may be reached.
                Err(TunnelError::Refused { status: status @ 500.. }) => {
                    last = ConnectError::Tunnel(TunnelError::Refused { status });
                }
                Err(error) => return Err(ConnectError::Tunnel(error)),
            }
        }
        Err(last)
    }

    async fn resolve(&self, host: &Host) -> Result<Vec<IpAddr>, ConnectError> {
        match host {
            Host::Ipv4(address) => Ok(vec![(*address).into()]),
            Host::Ipv6(address) => Ok(vec![(*address).into()]),
            Host::Domain(name) => {
                let resolved = user_code::run(Place::Resolver, || self.resolver.resolve(name)).await;
                // This side's fault: the name's owner has nothing to do with it.
                resolved.map_err(ConnectError::Resolver)?.map_err(ConnectError::Resolve)
            }
        }
    }
}

/// What a URL says about where to connect.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Result<Self, ConnectError> {
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(ConnectError::Target),
        };
        // Read like a URL's host, so that no spelling of an IP address passes for a name.
        let host = Host::parse(uri.host().unwrap_or_default()).map_err(|_| ConnectError::Target)?;
        Ok(Self { host, port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }), tls })
    }

    fn server_name(&self) -> Result<ServerName<'static>, ConnectError> {
        match &self.host {
            Host::Ipv4(address) => Ok(ServerName::from(IpAddr::V4(*address))),
            Host::Ipv6(address) => Ok(ServerName::from(IpAddr::V6(*address))),
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| ConnectError::Target),
        }
    }
}

/// No name that means well has more; all of them are checked, these many are tried.
const MOST_DIALLED: usize = 8;

/// Checks every address found and settles which ones are dialled, the families in turns (RFC 8305, section 4).
///
/// One forbidden address refuses all: a name that leads inside now and then is not an endpoint.
fn pin(found: Vec<IpAddr>, target: &Target, rules: &AddressRules) -> Result<Vec<SocketAddr>, ConnectError> {
    for address in &found {
        rules.check(*address)?;
        if !target.tls && !rules.is_dangerously_allowed(*address) {
            return Err(ConnectError::PlainHttp { address: *address });
        }
    }
    let first_is_v6 = found.first().ok_or(ConnectError::NoAddress)?.to_canonical().is_ipv6();
    let (same, other): (Vec<_>, Vec<_>) =
        found.iter().map(IpAddr::to_canonical).partition(|address| address.is_ipv6() == first_is_v6);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let in_turns = core::iter::from_fn(|| Some([same.next(), other.next()]))
        .take_while(|pair| pair.iter().any(Option::is_some))
        .flatten()
        .flatten();

    let mut pinned = Vec::new();
    for address in in_turns.map(|address| SocketAddr::new(address, target.port)) {
        if pinned.len() < MOST_DIALLED && !pinned.contains(&address) {
            pinned.push(address);
        }
    }
    Ok(pinned)
}

/// The last word is with the connection itself: the system, a redirecting firewall or a tunnel may have led elsewhere.
///
/// What is pinned was checked, so a peer that is pinned was.
fn check_peer(stream: &TcpStream, pinned: &[SocketAddr]) -> Result<(), ConnectError> {
    let peer = stream.peer_addr().map_err(ConnectError::Peer)?;
    if pinned.contains(&peer) { Ok(()) } else { Err(ConnectError::Elsewhere { peer }) }
}
