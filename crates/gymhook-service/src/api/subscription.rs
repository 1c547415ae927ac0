//! `SubscriptionView` and `SubscriptionDetail`: subscriptions as JSON, with keys, rate, health and counts; `NewRate`.

use core::time::Duration;
use std::collections::BTreeMap;

use gymhook::delivery::{BreakerState, DisableReason, EndpointRecord, EndpointStatus, Rate};
use gymhook::send::EndpointUrl;
use gymhook_engine::Subscription;
use gymhook_engine::store::EndpointStats;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::rfc3339;
use crate::Problem;

/// A subscription. Its secret is not part of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubscriptionView {
    #[schema(format = "uuid")]
    id: String,
    /// Whose events it gets.
    gym: String,
    /// What it is signed, retried and limited as.
    #[schema(example = "standard-webhooks")]
    platform: String,
    /// Its name for people.
    label: String,
    /// Where it is sent to; without its query, for a key that may only read.
    #[schema(example = "https://receiver.example/hooks")]
    url: String,
    /// Other URLs for single types.
    urls: BTreeMap<String, String>,
    /// Which types it wants: types, beginnings such as `member.*`, kinds such as `kind:check-in`; `null` for all.
    events: Option<Vec<String>>,
    /// The names of the headers of its own. Their values may be secrets.
    headers: Vec<String>,
    /// The keys that it is signed with; empty if it is sent unsigned.
    keys: Vec<KeyView>,
    /// What an application noted about it.
    metadata: BTreeMap<String, String>,
    max_in_flight: u32,
    /// Its rate limit; `null` for none.
    rate: Option<RateView>,
    /// Whether deliveries are sent one at a time, in the order of publishing.
    ordered: bool,
    /// When it is disabled for failing.
    auto_disable: String,
    health: Health,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    id: String,
    /// Until when it signs; `null` for as long as it is there.
    #[schema(format = "date-time")]
    until: Option<String>,
}

impl KeyView {
    /// The keys that a subscription is signed with.
    pub(super) fn all_of(subscription: &Subscription) -> Vec<Self> {
        let keys = subscription.http().and_then(|http| http.keys());
        keys.into_iter()
            .flat_map(|keys| keys.keys())
            .map(|key| Self { id: key.id().to_string(), until: key.not_after().map(rfc3339) })
            .collect()
    }
}

/// A rate limit: at most `attempts` in every `per_seconds`, evenly spaced but for `burst`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RateView {
    attempts: u32,
    /// Rounded up, where a program has set a part of a second.
    per_seconds: u64,
    /// How many may come at once after a pause.
    burst: u32,
}

impl RateView {
    /// `None` if it limits nothing.
    fn of(rate: Rate) -> Option<Self> {
        let per = rate.per();
        let per_seconds = per.as_secs().saturating_add(u64::from(per.subsec_nanos() > 0));
        let (attempts, burst) = (rate.attempts().get(), rate.burst().get());
        (per_seconds > 0).then_some(Self { attempts, per_seconds, burst })
    }
}

/// How an endpoint is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// enabled or disabled.
    #[schema(example = "enabled")]
    status: &'static str,
    #[schema(format = "date-time")]
    disabled_since: Option<String>,
    /// by-hand, gone, failed-in-a-row, failing-for or other.
    disable_reason: Option<&'static str>,
    /// closed, open or half-open.
    #[schema(example = "closed")]
    breaker: &'static str,
    /// The number of deliveries given up in a row.
    failed_in_a_row: u32,
    /// Since when attempts fail and none succeeds.
    #[schema(format = "date-time")]
    failing_since: Option<String>,
    /// Until when it asked to receive nothing.
    #[schema(format = "date-time")]
    held_until: Option<String>,
}

impl From<&EndpointRecord> for Health {
    fn from(record: &EndpointRecord) -> Self {
        let (status, disabled_since, disable_reason) = match record.status {
            EndpointStatus::Enabled => ("enabled", None, None),
            EndpointStatus::Disabled { reason, since } => ("disabled", Some(since), Some(reason)),
        };
        Self {
            status,
            disabled_since: disabled_since.map(rfc3339),
            disable_reason: disable_reason.map(|reason| match reason {
                DisableReason::ByHand => "by-hand",
                DisableReason::Gone => "gone",
                DisableReason::FailedInARow { .. } => "failed-in-a-row",
                DisableReason::FailingFor { .. } => "failing-for",
                _ => "other",
            }),
            breaker: match record.breaker {
                BreakerState::Closed { .. } => "closed",
                BreakerState::Open { .. } => "open",
                BreakerState::HalfOpen { .. } => "half-open",
            },
            failed_in_a_row: record.failed_in_a_row,
            failing_since: record.failing_since.map(rfc3339),
            held_until: record.held_until.map(rfc3339),
        }
    }
}

