//! `payloads` and `hear`: the payloads of `NOTIFY` that say which endpoints have new work.

use core::str::FromStr as _;
use std::collections::BTreeSet;

use gymhook_delivery::EndpointId;
use gymhook_store::Arrivals;
use uuid::Uuid;

/// A payload has to be shorter than 8,000 bytes (<https://www.postgresql.org/docs/current/sql-notify.html>): this many names, and
/// the commas between them.
const NAMES_IN_A_PAYLOAD: usize = 200;

/// What is to be said on the channel about work at these endpoints: their names, or nothing if they are too many.
pub(super) fn payloads(endpoints: impl Iterator<Item = Uuid>) -> Vec<String> {
    let endpoints: BTreeSet<Uuid> = endpoints.collect();
    if endpoints.len() > Arrivals::MAX_ENDPOINTS {
        return vec![String::new()];
    }
    let names: Vec<String> = endpoints.iter().map(Uuid::to_string).collect();
    names.chunks(NAMES_IN_A_PAYLOAD).map(|names| names.join(",")).collect()
}

/// Takes a payload in; one that cannot be read is one that names nobody.
pub(super) fn hear(arrivals: &Arrivals, payload: &str) {
    let endpoints: Result<Vec<EndpointId>, _> =
        payload.split(',').map(|name| Uuid::from_str(name).map(EndpointId::from)).collect();
    match endpoints {
        Ok(endpoints) => arrivals.add(endpoints),
        Err(_) => arrivals.add_anywhere(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_payload_is_short_enough_and_is_heard_in_full() {
        let endpoints = || (0..Arrivals::MAX_ENDPOINTS as u128).map(Uuid::from_u128);
        let said = payloads(endpoints().chain(endpoints()));
        assert!(said.iter().all(|payload| payload.len() < 8_000));
        let arrivals = Arrivals::default();
        said.iter().for_each(|payload| hear(&arrivals, payload));
        assert!(arrivals.next().await.iter().map(|endpoint| *endpoint.as_uuid()).eq(endpoints()));
    }

    #[tokio::test]
    async fn too_many_names_are_said_and_heard_as_anywhere() {
        let arrivals = Arrivals::default();
        for payload in payloads((0..=Arrivals::MAX_ENDPOINTS as u128).map(Uuid::from_u128)) {
            hear(&arrivals, &payload);
        }
        assert_eq!(arrivals.next().await, []);

        hear(&arrivals, &Uuid::from_u128(1).to_string());
        hear(&arrivals, "nonsense");
        assert_eq!(arrivals.next().await, []);
        hear(&arrivals, &Uuid::from_u128(1).to_string());
        assert_eq!(arrivals.next().await, [EndpointId::from_u128(1)]);
    }
}
