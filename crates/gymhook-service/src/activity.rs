//! `Activity`: what this process has received and attempted: each event for the live tail, and counts for the plots of
//! the last hour.

mod endpoints;
mod last_hour;

use core::time::Duration;
use std::sync::{Mutex, PoisonError, RwLock};

use gymhook_engine::LoggedAttempt;
use serde::Serialize;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::broadcast;
use utoipa::ToSchema;

pub(crate) use self::endpoints::{Ended, Endpoints, Period};
use self::last_hour::{Counts, LastHour};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(crate) enum Happening {
    /// A webhook was answered.
    Received {
        /// When, in RFC 3339.
        at: String,
        /// The source's name.
        source: String,
        /// The status of the answer.
        status: u16,
        /// Why it was refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
    /// An attempt ended, and is in the log.
    Attempt {
        /// When it ended, in RFC 3339.
        at: String,
        /// The delivery.
        delivery: String,
        /// The subscription or destination.
        subscription: String,
        /// Its gym; empty of a destination.
        gym: String,
        /// The type of its event; `null` if it is not known, as of an attempt that was lost with its process.
        event_type: Option<String>,
        /// The number of the attempt in its round, from 1.
        attempt: u32,
        /// How it ended, as in the delivery's log.
        outcome: &'static str,
        /// The status of the response, if there was one.
        status: Option<u16>,
        /// How long it took, in milliseconds; `null` if that is not known.
        took_ms: Option<u64>,
    },
}

/// One minute of the last hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Minute {
    /// When it began, in seconds since 1970.
    pub(crate) began: i64,
    /// Webhooks that were accepted.
    pub(crate) received: u64,
    /// Webhooks that were refused.
    pub(crate) refused: u64,
    /// Attempts that delivered.
    pub(crate) delivered: u64,
    /// Attempts that did not.
    pub(crate) failed: u64,
    /// The sum of the time that all attempts took, in milliseconds.
    pub(crate) took_ms: u64,
    /// The longest attempt, in milliseconds.
    pub(crate) longest_ms: u64,
}

impl Counts for Minute {
    const SECONDS: u16 = 60;

    fn beginning(began: i64) -> Self {
        Self { began, ..Self::default() }
    }

    fn began(&self) -> i64 {
        self.began
    }
}

/// How many happenings a slow listener may be behind before it misses some.
const BEHIND: usize = 1_024;

/// What this process sees happen. What other processes of the same database do is not in it.
#[derive(Debug)]
pub(crate) struct Activity {
    /// `None` when nothing more will happen.
    tail: RwLock<Option<broadcast::Sender<Happening>>>,
    minutes: Mutex<LastHour<Minute>>,
    endpoints: Endpoints,
}

impl Activity {
    pub(crate) fn new() -> Self {
        let tail = RwLock::new(Some(broadcast::Sender::new(BEHIND)));
        Self { tail, minutes: Mutex::default(), endpoints: Endpoints::default() }
    }

    /// Everything from now on. A listener that is too slow misses some, and is told how many.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Happening> {
        let tail = self.tail.read().unwrap_or_else(PoisonError::into_inner);
        // Without a sender, this one's is gone at once.
        tail.as_ref().map_or_else(|| broadcast::channel(1).1, broadcast::Sender::subscribe)
    }

    /// Ends what every listener hears, once it has heard what happened before: a service that shuts down waits for none of them.
    pub(crate) fn close(&self) {
        self.tail.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Counts it, and tells whoever listens.
    pub(crate) fn happened(&self, now: UtcDateTime, happening: Happening) {
        self.count(now, &happening);
        if let Some(tail) = &*self.tail.read().unwrap_or_else(PoisonError::into_inner) {
            // Nobody may be listening.
            drop(tail.send(happening));
        }
    }

    /// The last hour, a minute each, the oldest first; minutes in which nothing happened included.
    pub(crate) fn last_hour(&self, now: UtcDateTime) -> Vec<Minute> {
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner).periods(now)
    }

    /// Counts an attempt that is in the log, and tells whoever listens.
    pub(crate) fn attempt_logged(&self, now: UtcDateTime, attempt: &LoggedAttempt<'_>) {
        let LoggedAttempt { subscription, event_type, row, .. } = attempt;
        let (at, delivery, outcome, status) = (row.ended, row.delivery, row.outcome, row.status);
        self.endpoints.count(now, subscription.id(), Ended { at, delivery, outcome, status });
        let took = row.began.and_then(|began| Duration::try_from(at - began).ok());
        self.happened(
            now,
            Happening::Attempt {
                at: rfc3339(at),
                delivery: delivery.to_string(),
                subscription: subscription.id().to_string(),
                gym: subscription.gym().to_owned(),
                event_type: event_type.map(str::to_owned),
                attempt: row.number,
                outcome: outcome.as_str(),
                status,
                took_ms: took.map(millis),
            },
        );
    }

    /// What happened at each endpoint.
    pub(crate) const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    fn count(&self, now: UtcDateTime, happening: &Happening) {
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        minutes.count(now, |minute| match happening {
            Happening::Received { status: 200..=299, .. } => minute.received += 1,
            Happening::Received { .. } => minute.refused += 1,
            Happening::Attempt { status, took_ms, .. } => {
                if status.is_some_and(|status| (200..300).contains(&status)) {
                    minute.delivered += 1;
                } else {
                    minute.failed += 1;
                }
                let took_ms = took_ms.unwrap_or(0);
                minute.took_ms = minute.took_ms.saturating_add(took_ms);
                minute.longest_ms = minute.longest_ms.max(took_ms);
            }
        });
    }
}

