//! The one gate that every connection passes: resolve, check, pin, connect, check again, TLS.

use core::net::{IpAddr, SocketAddr};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tower_service::Service;
use url::Host;

use super::connect_error::{ConnectError, Phase};
use super::dial::dial;
use super::stream::Stream;
use super::{AddressRules, Resolve};
use crate::foreign::{self, Place};

/// Makes the pool's connections. A connection taken from the pool has passed here when it was made.
#[derive(Clone)]
pub(super) struct Connector(Arc<Gate>);

struct Gate {
    addresses: AddressRules,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    patience: Duration,
}

impl Connector {
    /// `patience` bounds resolving, connecting and the handshake together: a connection that nobody waits for any more is
    /// still completed for the pool.
    pub(super) fn new(
        addresses: AddressRules,
        resolver: Arc<dyn Resolve>,
        tls: TlsConnector,
        patience: Duration,
    ) -> Self {
        Self(Arc::new(Gate { addresses, resolver, tls, patience }))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let gate = Arc::clone(&self.0);
        Box::pin(async move { gate.connect(&uri).await.map(TokioIo::new) })
    }
}

impl Gate {
    async fn connect(&self, uri: &Uri) -> Result<Stream, ConnectError> {
        let target = Target::of(uri)?;
        let until = Instant::now() + self.patience;
        let out_of = |phase: Phase| move |_| ConnectError::Patience(phase);

        let found = timeout_at(until, self.resolve(&target)).await.map_err(out_of(Phase::Resolve))??;
        let pinned = pin(found, &target, &self.addresses)?;
        let stream = timeout_at(until, dial(&pinned)).await.map_err(out_of(Phase::Dial))??;
        check_peer(&stream, &pinned, &self.addresses)?;
        // Requests are small and written whole: waiting for more to send only delays them. Worth no failure.
        let _ = stream.set_nodelay(true);

        if !target.tls {
            return Ok(Stream::plain(stream));
        }
        let handshake = self.tls.connect(target.server_name()?, stream);
        let stream = timeout_at(until, handshake).await.map_err(out_of(Phase::Handshake))?;
        stream.map(Stream::tls).map_err(ConnectError::Tls)
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<IpAddr>, ConnectError> {
        match &target.host {
            Host::Ipv4(address) => Ok(vec![(*address).into()]),
            Host::Ipv6(address) => Ok(vec![(*address).into()]),
            Host::Domain(name) => {
                let resolved = foreign::run(Place::Resolver, || self.resolver.resolve(name)).await;
                // This side's fault: the name's owner has nothing to do with it.
                resolved.map_err(ConnectError::Resolver)?.map_err(ConnectError::Resolve)
            }
        }
    }
}

/// What a URL says about where to connect.
struct Target {
    host: Host,
    port: u16,
    tls: bool,
}

impl Target {
    fn of(uri: &Uri) -> Result<Self, ConnectError> {
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
