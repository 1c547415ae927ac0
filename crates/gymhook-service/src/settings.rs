//! `Settings` that a service is started with, their defaults, and `Source`.

mod destination;

use core::num::NonZeroU32;
use core::time::Duration;

use std::sync::Arc;

use gymhook::Receiver;
use gymhook::signature::Secret;
use http::HeaderMap;
use ipnet::IpNet;

pub use self::destination::{Destination, Form};
use crate::StartError;
use crate::destinations::check_declared;
use crate::incoming::check_sources;
use crate::outgoing::GatewayTransport;

/// What a service is started with. [`Settings::default`] has no sources and no destinations, and suits one process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where webhooks come in.
    pub sources: Vec<Source>,
    /// Where they are passed on to, besides the destinations that were created through the API or the page.
    pub destinations: Vec<Destination>,
    /// Networks that destinations may be in, besides public ones: by default this machine itself (127.0.0.0/8 and ::1), since
    /// an application often runs beside the gateway. Only keys of all gyms may create destinations.
    pub destination_networks: Vec<IpNet>,
    /// Networks that subscribers may be in, besides public ones, even over plain `http`: none by default, since whoever has a key
    /// that may write enters their URLs.
    pub subscriber_networks: Vec<IpNet>,
    /// For how long ended deliveries are kept; `None` to keep them until somebody purges them. 30 days by default (ours).
    ///
    /// Repeats of a webhook are recognised for this long.
    pub keep: Option<Duration>,
    /// How many API requests each key may make in a minute. 600 by default (ours).
    pub requests_per_minute: NonZeroU32,
    /// What sessions of the page are authenticated with. By default it is drawn at the start, and sessions end with the process;
    /// set the same one in all processes of one database.
    pub session_secret: Option<Arc<Secret>>,
    /// Whether the page is reached over `https`, by this process or a proxy before it: then its cookie is `Secure`.
    pub https: bool,
    /// How long [`Service::shutdown`](crate::Service::shutdown) waits for attempts in flight. 30 s by default (ours).
    pub grace: Duration,
    /// Told the headers of an API request, or those of a delivery, with the new `tracing` span that belongs to them: it may set the
    /// span's parent from `traceparent`. Called only while a subscriber wants the span. `None` by default.
    ///
    /// Spans of this crate have the target `gymhook_service::spans`, the level debug, and OpenTelemetry's names of fields. There is
    /// one for each API request, each request to a source, and each attempt.
    pub continue_trace: Option<fn(&tracing::Span, &HeaderMap)>,
}

impl Settings {
    /// The default of [`Settings::keep`].
    pub const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
    /// The default of [`Settings::grace`].
    pub const GRACE: Duration = Duration::from_secs(30);
    /// The default of [`Settings::requests_per_minute`].
    pub const REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(599);

    /// Whether a service can be started with these, as far as that is known without its database.
    ///
    /// ```
    /// use gymhook::signature::{Keyring, Secret};
    /// use gymhook_service::{Destination, Settings};
    ///
    /// let keys = Keyring::single("main", Secret::from_whsec("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?)?;
    /// let mut settings = Settings::default();
    /// settings.destinations = vec![Destination::new("app", "http://10.0.0.7/webhooks", keys)];
    /// assert!(settings.check().is_err(), "10.0.0.0/8 is not in destination_networks");
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StartError`], with the first problem.
    pub fn check(&self) -> Result<(), StartError> {
        self.check_with(&GatewayTransport::new(self)?)
    }

    /// As [`Settings::check`], for requests that this transport makes.
    pub(crate) fn check_with(&self, transport: &GatewayTransport) -> Result<(), StartError> {
        check_sources(&self.sources)?;
        check_declared(&self.destinations, transport)
    }
}

impl Default for Settings {
    fn default() -> Self {
        let loopback = [
            ipnet::Ipv4Net::new_assert(core::net::Ipv4Addr::new(127, 0, 0, 0), 8).into(),
            ipnet::Ipv6Net::new_assert(core::net::Ipv6Addr::LOCALHOST, 128).into(),
        ];
        Self {
            sources: Vec::new(),
            destinations: Vec::new(),
            destination_networks: loopback.to_vec(),
            subscriber_networks: Vec::new(),
            keep: Some(Self::KEEP),
            requests_per_minute: Self::REQUESTS_PER_MINUTE,
            session_secret: None,
            https: false,
            grace: Self::GRACE,
            continue_trace: None,
        }
    }
}

/// Where the webhooks of one platform come in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Source {
    /// Its name, which is also that of its inbox: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The platform, with the keys that prove its requests.
    pub receiver: Receiver,
    /// Its path, `/in/` and its name by default.
    pub path: String,
}

impl Source {
    /// A source under `/in/` and its name.
    ///
    /// ```
    /// use gymhook::signature::{Keyring, Secret};
    /// use gymhook::{Provider, Receiver, event::Vendor};
    /// use gymhook_service::Source;
    ///
    /// let egym = Provider::of(Vendor::EGYM).ok_or("a platform with a profile")?;
    /// let keys = Keyring::single("berlin", Secret::new("the key that EGYM sends for this studio")?)?;
    /// let source = Source::new("egym", Receiver::new(&egym, keys)?);
    /// assert_eq!(source.path, "/in/egym");
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(name: impl Into<String>, receiver: Receiver) -> Self {
        let name = name.into();
        let path = format!("/in/{name}");
        Self { name, receiver, path }
    }
}
