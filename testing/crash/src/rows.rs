//! The deliveries of a store, with the log of their attempts.

use gymhook_delivery::{DeliveryState, End, Undeliverable};
use gymhook_engine::store::{
    AttemptOutcome, AttemptQuery, AttemptRow, DeliveryQuery, DeliveryRow, State, Store,
};

use crate::check::is_accepted;
use crate::{Failure, wire};

/// A delivery in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub delivery: u128,
    /// Its endpoint's number.
    pub endpoint: u32,
    /// Its body's; `None` if there is no body.
    pub digest: Option<u64>,
    /// Its state.
    pub state: State,
    /// Why it was given up.
    pub reason: Option<Undeliverable>,
    /// How many requests were ever begun.
    pub sends: u32,
    /// The log of its attempts.
    pub attempts: Vec<Logged>,
}

/// An attempt in the store's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its number among the delivery's requests.
    pub send: u32,
    /// Its round.
    pub round: u32,
    /// What was observed, as the log has it.
    pub outcome: AttemptOutcome,
    /// The response's status.
    pub status: Option<u16>,
}

impl Row {
    /// What the log of attempts says of a request.
    #[must_use]
    pub fn logged(&self, send: u32) -> Option<&Logged> {
        self.attempts.iter().find(|logged| logged.send == send)
    }

    /// Whether nothing more is to happen to it.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Delivered | State::Undeliverable | State::Cancelled)
    }
}

impl Logged {
    /// Whether it says that the endpoint took the delivery.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        is_accepted(self.status)
    }
}

/// Reads every delivery that a store has.
///
/// # Errors
/// The store's.
pub async fn rows(store: &impl Store) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let mut before = None;
    loop {
        let query = DeliveryQuery { before, ..DeliveryQuery::new(1_000) };
        let page = store.deliveries(query).await?;
        for found in &page.items {
            let attempts = store.attempts(AttemptQuery::new(found.id, u32::MAX)).await?.items;
            let body = store.body(found.id).await?;
            rows.push(row(found, &attempts, body.as_deref())?);
        }
        before = page.next;
        if before.is_none() {
            return Ok(rows);
        }
    }
}

fn row(found: &DeliveryRow, attempts: &[AttemptRow], body: Option<&[u8]>) -> Result<Row, Failure> {
    let reason = found.record.and_then(|record| match record.state {
        DeliveryState::Finished { end: End::Undeliverable(reason), .. } => Some(reason),
        DeliveryState::Finished { .. } | DeliveryState::Waiting { .. } | DeliveryState::InFlight { .. } => {
            None
        }
    });
    let logged = |attempt: &AttemptRow| Logged {
        send: attempt.send,
        round: attempt.round.get(),
        outcome: attempt.outcome,
        status: attempt.status,
    };
    Ok(Row {
        delivery: found.id.as_uuid().as_u128(),
        endpoint: u32::try_from(found.endpoint.as_uuid().as_u128())?,
        digest: body.map(wire::digest),
        state: found.state,
        reason,
        sends: found.record.map_or(0, |record| record.sends),
        attempts: attempts.iter().map(logged).collect(),
    })
}
