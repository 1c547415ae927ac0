//! `GatewayTransport`: sends to subscribers and to destinations, with different rules for their addresses; the
//! platform `DESTINATION`.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use gymhook::cloud_event::CloudEvent;
use gymhook_engine::http::{BuildError, CheckSubscriptionError, HttpTransportBuilder};
use gymhook_engine::{Answer, HttpTransport, Sending, Subscription, Transport};
use http::HeaderValue;
use time::UtcDateTime;
use tracing::Instrument as _;
use tracing::subscriber::NoSubscriber;

use crate::spans::{self, ContinueTrace};
use crate::{Form, Problem, Settings, destinations};

/// The platform of subscriptions that are destinations.
pub(crate) const DESTINATION: &str = "destination";

/// The longest pause: a year. Our choice.
const LONGEST_PAUSE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Refuses a pause that is over, or lasts for more than a year.
pub(crate) fn check_pause(now: UtcDateTime, until: UtcDateTime) -> Result<(), Problem> {
    if until <= now || until > now + LONGEST_PAUSE {
        return Err(Problem::invalid("/until", "it is not within a year from now: disable it instead"));
    }
    Ok(())
}

/// Sends to subscribers by the rules for strangers' URLs, to destinations by those for the operator's.
#[derive(Clone)]
pub(crate) struct GatewayTransport {
    pub(crate) subscribers: HttpTransport,
    pub(crate) destinations: HttpTransport,
    /// The same for what is passed on as it came, which is the platforms' JSON and no CloudEvent.
    originals: HttpTransport,
    continue_trace: ContinueTrace,
}

impl GatewayTransport {
    pub(crate) fn new(settings: &Settings) -> Result<Self, BuildError> {
        let allowing = |networks: &[ipnet::IpNet]| {
            networks
                .iter()
                .fold(HttpTransport::builder(), |builder, network| builder.dangerous_allow(*network))
        };
        // Each network would be logged for each transport, and by the name of a method: `tell_of_networks` names the setting.
        let build = |builder: HttpTransportBuilder| {
            tracing::subscriber::with_default(NoSubscriber::new(), || builder.build())
        };
        let subscribers = build(allowing(&settings.subscriber_networks))?;
        let to_destinations =
            || allowing(&settings.destination_networks).with_platform(DESTINATION, &destinations::provider());
        let cloud_events = HeaderValue::from_static(CloudEvent::CONTENT_TYPE);
        let destinations = build(to_destinations().with_content_type(cloud_events))?;
        let originals = build(to_destinations())?;
        let continue_trace = settings.continue_trace;
        Ok(Self { subscribers, destinations, originals, continue_trace })
    }

    /// The transport for this platform.
    pub(crate) fn of(&self, platform: &str) -> &HttpTransport {
        if platform == DESTINATION { &self.destinations } else { &self.subscribers }
    }

    /// The transport that sends to this subscription or destination.
    pub(crate) fn of_subscription(&self, subscription: &Subscription) -> &HttpTransport {
        let platform = subscription.http().map_or("", |http| http.platform());
        match destinations::form_of(subscription) {
            Form::Original if platform == DESTINATION => &self.originals,
            Form::Original | Form::CloudEvents => self.of(platform),
        }
    }

    /// The check that each attempt makes, too.
    pub(crate) fn check_subscription(&self, subscription: &Subscription) -> Result<(), Problem> {
        self.of_subscription(subscription).check_subscription(subscription).map_err(|error| {
            let place = match &error {
                CheckSubscriptionError::Headers(_) => "/headers",
                CheckSubscriptionError::Keys(_) | CheckSubscriptionError::SecretRequired { .. } => "/secret",
                CheckSubscriptionError::UnknownPlatform { .. } => "/platform",
                CheckSubscriptionError::Inbox
                | CheckSubscriptionError::Tls(_)
                | CheckSubscriptionError::Url(_)
                | _ => "/url",
            };
            Problem::invalid(place, error.to_string())
        })
    }
}

/// Logs networks besides public ones, unless they are those that are allowed by default.
pub(crate) fn tell_of_networks(settings: &Settings) {
    let default = Settings::default();
    for (setting, networks, default) in [
        ("destination_networks", &settings.destination_networks, &default.destination_networks),
        ("subscriber_networks", &settings.subscriber_networks, &default.subscriber_networks),
    ] {
        if networks != default && !networks.is_empty() {
            tracing::warn!(
                setting,
                ?networks,
                "requests may be sent to these networks, which are not on the public internet"
            );
        }
    }
}

impl Transport for GatewayTransport {
    async fn send(&self, sending: Sending) -> Answer {
        let subscription = Arc::clone(&sending.subscription);
        let span = spans::attempt(&sending, self.continue_trace);
        let answer = self.of_subscription(&subscription).send(sending).instrument(span.clone()).await;
        spans::record_answer(&span, &answer);
        answer
    }

    fn check(&self, subscription: &Subscription) -> Result<(), String> {
        self.of_subscription(subscription).check(subscription)
    }
}

impl fmt::Debug for GatewayTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayTransport").finish_non_exhaustive()
    }
}
