//! Deliver over HTTP(S), to public endpoints only.
//!
//! [`HttpTransport`] is the [`Transport`](crate::Transport) that signs and sends. Every connection passes one gate:
//!
//! ```text
//!  URL ── check_url ──► host ── Resolve ──► all addresses ── AddressRules ──► dial ──► peer ── AddressRules ──► TLS ──► pool
//!          scheme, port, no user info,       (an IP literal                   these      is it one of these?
//!          no local name, IP literals         enters here)                    only
//! ```
//!
//! With a [`Proxy`], everything up to "dial" is the same, and the proxy is asked to connect to an address that was checked.
//!
//! The rules are also public, for operations that accept URLs and headers: [`check_url`], [`check_headers`],
//! [`HttpTransport::check_subscription`]; and so is the address table: [`forbidden_because`], [`special_blocks`].

mod address;
mod address_rules;
mod body;
mod builder;
mod check_subscription;
mod client;
mod connect_error;
mod connector;
mod dial;
mod explain;
mod platform;
mod pool;
mod proxy;
mod request_error;
mod resolve;
mod stream;
mod tcp;
mod tls;
mod transport;
mod url_check;

pub use self::address::{SpecialBlock, forbidden_because, special_blocks};
pub use self::address_rules::{AddressRules, ForbiddenAddress, NotPrivate};
pub use self::builder::{BuildError, HttpTransportBuilder};
pub use self::check_subscription::{CheckSubscriptionError, check_headers};
pub use self::proxy::{Proxy, ProxyError};
pub use self::resolve::{Resolve, Resolving, SystemResolver};
pub use self::tls::TlsSettingsError;
pub use self::transport::HttpTransport;
pub use self::url_check::{CheckUrlError, check_url};
pub use crate::header_rules::CheckHeadersError;
