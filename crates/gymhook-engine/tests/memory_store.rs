//! The store in memory passes the suite that every store has to pass.

use gymhook_engine::DeliveryId;
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::suite::Harness;
use time::UtcDateTime;
use time::macros::utc_datetime;

const START: UtcDateTime = utc_datetime!(2026-01-01 12:00:00.000_001);

struct InMemory;

impl Harness for InMemory {
    type Store = MemoryStore;

    async fn open(&self) -> MemoryStore {
        MemoryStore::new(START)
    }

    async fn damage_delivery(&self, store: &MemoryStore, id: DeliveryId) -> bool {
        store.damage_delivery(id)
    }

    async fn damage_body(&self, store: &MemoryStore, id: DeliveryId) -> bool {
        store.damage_body(id)
    }

    async fn set_now(&self, store: &MemoryStore, now: UtcDateTime) -> bool {
        store.set_now(now);
        true
    }
}

mod memory {
    use super::*;

    gymhook_engine::store_suite!(InMemory);
}
