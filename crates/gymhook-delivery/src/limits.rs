//! `Limits` that all endpoints share: attempts in flight, each endpoint's share of them in percent, and the grace for
//! an answer.

use core::num::NonZeroU32;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// What all endpoints of a [`Dispatcher`](crate::Dispatcher) together may use.
///
/// ```
/// use core::num::NonZeroU32;
/// use gymhook_delivery::Limits;
///
/// let limits = Limits::new(NonZeroU32::new(200).unwrap());
/// assert_eq!(limits.share().get(), 20); // no endpoint holds more than a tenth of the slots
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    max_in_flight: NonZeroU32,
    share_percent: u8,
    answer_grace: Duration,
}

impl Limits {
    /// The default share of the slots that one endpoint may hold, in percent: 10 (our default).
    pub const DEFAULT_SHARE_PERCENT: u8 = 10;

    /// The default time to wait for an attempt's answer after its deadline: 30 s (our default).
    pub const DEFAULT_ANSWER_GRACE: Duration = Duration::from_secs(30);

    /// At most `max_in_flight` attempts in flight, no more than a tenth of them to one endpoint.
    #[must_use]
    pub const fn new(max_in_flight: NonZeroU32) -> Self {
        Self {
            max_in_flight,
            share_percent: Self::DEFAULT_SHARE_PERCENT,
            answer_grace: Self::DEFAULT_ANSWER_GRACE,
        }
    }

    /// With another share of the slots for one endpoint, in percent; more than 100 is 100, and a share is never less
    /// than one slot.
    #[must_use]
    pub fn with_share_percent(mut self, percent: u8) -> Self {
        self.share_percent = percent.min(100);
        self
    }

    /// With another time to wait for an attempt's answer after its deadline, before it counts as lost.
    #[must_use]
    pub const fn with_answer_grace(mut self, grace: Duration) -> Self {
        self.answer_grace = grace;
        self
    }

    /// How many attempts may be in flight at a time.
    #[must_use]
    pub const fn max_in_flight(&self) -> NonZeroU32 {
        self.max_in_flight
    }

    /// How many of them may go to one endpoint, at least one.
    #[must_use]
    pub fn share(&self) -> NonZeroU32 {
        let slots = u64::from(self.max_in_flight.get()) * u64::from(self.share_percent) / 100;
        u32::try_from(slots).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
    }

    /// How long to wait for an attempt's answer after its deadline.
    #[must_use]
    pub const fn answer_grace(&self) -> Duration {
        self.answer_grace
    }
}
