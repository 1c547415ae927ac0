//! `DeliveryColumns`: converts a delivery's record to columns and back, with a checksum; `UnreadableRow` if that
//! fails.

use core::num::NonZeroU32;

use gymhook_delivery::{
    BodyDigest, DeliveryId, DeliveryRecord, DeliveryState, End, EndpointId, Then, Undeliverable,
};
use gymhook_retry::AttemptNumber;
use uuid::Uuid;

use crate::State;
use crate::StoreTime;

/// A [`DeliveryRecord`] as the columns of a row, the same in every store.
///
/// ```
/// use gymhook_delivery::{BodyDigest, DeliveryId, DeliveryRecord, EndpointId};
/// use gymhook_store::DeliveryColumns;
/// use time::macros::utc_datetime;
///
/// let (id, endpoint) = (DeliveryId::from_u128(7), EndpointId::from_u128(1));
/// let due = utc_datetime!(2026-01-01 12:00);
/// let record = DeliveryRecord::new(id, endpoint, BodyDigest::new([9; 32]), 1, due);
/// let columns = DeliveryColumns::from(&record);
/// assert_eq!(columns.to_record(), Ok(record));
/// assert!(DeliveryColumns { attempt: 3, ..columns }.to_record().is_err()); // the checksum does not match
/// ```
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryColumns {
    /// The delivery's id.
    pub id: Uuid,
    /// Its endpoint's id.
    pub endpoint: Uuid,
    /// Its body's digest.
    pub digest: [u8; 32],
    /// Its sequence number: its place in the order of enqueueing, and its row's number.
    pub sequence: i64,
    /// [`State::code`].
    pub state: i16,
    /// When it is due, when its attempt counts as lost, or when it ended: microseconds since 1970.
    pub at: i64,
    /// In flight: what was requested in the meantime. Undeliverable: why. Otherwise 0.
    pub code: i16,
    /// Its round.
    pub round: i64,
    /// Its attempt in its round.
    pub attempt: i64,
    /// How many attempts were ever begun.
    pub sends: i64,
    /// When the first failed attempt of its round ended: microseconds since 1970.
    pub first_failure: Option<i64>,
    /// Whether it is a test event.
    pub test: bool,
    /// Whether its attempt in flight is a breaker's probe.
    pub probe: bool,
    /// A checksum (CRC-32) of all the others.
    pub check: i64,
}

/// A row that is not a valid delivery. Caused by the disk, or by another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableRow {
    /// The checksum does not match.
    #[error("the row does not match its checksum")]
    CheckSum,
    /// A column has an invalid value.
    #[error("the column {column} has an invalid value")]
    Column {
        /// The column.
        column: &'static str,
    },
}

impl DeliveryColumns {
    /// The record that was written.
    ///
    /// # Errors
    /// [`UnreadableRow`]: the columns are not those that were written.
    pub fn to_record(&self) -> Result<DeliveryRecord, UnreadableRow> {
        if self.check != self.check_sum() {
            return Err(UnreadableRow::CheckSum);
        }
        let first_failure = match self.first_failure {
            Some(at) => Some(
                StoreTime::from_micros(at)
                    .to_utc()
                    .ok_or(UnreadableRow::Column { column: "first_failure" })?,
            ),
            None => None,
        };
        let round = small(self.round).and_then(NonZeroU32::new);
        let attempt = small(self.attempt).and_then(AttemptNumber::new);
        Ok(DeliveryRecord {
            id: DeliveryId::from(self.id),
            endpoint: EndpointId::from(self.endpoint),
            body: BodyDigest::new(self.digest),
            sequence: u64::try_from(self.sequence)
                .map_err(|_| UnreadableRow::Column { column: "sequence" })?,
            round: round.ok_or(UnreadableRow::Column { column: "round" })?,
            attempt: attempt.ok_or(UnreadableRow::Column { column: "attempt" })?,
            sends: small(self.sends).ok_or(UnreadableRow::Column { column: "sends" })?,
            first_failure,
            test: self.test,
            probe: self.probe,
            state: self.state()?,
        })
    }

