//! Attempts over HTTP.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use gymhook::send::{self, EndpointUrl};
use gymhook_retry::{Fault, Outcome, OwnFault, moment};
use gymhook_signature::Signer;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use time::UtcDateTime;
use tokio::time::Instant;
use tracing::Instrument;

use super::connector::Connector;
use super::exchange_error::{broken_body, no_answer, one_line};
use super::platform::Platform;
use super::{AddressRules, CheckSubscriptionError, HttpTransportBuilder, body, check_headers, check_url};
use crate::{Answer, Sending, Subscription, Transport};

/// Sends each attempt as a signed `POST`, and lets nobody lead it anywhere but to a public endpoint. Cloning is cheap.
///
/// - **Where.** Every address, IP literals included, passes [`AddressRules`] before it is dialled, and once more when the
///   connection stands. One forbidden address among a name's answers refuses them all. The URL is checked again at each
///   attempt, so that a stored one cannot get around a rule that came later.
/// - **How long.** [`Sending::timeout`] spans resolving, connecting, the handshake, the request and the whole answer.
/// - **How much.** At most 32 KiB of headers and 16 KiB of a body are read, nothing is decompressed, and a longer body costs
///   the connection. The log gets what the platform's rule keeps.
/// - **What not.** No redirect is followed, no proxy is taken from the environment, no certificate goes unchecked.
/// - **Whose fault.** Each way to fail has its [`Fault`]; what this side ran out of, or could not sign, is an [`OwnFault`].
///
/// An attempt is one request. It is repeated only when the pool's connection turns out to be closed before any of the
/// request was sent. A connection that its server closes, after it has answered others, while the next request is on its way
/// is nobody's failure: the outcome is [`OwnFault::Network`], which costs no attempt.
///
/// ```
/// use gymhook_engine::http::HttpTransport;
///
/// let transport = HttpTransport::builder().build()?;
/// let url = transport.endpoint_url("point", "https://receiver.example/hooks?token=t")?;
/// assert_eq!(url.to_string(), "https://receiver.example/hooks");
/// assert!(transport.endpoint_url("point", "https://192.168.0.1/").is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HttpTransport(Arc<Shared>);

pub(super) struct Shared {
    pub(super) client: Client<Connector, Full<Bytes>>,
    pub(super) platforms: BTreeMap<String, Platform>,
    pub(super) addresses: AddressRules,
    pub(super) user_agent: HeaderValue,
}

impl HttpTransport {
    /// What can be set up.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder::new()
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Reads a URL that somebody entered for an endpoint of this platform, as [`check_url`] does.
    ///
    /// # Errors
    /// [`CheckSubscriptionError::UnknownPlatform`] and [`CheckSubscriptionError::Url`].
    pub fn endpoint_url(&self, platform: &str, url: &str) -> Result<EndpointUrl, CheckSubscriptionError> {
        Ok(check_url(url, self.platform(platform)?.url_rule, &self.0.addresses)?)
    }

    /// Checks all that an attempt would: platform, keys, headers, and every URL. For when a subscription is made or changed.
    ///
    /// # Errors
    /// [`CheckSubscriptionError`], with the first thing that is wrong.
    pub fn check_subscription(&self, subscription: &Subscription) -> Result<(), CheckSubscriptionError> {
        let platform = self.platform(subscription.platform())?;
        platform.signer(subscription.keys())?;
        check_headers(subscription.headers(), &platform.signature_headers)?;
        for url in core::iter::once(subscription.url()).chain(subscription.urls().values()) {
            self.check_again(url, platform)?;
        }
        Ok(())
    }

    fn platform(&self, name: &str) -> Result<&Platform, CheckSubscriptionError> {
        let unknown = || CheckSubscriptionError::UnknownPlatform { name: name.to_owned() };
        self.0.platforms.get(name).ok_or_else(unknown)
    }

    /// A stored URL, normalised and held against today's rules.
    fn check_again(
        &self,
        url: &EndpointUrl,
        platform: &Platform,
    ) -> Result<EndpointUrl, CheckSubscriptionError> {
        Ok(check_url(&url.to_uri().to_string(), platform.url_rule, &self.0.addresses)?)
    }

