//! `SharedClock`, the server's clock, read once for concurrent readers; and this machine's clock for lengths of time. No
//! other file of this crate reads a clock.

use std::time::{Instant, SystemTime};

use time::UtcDateTime;
use tokio::sync::Mutex;

use super::connection::Lent;
use super::error::{Failure, Result};
use gymhook_store::StoreError;

/// Reads the server's clock for all who ask at one time: whoever asks while it is being read waits for the next reading, and
/// shares that. So a crowd takes one connection, and a worker waits for two readings at most.
#[derive(Debug, Default)]
pub(super) struct SharedClock(Mutex<Option<Reading>>);

#[derive(Debug)]
struct Reading {
    began: Instant,
    read: Result<UtcDateTime, StoreError>,
}

impl SharedClock {
    /// A reading that began after this was called.
    pub(super) async fn now<F>(&self, read: impl FnOnce() -> F) -> Result<UtcDateTime, StoreError>
    where
        F: Future<Output = Result<UtcDateTime, StoreError>>,
    {
        let asked = monotonic();
        let mut last = self.0.lock().await;
        if let Some(reading) = last.as_ref().filter(|reading| reading.began >= asked) {
            return reading.read.clone();
        }
        let began = monotonic();
        let read = read().await;
        *last = Some(Reading { began, read: read.clone() });
        read
    }
}

/// A moment for measuring lengths of time, which no setting of the clock moves.
#[expect(clippy::disallowed_methods, reason = "the rim is where clocks are read")]
fn monotonic() -> Instant {
    Instant::now()
}

/// The server's clock, not that of a transaction's beginning.
pub(super) async fn read(lent: Lent<'_>) -> Result<UtcDateTime, Failure> {
    let rows = lent.query("SELECT clock_timestamp()", &[]).await?;
    lent.give_back().await?;
    let row = rows
        .first()
        .ok_or_else(|| StoreError::Unavailable { problem: "the server told no time".to_owned() })?;
    Ok(UtcDateTime::from(row.try_get::<_, SystemTime>(0)?))
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn whoever_asks_at_one_time_shares_the_next_reading() {
        let (clock, readings) = (SharedClock::default(), Cell::new(0));
        let read = || async {
            readings.set(readings.get() + 1);
            tokio::task::yield_now().await;
            Ok(UtcDateTime::UNIX_EPOCH)
        };
        let (one, two, three, four) =
            tokio::join!(clock.now(read), clock.now(read), clock.now(read), clock.now(read));
        assert!([one, two, three, four].iter().all(Result::is_ok));
        assert!(
            readings.get() <= 2,
            "one that was under way, and one for all who came meanwhile: {readings:?}"
        );
    }
}
