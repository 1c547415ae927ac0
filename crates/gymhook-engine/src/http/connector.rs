//! The one gate that every connection passes: resolve, check, pin, connect, check again, TLS.

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
use super::stream::Stream;
use super::tcp::Tcp;
use super::tls::ReceiverTls;
use super::{AddressRules, Resolve};

/// Makes the pool's connections. A connection taken from the pool has passed here when it was made.
#[derive(Debug)]
pub(super) struct Connector {
    addresses: AddressRules,
    resolver: Arc<dyn Resolve>,
    patience: Duration,
}

impl Connector {
    /// `patience` bounds resolving, connecting and the handshake together.
    pub(super) fn new(addresses: AddressRules, resolver: Arc<dyn Resolve>, patience: Duration) -> Self {
        Self { addresses, resolver, patience }
    }

    pub(super) async fn connect(&self, target: &Target, tls: &ReceiverTls) -> Result<Stream, ConnectError> {
        let until = Instant::now() + self.patience;
        let out_of = |phase: Phase| move |_| ConnectError::Patience(phase);

        let found = timeout_at(until, self.resolve(target)).await.map_err(out_of(Phase::Resolve))??;
        let pinned = pin(found, target, &self.addresses)?;
        let stream = timeout_at(until, dial(&pinned)).await.map_err(out_of(Phase::Dial))??;
        check_peer(&stream, &pinned, &self.addresses)?;
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

    async fn resolve(&self, target: &Target) -> Result<Vec<IpAddr>, ConnectError> {
        match &target.host {
            Host::Ipv4(address) => Ok(vec![(*address).into()]),
            Host::Ipv6(address) => Ok(vec![(*address).into()]),
            Host::Domain(name) => self.resolver.resolve(name).await.map_err(ConnectError::Resolve),
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
fn check_peer(stream: &TcpStream, pinned: &[SocketAddr], rules: &AddressRules) -> Result<(), ConnectError> {
    let peer = stream.peer_addr().map_err(ConnectError::Peer)?;
    if !pinned.contains(&peer) {
        return Err(ConnectError::Elsewhere { peer });
    }
    Ok(rules.check(peer.ip())?)
}
