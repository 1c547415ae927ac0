//! How endpoints behave: an endpoint's number says what it is like, and the receiver and the judge both go by it.

use core::time::Duration;
use std::sync::Arc;

use gymhook::send::EndpointUrl;
use gymhook_delivery::{AutoDisable, EndpointPolicy};
use gymhook_engine::{EndpointId, Subscription};
use gymhook_retry::{RetryPolicy, RetrySchedule};
use gymhook_signature::{Keyring, Secret};

use crate::Failure;
use crate::random::Random;

/// What an endpoint is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    /// Accepts everything at once.
    Plain,
    /// Refuses or ignores some requests.
    Flaky,
    /// As plain, and wants its deliveries in order.
    PlainOrdered,
    /// As flaky, and wants its deliveries in order.
    FlakyOrdered,
    /// Accepts everything after a while.
    Slow,
    /// Accepts nothing.
    Hopeless,
}

/// What an endpoint does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This status, this long after the request.
    Status(u16, Duration),
    /// Never anything.
    Nothing,
}

impl Character {
    /// How many there are.
    pub const COUNT: u32 = 6;

    /// What the endpoint with this number is like.
    #[must_use]
    pub const fn of(endpoint: u32) -> Self {
        match endpoint % Self::COUNT {
            0 => Self::Plain,
            1 => Self::Flaky,
            2 => Self::PlainOrdered,
            3 => Self::FlakyOrdered,
            4 => Self::Slow,
            _ => Self::Hopeless,
        }
    }

    /// Whether it wants its deliveries in order.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        matches!(self, Self::PlainOrdered | Self::FlakyOrdered)
    }

    /// How many attempts a delivery to it has.
    #[must_use]
    pub const fn attempts(self) -> u32 {
        if matches!(self, Self::Hopeless) { 3 } else { 9 }
    }

    /// What it does with this request; the same request always gets the same reply.
    #[must_use]
    pub fn reply(self, delivery: u128, send: u32) -> Reply {
        let [low, high] = [delivery, delivery >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)));
        let seed = low.unwrap_or_default() ^ high.unwrap_or_default().rotate_left(17) ^ u64::from(send);
        let chance = Random::new(seed).below(100);
        match self {
            Self::Flaky | Self::FlakyOrdered if chance < 2 => Reply::Nothing,
            Self::Flaky | Self::FlakyOrdered if chance < 25 => Reply::Status(503, Duration::ZERO),
            Self::Hopeless => Reply::Status(500, Duration::ZERO),
            Self::Slow => Reply::Status(204, Duration::from_millis(40 + chance)),
            Self::Plain | Self::PlainOrdered | Self::Flaky | Self::FlakyOrdered => {
                Reply::Status(200, Duration::ZERO)
            }
        }
    }
}

/// The name of an endpoint.
#[must_use]
pub const fn endpoint_id(endpoint: u32) -> EndpointId {
    EndpointId::from_u128(endpoint as u128)
}

/// The subscription of an endpoint. An attempt may take `attempt_timeout`.
///
/// # Errors
/// None that can happen: the URL and the secret are fixed.
pub fn subscription(endpoint: u32, attempt_timeout: Duration) -> Result<Subscription, Failure> {
    let character = Character::of(endpoint);
    let schedule = RetrySchedule::constant(Duration::from_millis(30), character.attempts().saturating_sub(1));
    let retry = RetryPolicy::new(schedule).with_attempt_timeout(attempt_timeout);
    let policy = EndpointPolicy::new(retry)
        .with_breaker(None)
        .with_auto_disable(AutoDisable::never())
        .with_ordered(character.is_ordered());
    let keys = Arc::new(Keyring::single("main", Secret::new("a secret of the tests")?)?);
    let url = EndpointUrl::dangerous_without_rule("http://127.0.0.1:9/hook")?;
    Ok(Subscription::new(endpoint_id(endpoint), "berlin", "point", url, keys, policy))
}