    async fn attempt(&self, sending: &Sending) -> Answer {
        let started = Instant::now();
        let prepared = self.prepare(sending);
        let answer = match prepared {
            Ok((platform, request)) => self.exchange_in_time(sending, platform, request, started).await,
            Err(answer) => answer,
        };
        tracing::debug!(outcome = ?answer.outcome, took = ?started.elapsed(), "attempt made");
        answer
    }

    fn prepare(&self, sending: &Sending) -> Result<(&Platform, Request<Bytes>), Answer> {
        let subscription = &sending.subscription;
        let url = subscription.url_for(&sending.event_type);
        let refused = |error: CheckSubscriptionError| {
            Answer::new(error.outcome()).with_detail(one_line(&authority(url), &error))
        };
        let (platform, url, signer) = self.check_attempt(subscription, url).map_err(refused)?;

        let id = sending.attempt.attempt.delivery.to_string();
        let unsigned = |error| {
            let outcome = Outcome::Internal(OwnFault::Signing);
            Answer::new(outcome).with_detail(one_line(&authority(&url), &error))
        };
        let mut request =
            send::request(&signer, &url, &id, sending.body.clone(), sending.now).map_err(unsigned)?;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, self.0.user_agent.clone());
        for (name, value) in subscription.headers() {
            headers.append(name, value.clone());
        }
        Ok((platform, request))
    }

    fn check_attempt(
        &self,
        subscription: &Subscription,
        url: &EndpointUrl,
    ) -> Result<(&Platform, EndpointUrl, Signer), CheckSubscriptionError> {
        let platform = self.platform(subscription.platform())?;
        let url = self.check_again(url, platform)?;
        check_headers(subscription.headers(), &platform.signature_headers)?;
        Ok((platform, url, platform.signer(subscription.keys())?))
    }

    async fn exchange_in_time(
        &self,
        sending: &Sending,
        platform: &Platform,
        request: Request<Bytes>,
        started: Instant,
    ) -> Answer {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        // Counted on from the caller's clock, which may jump meanwhile.
        let now = || moment::later(sending.now, started.elapsed());
        let exchange = self.exchange(platform, request, &host, now);
        tokio::time::timeout(sending.timeout, exchange).await.unwrap_or_else(|_| {
            let late = format!("no complete answer within {} ms", sending.timeout.as_millis());
            Answer::new(Outcome::Failure(Fault::Timeout)).with_detail(one_line(&host, &late))
        })
    }

    async fn exchange(
        &self,
        platform: &Platform,
        request: Request<Bytes>,
        host: &str,
        now: impl Fn() -> UtcDateTime,
    ) -> Answer {
        let response = match self.0.client.request(request.map(Full::new)).await {
            Ok(response) => response,
            Err(error) => return no_answer(host, &error),
        };
        let status = response.status();
        let outcome = send::outcome(&response, now());
        match body::read(response.into_body(), platform.capture).await {
            Ok(captured) => {
                let detail = status.is_redirection().then(|| one_line(host, &"redirects are not followed"));
                Answer { outcome, captured, detail }
            }
            Err(error) => broken_body(host, &error),
        }
    }
}

impl Transport for HttpTransport {
    fn check(&self, subscription: &Subscription) -> Result<(), String> {
        self.check_subscription(subscription).map_err(|error| error.to_string())
    }

    async fn send(&self, sending: Sending) -> Answer {
        let subscription = &sending.subscription;
        let span = tracing::debug_span!(
            "http_attempt",
            host = %authority(subscription.url_for(&sending.event_type)),
            platform = ?subscription.platform(),
            attempt = sending.attempt.number.get(),
        );
        self.attempt(&sending).instrument(span).await
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("platforms", &self.0.platforms.keys())
            .field("addresses", &self.0.addresses)
            .finish_non_exhaustive()
    }
}

/// Host and port: all of a URL that logs may show.
fn authority(url: &EndpointUrl) -> String {
    url.to_uri().authority().map(ToString::to_string).unwrap_or_default()
}
