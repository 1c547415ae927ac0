//! Whether what the machine puts out is what it has to.

use gymhook_delivery::{
    Attempt, DeliveryChange, DeliveryRecord, DeliveryState, EndpointChange, Output, Record,
};

use super::Reference;
use crate::at::At;
use crate::violation::{Promise, Violation};
use crate::words;

impl Reference {
    /// The machine put this out.
    pub(crate) fn observe(&mut self, output: &Output) -> Result<(), Violation> {
        match output {
            Output::Attempt(attempt) => self.attempt(attempt),
            Output::WakeAt(at) => self.rest(at.map(At::of)),
            Output::Record(Record::Delivery { change: DeliveryChange::AttemptBegan, delivery }) => {
                self.begin(*delivery)
            }
            Output::Record(Record::Endpoint { change: EndpointChange::TokenTaken, endpoint }) => {
                let before = self.token.replace(*endpoint);
                Promise::AsDocumented.require(before.is_none(), || {
                    format!("two tokens were taken before one attempt began: {endpoint:?}")
                })
            }
            Output::Record(record) => self.recorded(record),
        }
    }

    fn attempt(&mut self, attempt: &Attempt) -> Result<(), Violation> {
        Promise::RecordsFirst.require(self.expected.is_empty(), || {
            format!(
                "{}\n  began before it was recorded: {}",
                words::attempt(&attempt.attempt),
                self.in_words()
            )
        })?;
        let begun = self.begun.take();
        Promise::RecordsFirst
            .require(begun.is_some(), || format!("nothing recorded says that it begins: {attempt:?}"))?;
        Promise::SameIdentity.require(begun == Some(*attempt), || {
            format!("an attempt was put out as\n  {attempt:?}\n  and has to be\n  {begun:?}")
        })
    }

    fn recorded(&mut self, record: &Record) -> Result<(), Violation> {
        if !self.is_expected_of_its_subject(record) {
            self.lose_if_overdue(record);
        }
        match record {
            Record::Delivery { change, delivery } => self.delivery_recorded(*change, delivery, record),
            Record::Endpoint { .. } => {
                let found = self.expected.iter().position(|expected| expected == record);
                self.take(found, record, Promise::AsDocumented)
            }
            Record::LateAnswer(_) => {
                let found = self.expected.iter().position(|expected| expected == record);
                self.take(found, record, Promise::OnlyTheAttemptUnderWay)
            }
        }
    }

    fn delivery_recorded(
        &mut self,
        change: DeliveryChange,
        delivery: &DeliveryRecord,
        record: &Record,
    ) -> Result<(), Violation> {
        let of_it = |expected: &Record| match expected {
            Record::Delivery { delivery: expected, .. } => expected.id == delivery.id,
            Record::Endpoint { .. } | Record::LateAnswer(_) => false,
        };
        let next = self.expected.iter().position(of_it);
        let Some(Record::Delivery { delivery: right, change: right_change }) =
            next.and_then(|next| self.expected.get(next))
        else {
            let promise = match (self.deliveries.get(&delivery.id).map(|held| held.state), change) {
                (None, _) => Promise::SameIdentity,
                (Some(DeliveryState::Finished { .. }), DeliveryChange::Ended(_)) => {
                    Promise::OneTerminalRecord
                }
                (Some(DeliveryState::InFlight { .. }), DeliveryChange::Ended(_)) => {
                    Promise::OnlyTheAttemptUnderWay
                }
                (Some(_), _) => Promise::AsDocumented,
            };
            return promise.broken(|| format!("nothing called for {}", words::record(record)));
        };
        let promise = misrecorded(delivery, right, change, *right_change);
        let found = next.filter(|_| delivery == right && change == *right_change);
        self.take(found, record, promise)
    }

    fn take(&mut self, found: Option<usize>, record: &Record, promise: Promise) -> Result<(), Violation> {
        match found {
            Some(found) => {
                self.expected.remove(found);
                Ok(())
            }
            None => promise.broken(|| {
                format!("recorded was\n  {}\n  and has to be {}", words::record(record), self.in_words())
            }),
        }
    }

    /// What is expected, in words.
    fn in_words(&self) -> String {
        self.expected.iter().map(|record| format!("\n  {}", words::record(record))).collect()
    }

    fn is_expected_of_its_subject(&self, record: &Record) -> bool {
        let Record::Delivery { delivery, .. } = record else { return true };
        self.expected.iter().any(|expected| match expected {
            Record::Delivery { delivery: expected, .. } => expected.id == delivery.id,
            Record::Endpoint { .. } | Record::LateAnswer(_) => false,
        })
    }

    /// The machine counts an attempt as lost by itself when its answer is overdue.
    fn lose_if_overdue(&mut self, record: &Record) {
        let Record::Delivery { delivery, .. } = record else { return };
        if let Some(DeliveryState::InFlight { lost_at, .. }) =
            self.deliveries.get(&delivery.id).map(|held| held.state)
            && At::of(lost_at) <= self.now.reached()
        {
            self.ended(delivery.id, None);
        }
    }
}

/// Which promise a wrong record of a delivery breaks.
fn misrecorded(
    found: &DeliveryRecord,
    right: &DeliveryRecord,
    change: DeliveryChange,
    right_change: DeliveryChange,
) -> Promise {
    let name = |record: &DeliveryRecord| (record.endpoint, record.body, record.sequence, record.test);
    match (found.state, right.state) {
        _ if name(found) != name(right) => Promise::SameIdentity,
        (DeliveryState::Waiting { due }, DeliveryState::Waiting { due: right_due }) if due < right_due => {
            Promise::NeverEarly
        }
        (DeliveryState::Waiting { .. }, DeliveryState::Finished { .. })
            if matches!(right_change, DeliveryChange::Ended(_)) =>
        {
            Promise::BoundedAttempts
        }
        _ if found.attempt != right.attempt || found.sends != right.sends => Promise::BoundedAttempts,
        _ if matches!(change, DeliveryChange::Ended(_)) => Promise::OneTerminalRecord,
        _ => Promise::AsDocumented,
    }
}
