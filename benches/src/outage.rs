//! An endpoint that is down for an hour, or up to two minutes more, while 100,000 deliveries pile up, and then is back: how
//! fast are they sent?
//!
//! Its rate limit is 100 attempts a second, so at best they are through after 1,000 s. What was attempted without success meanwhile is
//! tried again after ten minutes. It answers within 50 ms. In virtual time, so the same everywhere.

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook::delivery::{
    BodyDigest, DeliveryId, Dispatcher, EndpointId, EndpointPolicy, Limits, NewDelivery, Rate,
};
use gymhook::retry::{Fault, Outcome as Seen, RetryPolicy, RetrySchedule};
use http::StatusCode;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::Outcome;
use crate::virtual_time::World;

const START: UtcDateTime = utc_datetime!(2026-01-01 00:00);
const OUTAGE: Duration = Duration::from_secs(3_600);
/// An open breaker probes every two minutes at the latest, so the outages end at ten moments of two minutes.
const ENDS: u32 = 10;
const BETWEEN_PROBES: Duration = Duration::from_secs(120);
const ANSWERS_AFTER: Duration = Duration::from_millis(50);
const ENDPOINT: EndpointId = EndpointId::from_u128(1);

/// How many deliveries wait when the endpoint is back.
pub const BACKLOG: u64 = 100_000;
/// How many attempts a second it allows.
pub const RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

/// What was seen after the outage, at the worst.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// The most attempts that began within one second, whenever that second began.
    pub peak: usize,
    /// From the end of the outage until the last one was delivered.
    pub drained_after: Duration,
    /// The same if the rate were used up from the first moment on.
    pub ideal: Duration,
    /// How many attempts failed during the outage.
    pub failed: usize,
}

/// The worst of ten outages.
///
/// # Errors
/// If the dispatcher refuses something, or not everything is delivered.
pub fn recovery() -> Outcome<Recovery> {
    let mut worst = after(OUTAGE)?;
    for end in 1..ENDS {
        let seen = after(OUTAGE + BETWEEN_PROBES * end / ENDS)?;
        worst.peak = worst.peak.max(seen.peak);
        worst.drained_after = worst.drained_after.max(seen.drained_after);
        worst.failed = worst.failed.max(seen.failed);
    }
    Ok(worst)
}

fn after(outage: Duration) -> Outcome<Recovery> {
    let back = START + outage;
    let mut dispatcher = Dispatcher::new(Limits::new(NonZeroU32::MIN.saturating_add(999)), None, START);
    dispatcher.add_endpoint(ENDPOINT, policy(), START)?;
    let mut world = World::new(dispatcher, move |_, now| {
        let is_back = now + ANSWERS_AFTER >= back;
        let outcome = if is_back { Seen::response(StatusCode::OK) } else { Seen::Failure(Fault::Connect) };
        (ANSWERS_AFTER, outcome)
    });
    for number in 0..BACKLOG {
        let id = DeliveryId::from_u128(number.into());
        let new = NewDelivery::new(id, ENDPOINT, BodyDigest::new([0; 32]));
        world.arrives(new, START + outage.mul_f64(number as f64 / BACKLOG as f64));
    }
    world.run_until(back + outage * 2)?;
    let last = world.delivered().last().ok_or("nothing was delivered")?;
    if world.delivered().len() as u64 != BACKLOG {
        return Err("not everything was delivered".into());
    }
    let times: Vec<UtcDateTime> = world.sent().iter().map(|(at, _)| *at).collect();
    Ok(Recovery {
        peak: most_within_a_second(&times),
        drained_after: Duration::try_from(*last - back)?,
        ideal: Duration::from_secs(BACKLOG / u64::from(RATE.get())),
        failed: times.len().saturating_sub(world.delivered().len()),
    })
}

fn policy() -> EndpointPolicy {
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(600), 144));
    EndpointPolicy::new(retry)
        .with_max_in_flight(NonZeroU32::MIN.saturating_add(31))
        .with_rate(Some(Rate::new(RATE, Duration::from_secs(1))))
}

fn most_within_a_second(times: &[UtcDateTime]) -> usize {
    let within = |(first, from): (usize, &UtcDateTime)| {
        times.iter().skip(first).take_while(|at| **at < *from + Duration::from_secs(1)).count()
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}
