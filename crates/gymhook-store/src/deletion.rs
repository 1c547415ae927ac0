//! What becomes of an attempt whose subscription is deleted while it is in flight.

use gymhook_delivery::{DeliveryRecord, DeliveryState, End};
use time::UtcDateTime;

use crate::AttemptRow;

/// The delivery ends with its subscription. The request was made, and nobody waits for its answer any more.
pub fn end_under_way(record: &DeliveryRecord, now: UtcDateTime) -> (DeliveryRecord, AttemptRow) {
    let state = DeliveryState::Finished { at: now, end: End::Cancelled };
    let attempt = AttemptRow {
        delivery: record.id,
        order: record.order,
        send: record.sends,
        round: record.round,
        number: record.attempt.get(),
        began: None,
        ended: now,
        outcome: "lost".to_owned(),
        status: None,
        captured: None,
        detail: Some("not known: the subscription was deleted".to_owned()),
    };
    (DeliveryRecord { state, probe: false, ..*record }, attempt)
}
