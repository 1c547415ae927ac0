//! What everybody sees, in one order.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::history::{Event, History, Sent};

/// What platforms, application and driver write down.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<History>);

impl Recorder {
    /// A request that will be sent.
    pub fn sends(&self, sent: Sent) {
        self.lock().sent.push(sent);
    }

    /// Something happened.
    pub fn happened(&self, event: Event) {
        self.lock().events.push(event);
    }

    /// How many answers of 2xx there were so far.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        let is_2xx = |event: &&Event| matches!(event, Event::Answered { status: Some(200..=299), .. });
        self.lock().events.iter().filter(is_2xx).count()
    }

    /// How many answers of 503 there were so far.
    #[must_use]
    pub fn held_up(&self) -> usize {
        let is_503 = |event: &&Event| matches!(event, Event::Answered { status: Some(503), .. });
        self.lock().events.iter().filter(is_503).count()
    }

    /// How often a delivery arrived before, by its id.
    #[must_use]
    pub fn arrivals_of(&self, id: &str) -> usize {
        let is_it = |event: &&Event| matches!(event, Event::Arrived(arrival) if arrival.id == id);
        self.lock().events.iter().filter(is_it).count()
    }

    /// Everything so far.
    #[must_use]
    pub fn history(&self) -> History {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
