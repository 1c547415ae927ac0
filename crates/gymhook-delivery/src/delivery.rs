//! `Delivery` and its `Phase`: one delivery inside the machine, from enqueueing to its end.

use core::num::NonZeroU32;

use gymhook_retry::AttemptNumber;

use crate::timestamp::Timestamp;
use crate::{BodyDigest, DeliveryId, DeliveryRecord, DeliveryState, End, EndpointId, Then};

/// One delivery: a notification on its way to one endpoint.
///
/// ```text
///   enqueue
///      │           begin                     succeed: delivered
///      ▼      ┌──────────────▶ in flight ──────────────────────────▶ finished
///   waiting ──┤                 │      │     end: undeliverable,       │  ▲
///    ▲ ▲ │    │                 │      │          cancelled            │  │
///    │ │ │    └─ cancel ────────┼──────┼───────────────────────────────┼──┘
///    │ │ │                      │      │                               │
///    │ └─┼───── retry_at ───────┘      │ delivered or superseded       │
///    │   │      (after a failure,      │ (redeliver was asked          │
///    │   │      our fault, a loss)     ▼ meanwhile)                    │
///    │   └─ redeliver: superseded ─▶ next round ◀──── redeliver ───────┘
///    └────────────────────────────────┘
/// ```
///
/// | state × input | begin | succeed | retry_at | end | cancel | redeliver |
/// |---|---|---|---|---|---|---|
/// | waiting | in flight | refused | refused | refused | finished: cancelled | waiting in the next round, this one superseded |
/// | in flight | refused | finished: delivered | waiting | finished | noted: the attempt's failure will end it | noted: a new round follows the attempt |
/// | finished | refused | refused | refused | refused | refused | waiting in the next round |
///
/// Of a cancellation and a redelivery requested during one attempt, the later one counts, and it takes effect after
/// anything but a success: there is no retry, whatever caused the failure. After a success, a requested cancellation is
/// void, and a requested redelivery still starts its round.
#[derive(Clone, Debug)]
pub struct Delivery {
    id: DeliveryId,
    body: BodyDigest,
    sequence: u64,
    /// Waiting: until when. In flight: when it counts as lost. Finished: since when.
    at: Timestamp,
    first_failure: Timestamp,
    endpoint: u32,
    round: NonZeroU32,
    attempt: AttemptNumber,
    sends: u32,
    phase: Phase,
    test: bool,
    probe: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    InFlight(Then),
    Finished(End),
}

