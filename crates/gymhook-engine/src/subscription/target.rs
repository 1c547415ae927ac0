//! `Target` of a subscription: an `HttpTarget`, with URLs, headers, TLS settings and keys, or a handler of this
//! process.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use gymhook::send::{EndpointUrl, EventFilter};
use gymhook_signature::Keyring;
use http::HeaderMap;

use crate::{Direction, TlsSettings};

/// What a subscription's notifications go to.
#[derive(Clone)]
#[non_exhaustive]
pub enum Target {
    /// An HTTP endpoint.
    Http(Box<HttpTarget>),
    /// A handler of a process that has this store open: what an [`Inbox`](crate::Inbox) is. It has no URL and no keys.
    Handler,
}

impl Target {
    /// Which way the notifications go.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        match self {
            Self::Http(_) => Direction::Outgoing,
            Self::Handler => Direction::Incoming,
        }
    }
}

/// An HTTP endpoint: where it is, and with what it is sent to. [`Subscription`](crate::Subscription) sets it up.
#[derive(Clone)]
pub struct HttpTarget {
    pub(super) platform: String,
    pub(super) url: EndpointUrl,
    pub(super) urls: BTreeMap<String, EndpointUrl>,
    pub(super) headers: HeaderMap,
    pub(super) tls: TlsSettings,
    /// `None`: it is sent to unsigned, which was asked for explicitly.
    pub(super) keys: Option<Arc<Keyring>>,
}

impl HttpTarget {
    pub(super) fn new(platform: String, url: EndpointUrl) -> Self {
        Self {
            platform,
            url,
            urls: BTreeMap::new(),
            headers: HeaderMap::new(),
            tls: TlsSettings::new(),
            keys: None,
        }
    }

    /// The id of the platform that it is signed as.
    #[must_use]
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// Where most types go.
    #[must_use]
    pub const fn url(&self) -> &EndpointUrl {
        &self.url
    }

    /// The types that go elsewhere.
    #[must_use]
    pub const fn urls(&self) -> &BTreeMap<String, EndpointUrl> {
        &self.urls
    }

    /// Where this type goes, wanted or not: what was enqueued before the filter changed is still delivered.
    #[must_use]
    pub fn url_for(&self, event_type: &str) -> &EndpointUrl {
        let of = |filter: EventFilter| self.urls.get(&filter.to_string());
        let other = self.urls.get(event_type).or_else(|| of(EventFilter::unlisted(event_type)));
        other.unwrap_or(&self.url)
    }

    /// The headers of its own.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// How TLS to its receiver differs from the transport's.
    #[must_use]
    pub const fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// What it is signed with; `None` if it was [made unsigned](crate::Subscription::dangerous_unsigned).
    #[must_use]
    pub const fn keys(&self) -> Option<&Arc<Keyring>> {
        self.keys.as_ref()
    }
}

/// `Debug` shows no secret, no header value and no query of a URL.
impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(http::HeaderName::as_str).collect();
        f.debug_struct("HttpTarget")
            .field("platform", &self.platform)
            .field("url", &self.url)
            .field("signed", &self.keys.is_some())
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(http) => http.fmt(f),
            Self::Handler => f.write_str("Handler"),
        }
    }
}