/// An instant as the API writes it.
pub(crate) fn rfc3339(at: UtcDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// A length in whole milliseconds.
pub(crate) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU32;

    use gymhook::delivery::EndpointPolicy;
    use gymhook::retry::{RetryPolicy, RetrySchedule};
    use gymhook::send::EndpointUrl;
    use gymhook_engine::store::{AttemptOutcome, AttemptRow};
    use gymhook_engine::{DeliveryId, EndpointId, Subscription};
    use time::macros::utc_datetime;

    use super::*;

    fn received(status: u16) -> Happening {
        Happening::Received { at: String::new(), source: "egym".to_owned(), status, reason: None }
    }

    #[test]
    fn an_hour_has_sixty_minutes_and_no_more() {
        let activity = Activity::new();
        let noon = utc_datetime!(2026-01-01 12:00:59);
        activity.happened(noon, received(200));
        activity.happened(noon, received(401));
        let hour = activity.last_hour(noon);
        assert_eq!(hour.len(), 60);
        let last = hour.last().unwrap();
        assert_eq!((last.began, last.received, last.refused), (noon.unix_timestamp() - 59, 1, 1));
        assert!(hour[..59].iter().all(|minute| minute.received + minute.refused == 0));
        let later = noon + Duration::from_secs(60 * 60);
        assert!(activity.last_hour(later).iter().all(|minute| minute.received == 0));
        for minute in 0..200_u32 {
            activity.happened(noon + Duration::from_secs(60) * minute, received(200));
        }
        let hour = |after: u32| activity.last_hour(noon + Duration::from_secs(60) * after);
        let kept = hour(199);
        let (oldest, newest) = (kept.first().unwrap().began, kept.last().unwrap().began);
        assert_eq!((oldest, newest), (last.began + 140 * 60, last.began + 199 * 60));
        assert!(kept.iter().all(|minute| minute.received == 1));
        let before = hour(198);
        assert_eq!(before.iter().filter(|minute| minute.received == 1).count(), 59, "the oldest are gone");
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing() {
        let activity = Activity::new();
        let noon = utc_datetime!(2026-01-01 12:00);
        activity.happened(noon, received(200));
        activity.happened(noon - Duration::from_secs(3_600), received(200));
        assert_eq!(activity.last_hour(noon).last().unwrap().received, 2);
    }

    #[tokio::test]
    async fn an_attempt_is_counted_and_announced_with_what_is_known_of_it() {
        let activity = Activity::new();
        let mut listener = activity.listen();
        let url = EndpointUrl::dangerous_without_rule("https://receiver.example/").unwrap();
        let id = EndpointId::from_u128(1);
        let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::fixed(Vec::new())));
        let subscription = Subscription::dangerous_unsigned(id, "berlin", "standard-webhooks", url, policy);
        let noon = utc_datetime!(2026-01-01 12:00);
        let mut row = AttemptRow {
            delivery: DeliveryId::from_u128(2),
            sequence: 1,
            send: 3,
            round: NonZeroU32::MIN,
            number: 3,
            began: Some(noon - Duration::from_millis(250)),
            ended: noon,
            outcome: AttemptOutcome::Response,
            status: Some(204),
            captured: None,
            detail: None,
        };
        activity.attempt_logged(noon, &LoggedAttempt::new(&subscription, Some("x"), &row));
        (row.began, row.outcome, row.status) = (None, AttemptOutcome::Lost, None);
        activity.attempt_logged(noon, &LoggedAttempt::new(&subscription, None, &row));

        let mut heard = async || serde_json::to_value(listener.recv().await.unwrap()).unwrap();
        let expected = serde_json::json!({
            "what": "attempt", "at": "2026-01-01T12:00:00Z", "delivery": "00000000-0000-0000-0000-000000000002",
            "subscription": "00000000-0000-0000-0000-000000000001", "gym": "berlin", "event_type": "x", "attempt": 3,
            "outcome": "response", "status": 204, "took_ms": 250
        });
        assert_eq!(heard().await, expected);
        let mut lost = expected;
        lost["outcome"] = "lost".into();
        for unknown in ["event_type", "status", "took_ms"] {
            lost[unknown] = serde_json::Value::Null;
        }
        assert_eq!(heard().await, lost);
        let minute = *activity.last_hour(noon).last().unwrap();
        assert_eq!((minute.delivered, minute.failed), (1, 1));
        assert_eq!((minute.took_ms, minute.longest_ms), (250, 250));
        let failure = activity.endpoints().last_failure(id).unwrap();
        assert_eq!((failure.at, failure.outcome), (noon, AttemptOutcome::Lost));
    }

    #[tokio::test]
    async fn a_slow_listener_misses_some_and_is_told() {
        let activity = Activity::new();
        let mut listener = activity.listen();
        for _ in 0..BEHIND + 10 {
            activity.happened(utc_datetime!(2026-01-01 12:00), received(200));
        }
        let missed = listener.recv().await;
        assert_eq!(missed, Err(broadcast::error::RecvError::Lagged(10)));
        assert_eq!(listener.recv().await, Ok(received(200)));
    }

    #[tokio::test]
    async fn when_it_is_closed_every_listener_comes_to_an_end() {
        let activity = Activity::new();
        let mut early = activity.listen();
        activity.happened(utc_datetime!(2026-01-01 12:00), received(200));
        activity.close();
        activity.happened(utc_datetime!(2026-01-01 12:00), received(401));
        assert_eq!(early.recv().await, Ok(received(200)));
        assert_eq!(early.recv().await, Err(broadcast::error::RecvError::Closed));
        assert_eq!(activity.listen().recv().await, Err(broadcast::error::RecvError::Closed));
    }
}
