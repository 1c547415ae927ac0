//! All that is left when everything is over: what happened, and what the store and its tables say.

use gymhook_crash_tests::rows::Row;
use gymhook_engine::store::StoreError;

use crate::backend::Inspected;
use crate::ledger::Event;

/// What is judged.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What happened, in its order.
    pub events: Vec<Event>,
    /// What callers were told instead of what they asked for.
    pub complaints: Vec<StoreError>,
    /// What the store says in the end.
    pub rows: Vec<Row>,
    /// What its tables say.
    pub inspected: Inspected,
}
