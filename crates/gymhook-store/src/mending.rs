//! `mended`: the record of a delivery that was quarantined for its body, after the same bytes were enqueued again.

use gymhook_delivery::DeliveryRecord;
use time::UtcDateTime;

use crate::{DeliveryColumns, NewNotification, State};

/// The record that it goes on with, under a sequence number of its own, so that nothing that is still said of the old one is heard.
/// `None` if it is not quarantined, or not for its body, or is not the same delivery.
///
/// Its checksum tells why it was quarantined: if it matches the state that the row had before, the row is intact, and its digest,
/// which says that the bytes are the same, too.
pub fn mended(
    held: &DeliveryColumns,
    new: &NewNotification,
    sequence: u64,
    now: UtcDateTime,
) -> Option<DeliveryRecord> {
    if held.state != State::Quarantined.code() || new.unreadable {
        return None;
    }
    let before = |state: State| DeliveryColumns { state: state.code(), ..*held }.to_record().ok();
    let held = before(State::InFlight).or_else(|| before(State::Waiting))?;
    let round = held.round.saturating_add(1);
    let mended = new.is_same_as(&held).then(|| DeliveryRecord {
        round,
        sends: held.sends,
        ..new.record(sequence, now)
    })?;
    // As it is kept: to the microsecond.
    DeliveryColumns::from(&mended).to_record().ok()
}
