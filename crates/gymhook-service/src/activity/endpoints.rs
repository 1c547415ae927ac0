//! `Endpoints`: the attempts of the last hour to each subscription and destination, for the lists that show them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use gymhook_engine::store::AttemptOutcome;
use gymhook_engine::{DeliveryId, EndpointId};
use time::UtcDateTime;

use super::last_hour::{Counts, LastHour};

/// Five minutes of the last hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Period {
    /// When they began, in seconds since 1970.
    pub(crate) began: i64,
    /// Attempts that delivered.
    pub(crate) delivered: u64,
    /// Attempts that did not.
    pub(crate) failed: u64,
}

/// An attempt that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) at: UtcDateTime,
    pub(crate) delivery: DeliveryId,
    pub(crate) outcome: AttemptOutcome,
    /// The status of the response, if there was one.
    pub(crate) status: Option<u16>,
}

impl Ended {
    fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl Counts for Period {
    const SECONDS: u16 = 5 * 60;

    fn beginning(began: i64) -> Self {
        Self { began, ..Self::default() }
    }

    fn began(&self) -> i64 {
        self.began
    }
}

/// How many endpoints are remembered. Our choice: they take up to 3 MiB.
const ENDPOINTS: usize = 10_000;

#[derive(Debug, Default)]
struct Seen {
    hour: LastHour<Period>,
    last_failure: Option<Ended>,
}

/// What this process saw at each endpoint since it started.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    seen: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    by_id: BTreeMap<EndpointId, Seen>,
    /// The period in which room was made last.
    made_room: Option<i64>,
}

impl Endpoints {
    /// Counts an attempt. If too many endpoints are remembered, those without an attempt in the last hour are forgotten; if there is
    /// none, a new one is not remembered.
    pub(super) fn count(&self, now: UtcDateTime, endpoint: EndpointId, ended: Ended) {
        let began = LastHour::<Period>::period_of(now);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.by_id.len() >= ENDPOINTS && !seen.by_id.contains_key(&endpoint) {
            if seen.made_room == Some(began) {
                return;
            }
            seen.made_room = Some(began);
            seen.by_id.retain(|_, seen| !seen.hour.is_quiet(now));
            if seen.by_id.len() >= ENDPOINTS {
                return;
            }
        }
        seen.by_id.entry(endpoint).or_default().count(now, ended);
    }

    /// The last hour of an endpoint, five minutes each, the oldest first; those in which nothing happened included.
    pub(crate) fn last_hour(&self, endpoint: EndpointId, now: UtcDateTime) -> Vec<Period> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = seen.by_id.get(&endpoint).map(|seen| seen.hour.periods(now));
        hour.unwrap_or_else(|| LastHour::default().periods(now))
    }

    /// The attempt that failed last, however long ago.
    pub(crate) fn last_failure(&self, endpoint: EndpointId) -> Option<Ended> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.by_id.get(&endpoint)?.last_failure
    }
}

impl Seen {
    fn count(&mut self, now: UtcDateTime, ended: Ended) {
        let is_success = ended.is_success();
        self.hour.count(now, |period| {
            let counter = if is_success { &mut period.delivered } else { &mut period.failed };
            *counter += 1;
        });
        if !is_success {
            self.last_failure = Some(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::utc_datetime;

    use super::*;

    const NOON: UtcDateTime = utc_datetime!(2026-01-01 12:00);

    fn ended(at: UtcDateTime, status: u16) -> Ended {
        Ended {
            at,
            delivery: DeliveryId::from_u128(status.into()),
            outcome: AttemptOutcome::Response,
            status: Some(status),
        }
    }

    #[test]
    fn each_endpoint_has_an_hour_and_a_failure_of_its_own() {
        let endpoints = Endpoints::default();
        let (one, other) = (EndpointId::from_u128(1), EndpointId::from_u128(2));
        endpoints.count(NOON, one, ended(NOON, 503));
        endpoints.count(NOON + Duration::minutes(4), one, ended(NOON + Duration::minutes(4), 200));
        endpoints.count(NOON + Duration::minutes(6), one, ended(NOON + Duration::minutes(6), 204));
        endpoints.count(NOON, other, ended(NOON, 200));
        let hour = endpoints.last_hour(one, NOON + Duration::minutes(6));
        assert_eq!(hour.len(), 12);
        let counts: Vec<_> = hour.iter().map(|period| (period.delivered, period.failed)).collect();
        assert_eq!(counts[10..], [(1, 1), (1, 0)]);
        assert!(counts[..10].iter().all(|counts| *counts == (0, 0)));
        assert_eq!(hour[0].began, (NOON - Duration::minutes(50)).unix_timestamp());
        assert_eq!(endpoints.last_failure(one), Some(ended(NOON, 503)));
        assert_eq!(endpoints.last_failure(other), None);

        let later = endpoints.last_hour(one, NOON + Duration::minutes(62));
        assert_eq!(later.iter().map(|period| period.delivered).sum::<u64>(), 1, "the first is an hour ago");
        assert_eq!(endpoints.last_failure(one), Some(ended(NOON, 503)), "it is still the last one");
    }

    #[test]
    fn of_too_many_those_that_rest_are_forgotten() {
        let endpoints = Endpoints::default();
        let id = |number: usize| EndpointId::from_u128(number as u128);
        for number in 0..ENDPOINTS {
            endpoints.count(NOON, id(number), ended(NOON, 500));
        }
        endpoints.count(NOON, id(ENDPOINTS), ended(NOON, 500));
        assert_eq!(endpoints.last_failure(id(ENDPOINTS)), None, "all others are as new");
        let later = NOON + Duration::HOUR;
        endpoints.count(later, id(0), ended(later, 502));
        endpoints.count(later, id(ENDPOINTS), ended(later, 500));
        assert_eq!(endpoints.last_failure(id(ENDPOINTS)), Some(ended(later, 500)));
        assert_eq!(endpoints.last_failure(id(0)), Some(ended(later, 502)));
        assert_eq!(endpoints.last_failure(id(1)), None);
    }
}
