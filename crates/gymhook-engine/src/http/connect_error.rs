//! `ConnectError`: why a connection could not be made, with `FailedDial` for each address, and whose fault it is.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use std::io;

use gymhook_retry::{Fault, Outcome, OwnFault};

use super::ForbiddenAddress;
use super::proxy::TunnelError;
use crate::user_code::Panicked;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{}", DialsInWords(.0))]
    Dial(Vec<FailedDial>),
    #[error(
        "the connection leads to {peer}, which was not requested: does a firewall of this machine redirect it?"
    )]
    Elsewhere { peer: SocketAddr },
    #[error(transparent)]
    Forbidden(#[from] ForbiddenAddress),
    #[error("the name has no address: is the URL's host spelled right?")]
    NoAddress,
    #[error("the connection timed out: {0} took too long")]
    Patience(Phase),
    #[error("the connection broke immediately: {0}")]
    Peer(#[source] io::Error),
    #[error(
        "plain http is not used for {address}: enter an https:// URL, or see HttpTransportBuilder::dangerous_allow"
    )]
    PlainHttp { address: IpAddr },
    #[error("plain http is not used for a name that the proxy resolves: enter an https:// URL")]
    PlainToName,
    #[error("the proxy cannot be reached: {0}")]
    Proxy(Box<Self>),
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
    #[error("the name was not resolved: {0}")]
    Resolve(#[source] io::Error),
    #[error(transparent)]
    Resolver(Panicked),
    #[error("the URL's host cannot be read: enter the URL again")]
    Target,
    #[error("TLS: {error}{}", tls_hint(error, *asked))]
    Tls {
        #[source]
        error: io::Error,
        /// Whether the receiver asked for a client's certificate, and got none.
        asked: bool,
    },
}

/// What was going on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Resolve,
    Dial,
    Tunnel,
    Handshake,
}

impl ConnectError {
    /// The address that could not be reached, if it was the only one.
    pub(super) fn only_address(&self) -> Option<SocketAddr> {
        let Self::Dial(failed) = self else { return None };
        let [dial] = failed.as_slice() else { return None };
        Some(dial.address)
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Dial(failed) => dials_outcome(failed),
            Self::Elsewhere { .. }
            | Self::Forbidden(_)
            | Self::PlainHttp { .. }
            | Self::PlainToName
            | Self::Tunnel(TunnelError::Refused { status: 403 })
            | Self::Target => Outcome::Failure(Fault::Forbidden),
            // The way out is this side's; what it says of the target, or that it says nothing, is the target's.
            Self::Proxy(_) | Self::Tunnel(TunnelError::Credentials { .. }) => {
                Outcome::Internal(OwnFault::Network)
            }
            Self::Tunnel(_) => Outcome::Failure(Fault::Connect),
            Self::NoAddress | Self::Patience(Phase::Resolve) => Outcome::Failure(Fault::Dns),
            Self::Patience(Phase::Dial | Phase::Tunnel) => Outcome::Failure(Fault::Connect),
            Self::Patience(Phase::Handshake) => Outcome::Failure(Fault::Tls),
            Self::Resolve(error) => own_fault_or(error, Fault::Dns),
            Self::Resolver(_) => Outcome::Panicked,
            Self::Peer(error) => own_fault_or(error, Fault::Reset),
            Self::Tls { error, .. } => own_fault_or(error, Fault::Tls),
        }
    }
}

/// The setting that helps, where one does.
pub(super) fn tls_hint(error: &io::Error, asked: bool) -> &'static str {
    let below = error.get_ref().and_then(|inside| inside.downcast_ref::<rustls::Error>());
    match below {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => UNKNOWN_ISSUER,
        Some(rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired)) => {
            CERTIFICATE_WANTED
        }
        _ if asked => CERTIFICATE_WANTED,
        _ => "",
    }
}

const UNKNOWN_ISSUER: &str = "; for a private certificate authority, see TlsSettings::with_private_authority and \
    HttpTransportBuilder::with_roots_pem";
/// For whatever fails after a client's certificate was asked for.
pub(super) const CERTIFICATE_WANTED: &str =
    "; the receiver asks for a client certificate: see TlsSettings::with_client_certificate";

/// Whether this side has run out of something; otherwise the endpoint's fault.
pub(super) fn own_fault_or(error: &io::Error, fault: Fault) -> Outcome {
    if is_exhaustion(error) { Outcome::Internal(OwnFault::Resources) } else { Outcome::Failure(fault) }
}

