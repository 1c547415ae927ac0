//! Who has new work, as the server told.

use core::str::FromStr as _;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use gymhook_delivery::EndpointId;
use tokio::sync::Notify;
use uuid::Uuid;

/// A payload has to be shorter than 8,000 bytes (<https://www.postgresql.org/docs/current/sql-notify.html>): this many names, and
/// the commas between them.
const NAMES_IN_A_PAYLOAD: usize = 200;

/// With more endpoints than this, workers are better off looking for themselves.
const MOST_NAMES: usize = 2_000;

/// What is to be said on the channel about work at these endpoints: their names, or nothing if they are too many.
pub(super) fn payloads(endpoints: impl Iterator<Item = Uuid>) -> Vec<String> {
    let endpoints: BTreeSet<Uuid> = endpoints.collect();
    if endpoints.len() > MOST_NAMES {
        return vec![String::new()];
    }
    let names: Vec<String> = endpoints.iter().map(Uuid::to_string).collect();
    names.chunks(NAMES_IN_A_PAYLOAD).map(|names| names.join(",")).collect()
}

/// What was told and no worker has heard of yet.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Any endpoint may have work.
    anywhere: bool,
    endpoints: BTreeSet<EndpointId>,
}

impl Arrivals {
    /// Something may have been missed.
    pub(super) fn add_anywhere(&self) {
        self.add(|waiting| waiting.anywhere = true);
    }

    /// Takes a payload in; one that cannot be read is one that names nobody.
    pub(super) fn hear(&self, payload: &str) {
        let endpoints: Result<Vec<EndpointId>, _> =
            payload.split(',').map(|name| Uuid::from_str(name).map(EndpointId::from)).collect();
        self.add(|waiting| match endpoints {
            Ok(endpoints) => waiting.endpoints.extend(endpoints),
            Err(_) => waiting.anywhere = true,
        });
    }

    fn add(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut waiting);
        waiting.anywhere |= waiting.endpoints.len() > MOST_NAMES;
        if waiting.anywhere {
            waiting.endpoints.clear();
        }
        drop(waiting);
        self.bell.notify_one();
    }

    /// The endpoints with new work; none if they are not known. Nothing is lost if this is dropped.
    pub(super) async fn take(&self) -> Vec<EndpointId> {
        loop {
            let waiting = core::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if waiting.anywhere || !waiting.endpoints.is_empty() {
                return waiting.endpoints.into_iter().collect();
            }
            self.bell.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_short_enough_and_is_heard_in_full() {
        let endpoints = || (0..MOST_NAMES as u128).map(Uuid::from_u128);
        let said = payloads(endpoints().chain(endpoints()));
        assert!(said.iter().all(|payload| payload.len() < 8_000));
        let arrivals = Arrivals::default();
        said.iter().for_each(|payload| arrivals.hear(payload));
        let heard = arrivals.waiting.lock().unwrap();
        assert!(!heard.anywhere);
        assert!(heard.endpoints.iter().map(|endpoint| *endpoint.as_uuid()).eq(endpoints()));
    }

    #[tokio::test]
    async fn too_many_names_are_said_and_heard_as_anywhere() {
        let arrivals = Arrivals::default();
        for payload in payloads((0..=MOST_NAMES as u128).map(Uuid::from_u128)) {
            arrivals.hear(&payload);
        }
        assert_eq!(arrivals.take().await, []);

        arrivals.hear(&Uuid::from_u128(1).to_string());
        arrivals.hear("nonsense");
        assert_eq!(arrivals.take().await, []);
        arrivals.hear(&Uuid::from_u128(1).to_string());
        assert_eq!(arrivals.take().await, [EndpointId::from_u128(1)]);
    }
}
