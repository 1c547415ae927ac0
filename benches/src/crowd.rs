//! A thousand endpoints that share the slots, of which a hundred never answer: how long do the others wait?
//!
//! Each endpoint gets 20 deliveries at once, every 20 s, at a time of its own, for ten minutes. A healthy one answers within
//! 50 to 350 ms, so the healthy ones together need 180 slots on average. A hanging one lets every attempt run into its
//! deadline, 30 s later. All of it in virtual time, so the same everywhere.

use core::cmp::Reverse;
use core::num::NonZeroU32;
use core::time::Duration;

use std::collections::BinaryHeap;

use gymhook::delivery::{
    BodyDigest, DeliveryId, Dispatcher, EndpointId, EndpointPolicy, Limits, NewDelivery,
};
use gymhook::retry::{AttemptNumber, Fault, Outcome as Seen, RetryPolicy, draw};
use http::StatusCode;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::Outcome;
use crate::stats::percentile;
use crate::virtual_time::World;

const START: UtcDateTime = utc_datetime!(2026-01-01 00:00);
const HEALTHY: u64 = 900;
const HANGING: u64 = 100;
const BURST: u64 = 20;
const BURSTS: u64 = 30;
const PERIOD: Duration = Duration::from_secs(20);
const DEADLINE: Duration = Duration::from_secs(30);

/// A delivery on its way: when it is enqueued, and for which endpoint.
type Arrival = (UtcDateTime, EndpointId);

/// How long a healthy endpoint's deliveries wait for their first attempt: the 99th percentile, without the hanging
/// endpoints and with them.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// Without the hanging endpoints.
    pub without: Duration,
    /// With them.
    pub with: Duration,
}

/// With the dispatcher and this number of slots.
///
/// # Errors
/// If the dispatcher refuses something.
pub fn dispatched(slots: NonZeroU32) -> Outcome<Waits> {
    let healthy = (HANGING..HANGING + HEALTHY, 0..HANGING);
    let without = percentile_99(&dispatch(slots, &arrivals(healthy.0.clone()))?)?;
    let with = percentile_99(&dispatch(slots, &arrivals(healthy.1.start..healthy.0.end))?)?;
    Ok(Waits { without, with })
}

/// With this number of workers and one queue for all, in the order of arrival and without retries: what the measure shows where
/// nothing is done for fairness.
///
/// # Errors
/// If no delivery was sent.
pub fn pooled(workers: NonZeroU32) -> Outcome<Waits> {
    let without = percentile_99(&pool(workers, &arrivals(HANGING..HANGING + HEALTHY)))?;
    let with = percentile_99(&pool(workers, &arrivals(0..HANGING + HEALTHY)))?;
    Ok(Waits { without, with })
}

fn dispatch(slots: NonZeroU32, arrivals: &[Arrival]) -> Outcome<Vec<Duration>> {
    let mut dispatcher = Dispatcher::new(Limits::new(slots), None, START);
    for endpoint in 0..HANGING + HEALTHY {
        dispatcher.add_endpoint(name(endpoint), EndpointPolicy::new(RetryPolicy::point()), START)?;
    }
    let mut world = World::new(dispatcher, |attempt, _| {
        if hangs(attempt.attempt.endpoint) {
            (DEADLINE, Seen::Failure(Fault::Timeout))
        } else {
            (answers_after(attempt.attempt.delivery), Seen::response(StatusCode::OK))
        }
    });
    for (number, (at, endpoint)) in (0_u64..).zip(arrivals) {
        let (id, body) = (delivery(number, *endpoint), BodyDigest::new([0; 32]));
        world.arrives(NewDelivery::new(id, *endpoint, body), *at);
    }
    world.run_until(START + PERIOD * 40)?;
    let mut waits = Vec::new();
    for (sent_at, attempt) in world.sent() {
        if attempt.attempt.send == 1 && !hangs(attempt.attempt.endpoint) {
            let number = usize::try_from(attempt.attempt.delivery.as_uuid().as_u64_pair().0)?;
            let (arrived, _) = arrivals.get(number).ok_or("an attempt of no delivery")?;
            waits.push(Duration::try_from(*sent_at - *arrived)?);
        }
    }
    let healthy = arrivals.iter().filter(|(_, endpoint)| !hangs(*endpoint)).count();
    if waits.len() == healthy {
        Ok(waits)
    } else {
        Err("a healthy endpoint's delivery was never sent".into())
    }
}

fn pool(workers: NonZeroU32, arrivals: &[Arrival]) -> Vec<Duration> {
    let mut free_at: BinaryHeap<_> = (0..workers.get()).map(|_| Reverse(START)).collect();
    let mut waits = Vec::new();
    for (number, (arrived, endpoint)) in (0_u64..).zip(arrivals) {
        let Some(Reverse(free)) = free_at.pop() else { break };
        let begins = free.max(*arrived);
        if hangs(*endpoint) {
            free_at.push(Reverse(begins + DEADLINE));
        } else {
            free_at.push(Reverse(begins + answers_after(delivery(number, *endpoint))));
            waits.push(Duration::try_from(begins - *arrived).unwrap_or(Duration::ZERO));
        }
    }
    waits
}

/// In the order of time.
fn arrivals(endpoints: core::ops::Range<u64>) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    for endpoint in endpoints {
        let mut random = fastrand::Rng::with_seed(endpoint);
        let mut period_begins = START;
        for _ in 0..BURSTS {
            let at = period_begins + PERIOD.mul_f64(random.f64());
            arrivals.extend((0..BURST).map(|_| (at, name(endpoint))));
            period_begins += PERIOD;
        }
    }
    arrivals.sort_unstable();
    arrivals
}

/// An error if nobody waited: there is no percentile of nothing.
fn percentile_99(waits: &[Duration]) -> Outcome<Duration> {
    let seconds = percentile(waits.iter().map(Duration::as_secs_f64), 99);
    Ok(Duration::try_from_secs_f64(seconds).map_err(|_| "no healthy endpoint's delivery was sent")?)
}

/// 50 to 350 ms, by the delivery.
fn answers_after(delivery: DeliveryId) -> Duration {
    Duration::from_millis(50 + draw(delivery.as_uuid().as_bytes(), AttemptNumber::FIRST) % 301)
}

fn hangs(endpoint: EndpointId) -> bool {
    endpoint < name(HANGING)
}

fn name(endpoint: u64) -> EndpointId {
    EndpointId::from_u128(endpoint.into())
}

/// The delivery with this number, to this endpoint.
fn delivery(number: u64, endpoint: EndpointId) -> DeliveryId {
    DeliveryId::from_u128((u128::from(number) << 64) | u128::from(endpoint.as_uuid().as_u64_pair().1))
}
