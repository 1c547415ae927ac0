//! `HttpTransport`: signs and sends what an attempt says (`Sending`) over HTTP(S), waits for the answer, and previews
//! the next request.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use gymhook::send::{self, EndpointUrl};
use gymhook_retry::{Fault, Outcome, OwnFault, time_math};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use time::UtcDateTime;
use tokio::time::Instant;
use tracing::Instrument;

use super::body::{BodyEnd, BodyRead};
use super::client::{Client, Exchange, Outgoing, keep};
use super::explain::explain;
use super::platform::Platform;
use super::request_error::{self, no_answer, one_line};
use super::tls::{ReceiverTls, Tls};
use super::{AddressRules, CheckSubscriptionError, HttpTransportBuilder, body, check_headers};
use crate::store::DeliveryRow;
use crate::{Answer, DeliveryHeaders, DeliveryId, HttpTarget, Sending, Subscription, Transport};

/// Sends each attempt as a signed `POST`, and only to public endpoints. Cloning is cheap.
///
/// - **Where.** Every address, including IP literals, is checked by [`AddressRules`] before it is dialled, and again when the
///   connection is established. One forbidden address among a name's answers refuses them all. The URL is checked again for each
///   attempt, so that a stored one cannot evade a newer rule.
/// - **How long.** [`Sending::timeout`] covers resolving, connecting, the handshake, the request and the head of the response.
/// - **What counts.** The status line and the headers decide. Only the beginning of the body is kept, in the delivery log:
///   it is read for at most a fourth of the attempt's time, and for no more than five seconds. [`Answer::detail`] says if it was
///   cut, timed out or was capped; otherwise it was complete. [`HttpTransportBuilder::with_complete_success_required`] requires
///   more.
/// - **How much.** At most 32 KiB of status line and headers, 1,024 headers and 16 KiB of a body are read, nothing is
///   decompressed, and the connection is closed after a longer body. The log keeps what the platform's rule says. Headers are
///   parsed leniently: folded lines and a space before the colon are accepted, and invalid ones are ignored.
/// - **What not.** Redirects are not followed, proxies from the environment are not used, and certificates are always verified.
/// - **Whose fault.** Each kind of failure has its [`Fault`]; a lack of local resources, or a failure to sign, is an
///   [`OwnFault`].
///
/// An attempt is one request, over HTTP/2 if the receiver offers it, otherwise HTTP/1.1. It is repeated only if a kept
/// connection turns out to be closed before any of the request was sent. If a server closes a kept connection while the next
/// request is on its way, neither side has failed: the outcome is [`OwnFault::Network`], which costs no attempt. Connections
/// are shared only between subscriptions with equal [`TlsSettings`](crate::TlsSettings).
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
pub struct HttpTransport(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) tls: Tls,
    pub(super) platforms: BTreeMap<String, Platform>,
    pub(super) addresses: AddressRules,
    pub(super) user_agent: HeaderValue,
    pub(super) content_type: HeaderValue,
    pub(super) whole_success: bool,
}

impl HttpTransport {
    /// A builder with the defaults.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder::new()
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    async fn attempt(&self, sending: &Sending, target: &HttpTarget) -> Answer {
        let started = Instant::now();
        let (delivery, body) = (sending.attempt.attempt.delivery, sending.body.clone());
        let prepared =
            self.prepare(target, delivery, &sending.event_type, sending.headers(), body, sending.now);
        let answer = match prepared {
            Ok(prepared) => self.exchange(sending, prepared, started).await,
            Err(answer) => answer,
        };
        tracing::debug!(outcome = ?answer.outcome, took = ?started.elapsed(), "attempt made");
        answer
    }

    /// The request of a delivery's next attempt, as it would be sent `now`, for a log to show: nothing is sent.
    ///
    /// The values of the signature, of the delivery's own headers and, when a store has read them, of the subscription's are
    /// [sensitive](HeaderValue::is_sensitive). The URL has its query, which may contain a token. HTTP adds `Host`.
    ///
    /// # Errors
    /// The answer that the attempt would have instead, if it could not be sent.
    pub fn preview(
        &self,
        subscription: &Subscription,
        delivery: &DeliveryRow,
        body: Bytes,
        now: UtcDateTime,
    ) -> Result<Request<Bytes>, Answer> {
        let target = subscription.http().ok_or_else(inbox)?;
        let own = DeliveryHeaders::of_delivery(delivery.id, delivery.endpoint, delivery.origin.as_deref());
        let Prepared { outgoing: Outgoing { uri, headers, body }, .. } =
            self.prepare(target, delivery.id, &delivery.event_type, own.as_map(), body, now)?;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn prepare(
        &self,
        target: &HttpTarget,
        delivery: DeliveryId,
        event_type: &str,
        own: &HeaderMap,
        body: Bytes,
        now: UtcDateTime,
    ) -> Result<Prepared<'_>, Answer> {
        let url = target.url_for(event_type);
        let refused = |error: CheckSubscriptionError| {
            Answer::new(error.outcome()).with_detail(one_line(&authority(url), &error))
        };
        let (platform, url, signer, tls) = self.check_attempt(target, url).map_err(refused)?;
        check_headers(own, &platform.signature_headers)
            .map_err(|error| refused(CheckSubscriptionError::Headers(error)))?;

        let unsigned = |error| {
            let outcome = Outcome::Internal(OwnFault::Signing);
            Answer::new(outcome).with_detail(one_line(&authority(&url), &error))
        };
        let request = send::request(&signer, &url, &delivery.to_string(), body, now).map_err(unsigned)?;
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        headers.insert(header::USER_AGENT, self.0.user_agent.clone());
        headers.insert(header::CONTENT_TYPE, self.0.content_type.clone());
        let of_subscription = target.headers().iter().filter(|(name, _)| !own.contains_key(*name));
        for (name, value) in of_subscription.chain(own) {
            headers.append(name, value.clone());
        }
        Ok(Prepared { platform, tls, outgoing: Outgoing { uri: parts.uri, headers, body } })
    }

