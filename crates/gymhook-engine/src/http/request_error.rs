//! `no_answer` and `outcome`: why a request got no answer after it had a connection, and whose fault it is.

use core::error::Error;
use core::net::SocketAddr;
use std::io;

use gymhook::text;
use gymhook_retry::{Fault, Outcome, OwnFault};

use super::client::NoAnswer;
use super::connect_error::{CERTIFICATE_WANTED, own_fault_or};
use super::pool::h2_error;
use crate::Answer;

/// What became of a request that got no answer.
pub(super) fn no_answer(host: &str, why: &NoAnswer) -> Answer {
    match why {
        NoAnswer::Connect(connect) => {
            let names_itself = connect.only_address().is_some_and(|address| is_spelled(host, address));
            let detail =
                if names_itself { text::one_line(&connect.to_string()) } else { one_line(host, connect) };
            Answer::new(connect.outcome()).with_detail(detail)
        }
        NoAnswer::Broken { kept: true, .. } => {
            let why = "the server closed the idle connection while the request was on its way to it";
            Answer::new(Outcome::Internal(OwnFault::Network)).with_detail(one_line(host, &why))
        }
        NoAnswer::Broken { error, asked, .. } => {
            let hint = if *asked { CERTIFICATE_WANTED } else { "" };
            let why = format!("no answer: {}{hint}", innermost(error));
            Answer::new(outcome(error)).with_detail(one_line(host, &why))
        }
    }
}

/// Whether the host of a URL is this address, so that no name is left to tell.
fn is_spelled(host: &str, address: SocketAddr) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse() == Ok(address) || bare.parse() == Ok(address.ip())
}

/// The deepest cause that can be told decides: below HTTP the connection, below it TLS.
pub(super) fn outcome(error: &hyper::Error) -> Outcome {
    if cause::<rustls::Error>(error).is_some() {
        return Outcome::Failure(Fault::Tls);
    }
    if let Some(error) = h2_error(error) {
        return match error.get_io() {
            Some(error) => own_fault_or(error, Fault::Reset),
            // What this side refused broke the rules or the limits; what the other side ended was its to end.
            None => Outcome::Failure(if error.is_library() { Fault::Protocol } else { Fault::Reset }),
        };
    }
    if let Some(error) = cause::<io::Error>(error) {
        // What a broken TLS record looks like from above.
        let inside = error.get_ref().is_some_and(|inside| inside.is::<rustls::Error>());
        return own_fault_or(error, if inside { Fault::Tls } else { fault_on_a_connection(error.kind()) });
    }
    Outcome::Failure(if error.is_parse() { Fault::Protocol } else { Fault::Reset })
}

fn fault_on_a_connection(kind: io::ErrorKind) -> Fault {
    // A body's framing that cannot be read comes as one of these.
    let unreadable = [io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput].contains(&kind);
    if unreadable { Fault::Protocol } else { Fault::Reset }
}

/// The first error of this type in the chain of causes.
fn cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    chain(error).find_map(|error| error.downcast_ref())
}

pub(super) fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    core::iter::successors(Some(error), |&error| error.source())
}

/// Host and reason, short and without control characters: parts of it are an endpoint's to choose.
pub(super) fn one_line(host: &str, why: &dyn core::fmt::Display) -> String {
    text::one_line(&format!("{host}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_the_host_is_told_once() {
        let is = |host: &str, address: &str| is_spelled(host, address.parse().unwrap());
        assert!(is("127.0.0.1:81", "127.0.0.1:81"));
        assert!(is("9.9.9.9", "9.9.9.9:443"));
        assert!(is("[2620:fe::fe]", "[2620:fe::fe]:443"));
        assert!(is("[2620:fe::fe]:81", "[2620:fe::fe]:81"));
        assert!(!is("receiver.example", "9.9.9.9:443"));
        assert!(!is("9.9.9.9", "9.9.9.10:443"));
    }

    #[test]
    fn a_detail_is_one_short_line() {
        let hostile = format!("evil\r\nERROR forged line {}", "x".repeat(1000));
        let line = one_line("h.example", &hostile);
        assert!(!line.contains(char::is_control), "{line}");
        assert_eq!(line.chars().count(), 300);
        assert!(line.starts_with("h.example: evil"));
    }
}
