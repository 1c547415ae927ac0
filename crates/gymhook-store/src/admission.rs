//! `Admission`: a queue in front of a database, with a limit of calls and bytes (`QueueLimits`).

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::StoreError;

/// Bytes are counted in these.
const UNIT: usize = 1 << 10;

/// The bounds of a queue. Exhaustive on purpose: a store has to choose each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// The largest number of calls in it at a time.
    pub calls: usize,
    /// The largest number of bytes that these calls bring.
    pub bytes: usize,
    /// How long a call waits for room in it.
    pub wait: Duration,
}

/// A bounded queue in front of a database, which callers pass and a worker does not.
///
/// As many calls as fit are let in. As many again wait outside for a limited time, and a call that arrives when that is full,
/// too, is refused at once. So callers never hold more than twice the queue's bytes.
///
/// A worker makes few calls at a time, and has to go on delivering what callers enqueued while they wait.
#[derive(Debug)]
pub struct Admission {
    inside: Room,
    all: Room,
    most_units: u32,
    wait: Duration,
}

/// The place of a call in the queue, until it is dropped.
#[derive(Debug)]
pub struct Admitted {
    _all: [OwnedSemaphorePermit; 2],
    _inside: [OwnedSemaphorePermit; 2],
}

/// Room for this many calls and bytes.
#[derive(Debug)]
struct Room {
    calls: Arc<Semaphore>,
    units: Arc<Semaphore>,
}

impl Room {
    fn new(calls: usize, units: usize) -> Self {
        let of = |size: usize| Arc::new(Semaphore::new(size.clamp(1, Semaphore::MAX_PERMITS)));
        Self { calls: of(calls), units: of(units) }
    }

    fn try_enter(&self, units: u32) -> Option<[OwnedSemaphorePermit; 2]> {
        let call = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        Some([call, Arc::clone(&self.units).try_acquire_many_owned(units).ok()?])
    }

    async fn enter(&self, units: u32) -> Option<[OwnedSemaphorePermit; 2]> {
        let call = Arc::clone(&self.calls).acquire_owned().await.ok()?;
        Some([call, Arc::clone(&self.units).acquire_many_owned(units).await.ok()?])
    }
}

impl Admission {
    /// An empty queue with these bounds; each is at least one.
    #[must_use]
    pub fn new(limits: QueueLimits) -> Self {
        let most_units = units(limits.bytes).max(1);
        let most = most_units as usize;
        Self {
            inside: Room::new(limits.calls, most),
            all: Room::new(limits.calls.saturating_mul(2), most.saturating_mul(2)),
            most_units,
            wait: limits.wait,
        }
    }

    /// Waits until a call with this many bytes may join the others. One that is larger than the whole queue is admitted
    /// alone.
    ///
    /// # Errors
    /// [`StoreError::Busy`]: too many wait already, or it waited too long.
    pub async fn enter(&self, bytes: usize) -> Result<Admitted, StoreError> {
        let units = units(bytes).min(self.most_units);
        let all = self.all.try_enter(units).ok_or_else(|| self.busy())?;
        match timeout(self.wait, self.inside.enter(units)).await {
            Ok(entered) => Ok(Admitted { _all: all, _inside: entered.ok_or(StoreError::Closed)? }),
            Err(_) => Err(self.busy()),
        }
    }

    fn busy(&self) -> StoreError {
        StoreError::Busy { retry_after: self.wait.max(Duration::from_secs(1)) }
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QueueLimits = QueueLimits { calls: 2, bytes: 8 << 10, wait: Duration::from_secs(3) };
    const BUSY: StoreError = StoreError::Busy { retry_after: Duration::from_secs(3) };

    #[tokio::test(start_paused = true)]
    async fn as_many_again_wait_outside_and_nobody_else() {
        let door = Admission::new(LIMITS);
        let inside = [door.enter(1).await.unwrap(), door.enter(1).await.unwrap()];
        let (third, fourth, fifth) = tokio::join!(door.enter(1), door.enter(1), door.enter(1));
        assert_eq!([third.err(), fourth.err(), fifth.err()], [Some(BUSY), Some(BUSY), Some(BUSY)]);
        drop(inside);
        door.enter(1).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_counted_and_what_is_too_large_goes_alone() {
        let door = Admission::new(LIMITS);
        let large = door.enter(1 << 20).await.unwrap();
        assert_eq!(door.enter(1).await.err(), Some(BUSY));
        drop(large);
        let small = door.enter(1).await.unwrap();
        let (late, ()) = tokio::join!(door.enter(1 << 20), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(small);
        });
        assert!(late.is_ok(), "it went in as soon as the other one was out");
    }
}
