//! `leave`: after a worker has panicked, writes the attempts that have ended, and releases its leases.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use gymhook_delivery::{DeliveryRecord, DeliveryState, EndpointId};
use gymhook_retry::Outcome;

use super::Worker;
use super::attempt_task::AttemptEnded;
use crate::Transport;
use crate::store::{Batch, Lease, Store};
use crate::user_code::{self, Place};

/// How long a round trip is waited for. What one leases that goes on after that is free when that lease has run out.
const ROUND_TRIP_ENDS_WITHIN: Duration = Duration::from_secs(10);

impl<S: Store, T: Transport> Worker<S, T> {
    /// Drops the attempts under way, and says what is still to be written, in this order. What was under way counts as lost when
    /// its endpoint is leased again.
    pub(super) async fn leave(&mut self) -> Vec<Batch> {
        self.take_ended(|_| true);
        self.tasks.abort_all();
        // Code that does not yield goes on, and the next worker may not call it for the same delivery meanwhile. What takes
        // longer than an attempt may is not waited for: its deadline is over.
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        let _in_time = tokio::time::timeout(self.options.longest_attempt(), all_ended).await;
        self.take_ended(|ended| ended.answer.outcome != Outcome::Crashed);
        let mut batches = Vec::new();
        let held =
            self.leased_endpoints.0.keys().filter_map(|endpoint| self.leased_endpoints.lease(*endpoint));
        let mut held: BTreeMap<EndpointId, Lease> = held.map(|lease| (lease.endpoint, lease)).collect();
        // While it is under way, it may lease more.
        if let Some(round_trip) = self.round_trip.take() {
            let given_up = round_trip.abort_handle();
            match tokio::time::timeout(self.options.lease_length.min(ROUND_TRIP_ENDS_WITHIN), round_trip)
                .await
            {
                Ok(Ok(done)) => {
                    held.extend(done.leased.iter().flatten().map(|leased| {
                        let lease = Lease { endpoint: leased.subscription.id, epoch: leased.epoch };
                        (lease.endpoint, lease)
                    }));
                    match &done.committed {
                        Some(committed) => {
                            user_code::quietly(|| self.attempts_logged(&done.asked.batch, committed));
                        }
                        None => batches.push(done.asked.batch),
                    }
                }
                Ok(Err(_)) => {}
                Err(_) => given_up.abort(),
            }
        }
        batches.extend(self.failed.take().map(|(round_trip, _)| round_trip.batch));
        let (last, _unsent) =
            self.pending.cut(self.options.lease_length, |endpoint| held.get(&endpoint).copied());
        batches.push(Batch {
            leases: held.values().copied().collect(),
            release: held.keys().copied().collect(),
            ..last
        });
        batches.into_iter().map(without_attempts).filter(|batch| !batch.is_empty()).collect()
    }

    fn take_ended(&mut self, is_meant: impl Fn(&AttemptEnded) -> bool) {
        // The machine may be what panicked: then its last word is the one before that.
        let _ = user_code::call(Place::Worker, || {
            while let Ok(ended) = self.ended.try_recv() {
                if is_meant(&ended) {
                    self.attempt_ended(ended);
                }
            }
            self.drain_machine();
        });
    }
}

/// Nothing of it is sent, so nothing about it is written. What is left out may be what a command led to: the commands of its
/// endpoint stay, and the next worker carries them out.
fn without_attempts(mut batch: Batch) -> Batch {
    let in_flight = |record: &&DeliveryRecord| matches!(record.state, DeliveryState::InFlight { .. });
    let left_out: BTreeSet<EndpointId> =
        batch.deliveries.iter().filter(in_flight).map(|record| record.endpoint).collect();
    batch.commands.retain(|(endpoint, _)| !left_out.contains(endpoint));
    batch.deliveries.retain(|record| !matches!(record.state, DeliveryState::InFlight { .. }));
    batch.send.clear();
    batch.renew.clear();
    batch
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gymhook_delivery::{DeliveryId, Then};
    use time::UtcDateTime;

    use super::*;
    use crate::store::NewNotification;

    #[test]
    fn a_command_whose_effect_is_left_out_stays_for_the_next_worker() {
        let now = UtcDateTime::UNIX_EPOCH;
        let [redelivered, other] = [1, 2].map(EndpointId::from_u128);
        let waits = |number, endpoint| {
            NewNotification::new(DeliveryId::from_u128(number), endpoint, "a", Bytes::new()).record(1, now)
        };
        let state = DeliveryState::InFlight { lost_at: now, then: Then::Decide };
        let begun = DeliveryRecord { state, ..waits(1, redelivered) };
        let batch = Batch {
            deliveries: vec![begun, waits(2, redelivered), waits(3, other)],
            commands: vec![(redelivered, 7), (other, 8)],
            send: vec![begun.id],
            ..Batch::default()
        };
        let left = without_attempts(batch);
        assert_eq!(left.deliveries, [waits(2, redelivered), waits(3, other)]);
        assert_eq!(left.commands, [(other, 8)]);
        assert!(left.send.is_empty());
    }
}