/// The delivery is not in a state that this transition leaves from; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl Delivery {
    pub(crate) const fn new(
        id: DeliveryId,
        body: BodyDigest,
        sequence: u64,
        endpoint: u32,
        due: Timestamp,
        test: bool,
    ) -> Self {
        Self {
            id,
            body,
            sequence,
            at: due,
            first_failure: Timestamp::START,
            endpoint,
            round: NonZeroU32::MIN,
            attempt: AttemptNumber::FIRST,
            sends: 0,
            phase: Phase::Waiting,
            test,
            probe: false,
        }
    }

    pub(crate) fn from_record(record: &DeliveryRecord, endpoint: u32) -> Self {
        let (phase, at) = match record.state {
            DeliveryState::Waiting { due } => (Phase::Waiting, Timestamp::ceil(due)),
            DeliveryState::InFlight { lost_at, then } => (Phase::InFlight(then), Timestamp::ceil(lost_at)),
            DeliveryState::Finished { at, end } => (Phase::Finished(end), Timestamp::floor(at)),
        };
        Self {
            first_failure: record.first_failure.map_or(Timestamp::START, Timestamp::floor),
            round: record.round,
            attempt: record.attempt,
            sends: record.sends,
            phase,
            probe: record.probe,
            ..Self::new(record.id, record.body, record.sequence, endpoint, at, record.test)
        }
    }

    /// An attempt begins; it counts as lost at `lost_at`.
    pub(crate) fn begin(&mut self, lost_at: Timestamp, probe: bool) -> Result<(), Refused> {
        if self.phase != Phase::Waiting {
            return Err(Refused);
        }
        self.phase = Phase::InFlight(Then::Decide);
        self.at = lost_at;
        self.sends = self.sends.saturating_add(1);
        self.probe = probe;
        Ok(())
    }

    /// The attempt in flight failed at `failed_at`, and attempt number `next` is due at `due`.
    pub(crate) fn retry_at(
        &mut self,
        due: Timestamp,
        next: AttemptNumber,
        failed_at: Timestamp,
    ) -> Result<(), Refused> {
        self.leave_flight()?;
        self.phase = Phase::Waiting;
        self.at = due;
        if next > self.attempt && self.first_failure == Timestamp::START {
            self.first_failure = failed_at;
        }
        self.attempt = next;
        Ok(())
    }

    /// The attempt in flight was the round's last one.
    pub(crate) fn end(&mut self, end: End, now: Timestamp) -> Result<(), Refused> {
        self.leave_flight()?;
        self.phase = Phase::Finished(end);
        self.at = now;
        Ok(())
    }

    /// Ends a waiting delivery, or records for one in flight that it ends if its attempt fails.
    pub(crate) fn cancel(&mut self, now: Timestamp) -> Result<(), Refused> {
        match self.phase {
            Phase::Waiting => {
                self.phase = Phase::Finished(End::Cancelled);
                self.at = now;
                Ok(())
            }
            Phase::InFlight(_) => {
                self.phase = Phase::InFlight(Then::Cancel);
                Ok(())
            }
            Phase::Finished(_) => Err(Refused),
        }
    }

    /// Records for a delivery in flight that a new round follows its attempt.
    pub(crate) fn note_redelivery(&mut self) -> Result<(), Refused> {
        self.then().ok_or(Refused)?;
        self.phase = Phase::InFlight(Then::Redeliver);
        Ok(())
    }

    /// Ends the round of a waiting delivery in favour of the next one.
    pub(crate) fn supersede(&mut self, now: Timestamp) -> Result<(), Refused> {
        if self.phase != Phase::Waiting {
            return Err(Refused);
        }
        self.phase = Phase::Finished(End::Superseded);
        self.at = now;
        Ok(())
    }

    /// The next round, due at once: its attempts are counted from one again.
    pub(crate) fn open_round(&mut self, now: Timestamp) -> Result<(), Refused> {
        if !matches!(self.phase, Phase::Finished(_)) {
            return Err(Refused);
        }
        self.phase = Phase::Waiting;
        self.at = now;
        self.round = self.round.saturating_add(1);
        self.attempt = AttemptNumber::FIRST;
        self.first_failure = Timestamp::START;
        Ok(())
    }

    fn leave_flight(&mut self) -> Result<(), Refused> {
        self.then().ok_or(Refused)?;
        self.probe = false;
        Ok(())
    }

    /// Its id, the same in all attempts and rounds.
    #[must_use]
    pub const fn id(&self) -> DeliveryId {
        self.id
    }

    /// The digest of its body.
    #[must_use]
    pub const fn body(&self) -> BodyDigest {
        self.body
    }

    /// Its sequence number: its place in the order of enqueueing.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The round it is in, or was in last: 1, and one more for each redelivery.
    #[must_use]
    pub const fn round(&self) -> NonZeroU32 {
        self.round
    }

    /// Its attempt in this round: the coming one while it waits, the one in flight, or the last one.
    #[must_use]
    pub const fn attempt(&self) -> AttemptNumber {
        self.attempt
    }

    /// The number of attempts begun, over all rounds.
    #[must_use]
    pub const fn sends(&self) -> u32 {
        self.sends
    }

    /// Whether it is a test event: one attempt per round, ignored by auto-disable.
    #[must_use]
    pub const fn is_test(&self) -> bool {
        self.test
    }

    /// Its current state.
    #[must_use]
    pub fn state(&self) -> DeliveryState {
        match self.phase {
            Phase::Waiting => DeliveryState::Waiting { due: self.at.to_utc() },
            Phase::InFlight(then) => DeliveryState::InFlight { lost_at: self.at.to_utc(), then },
            Phase::Finished(end) => DeliveryState::Finished { at: self.at.to_utc(), end },
        }
    }

    pub(crate) fn record(&self, endpoint: EndpointId) -> DeliveryRecord {
        DeliveryRecord {
            id: self.id,
            endpoint,
            body: self.body,
            sequence: self.sequence,
            round: self.round,
            attempt: self.attempt,
            sends: self.sends,
            first_failure: self.first_failure().map(Timestamp::to_utc),
            test: self.test,
            probe: self.probe,
            state: self.state(),
        }
    }

    /// Until when it waits, when its attempt counts as lost, or since when it is finished.
    pub(crate) const fn at(&self) -> Timestamp {
        self.at
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// What was requested during the attempt in flight; `None` if there is none.
    pub(crate) const fn then(&self) -> Option<Then> {
        match self.phase {
            Phase::InFlight(then) => Some(then),
            Phase::Waiting | Phase::Finished(_) => None,
        }
    }

    pub(crate) fn first_failure(&self) -> Option<Timestamp> {
        (self.first_failure != Timestamp::START).then_some(self.first_failure)
    }

    /// The slot of its endpoint.
    pub(crate) const fn endpoint(&self) -> u32 {
        self.endpoint
    }

    /// Whether the attempt in flight is the one by which an open breaker probes its endpoint.
    pub(crate) const fn is_probe(&self) -> bool {
        self.probe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Input = fn(&mut Delivery) -> Result<(), Refused>;

    const INPUTS: [(&str, Input); 8] = [
        ("begin", |delivery| delivery.begin(Timestamp::END, false)),
        ("succeed", |delivery| delivery.end(End::Delivered, Timestamp::END)),
        ("retry_at", |delivery| {
            delivery.retry_at(Timestamp::END, AttemptNumber::FIRST.next(), Timestamp::END)
        }),
        ("end", |delivery| delivery.end(GIVEN_UP, Timestamp::END)),
        ("cancel", |delivery| delivery.cancel(Timestamp::END)),
        ("redeliver: note it", Delivery::note_redelivery),
        ("redeliver: supersede", |delivery| delivery.supersede(Timestamp::END)),
        ("redeliver: next round", |delivery| delivery.open_round(Timestamp::END)),
    ];

    const GIVEN_UP: End = End::Undeliverable(crate::Undeliverable::Exhausted);
    const DELIVERED: Phase = Phase::Finished(End::Delivered);
    const NO: Option<Phase> = None;

    /// Where each input leads to, `None` if it is refused.
    fn table() -> [(Phase, [Option<Phase>; 8]); 3] {
        let (in_flight, finished) = (Phase::InFlight(Then::Decide), Phase::Finished(GIVEN_UP));
        let cancelled = Phase::Finished(End::Cancelled);
        let (noted, noted_cancel) = (Phase::InFlight(Then::Redeliver), Phase::InFlight(Then::Cancel));
        let superseded = Phase::Finished(End::Superseded);
        let waiting = Some(Phase::Waiting);
        [
            (Phase::Waiting, [Some(in_flight), NO, NO, NO, Some(cancelled), NO, Some(superseded), NO]),
            (
                in_flight,
                [NO, Some(DELIVERED), waiting, Some(finished), Some(noted_cancel), Some(noted), NO, NO],
            ),
            (DELIVERED, [NO, NO, NO, NO, NO, NO, NO, waiting]),
        ]
    }

    #[test]
    fn the_table_of_states_and_inputs_is_the_one_in_the_docs() {
        let new =
            Delivery::new(DeliveryId::from_u128(1), BodyDigest::new([0; 32]), 0, 0, Timestamp::START, false);
        for (phase, row) in table() {
            for ((name, input), leads_to) in INPUTS.into_iter().zip(row) {
                let mut delivery = Delivery { phase, ..new.clone() };
                let answer = input(&mut delivery);
                assert_eq!(answer.is_ok(), leads_to.is_some(), "{name} in {phase:?}");
                assert_eq!(delivery.phase, leads_to.unwrap_or(phase), "{name} in {phase:?}");
                let keeps_its_time = leads_to.is_none()
                    || matches!(leads_to, Some(Phase::InFlight(then)) if then != Then::Decide);
                assert_eq!(
                    delivery.at,
                    if keeps_its_time { new.at } else { Timestamp::END },
                    "{name} in {phase:?}"
                );
                assert_eq!(delivery.round.get(), 1 + u32::from(phase == DELIVERED && answer.is_ok()));
            }
        }
    }
}
