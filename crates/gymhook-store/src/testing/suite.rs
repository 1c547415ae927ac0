//! What every store has to pass: one behaviour, one test.
//!
//! Whoever writes a store tells the suite how to open one, and gets a test for each behaviour that [`Store`] promises. The
//! expected values come from what the trait says, never from what some store answers.
//!
//! ```
//! use gymhook_store::testing::memory::MemoryStore;
//! use gymhook_store::testing::suite::Harness;
//! use time::UtcDateTime;
//! use time::macros::utc_datetime;
//!
//! struct InMemory;
//!
//! impl Harness for InMemory {
//!     type Store = MemoryStore;
//!
//!     async fn open(&self) -> MemoryStore {
//!         MemoryStore::new(utc_datetime!(2026-01-01 12:00))
//!     }
//!
//!     async fn set_now(&self, store: &MemoryStore, now: UtcDateTime) -> bool {
//!         store.set_now(now);
//!         true
//!     }
//! }
//!
//! // In a file of tests; the expression is evaluated once for each behaviour.
//! gymhook_store::store_suite!(InMemory);
//! ```

// A test fails by a panic, and this is a library of tests.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod api_keys;
mod behaviours;
pub mod commands;
pub mod commit;
pub mod conditional_writes;
pub mod damage;
pub mod durability;
pub mod enqueue;
pub mod fences;
pub mod fetch;
pub mod find;
pub mod follow_ups;
pub mod journal;
pub mod lease;
pub mod mending;
pub mod notices;
pub mod purge;
pub mod queries;
pub mod races;
pub mod repeats;
mod stage;
pub mod stats;
pub mod subscriptions;
pub mod unreadable;
pub mod workers;

use core::time::Duration;

use gymhook_delivery::{DeliveryId, EndpointId};
use time::UtcDateTime;

use crate::{Journal, Store};

/// How the suite gets at a store, and what it can do to it behind its back.
///
/// What a store's tests cannot do they leave out: the behaviours that need it are skipped, with a note on standard error.
pub trait Harness: Send + Sync + 'static {
    /// The store to be tried.
    type Store: Store;

    /// A fresh and empty store, which shares nothing with any other.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Closes a store and opens it again on the same data; `None` if it is not durable.
    fn reopen(&self, store: Self::Store) -> impl Future<Output = Option<Self::Store>> + Send {
        async {
            drop(store);
            None
        }
    }

    /// Changes a delivery's row so that its checksum does not match, without the store's help. `false` if that cannot be
    /// done.
    fn damage_delivery(&self, store: &Self::Store, id: DeliveryId) -> impl Future<Output = bool> + Send {
        let _ = (store, id);
        async { false }
    }

    /// Changes a delivery's body likewise.
    fn damage_body(&self, store: &Self::Store, id: DeliveryId) -> impl Future<Output = bool> + Send {
        let _ = (store, id);
        async { false }
    }

    /// Takes a delivery's body away likewise, or all of its bytes.
    fn lose_body(&self, store: &Self::Store, id: DeliveryId) -> impl Future<Output = bool> + Send {
        let _ = (store, id);
        async { false }
    }

    /// Changes a subscription's row likewise so that its endpoint's record cannot be read.
    fn damage_subscription(&self, store: &Self::Store, id: EndpointId) -> impl Future<Output = bool> + Send {
        let _ = (store, id);
        async { false }
    }

    /// Writes a word that is no outcome's into an attempt's row, the delivery's request number `send`, likewise.
    fn damage_attempt(
        &self,
        store: &Self::Store,
        id: DeliveryId,
        send: u32,
    ) -> impl Future<Output = bool> + Send {
        let _ = (store, id, send);
        async { false }
    }

    /// Changes the row of a journal's entry likewise so that it cannot be read.
    fn damage_journal(
        &self,
        store: &Self::Store,
        journal: Journal,
        number: u64,
    ) -> impl Future<Output = bool> + Send {
        let _ = (store, journal, number);
        async { false }
    }

    /// How many attempts the store has, of whatever delivery; `None` if that cannot be told.
    fn count_attempts(&self, store: &Self::Store) -> impl Future<Output = Option<u64>> + Send {
        let _ = store;
        async { None }
    }

    /// Sets the store's clock. `false` if it cannot be set: then the suite waits for leases to expire.
    fn set_now(&self, store: &Self::Store, now: UtcDateTime) -> impl Future<Output = bool> + Send {
        let _ = (store, now);
        async { false }
    }
}

/// Longer than any behaviour takes, however slow the disk: a store that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Plays one behaviour on a runtime of its own. It panics if the store does not behave, or hangs.
pub fn play<H: Harness>(harness: H, behaviour: impl AsyncFnOnce(&H)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let played = async { tokio::time::timeout(PATIENCE, behaviour(&harness)).await };
    runtime.expect("a runtime starts").block_on(played).expect("the store does not hang");
}

/// A test for each behaviour that a store has to have, in one module an area. See [`suite`](crate::testing::suite).
#[macro_export]
macro_rules! store_suite {
    ($harness:expr $(,)?) => {
        $crate::__store_behaviours! { __store_tests ($harness) }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_tests {
    ($harness:tt $($area:ident { $($behaviour:ident)* })*) => {
        $(
            mod $area {
                #[allow(unused_imports)] // The harness may need nothing from around it.
                use super::*;
                $(
                    #[test]
                    fn $behaviour() {
                        $crate::testing::suite::play($harness, $crate::testing::suite::$area::$behaviour);
                    }
                )*
            }
        )*
    };
}
