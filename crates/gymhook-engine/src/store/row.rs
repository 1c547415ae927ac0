//! Rows, and how records become rows and rows records again.

use core::num::NonZeroU32;

use bytes::Bytes;
use gymhook_delivery::{
    BodyDigest, DeliveryId, DeliveryRecord, DeliveryState, End, EndpointId, EndpointRecord, Then,
    Undeliverable,
};
use gymhook_retry::AttemptNumber;
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;
use uuid::Uuid;

use crate::micros;

/// A subscription as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// Its name, and its endpoint's.
    pub id: EndpointId,
    /// Whose events it gets.
    pub gym: String,
    /// Its settings but for the secrets, as JSON.
    pub settings: String,
    /// Its secrets, sealed if the engine has a key for that.
    pub secrets: Vec<u8>,
    /// How its endpoint is. Only a worker's [`Batch`](super::Batch) changes it.
    pub record: EndpointRecord,
    /// Since when it is deleted.
    pub deleted_at: Option<UtcDateTime>,
}

/// A notification to be handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotification {
    /// The delivery's name: the idempotency key in all attempts.
    pub id: DeliveryId,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// The type of its event, in the vendor's spelling.
    pub event_type: String,
    /// The exact bytes.
    pub body: Bytes,
    /// Not before this moment; `None` means at once.
    pub not_before: Option<UtcDateTime>,
    /// Whether it is a test event: one attempt, which auto-disable does not look at.
    pub test: bool,
}

impl NewNotification {
    /// A notification to be sent at once.
    #[must_use]
    pub fn new(id: DeliveryId, endpoint: EndpointId, event_type: impl Into<String>, body: Bytes) -> Self {
        Self { id, endpoint, event_type: event_type.into(), body, not_before: None, test: false }
    }

    /// The SHA-256 of its body.
    #[must_use]
    pub fn digest(&self) -> BodyDigest {
        body_digest(&self.body)
    }

    /// The record that its delivery begins with.
    #[must_use]
    pub fn record(&self, order: u64, now: UtcDateTime) -> DeliveryRecord {
        let due = self.not_before.map_or(now, |earliest| earliest.max(now));
        let record = DeliveryRecord::new(self.id, self.endpoint, self.digest(), order, due);
        DeliveryRecord { test: self.test, ..record }
    }
}

/// The digest that tells two bodies apart: SHA-256.
pub(crate) fn body_digest(body: &[u8]) -> BodyDigest {
    BodyDigest::new(Sha256::digest(body).into())
}

/// Why a notification was not taken over. The caller is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The id is that of another body, or of a delivery to another endpoint.
    #[error("delivery {delivery} is there with another body, another endpoint or another purpose")]
    Conflict {
        /// The id.
        delivery: DeliveryId,
    },
    /// There is no such subscription, or it is deleted.
    #[error("there is no subscription {endpoint}")]
    UnknownEndpoint {
        /// The endpoint asked for.
        endpoint: EndpointId,
    },
}

/// Where a delivery stands, in one word; its discriminant is what stores write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// An attempt is to come.
    Waiting = 0,
    /// An attempt is under way.
    InFlight = 1,
    /// The endpoint has it.
    Delivered = 2,
    /// It was given up and is kept.
    Undeliverable = 3,
    /// It was cancelled.
    Cancelled = 4,
    /// Its row is damaged; it was put aside and is kept.
    Quarantined = 5,
}

impl State {
    /// All states, in the order of what stores write.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::InFlight,
        Self::Delivered,
        Self::Undeliverable,
        Self::Cancelled,
        Self::Quarantined,
    ];

    /// What stores write.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The state that is written like this.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Its name in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InFlight => "in-flight",
            Self::Delivered => "delivered",
            Self::Undeliverable => "undeliverable",
            Self::Cancelled => "cancelled",
            Self::Quarantined => "quarantined",
        }
    }
}

