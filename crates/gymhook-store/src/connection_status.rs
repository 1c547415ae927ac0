//! `Connection`: the connection status of an endpoint, as GymPoint shows it: connected, not connected, or error, by a
//! `ConnectionRule`.

use core::fmt;
use core::time::Duration;

use gymhook_delivery::{DisableReason, EndpointStatus};
use gymhook_retry::time_math;
use time::UtcDateTime;

use crate::EndpointStats;

/// The connection status of an endpoint: "Connected, Not Connected, or Error", as
/// [GymPoint's page](https://gympoint.ai/knowledge-base/settings/integrations-api) says.
///
/// The page does not say when each is shown. **The rule is ours.** The first line that matches counts:
///
/// | what is known | connection |
/// |---|---|
/// | it was disabled because it failed, or was gone | error |
/// | it was disabled by hand, or is paused | not connected |
/// | attempts fail, and none has succeeded for [`ConnectionRule::error_after`] | error |
/// | the last delivery that ended within [`ConnectionRule::window`] was given up | error |
/// | a delivery arrived within the window | connected |
/// | nothing did | not connected |
///
/// A test event counts like any delivery, so the status changes after "Send Test". What was purged is ignored.
///
/// Exhaustive on purpose: these are the states that a tile of GymPoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// Deliveries succeed.
    Connected,
    /// Nothing was sent for a long time, or nothing may be.
    NotConnected,
    /// Deliveries fail: somebody should investigate.
    Error,
}

/// The rule of [`EndpointStats::connection`].
///
/// ```
/// use core::time::Duration;
/// use gymhook_store::ConnectionRule;
///
/// let week = ConnectionRule { window: Duration::from_secs(7 * 86_400), ..ConnectionRule::default() };
/// assert_eq!(week.error_after, Duration::from_secs(300));
/// ```
///
/// Exhaustive on purpose: it is the whole rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionRule {
    /// How long the end of a delivery counts; 30 days by default.
    pub window: Duration,
    /// How long attempts may fail before that is an error; 5 minutes by default, so that a single failed attempt is not.
    pub error_after: Duration,
}

impl Default for ConnectionRule {
    fn default() -> Self {
        Self { window: Duration::from_secs(30 * 86_400), error_after: Duration::from_secs(300) }
    }
}

impl Connection {
    /// The page's term for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "Connected",
            Self::NotConnected => "Not Connected",
            Self::Error => "Error",
        }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl EndpointStats {
    /// The connection status of this endpoint now: see [`Connection`] for the rule.
    #[must_use]
    pub fn connection(&self, rule: &ConnectionRule, now: UtcDateTime) -> Connection {
        match self.record.status {
            EndpointStatus::Disabled { reason: DisableReason::ByHand, .. } => {
                return Connection::NotConnected;
            }
            EndpointStatus::Disabled { .. } => return Connection::Error,
            EndpointStatus::Enabled => {}
        }
        let ago = |at: UtcDateTime| time_math::elapsed(at, now);
        if self.record.failing_since.is_some_and(|since| ago(since) >= rule.error_after) {
            return Connection::Error;
        }
        let within = |at: Option<UtcDateTime>| at.filter(|at| ago(*at) <= rule.window);
        match (within(self.last_delivered), within(self.last_undeliverable)) {
            (delivered, Some(given_up)) if delivered.is_none_or(|delivered| delivered < given_up) => {
                Connection::Error
            }
            (Some(_), _) => Connection::Connected,
            (None, _) => Connection::NotConnected,
        }
    }
}

#[cfg(test)]
mod tests {
    use gymhook_delivery::{EndpointId, EndpointRecord};
    use time::macros::utc_datetime;

    use super::*;

    const NOW: UtcDateTime = utc_datetime!(2026-06-30 12:00);

    fn stats() -> EndpointStats {
        EndpointStats {
            record: EndpointRecord::new(EndpointId::from_u128(1)),
            waiting: 0,
            in_flight: 0,
            undeliverable: 0,
            oldest_due: None,
            last_delivered: None,
            last_undeliverable: None,
            lease: None,
        }
    }

    /// The time this many seconds ago.
    fn ago(seconds: u64) -> Option<UtcDateTime> {
        Some(NOW - Duration::from_secs(seconds))
    }

    #[test]
    fn a_tile_says_what_the_rule_says() {
        const DAY: u64 = 86_400;
        let with = |delivered: Option<u64>, given_up: Option<u64>, failing: Option<u64>| {
            let record = EndpointRecord { failing_since: failing.and_then(ago), ..stats().record };
            let (last_delivered, last_undeliverable) = (delivered.and_then(ago), given_up.and_then(ago));
            EndpointStats { record, last_delivered, last_undeliverable, ..stats() }
        };
        let table = [
            (with(None, None, None), Connection::NotConnected),
            (with(Some(30 * DAY), None, None), Connection::Connected),
            (with(Some(30 * DAY + 1), None, None), Connection::NotConnected),
            (with(Some(60), Some(61), None), Connection::Connected),
            (with(Some(60), Some(60), None), Connection::Connected),
            (with(Some(61), Some(60), None), Connection::Error),
            (with(None, Some(60), None), Connection::Error),
            (with(None, Some(30 * DAY + 1), None), Connection::NotConnected),
            (with(Some(400), None, Some(299)), Connection::Connected),
            (with(Some(400), None, Some(300)), Connection::Error),
        ];
        for (stats, wanted) in table {
            assert_eq!(stats.connection(&ConnectionRule::default(), NOW), wanted, "{stats:?}");
        }
        let hour = ConnectionRule { window: Duration::from_secs(3_600), error_after: Duration::ZERO };
        assert_eq!(with(Some(3_601), None, None).connection(&hour, NOW), Connection::NotConnected);
        assert_eq!(with(Some(60), None, Some(0)).connection(&hour, NOW), Connection::Error);
    }

    #[test]
    fn who_is_disabled_is_not_connected_or_an_error_whatever_arrived_before() {
        let disabled = |reason| {
            let status = EndpointStatus::Disabled { reason, since: NOW };
            let record = EndpointRecord { status, ..stats().record };
            EndpointStats { record, last_delivered: ago(1), ..stats() }
        };
        let said = |reason| disabled(reason).connection(&ConnectionRule::default(), NOW).to_string();
        assert_eq!(said(DisableReason::ByHand), "Not Connected");
        assert_eq!(said(DisableReason::Gone), "Error");
        assert_eq!(said(DisableReason::FailedInARow { deliveries: 10 }), "Error");
    }
}