    fn state(&self) -> Result<DeliveryState, UnreadableRow> {
        let at = StoreTime::from_micros(self.at).to_utc().ok_or(UnreadableRow::Column { column: "at" })?;
        let state = State::from_code(self.state).ok_or(UnreadableRow::Column { column: "state" })?;
        let bad_code = UnreadableRow::Column { column: "code" };
        let end = match state {
            State::Waiting => return Ok(DeliveryState::Waiting { due: at }),
            State::InFlight => {
                let then = then_of(self.code).ok_or(bad_code)?;
                return Ok(DeliveryState::InFlight { lost_at: at, then });
            }
            State::Quarantined | State::Unreadable => return Err(UnreadableRow::Column { column: "state" }),
            State::Delivered => End::Delivered,
            State::Undeliverable => End::Undeliverable(undeliverable_of(self.code).ok_or(bad_code)?),
            State::Cancelled if self.code == SUPERSEDED => End::Superseded,
            State::Cancelled => End::Cancelled,
        };
        Ok(DeliveryState::Finished { at, end })
    }

    /// The checksum of the other columns.
    #[must_use]
    pub fn check_sum(&self) -> i64 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(self.id.as_bytes());
        sum.update(self.endpoint.as_bytes());
        sum.update(&self.digest);
        let flags = i64::from(self.test)
            | (i64::from(self.probe) << 1)
            | (i64::from(self.first_failure.is_some()) << 2);
        let numbers = [
            self.sequence,
            i64::from(self.state),
            self.at,
            i64::from(self.code),
            self.round,
            self.attempt,
            self.sends,
            self.first_failure.unwrap_or_default(),
            flags,
        ];
        for number in numbers {
            sum.update(&number.to_le_bytes());
        }
        i64::from(sum.finalize())
    }
}

impl From<&DeliveryRecord> for DeliveryColumns {
    fn from(record: &DeliveryRecord) -> Self {
        let (state, at, code) = match record.state {
            DeliveryState::Waiting { due } => (State::Waiting, StoreTime::ceil(due).micros(), 0),
            DeliveryState::InFlight { lost_at, then } => {
                (State::InFlight, StoreTime::ceil(lost_at).micros(), then_code(then))
            }
            DeliveryState::Finished { at, end } => {
                let (state, code) = match end {
                    End::Delivered => (State::Delivered, 0),
                    End::Undeliverable(why) => (State::Undeliverable, undeliverable_code(why)),
                    End::Cancelled => (State::Cancelled, 0),
                    End::Superseded => (State::Cancelled, SUPERSEDED),
                };
                (state, StoreTime::floor(at).micros(), code)
            }
        };
        let mut columns = Self {
            id: *record.id.as_uuid(),
            endpoint: *record.endpoint.as_uuid(),
            digest: *record.body.as_bytes(),
            sequence: i64::try_from(record.sequence).unwrap_or(i64::MAX),
            state: state.code(),
            at,
            code,
            round: i64::from(record.round.get()),
            attempt: i64::from(record.attempt.get()),
            sends: i64::from(record.sends),
            first_failure: record.first_failure.map(|at| StoreTime::floor(at).micros()),
            test: record.test,
            probe: record.probe,
            check: 0,
        };
        columns.check = columns.check_sum();
        columns
    }
}

const SUPERSEDED: i16 = 1;

const fn then_code(then: Then) -> i16 {
    match then {
        Then::Decide => 0,
        Then::Cancel => 1,
        Then::Redeliver => 2,
    }
}

const fn then_of(code: i16) -> Option<Then> {
    match code {
        0 => Some(Then::Decide),
        1 => Some(Then::Cancel),
        2 => Some(Then::Redeliver),
        _ => None,
    }
}

const fn undeliverable_code(why: Undeliverable) -> i16 {
    match why {
        Undeliverable::Exhausted => 0,
        Undeliverable::Rejected => 1,
        Undeliverable::Gone => 2,
        Undeliverable::Lost => 3,
    }
}