/// How much there is for a subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Deliveries that wait, due or not.
    waiting: u64,
    in_flight: u64,
    /// Deliveries that were given up and are kept.
    undeliverable: u64,
    /// Since when the delivery has been due that has been due the longest.
    #[schema(format = "date-time")]
    oldest_due: Option<String>,
    #[schema(format = "date-time")]
    last_delivered: Option<String>,
    #[schema(format = "date-time")]
    last_undeliverable: Option<String>,
}

impl From<&EndpointStats> for Counts {
    fn from(stats: &EndpointStats) -> Self {
        Self {
            waiting: stats.waiting,
            in_flight: stats.in_flight,
            undeliverable: stats.undeliverable,
            oldest_due: stats.oldest_due.map(rfc3339),
            last_delivered: stats.last_delivered.map(rfc3339),
            last_undeliverable: stats.last_undeliverable.map(rfc3339),
        }
    }
}

/// A subscription with how much there is for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubscriptionDetail {
    #[serde(flatten)]
    pub(crate) subscription: SubscriptionView,
    pub(crate) counts: Counts,
}

/// A subscription that was written, with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WrittenSubscription {
    #[serde(flatten)]
    pub(crate) subscription: SubscriptionView,
    /// The secret that was drawn for it, which is not shown again; `null` if it was given, or there is none.
    #[schema(example = "whsec_…")]
    pub(crate) secret: Option<String>,
}

/// A URL as it is shown to whoever may write, or may only read: receivers put tokens into the queries of their URLs.
pub(super) fn shown_url(url: &EndpointUrl, writes: bool) -> String {
    if writes { url.to_uri().to_string() } else { url.to_string() }
}

impl SubscriptionView {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// As it is shown to whoever may write, or may only read.
    pub(crate) fn new(subscription: &Subscription, health: &EndpointRecord, writes: bool) -> Self {
        let http = subscription.http();
        let text = |url: &EndpointUrl| shown_url(url, writes);
        Self {
            id: subscription.id().to_string(),
            gym: subscription.gym().to_owned(),
            platform: http.map(|http| http.platform().to_owned()).unwrap_or_default(),
            label: subscription.label().to_owned(),
            url: http.map(|http| text(http.url())).unwrap_or_default(),
            urls: http
                .into_iter()
                .flat_map(|http| http.urls())
                .map(|(event_type, url)| (event_type.clone(), text(url)))
                .collect(),
            events: subscription.filter_names(),
            headers: http
                .into_iter()
                .flat_map(|http| http.headers().keys())
                .map(ToString::to_string)
                .collect(),
            keys: KeyView::all_of(subscription),
            metadata: subscription.metadata().clone(),
            max_in_flight: subscription.policy().max_in_flight().get(),
            rate: subscription.policy().rate().and_then(RateView::of),
            ordered: subscription.policy().is_ordered(),
            auto_disable: subscription.policy().auto_disable().to_string(),
            health: Health::from(health),
        }
    }
}

/// A rate limit: at most `attempts` in every `per_seconds`, evenly spaced but for `burst`.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRate {
    #[schema(minimum = 1, value_type = u32)]
    pub(crate) attempts: core::num::NonZeroU32,
    #[schema(minimum = 1, maximum = 86_400)]
    pub(crate) per_seconds: u32,
    /// How many may come at once after a pause; 1 by default.
    #[schema(minimum = 1, value_type = Option<u32>)]
    pub(crate) burst: Option<core::num::NonZeroU32>,
}

impl NewRate {
    pub(crate) fn read(self) -> Result<Rate, Problem> {
        if !(1..=86_400).contains(&self.per_seconds) {
            return Err(Problem::invalid(
                "/rate/per_seconds",
                "the period of a rate limit is from 1 to 86,400 seconds",
            ));
        }
        let rate = Rate::new(self.attempts, Duration::from_secs(self.per_seconds.into()));
        Ok(self.burst.map_or(rate, |burst| rate.with_burst(burst)))
    }
}
