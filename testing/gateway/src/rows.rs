//! The gateway's log, read from its database.

use std::collections::BTreeMap;

use gymhook_crash_tests::check::is_accepted;
use gymhook_engine::store::{
    AttemptOutcome, AttemptQuery, DeliveryQuery, DeliveryRow, Store, SubscriptionQuery,
};
use gymhook_engine::{Direction, EndpointId, Engine};

use crate::Failure;
use crate::history::Row;
use crate::orders::Recipient;
use crate::studios::marked;

/// Reads every delivery.
///
/// # Errors
/// The store's, or a delivery to an unknown place.
pub async fn rows<S: Store>(store: &S) -> Result<Vec<Row>, Failure> {
    let destinations = destinations(store).await?;
    let mut rows = Vec::new();
    let mut before = None;
    loop {
        let query = DeliveryQuery { before, ..DeliveryQuery::new(1_000) };
        let page = store.deliveries(query).await?;
        for found in &page.items {
            rows.push(row(store, found, &destinations).await?);
        }
        before = page.next;
        if before.is_none() {
            return Ok(rows);
        }
    }
}

async fn row<S: Store>(
    store: &S,
    found: &DeliveryRow,
    destinations: &BTreeMap<EndpointId, Recipient>,
) -> Result<Row, Failure> {
    let attempts = store.attempts(AttemptQuery::new(found.id, u32::MAX)).await?.items;
    let body = store.body(found.id).await?.unwrap_or_default();
    Ok(Row {
        destination: destinations.get(&found.endpoint).copied(),
        id: found.id.to_string(),
        state: found.state,
        number: marked(&String::from_utf8_lossy(&body)),
        sends: found.record.map_or(0, |record| record.sends),
        taken: attempts.iter().filter(|attempt| is_accepted(attempt.status)).count(),
        lost: attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Lost).count(),
    })
}

/// The destinations by their ids; everything else is a source's inbox.
async fn destinations<S: Store>(store: &S) -> Result<BTreeMap<EndpointId, Recipient>, Failure> {
    const AT_ONCE: u32 = 200;
    let engine = Engine::builder(store.clone()).enqueue_only();
    let mut found = BTreeMap::new();
    let page = store.subscriptions(SubscriptionQuery::new(AT_ONCE)).await?;
    for row in page.items.into_iter().filter(|row| row.direction() == Direction::Outgoing) {
        let subscription = engine.subscription(row.id).await?.ok_or("a destination is gone")?;
        let destination = Recipient::named(subscription.label()).ok_or("a destination has another name")?;
        found.insert(row.id, destination);
    }
    Ok(found)
}