const fn undeliverable_of(code: i16) -> Option<Undeliverable> {
    match code {
        0 => Some(Undeliverable::Exhausted),
        1 => Some(Undeliverable::Rejected),
        2 => Some(Undeliverable::Gone),
        3 => Some(Undeliverable::Lost),
        _ => None,
    }
}

fn small(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    fn states() -> Vec<DeliveryState> {
        let at = utc_datetime!(2026-01-01 12:00:00.000_001);
        let thens = [Then::Decide, Then::Cancel, Then::Redeliver]
            .map(|then| DeliveryState::InFlight { lost_at: at, then });
        let reasons =
            [Undeliverable::Exhausted, Undeliverable::Rejected, Undeliverable::Gone, Undeliverable::Lost];
        let ends = reasons.map(End::Undeliverable).into_iter().chain([
            End::Delivered,
            End::Cancelled,
            End::Superseded,
        ]);
        let mut states = vec![DeliveryState::Waiting { due: at }];
        states.extend(thens);
        states.extend(ends.map(|end| DeliveryState::Finished { at, end }));
        states
    }

    fn record(state: DeliveryState) -> DeliveryRecord {
        DeliveryRecord {
            round: NonZeroU32::new(2).unwrap(),
            attempt: AttemptNumber::new(3).unwrap(),
            sends: 5,
            first_failure: Some(utc_datetime!(2026-01-01 11:00)),
            test: true,
            probe: true,
            state,
            ..DeliveryRecord::new(
                DeliveryId::from_u128(7),
                EndpointId::from_u128(1),
                BodyDigest::new([9; 32]),
                11,
                utc_datetime!(2026-01-01 12:00),
            )
        }
    }

    #[test]
    fn every_state_comes_back() {
        for state in states() {
            let record = record(state);
            assert_eq!(DeliveryColumns::from(&record).to_record(), Ok(record), "{state:?}");
        }
    }

    #[test]
    fn a_flipped_bit_in_any_column_is_noticed() {
        let good = DeliveryColumns::from(&record(states()[0]));
        let flipped = |change: fn(&mut DeliveryColumns)| {
            let mut bad = good;
            change(&mut bad);
            bad.to_record()
        };
        let changes: [fn(&mut DeliveryColumns); 14] = [
            |row| row.id = Uuid::from_u128(row.id.as_u128() ^ 1),
            |row| row.endpoint = Uuid::from_u128(row.endpoint.as_u128() ^ 1),
            |row| row.digest[31] ^= 1,
            |row| row.sequence ^= 1,
            |row| row.state ^= 2,
            |row| row.at ^= 1,
            |row| row.code ^= 1,
            |row| row.round ^= 1,
            |row| row.attempt ^= 1,
            |row| row.sends ^= 1,
            |row| row.first_failure = None,
            |row| row.test = false,
            |row| row.probe = false,
            |row| row.check ^= 1,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert_eq!(flipped(change), Err(UnreadableRow::CheckSum), "change {number}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_is_named_even_if_its_check_sum_is_right() {
        let named = |change: fn(&mut DeliveryColumns), column: &'static str| {
            let mut bad = DeliveryColumns::from(&record(states()[0]));
            change(&mut bad);
            bad.check = bad.check_sum();
            assert_eq!(bad.to_record(), Err(UnreadableRow::Column { column }));
        };
        named(|row| row.state = 9, "state");
        named(|row| row.state = State::Quarantined.code(), "state");
        named(|row| row.at = i64::MAX, "at");
        named(|row| row.round = 0, "round");
        named(|row| row.attempt = -1, "attempt");
        named(|row| row.sends = i64::MAX, "sends");
        named(|row| row.sequence = -1, "sequence");
        named(|row| row.first_failure = Some(i64::MIN), "first_failure");
        named(|row| (row.state, row.code) = (State::InFlight.code(), 7), "code");
        named(|row| (row.state, row.code) = (State::Undeliverable.code(), 7), "code");
    }
}
