//! `attempts_logged`: tells the engine's observer of the attempts whose rows were written.

use gymhook_delivery::AttemptRef;

use super::Worker;
use crate::store::{Batch, Committed, Store};
use crate::user_code::{self, Place};
use crate::{LoggedAttempt, Transport};

impl<S: Store, T: Transport> Worker<S, T> {
    /// Notes the type of an attempt that begins: its row does not have it.
    pub(super) fn attempt_begins(&mut self, attempt: &AttemptRef, event_type: &str) {
        if self.options.on_attempt_logged.is_some() {
            let types = self.event_types.entry(attempt.endpoint).or_default();
            types.insert((attempt.delivery, attempt.send), event_type.to_owned());
        }
    }

    /// The batch is on disk, but for what it has of endpoints that are lost.
    pub(super) fn attempts_logged(&mut self, batch: &Batch, committed: &Committed) {
        let Some(observe) = &self.options.on_attempt_logged else { return };
        for (endpoint, row) in
            batch.attempts.iter().filter(|(endpoint, _)| !committed.lost.contains(endpoint))
        {
            let types = self.event_types.get_mut(endpoint);
            let event_type = types.and_then(|types| types.remove(&(row.delivery, row.send)));
            // Without a lease nothing is written.
            let Some(leased) = self.leased_endpoints.0.get(endpoint) else { continue };
            let attempt = LoggedAttempt::new(&leased.subscription, event_type.as_deref(), row);
            // What it panics with is logged, and the attempt is treated as if it had been told of.
            let _ = user_code::call(Place::Observer, || observe(&attempt));
        }
    }
}
