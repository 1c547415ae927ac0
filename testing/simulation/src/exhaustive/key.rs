//! What makes a state differ from others, in 128 bits.

use core::hash::{Hash as _, Hasher as _};
use std::hash::DefaultHasher;

use gymhook_delivery::{DeliveryRecord, DeliveryState, EndpointId, LeaseEpoch};
use serde_json::{Value, json};

use super::state::State;
use crate::owner::Owner;
use crate::site::Site;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Moments to come, in microseconds since 1970.
const TO_COME: [&str; 6] = ["due", "lost_at", "until", "held_until", "bucket_full_at", "wake"];

/// Moments past: whether there was one is all that still counts.
const PAST: [&str; 3] = ["first_failure", "failing_since", "since"];

/// The same in all states, or said elsewhere.
const CONSTANT: [&str; 5] = ["limits", "policy", "now", "deliveries_held", "lease"];

impl State {
    /// What makes this state differ from others.
    pub(super) fn digest(&self) -> u128 {
        let text = self.essence().to_string();
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, &text).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }

    fn essence(&self) -> Value {
        let left = (self.crashes_left, self.expiries_left, self.late_left);
        json!([left, self.wire_essence(), self.machines(), self.store()])
    }

    fn wire_essence(&self) -> Vec<Value> {
        let mut wire: Vec<_> =
            self.wire.iter().map(|(owner, attempt)| (self.name(*owner), attempt.attempt)).collect();
        wire.sort_unstable();
        let sent = |(owner, attempt): (usize, gymhook_delivery::AttemptRef)| {
            json!([owner, attempt.delivery, attempt.send, self.age(attempt.endpoint, attempt.lease)])
        };
        wire.into_iter().map(sent).collect()
    }

    /// The owners by number; who is alone needs none.
    fn name(&self, owner: usize) -> usize {
        if self.owners_up().count() < 2 { 0 } else { owner }
    }

    fn machines(&self) -> Vec<Value> {
        let up = self.owners_up().filter_map(|owner| self.site.owners.get(owner));
        up.map(|owner| self.machine(owner)).collect()
    }

    fn machine(&self, owner: &Owner) -> Value {
        let snapshot = owner.machine().map(gymhook_delivery::Dispatcher::snapshot);
        let mut machine = serde_json::to_value(snapshot).unwrap_or_default();
        self.abstracted(&mut machine);
        let leases: Vec<_> = owner.leases.iter().map(|(id, lease)| (id, self.age(*id, *lease))).collect();
        let ended: Vec<_> = owner.machine().map_or_else(Vec::new, |machine| {
            let held = self.site.store.deliveries.values();
            held.filter(|saved| machine.delivery(saved.id).is_some_and(|held| held.state() == saved.state))
                .filter(|saved| is_over(saved))
                .map(|saved| saved.id)
                .collect()
        });
        json!([machine, leases, ended])
    }

    fn store(&self) -> Value {
        let Site { store, .. } = &self.site;
        let rows: Vec<_> = store
            .endpoints
            .values()
            .map(|row| {
                let mut record = serde_json::to_value(row.record).unwrap_or_default();
                self.abstracted(&mut record);
                json!([record, self.name(row.owner)])
            })
            .collect();
        let deliveries: Vec<_> = store
            .deliveries
            .values()
            .map(|delivery| {
                let mut record = serde_json::to_value(delivery).unwrap_or_default();
                self.abstracted(&mut record);
                let ledger =
                    (!is_over(delivery)).then(|| (store.sends_of(delivery), store.has_accepted(delivery)));
                json!([record, ledger])
            })
            .collect();
        json!([rows, deliveries])
    }

    fn age(&self, endpoint: EndpointId, lease: LeaseEpoch) -> u64 {
        let current = self.site.store.endpoints.get(&endpoint).map_or(0, |row| row.lease.get());
        current.wrapping_sub(lease.get())
    }

    /// Moments by how far off they are, and nothing of what is over but that it is.
    fn abstracted(&self, value: &mut Value) {
        let now = self.clock.utc();
        let now = now.unix_timestamp() * MICROS_PER_SECOND + i64::from(now.microsecond());
        abstracted(value, now);
    }
}

fn abstracted(value: &mut Value, now: i64) {
    match value {
        Value::Object(fields) => {
            if fields.get("state").is_some_and(|state| state.get("finished").is_some()) {
                let id = fields.get("id").cloned();
                *value = json!({ "id": id, "state": "finished" });
                return;
            }
            for (name, value) in fields {
                let name = name.as_str();
                if CONSTANT.contains(&name) {
                    *value = Value::Null;
                } else if PAST.contains(&name) {
                    *value = Value::Bool(!value.is_null());
                } else if TO_COME.contains(&name) {
                    *value = value.as_i64().map_or(Value::Null, |at| Value::from(at - now));
                } else {
                    abstracted(value, now);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| abstracted(value, now)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_over(delivery: &DeliveryRecord) -> bool {
    matches!(delivery.state, DeliveryState::Finished { .. })
}
