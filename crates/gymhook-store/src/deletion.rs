//! `end_under_way`: ends an attempt that is in flight when its subscription is deleted.

use gymhook_delivery::{DeliveryRecord, DeliveryState, End};
use time::UtcDateTime;

use crate::{AttemptOutcome, AttemptRow};

/// The delivery ends with its subscription. The request was made, and nobody waits for its answer any more.
pub fn end_under_way(record: &DeliveryRecord, now: UtcDateTime) -> (DeliveryRecord, AttemptRow) {
    let state = DeliveryState::Finished { at: now, end: End::Cancelled };
    let attempt = AttemptRow {
        delivery: record.id,
        sequence: record.sequence,
        send: record.sends,
        round: record.round,
        number: record.attempt.get(),
        began: None,
        ended: now,
        outcome: AttemptOutcome::Lost,
        status: None,
        captured: None,
        detail: Some("not known: the subscription was deleted".to_owned()),
    };
    (DeliveryRecord { state, probe: false, ..*record }, attempt)
}
