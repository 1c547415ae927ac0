//! `tokio_util::time::DelayQueue` on a runtime whose clock is moved by hand.

use core::fmt;
use core::future::poll_fn;
use core::hint::black_box;
use core::task::Poll;
use core::time::Duration;

use gymhook::delivery::DeliveryId;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_util::time::DelayQueue;

use super::{Draws, Load, Waiting};
use crate::Outcome;

/// A `DelayQueue` of names. Like the floor it only orders; its grain is a millisecond.
pub struct TokioQueue {
    queue: DelayQueue<DeliveryId>,
    draws: Draws,
    step: Duration,
    runtime: Runtime,
}

impl TokioQueue {
    /// Filled with this load.
    ///
    /// # Errors
    /// If there is no runtime.
    pub fn new(load: &Load) -> Outcome<Self> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let mut draws = Draws::new(load);
        let queue = runtime.block_on(async {
            let (mut queue, now) = (DelayQueue::new(), Instant::now());
            for _ in 0..load.waiting {
                let due = now + draws.wait();
                queue.insert_at(draws.name(), due);
            }
            queue
        });
        Ok(Self { queue, draws, step: load.step(), runtime })
    }
}

impl Waiting for TokioQueue {
    fn attempt(&mut self, attempts: u64) -> Outcome<u64> {
        let Self { queue, draws, step, runtime } = self;
        let mut made = 0;
        runtime.block_on(async {
            while made < attempts {
                tokio::time::advance(*step).await;
                let now = Instant::now();
                while let Some(failed) = expired(queue).await {
                    let next = if made.is_multiple_of(2) { failed } else { draws.name() };
                    black_box(queue.insert_at(next, now + draws.wait()));
                    made += 1;
                }
            }
        });
        Ok(made)
    }
}

/// What is due, if anything is: does not wait for the next.
async fn expired(queue: &mut DelayQueue<DeliveryId>) -> Option<DeliveryId> {
    poll_fn(|context| match queue.poll_expired(context) {
        Poll::Ready(expired) => Poll::Ready(expired.map(tokio_util::time::delay_queue::Expired::into_inner)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

impl fmt::Debug for TokioQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioQueue").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}