fn is_exhaustion(error: &io::Error) -> bool {
    // EMFILE and ENFILE have no kind of their own; their numbers are the same on Linux, the BSDs and macOS.
    matches!(error.raw_os_error(), Some(23 | 24))
        || matches!(
            error.kind(),
            // The last one: no local port is left.
            io::ErrorKind::OutOfMemory | io::ErrorKind::ResourceBusy | io::ErrorKind::AddrNotAvailable
        )
}

/// An address that was not reached.
#[derive(Debug)]
pub(super) struct FailedDial {
    pub(super) address: SocketAddr,
    pub(super) error: io::Error,
    /// Whether this machine knows no way to it, as opposed to somebody on the way.
    pub(super) no_route: bool,
}

/// One address that answered with a refusal speaks for the endpoint's fault; only where each failure is this side's own is it
/// this side's.
///
/// An IPv6 address without a route says nothing: many networks have no IPv6, and an endpoint that has nothing else is not
/// reachable from here, however often it is tried.
fn dials_outcome(failed: &[FailedDial]) -> Outcome {
    let exhausted = |dial: &FailedDial| is_exhaustion(&dial.error);
    let cut_off = |dial: &FailedDial| dial.no_route && dial.address.is_ipv4();
    let mute = |dial: &FailedDial| dial.no_route && dial.address.is_ipv6();
    if failed.iter().all(|dial| exhausted(dial) || cut_off(dial) || mute(dial)) {
        if failed.iter().any(exhausted) {
            return Outcome::Internal(OwnFault::Resources);
        }
        if failed.iter().any(cut_off) {
            return Outcome::Internal(OwnFault::Network);
        }
    }
    Outcome::Failure(Fault::Connect)
}

struct DialsInWords<'d>(&'d [FailedDial]);

