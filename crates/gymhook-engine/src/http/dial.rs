//! `dial`: one TCP connection to the first of several addresses that answers.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::net::UdpSocket;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::connect_error::{ConnectError, FailedDial};

/// How long an address is waited for before the next one is tried beside it: the value that RFC 8305, section 5, recommends.
const STAGGER: Duration = Duration::from_millis(250);

/// Dials the addresses one after another, each a little after the one before or as soon as that has failed.
///
/// Dropping the future drops what it has begun.
pub(super) async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let mut waiting = addresses.iter().copied();
    let mut dialled = JoinSet::new();
    let mut failed = Vec::new();
    loop {
        let next = waiting.next();
        if let Some(address) = next {
            dialled.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let answer = if waiting.len() > 0 {
            // In time or not, the next address is tried.
            tokio::time::timeout(STAGGER, dialled.join_next()).await.unwrap_or_default()
        } else {
            dialled.join_next().await
        };
        match answer {
            Some(Ok((_, Ok(stream)))) => return Ok(stream),
            Some(Ok((address, Err(error)))) => failed.push(failed_dial(address, error)),
            Some(Err(broken)) => return Err(ConnectError::Peer(io::Error::other(broken))),
            None if next.is_none() => return Err(ConnectError::Dial(failed)),
            None => {}
        }
    }
}

fn failed_dial(address: SocketAddr, error: io::Error) -> FailedDial {
    let no_route = error.kind() == io::ErrorKind::NetworkUnreachable && !has_route(address);
    FailedDial { address, error, no_route }
}

/// Asks the system for a route. "Connecting" a UDP socket sends nothing; it looks up the way, and that is all.
fn has_route(address: SocketAddr) -> bool {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (core::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (core::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(any).and_then(|socket| socket.connect(address)).is_ok()
}
