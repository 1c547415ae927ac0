//! What follows from an attempt's end, by the documents.

use core::time::Duration;

use gymhook_delivery::{
    AttemptFailure, DeliveryChange, DeliveryId, DeliveryRecord, DeliveryState, End, Then, Undeliverable,
};
use gymhook_retry::{AttemptNumber, Verdict};

use super::endpoint::Sign;
use super::retry_delays::{self, Failure};
use super::{Reference, is_flying};
use crate::answer::Answer;
use crate::at::At;
use crate::settings::Settings;

/// What becomes of the delivery.
enum Fate {
    Again { due: At, number: AttemptNumber },
    Over(End),
}

impl Reference {
    /// The attempt of this delivery ended: with an answer that was read at that moment, or nobody knows how.
    pub(super) fn ended(&mut self, id: DeliveryId, answer: Option<(Answer, At)>) {
        let now = self.now;
        let Some(mut record) = self.deliveries.get(&id).copied().filter(is_flying) else { return };
        let DeliveryState::InFlight { then, .. } = record.state else { return };
        let Some(endpoint) = self.endpoints.get(&record.endpoint) else { return };
        let settings = &endpoint.settings;
        let verdict = answer.map_or(Verdict::Retry, |(answer, _)| verdict(settings, answer));
        let asked = answer.and_then(|(answer, read_at)| answer.asked_until(read_at));
        let asked =
            asked.map_or(Duration::ZERO, |until| until_then(now, until)).min(settings.retry_after_max);
        let fate = fate(settings, &record, verdict, asked, answer.is_none(), then, now);
        let gave_up = matches!(fate, Fate::Over(End::Undeliverable(_)));
        let sign = if answer.is_none() { Sign::Nothing } else { sign(verdict, asked, now) };
        let after = match (answer, verdict) {
            (None, _) => AttemptFailure::Lost,
            (_, Verdict::OurFault) => AttemptFailure::OurFault,
            _ => AttemptFailure::Failed,
        };

        let (probe, test) = (record.probe, record.test);
        record.probe = false;
        let change = match fate {
            Fate::Again { due, number } => {
                if number > record.attempt && record.first_failure.is_none() {
                    record.first_failure = Some(now.not_before().utc());
                }
                record.attempt = number;
                record.state = DeliveryState::Waiting { due: due.utc() };
                DeliveryChange::RetryScheduled { after }
            }
            Fate::Over(end) => {
                record.state = DeliveryState::Finished { at: now.reached().utc(), end };
                DeliveryChange::Ended(end)
            }
        };
        self.hold(record);
        self.expect_delivery(change, id);
        if then == Then::Redeliver && matches!(record.state, DeliveryState::Finished { .. }) {
            self.open_round(id);
        }
        let Some(endpoint) = self.endpoints.get_mut(&record.endpoint) else { return };
        let changes = endpoint.ended(sign, probe, gave_up, test, now);
        let state = endpoint.record;
        for change in changes {
            self.expect_endpoint(change, state);
        }
    }
}

fn fate(
    settings: &Settings,
    record: &DeliveryRecord,
    verdict: Verdict,
    asked: Duration,
    lost: bool,
    then: Then,
    now: At,
) -> Fate {
    let given_up = |why| Fate::Over(End::Undeliverable(why));
    let id = record.id.as_uuid().as_bytes();
    match (verdict, then) {
        (Verdict::Accept, _) => Fate::Over(End::Delivered),
        (_, Then::Cancel) => Fate::Over(End::Cancelled),
        (_, Then::Redeliver) => Fate::Over(End::Superseded),
        (Verdict::Gone, Then::Decide) => given_up(Undeliverable::Gone),
        (Verdict::Reject, Then::Decide) => given_up(Undeliverable::Rejected),
        (Verdict::OurFault, Then::Decide) => {
            let wait = retry_delays::after_own_fault(settings, id, record.attempt.get());
            Fate::Again { due: now.after(wait).not_before(), number: record.attempt }
        }
        (Verdict::Retry | Verdict::Throttle, Then::Decide) => {
            let since_first =
                record.first_failure.map_or(Duration::ZERO, |first| until_then(At::of(first), now));
            let failure = Failure { id, number: record.attempt.get(), since_first, asked };
            let wait = if lost {
                retry_delays::after_loss(settings, failure)
            } else {
                retry_delays::after_failure(settings, failure)
            };
            match wait.filter(|_| !record.test) {
                Some(wait) => {
                    Fate::Again { due: now.after(wait).not_before(), number: record.attempt.next() }
                }
                None => given_up(if lost { Undeliverable::Lost } else { Undeliverable::Exhausted }),
            }
        }
    }
}

/// The table by fault and by specification.
fn verdict(settings: &Settings, answer: Answer) -> Verdict {
    match answer {
        Answer::OwnFault => Verdict::OurFault,
        Answer::Broken(_) => Verdict::Retry,
        Answer::Status(200..=299, _) => Verdict::Accept,
        Answer::Status(410, _) => Verdict::Gone,
        Answer::Status(429 | 503, wish) if wish.is_some_and(|wish| wish.is_understood()) => Verdict::Throttle,
        Answer::Status(408 | 425 | 429, _) => Verdict::Retry,
        Answer::Status(400..=499, _) if settings.rejects_client_errors => Verdict::Reject,
        Answer::Status(..) => Verdict::Retry,
    }
}

fn sign(verdict: Verdict, asked: Duration, now: At) -> Sign {
    match verdict {
        Verdict::Accept => Sign::Success,
        Verdict::Gone => Sign::Gone,
        Verdict::Reject => Sign::Refusal,
        Verdict::OurFault => Sign::Nothing,
        Verdict::Throttle if !asked.is_zero() => Sign::AskedToWait(now.after(asked).not_before()),
        Verdict::Retry | Verdict::Throttle => Sign::Failure,
    }
}

fn until_then(from: At, to: At) -> Duration {
    Duration::from_nanos(u64::try_from(to.since(from)).unwrap_or(0))
}