impl fmt::Display for DialsInWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, dial) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}not connected to {}: {}", dial.address, dial.error)?;
        }
        Ok(())
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving the name",
            Self::Dial => "connecting",
            Self::Tunnel => "connecting through the proxy",
            Self::Handshake => "the TLS handshake",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::AddressRules;
    use super::*;

    fn dial(address: &str, error: io::Error, no_route: bool) -> FailedDial {
        FailedDial { address: address.parse().unwrap(), error, no_route }
    }

    fn refused() -> io::Error {
        io::ErrorKind::ConnectionRefused.into()
    }

    fn unreachable() -> io::Error {
        io::ErrorKind::NetworkUnreachable.into()
    }

    const V4: &str = "9.9.9.9:443";
    const V6: &str = "[2620:fe::fe]:443";

    /// What happened, where, what to do: for a person to read.
    #[test]
    fn every_message_can_be_read_by_itself() {
        let broken = || io::Error::other("it broke");
        let rustls = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let unknown = rustls::Error::from(rustls::CertificateError::UnknownIssuer);
        let wanted = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let private = AddressRules::new().check("10.0.0.1".parse().unwrap()).unwrap_err();
        let forbidding = AddressRules::new().forbidding("9.9.9.0/24".parse().unwrap());
        let excluded = forbidding.check("9.9.9.9".parse().unwrap()).unwrap_err();
        let refused = || ConnectError::Dial(vec![dial(V4, broken(), false), dial(V6, broken(), false)]);
        for (error, expected) in [
            (
                refused(),
                "not connected to 9.9.9.9:443: it broke; not connected to [2620:fe::fe]:443: it broke",
            ),
            (
                ConnectError::Elsewhere { peer: V4.parse().unwrap() },
                "the connection leads to 9.9.9.9:443, which was not requested: does a firewall of this machine redirect it?",
            ),
            (
                ConnectError::Forbidden(private),
                "10.0.0.1 is not on the public internet: 10.0.0.0/8 (Private-Use, RFC 1918)",
            ),
            (ConnectError::Forbidden(excluded), "9.9.9.9 is in 9.9.9.0/24, which is excluded here"),
            (ConnectError::NoAddress, "the name has no address: is the URL's host spelled right?"),
            (
                ConnectError::Patience(Phase::Resolve),
                "the connection timed out: resolving the name took too long",
            ),
            (ConnectError::Patience(Phase::Dial), "the connection timed out: connecting took too long"),
            (
                ConnectError::Patience(Phase::Tunnel),
                "the connection timed out: connecting through the proxy took too long",
            ),
            (
                ConnectError::Patience(Phase::Handshake),
                "the connection timed out: the TLS handshake took too long",
            ),
            (ConnectError::Peer(broken()), "the connection broke immediately: it broke"),
            (
                ConnectError::PlainHttp { address: "9.9.9.9".parse().unwrap() },
                "plain http is not used for 9.9.9.9: enter an https:// URL, or see HttpTransportBuilder::dangerous_allow",
            ),
            (
                ConnectError::PlainToName,
                "plain http is not used for a name that the proxy resolves: enter an https:// URL",
            ),
            (
                ConnectError::Proxy(Box::new(refused())),
                "the proxy cannot be reached: not connected to 9.9.9.9:443: it broke; not connected to [2620:fe::fe]:443: it broke",
            ),
            (
                ConnectError::Tunnel(TunnelError::Broken(broken())),
                "the proxy closed the connection instead of answering: it broke",
            ),
            (
                ConnectError::Tunnel(TunnelError::Credentials { given: false }),
                "the proxy asks for a user name and a password: see Proxy::with_basic_auth",
            ),
            (
                ConnectError::Tunnel(TunnelError::Credentials { given: true }),
                "the proxy refuses the user name and password given to Proxy::with_basic_auth",
            ),
            (
                ConnectError::Tunnel(TunnelError::Refused { status: 502 }),
                "the proxy answered 502 instead of connecting",
            ),
            (
                ConnectError::Tunnel(TunnelError::Unreadable),
                "the proxy's answer is not HTTP: is it an HTTP proxy that allows CONNECT?",
            ),
            (ConnectError::Resolve(broken()), "the name was not resolved: it broke"),
            (ConnectError::Target, "the URL's host cannot be read: enter the URL again"),
            (ConnectError::Tls { error: broken(), asked: false }, "TLS: it broke"),
            (
                ConnectError::Tls { error: broken(), asked: true },
                "TLS: it broke; the receiver asks for a client certificate: see TlsSettings::with_client_certificate",
            ),
            (
                ConnectError::Tls { error: rustls(unknown), asked: true },
                "TLS: invalid peer certificate: UnknownIssuer; for a private certificate authority, see \
                 TlsSettings::with_private_authority and HttpTransportBuilder::with_roots_pem",
            ),
            (
                ConnectError::Tls { error: rustls(wanted), asked: false },
                "TLS: received fatal alert: CertificateRequired; the receiver asks for a client certificate: see \
                 TlsSettings::with_client_certificate",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn exhaustion_is_ours_whatever_was_going_on() {
        let ours = Outcome::Internal(OwnFault::Resources);
        for number in [23, 24] {
            let error = || io::Error::from_raw_os_error(number);
            assert_eq!(ConnectError::Resolve(error()).outcome(), ours);
            assert_eq!(ConnectError::Tls { error: error(), asked: false }.outcome(), ours);
            assert_eq!(ConnectError::Dial(vec![dial(V4, error(), false)]).outcome(), ours);
        }
        let no_port_left = io::ErrorKind::AddrNotAvailable.into();
        assert_eq!(ConnectError::Dial(vec![dial(V4, no_port_left, false)]).outcome(), ours);
    }

    #[test]
    fn a_machine_without_a_route_blames_itself_and_a_router_on_the_way_does_not_acquit() {
        let outcome = |dials: Vec<FailedDial>| ConnectError::Dial(dials).outcome();
        let ours = Outcome::Internal(OwnFault::Network);
        let theirs = Outcome::Failure(Fault::Connect);
        assert_eq!(outcome(vec![dial(V4, unreachable(), true)]), ours);
        assert_eq!(outcome(vec![dial(V4, unreachable(), false)]), theirs);
        // Dual stack, no network at all; and a network with IPv4 only.
        assert_eq!(outcome(vec![dial(V6, unreachable(), true), dial(V4, unreachable(), true)]), ours);
        assert_eq!(outcome(vec![dial(V6, unreachable(), true), dial(V4, refused(), false)]), theirs);
        // IPv6 only, seen from a network without: it has to come to an end.
        assert_eq!(outcome(vec![dial(V6, unreachable(), true)]), theirs);
    }

    #[test]
    fn every_phase_has_its_fault() {
        let outcomes = [Phase::Resolve, Phase::Dial, Phase::Handshake]
            .map(|phase| ConnectError::Patience(phase).outcome());
        assert_eq!(outcomes, [Fault::Dns, Fault::Connect, Fault::Tls].map(Outcome::Failure));
    }
}
