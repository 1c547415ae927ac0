//! How many calls, and how many bytes, may wait for the writer.

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Result;
use super::options::SqliteOptions;
use super::queue::Queue;
use crate::clock;
use crate::store::StoreError;

/// Lets calls in as long as there is room. As much again may wait in front of it; the rest is refused at once, so that the
/// store never holds more than twice what was set.
#[derive(Debug)]
pub(super) struct Gate {
    calls: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
    most: Held,
    wait: Duration,
    held: Arc<Mutex<Held>>,
}

/// What calls hold that are in or wait to get in.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    calls: u32,
    kibibytes: u32,
}

/// A call that is in. Dropping it makes room.
#[derive(Debug)]
pub(super) struct Inside {
    _calls: OwnedSemaphorePermit,
    _kibibytes: OwnedSemaphorePermit,
    _room: Room,
}

#[derive(Debug)]
struct Room {
    held: Arc<Mutex<Held>>,
    kibibytes: u32,
}

impl Gate {
    pub(super) fn new(options: &SqliteOptions) -> Self {
        let kibibytes = options.queue_bytes.get().div_ceil(1_024).min(u64::from(u32::MAX / 2));
        let most = Held {
            calls: options.queue_calls.get().min(u32::MAX / 2),
            kibibytes: u32::try_from(kibibytes).unwrap_or(u32::MAX / 2),
        };
        Self {
            calls: Arc::new(Semaphore::new(most.calls as usize)),
            kibibytes: Arc::new(Semaphore::new(most.kibibytes as usize)),
            most,
            wait: options.queue_wait,
            held: Arc::default(),
        }
    }

    /// Waits to be let in. A call that is larger than everything together goes in alone.
    pub(super) async fn enter(&self, bytes: usize, queue: &Queue) -> Result<Inside> {
        let kibibytes = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX).min(self.most.kibibytes);
        let room = self.room(kibibytes).ok_or_else(|| busy(queue))?;
        let enter = async {
            let calls = Arc::clone(&self.calls).acquire_owned().await;
            let bytes = Arc::clone(&self.kibibytes).acquire_many_owned(kibibytes).await;
            calls.and_then(|calls| Ok((calls, bytes?))).map_err(|_| StoreError::Closed)
        };
        let mut enter = core::pin::pin!(enter);
        // Only who has to wait needs a timer.
        let entered = tokio::select! {
            biased;
            entered = &mut enter => entered,
            () = core::future::ready(()) => {
                tokio::time::timeout(self.wait, enter).await.map_err(|_| busy(queue))?
            }
        };
        let (calls, kibibytes) = entered?;
        Ok(Inside { _calls: calls, _kibibytes: kibibytes, _room: room })
    }

    fn room(&self, kibibytes: u32) -> Option<Room> {
        let mut held = lock(&self.held);
        let (calls, all) = (held.calls.checked_add(1)?, held.kibibytes.checked_add(kibibytes)?);
        if calls > self.most.calls * 2 || all > self.most.kibibytes * 2 {
            return None;
        }
        *held = Held { calls, kibibytes: all };
        Some(Room { held: Arc::clone(&self.held), kibibytes })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        held.calls = held.calls.saturating_sub(1);
        held.kibibytes = held.kibibytes.saturating_sub(self.kibibytes);
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who is refused may come again when the one that has waited the longest would have been written, were it written now.
fn busy(queue: &Queue) -> StoreError {
    let waited = queue.oldest().map_or(0, |since| clock::monotonic().duration_since(since).as_secs());
    StoreError::Busy { retry_after: Duration::from_secs((waited + 1).min(60)) }
}
