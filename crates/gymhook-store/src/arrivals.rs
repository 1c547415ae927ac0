//! `Arrivals`: announces to every handle of a store which endpoints have new work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gymhook_delivery::EndpointId;
use tokio::sync::Notify;

/// Announcements of new work: what a store's [`work_arrived`](crate::Store::work_arrived) waits for.
///
/// Each handle hears all of it, since several workers of one process may work on one store, one for each direction. A clone is
/// another handle, and begins where the one that it was made of is.
///
/// ```
/// use gymhook_delivery::EndpointId;
/// use gymhook_store::Arrivals;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let sending = Arrivals::default();
/// let receiving = sending.clone();
/// let endpoint = EndpointId::from_u128(1);
/// sending.add([endpoint]);
/// assert_eq!(sending.next().await, [endpoint]);
/// assert_eq!(receiving.next().await, [endpoint]);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Arrivals {
    shared: Arc<Shared>,
    /// The number of the last one that this handle has heard of.
    seen: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    announced: Mutex<Announced>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Announced {
    /// Each call that announced something has a number, from 1.
    last: u64,
    /// For each endpoint, the last call that named it.
    named: BTreeMap<EndpointId, u64>,
    /// The last call that named nobody, or whose names are forgotten.
    anywhere: u64,
}

impl Announced {
    fn since(&self, seen: u64) -> Vec<EndpointId> {
        if self.anywhere > seen {
            return Vec::new();
        }
        self.named.iter().filter(|(_, number)| **number > seen).map(|(endpoint, _)| *endpoint).collect()
    }
}

impl Arrivals {
    /// The maximum number of endpoints that are remembered by name: 2,000 (our limit). When there are more, a worker is told only
    /// that there is work somewhere, and looks for it.
    pub const MAX_ENDPOINTS: usize = 2_000;

    /// There is new work at these endpoints; none change nothing.
    pub fn add(&self, endpoints: impl IntoIterator<Item = EndpointId>) {
        let endpoints: BTreeSet<EndpointId> = endpoints.into_iter().collect();
        if endpoints.is_empty() {
            return;
        }
        let mut announced = lock(&self.shared.announced);
        announced.last += 1;
        let number = announced.last;
        announced.named.extend(endpoints.into_iter().map(|endpoint| (endpoint, number)));
        if announced.named.len() > Self::MAX_ENDPOINTS {
            announced.named.clear();
            announced.anywhere = number;
        }
        drop(announced);
        self.shared.bell.notify_waiters();
    }

    /// There may be new work at any endpoint.
    pub fn add_anywhere(&self) {
        let mut announced = lock(&self.shared.announced);
        announced.last += 1;
        announced.anywhere = announced.last;
        drop(announced);
        self.shared.bell.notify_waiters();
    }

    /// Waits until there is something that this handle has not heard of: the endpoints, in the order of their ids; none if they
    /// are not known, or too many. Nothing is lost if this is dropped.
    pub async fn next(&self) -> Vec<EndpointId> {
        loop {
            // It counts from here on.
            let rings = self.shared.bell.notified();
            if let Some(endpoints) = self.unheard() {
                return endpoints;
            }
            rings.await;
        }
    }

    fn unheard(&self) -> Option<Vec<EndpointId>> {
        let mut seen = lock(&self.seen);
        let announced = lock(&self.shared.announced);
        let endpoints = (announced.last > *seen).then(|| announced.since(*seen));
        *seen = announced.last;
        endpoints
    }
}

impl Clone for Arrivals {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), seen: Mutex::new(*lock(&self.seen)) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: impl IntoIterator<Item = u128>) -> Vec<EndpointId> {
        numbers.into_iter().map(EndpointId::from_u128).collect()
    }

    #[tokio::test]
    async fn each_handle_hears_of_each_once() {
        let [one, two] = {
            let one = Arrivals::default();
            [one.clone(), one]
        };
        one.add(ids([2, 1]));
        assert_eq!(one.next().await, ids([1, 2]));
        one.add(ids([]));
        two.add(ids([3, 3, 1]));
        assert_eq!(one.next().await, ids([1, 3]));
        assert_eq!(two.next().await, ids([1, 2, 3]));
        assert_eq!((one.unheard(), two.unheard()), (None, None));
        assert_eq!(two.clone().unheard(), None, "it begins where the other one is");
    }

    #[tokio::test]
    async fn too_many_are_anywhere_for_those_that_have_not_heard_of_them() {
        let (one, two) = (Arrivals::default(), Arrivals::default());
        one.add(ids(1..=2_000));
        assert_eq!(one.next().await.len(), 2_000);
        let slow = one.clone();
        one.add(ids([3_000]));
        assert_eq!((slow.next().await, one.next().await), (Vec::new(), Vec::new()));
        slow.add(ids([7]));
        assert_eq!(one.next().await, ids([7]));

        two.add(ids([7]));
        two.add_anywhere();
        assert_eq!(two.next().await, []);
        two.add(ids([7]));
        assert_eq!(two.next().await, ids([7]));
    }

    #[tokio::test]
    async fn all_that_wait_wake_up() {
        let one = Arrivals::default();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let handle = one.clone();
                tokio::spawn(async move { handle.next().await })
            })
            .collect();
        tokio::task::yield_now().await;
        one.add(ids([1]));
        for heard in waiting {
            assert_eq!(heard.await.unwrap(), ids([1]));
        }
    }
}