/// A [`DeliveryRecord`] as the columns of a row, the same in every store.
///
/// ```
/// use gymhook_delivery::{BodyDigest, DeliveryId, DeliveryRecord, EndpointId};
/// use gymhook_engine::store::DeliveryColumns;
/// use time::macros::utc_datetime;
///
/// let (id, endpoint) = (DeliveryId::from_u128(7), EndpointId::from_u128(1));
/// let due = utc_datetime!(2026-01-01 12:00);
/// let record = DeliveryRecord::new(id, endpoint, BodyDigest::new([9; 32]), 1, due);
/// let columns = DeliveryColumns::from(&record);
/// assert_eq!(columns.to_record(), Ok(record));
/// assert!(DeliveryColumns { attempt: 3, ..columns }.to_record().is_err()); // the check sum tells
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryColumns {
    /// The delivery's name.
    pub id: Uuid,
    /// Its endpoint's name.
    pub endpoint: Uuid,
    /// Its body's digest.
    pub digest: [u8; 32],
    /// Its place in the order of enqueueing, and its row's number.
    pub order: i64,
    /// [`State::code`].
    pub state: i16,
    /// When it is due, when its attempt counts as lost, or when it ended: microseconds since 1970.
    pub at: i64,
    /// In flight: what was asked for meanwhile. Undeliverable: why. Else 0.
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
    /// Whether its attempt under way is a breaker's probe.
    pub probe: bool,
    /// A check sum (CRC-32) of all the others.
    pub check: i64,
}

/// A row that is no delivery's. The disk is to blame, or another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableRow {
    /// The check sum is another.
    #[error("the row does not match its check sum")]
    CheckSum,
    /// A column has a value that it cannot have.
    #[error("the column {column} has a value that it cannot have")]
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
            Some(at) => Some(micros::to_utc(at).ok_or(UnreadableRow::Column { column: "first_failure" })?),
            None => None,
        };
        let round = small(self.round).and_then(NonZeroU32::new);
        let attempt = small(self.attempt).and_then(AttemptNumber::new);
        Ok(DeliveryRecord {
            id: DeliveryId::from(self.id),
            endpoint: EndpointId::from(self.endpoint),
            body: BodyDigest::new(self.digest),
            order: u64::try_from(self.order).map_err(|_| UnreadableRow::Column { column: "order" })?,
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
        let at = micros::to_utc(self.at).ok_or(UnreadableRow::Column { column: "at" })?;
        let state = State::from_code(self.state).ok_or(UnreadableRow::Column { column: "state" })?;
        let bad_code = UnreadableRow::Column { column: "code" };
        let end = match state {
            State::Waiting => return Ok(DeliveryState::Waiting { due: at }),
            State::InFlight => {
                let then = then_of(self.code).ok_or(bad_code)?;
                return Ok(DeliveryState::InFlight { lost_at: at, then });
            }
            State::Quarantined => return Err(UnreadableRow::Column { column: "state" }),
            State::Delivered => End::Delivered,
            State::Undeliverable => End::Undeliverable(undeliverable_of(self.code).ok_or(bad_code)?),
            State::Cancelled if self.code == SUPERSEDED => End::Superseded,
            State::Cancelled => End::Cancelled,
        };
        Ok(DeliveryState::Finished { at, end })
    }

    /// The check sum that the other columns have.
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
            self.order,
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
            DeliveryState::Waiting { due } => (State::Waiting, micros::ceil(due), 0),
            DeliveryState::InFlight { lost_at, then } => {
                (State::InFlight, micros::ceil(lost_at), then_code(then))
            }
            DeliveryState::Finished { at, end } => {
                let (state, code) = match end {
                    End::Delivered => (State::Delivered, 0),
                    End::Undeliverable(why) => (State::Undeliverable, undeliverable_code(why)),
                    End::Cancelled => (State::Cancelled, 0),
                    End::Superseded => (State::Cancelled, SUPERSEDED),
                };
                (state, micros::floor(at), code)
            }
        };
        let mut columns = Self {
            id: *record.id.as_uuid(),
            endpoint: *record.endpoint.as_uuid(),
            digest: *record.body.as_bytes(),
            order: i64::try_from(record.order).unwrap_or(i64::MAX),
            state: state.code(),
            at,
            code,
            round: i64::from(record.round.get()),
            attempt: i64::from(record.attempt.get()),
            sends: i64::from(record.sends),
            first_failure: record.first_failure.map(micros::floor),
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
            |row| row.order ^= 1,
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
        named(|row| row.order = -1, "order");
        named(|row| row.first_failure = Some(i64::MIN), "first_failure");
        named(|row| (row.state, row.code) = (State::InFlight.code(), 7), "code");
        named(|row| (row.state, row.code) = (State::Undeliverable.code(), 7), "code");
    }
}
