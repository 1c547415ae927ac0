//! Why there is no connection, and who is to blame for it.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use std::io;

use gymhook_retry::{Fault, Outcome, OwnFault};

use super::ForbiddenAddress;
use super::dial::FailedDial;
use crate::foreign::Panicked;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{}", DialsInWords(.0))]
    Dial(Vec<FailedDial>),
    #[error("the connection leads to {peer}, which was not asked for")]
    Elsewhere { peer: SocketAddr },
    #[error(transparent)]
    Forbidden(#[from] ForbiddenAddress),
    #[error("the name has no address")]
    NoAddress,
    #[error("not done with {0} in time")]
    Patience(Phase),
    #[error("the connection broke at once: {0}")]
    Peer(#[source] io::Error),
    #[error("plain http is not spoken to {address}")]
    PlainHttp { address: IpAddr },
    #[error("the name was not resolved: {0}")]
    Resolve(#[source] io::Error),
    #[error(transparent)]
    Resolver(Panicked),
    #[error("the host cannot be read")]
    Target,
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
}

/// What was going on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Resolve,
    Dial,
    Handshake,
}

impl ConnectError {
    /// The address that was dialled in vain, if it was the only one.
    pub(super) fn only_address(&self) -> Option<SocketAddr> {
        let Self::Dial(failed) = self else { return None };
        let [dial] = failed.as_slice() else { return None };
        Some(dial.address)
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Dial(failed) => dials_outcome(failed),
            Self::Elsewhere { .. } | Self::Forbidden(_) | Self::PlainHttp { .. } | Self::Target => {
                Outcome::Failure(Fault::Forbidden)
            }
            Self::NoAddress | Self::Patience(Phase::Resolve) => Outcome::Failure(Fault::Dns),
            Self::Patience(Phase::Dial) => Outcome::Failure(Fault::Connect),
            Self::Patience(Phase::Handshake) => Outcome::Failure(Fault::Tls),
            Self::Resolve(error) => own_fault_or(error, Fault::Dns),
            Self::Resolver(_) => Outcome::Panicked,
            Self::Peer(error) => own_fault_or(error, Fault::Reset),
            Self::Tls(error) => own_fault_or(error, Fault::Tls),
        }
    }
}

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
            write!(f, "{separator}{}: {}", dial.address, dial.error)?;
        }
        Ok(())
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving the name",
            Self::Dial => "connecting",
            Self::Handshake => "the TLS handshake",
        })
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn exhaustion_is_ours_whatever_was_going_on() {
        let ours = Outcome::Internal(OwnFault::Resources);
        for number in [23, 24] {
            let error = || io::Error::from_raw_os_error(number);
            assert_eq!(ConnectError::Resolve(error()).outcome(), ours);
            assert_eq!(ConnectError::Tls(error()).outcome(), ours);
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