    /// The head within the attempt's time, and then as much of the body as comes in a short part of it.
    async fn exchange(&self, sending: &Sending, prepared: Prepared<'_>, started: Instant) -> Answer {
        let Prepared { platform, outgoing, tls } = prepared;
        let host = outgoing.uri.authority().map(ToString::to_string).unwrap_or_default();
        let head = tokio::time::timeout(sending.timeout, self.0.client.send(&outgoing, &tls)).await;
        let Exchange { response, connection } = match head {
            Ok(Ok(exchange)) => exchange,
            Ok(Err(why)) => return no_answer(&host, &why),
            Err(_) => {
                let late = format!("no answer within {} ms", sending.timeout.as_millis());
                return Answer::new(Outcome::Failure(Fault::Timeout)).with_detail(one_line(&host, &late));
            }
        };
        // Counted on from the caller's clock, which may jump meanwhile.
        let outcome = send::outcome(&response, time_math::later(sending.now, started.elapsed()));
        let mut notes: Vec<String> =
            explain(&response, &outgoing.uri, connection.asked_for_certificate()).into_iter().collect();
        let read =
            body::read(response.into_body(), platform.capture, body_until(started, sending.timeout)).await;
        tracing::debug!(body = %read, "answer read");
        if read.is_complete() {
            keep(connection).await;
        } else {
            notes.push(read.to_string());
        }
        let outcome = self.judge(outcome, &read);
        let detail = (!notes.is_empty()).then(|| one_line(&host, &notes.join("; ")));
        Answer { captured: read.captured, detail, ..Answer::new(outcome) }
    }

    /// The status line and the headers decide, unless a success has to be complete.
    fn judge(&self, outcome: Outcome, read: &BodyRead) -> Outcome {
        let success = matches!(outcome, Outcome::Response { status, .. } if status.is_success());
        match &read.end {
            BodyEnd::Cut(error) if self.0.whole_success && success => request_error::outcome(error),
            BodyEnd::TimedOut if self.0.whole_success && success => Outcome::Failure(Fault::Timeout),
            BodyEnd::Cut(_) | BodyEnd::TimedOut | BodyEnd::Complete | BodyEnd::Capped => outcome,
        }
    }
}

/// A request that is ready to go, and how its answer is read.
struct Prepared<'t> {
    platform: &'t Platform,
    outgoing: Outgoing,
    tls: ReceiverTls,
}

/// Of an attempt's time, what the reading of the body may take at most once the head is there: a fourth, and no more than five
/// seconds. Our choice: the body is for the log only.
const BODY_SHARE: u32 = 4;
const BODY_PATIENCE: Duration = Duration::from_secs(5);
/// The answer is judged before the caller gives the attempt up.
const RESERVE: Duration = Duration::from_millis(20);

fn body_until(started: Instant, timeout: Duration) -> Instant {
    let now = Instant::now();
    let enough = now + (timeout / BODY_SHARE).min(BODY_PATIENCE);
    let last = started.checked_add(timeout.saturating_sub(RESERVE));
    last.map_or(enough, |last| enough.min(last.max(now)))
}

impl Transport for HttpTransport {
    fn check(&self, subscription: &Subscription) -> Result<(), String> {
        self.check_subscription(subscription).map_err(|error| error.to_string())
    }

    async fn send(&self, sending: Sending) -> Answer {
        let Some(target) = sending.subscription.http() else {
            return inbox();
        };
        let span = tracing::debug_span!(
            "http_attempt",
            host = %authority(target.url_for(&sending.event_type)),
            platform = ?target.platform(),
            attempt = sending.attempt.number.get(),
        );
        self.attempt(&sending, target).instrument(span).await
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

fn inbox() -> Answer {
    let error = CheckSubscriptionError::Inbox;
    Answer::new(error.outcome()).with_detail(error.to_string())
}

/// Host and port: all of a URL that logs may show.
fn authority(url: &EndpointUrl) -> String {
    url.to_uri().authority().map(ToString::to_string).unwrap_or_default()
}
