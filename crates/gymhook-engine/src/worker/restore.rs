//! `take_leased` and `take_fetched`: give what the store returned to the machine: endpoints, deliveries and commands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use gymhook_delivery::{DeliveryRecord, EndpointId};

use super::Worker;
use super::leased_endpoint::LeasedEndpoint;
use crate::store::{Command, Fetch, Fetched, LeaseRequest, Leased, PendingCommand, Store, SubscriptionRow};
use crate::{Transport, clock as clocks, subscription_rows, telemetry};

impl<S: Store, T: Transport> Worker<S, T> {
    /// Takes endpoints over, with what their last owner had under way: nobody knows how that ended.
    pub(super) fn take_leased(
        &mut self,
        requests: &[LeaseRequest],
        leased: Vec<Vec<Leased>>,
        began: Instant,
    ) {
        for (request, leased) in requests.iter().zip(leased) {
            let is_full = leased.len() >= request.limit as usize;
            self.take_endpoints(leased, began);
            match &request.only {
                // There may be more.
                None => self.look_everywhere |= is_full,
                Some(names) if is_full => {
                    let left = names.iter().filter(|name| self.leased_endpoints.lease(**name).is_none());
                    self.to_lease.extend(left);
                }
                Some(_) => {}
            }
        }
    }

    fn take_endpoints(&mut self, leased: Vec<Leased>, began: Instant) {
        let now = self.clock.now();
        for leased in leased {
            let endpoint = leased.subscription.id;
            telemetry::quarantined(leased.quarantined);
            let ends = began + self.options.lease_length;
            let read = subscription_rows::from_row(&leased.subscription, self.options.secret_cipher.as_ref());
            self.sharing.has_read(read.is_ok());
            let subscription = match read {
                Ok(subscription) => Arc::new(subscription),
                Err(error) => {
                    tracing::error!(%endpoint, %error, "nothing is sent for a subscription that cannot be read");
                    continue;
                }
            };
            self.warn_of_long_attempts(&subscription);
            if self.leased_endpoints.lease(endpoint).is_some() {
                // The old lease ran out unnoticed, and this is the next one.
                self.lease_lost(endpoint);
            }
            let policy = subscription.policy().clone();
            let restored =
                self.machine.restore_endpoint(&leased.subscription.record, policy, leased.epoch, now);
            if let Err(error) = restored {
                tracing::error!(%endpoint, %error, "an endpoint was leased again without notice");
                continue;
            }
            self.leased_endpoints
                .0
                .insert(endpoint, LeasedEndpoint::new(subscription, leased.epoch, ends, clocks::monotonic()));
            for record in &leased.in_flight {
                self.restore_delivery(record);
            }
            // What arrived there is read now.
            self.to_lease.remove(&endpoint);
            self.to_fetch.insert(endpoint);
        }
    }

    fn warn_of_long_attempts(&self, subscription: &crate::Subscription) {
        let timeout = subscription.policy().retry().attempt_timeout();
        if timeout > self.options.longest_attempt() {
            tracing::warn!(
                endpoint = %subscription.id(), ?timeout, lease = ?self.options.lease_length,
                "the attempt timeout is longer than half a lease: a paused worker may send for longer than its lease"
            );
        }
    }

    pub(super) fn reload(&mut self, rows: &[SubscriptionRow]) {
        let now = self.clock.now();
        for row in rows {
            let endpoint = row.id;
            let Some(leased) = self.leased_endpoints.0.get_mut(&endpoint) else { continue };
            match subscription_rows::from_row(row, self.options.secret_cipher.as_ref()) {
                Ok(subscription) => {
                    let policy = subscription.policy().clone();
                    leased.subscription = Arc::new(subscription);
                    if let Err(error) = self.machine.update_policy(endpoint, policy, now) {
                        tracing::error!(%endpoint, %error, "an endpoint under lease is not in the machine");
                    }
                }
                Err(error) => {
                    tracing::error!(%endpoint, %error, "new settings cannot be read: the old ones stay in effect")
                }
            }
        }
    }

    pub(super) fn take_fetched(&mut self, fetches: &[Fetch], fetched: Vec<Fetched>) {
        let fetches: BTreeMap<EndpointId, &Fetch> =
            fetches.iter().map(|fetch| (fetch.endpoint, fetch)).collect();
        for fetched in fetched {
            let endpoint = fetched.endpoint;
            telemetry::quarantined(fetched.quarantined);
            let Some(fetch) = fetches.get(&endpoint).copied() else { continue };
            let Some(leased) = self.leased_endpoints.0.get_mut(&endpoint) else { continue };
            leased.fetched(fetch, &fetched);
            if let Some(due) = leased.next_due {
                self.due_elsewhere.insert((due, endpoint));
            }
            for record in fetched.deliveries.iter().chain(&fetched.tests) {
                self.restore_delivery(record);
            }
            if !fetched.commands.is_empty() {
                // A store returns a limited number at a time: there may be more.
                self.to_fetch.insert(endpoint);
            }
            for command in &fetched.commands {
                self.carry_out(endpoint, command);
            }
            self.release_when_free(endpoint);
        }
    }

    /// What was already added stays as it is: it is newer than what was read.
    fn restore_delivery(&mut self, record: &DeliveryRecord) {
        if self.machine.delivery(record.id).is_some() {
            return;
        }
        let now = self.clock.now();
        if let Err(error) = self.machine.restore_delivery(record, now) {
            tracing::error!(delivery = %record.id, %error, "a delivery was not restored");
        }
    }

    fn carry_out(&mut self, endpoint: EndpointId, command: &PendingCommand) {
        let now = self.clock.now();
        if let Some(record) = &command.delivery {
            self.restore_delivery(record);
        }
        let refused = match command.command {
            Command::Cancel(delivery) => {
                self.machine.cancel(delivery, now).err().map(|error| error.to_string())
            }
            Command::Redeliver(delivery) => {
                self.machine.redeliver(delivery, now).err().map(|error| error.to_string())
            }
            Command::Disable => self.machine.disable(endpoint, now).err().map(|error| error.to_string()),
            Command::Enable => self.machine.enable(endpoint, now).err().map(|error| error.to_string()),
            // The settings were read when the command was.
            Command::Reload => None,
        };
        if let Some(error) = refused {
            if let Some(record) = &command.delivery {
                // Only what has ended is dropped; anything else stays.
                let _stays = self.machine.forget(record.id);
            }
            tracing::info!(%endpoint, command = command.command.name(), error, "a command has no effect");
        }
        self.pending.command_done(endpoint, command.number);
    }
}
