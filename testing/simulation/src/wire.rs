//! What is between the owners and their endpoints: answers on their way, and what may happen to them there.

use std::collections::BTreeMap;

use gymhook_delivery::{Attempt, AttemptRef, LeaseEpoch};

use crate::answer::Answer;
use crate::at::At;
use crate::character::Plan;
use crate::names::{delivery_hash, endpoint_id, endpoint_number};
use crate::random::hash_of;
use crate::script::{Faults, Forgery};

/// Answers on their way, and processes that will come back.
#[derive(Debug)]
pub(crate) struct Wire {
    seed: u64,
    owners: usize,
    pub(crate) faults: Faults,
    /// What is to come, in the order of time and then of making.
    to_come: BTreeMap<(At, u64), ToCome>,
    made: u64,
    /// Answers that were given, for echoes of them.
    past: Vec<Answered>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ToCome {
    Answer(Answered),
    Start(usize),
}

/// An answer, and which owner gets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) owner: usize,
    pub(crate) attempt: Attempt,
    pub(crate) answer: Answer,
}

/// How long an attempt may take, and how long its answer is waited for after that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) timeout_ms: u64,
    pub(crate) grace_ms: u64,
}

/// The number of answers that are kept for echoes.
const PAST: usize = 10_000;

impl Wire {
    pub(crate) const fn new(seed: u64, owners: usize, faults: Faults) -> Self {
        Self { seed, owners, faults, to_come: BTreeMap::new(), made: 0, past: Vec::new() }
    }

    /// A request was sent; its answer is lost, late, doubled or misdirected, or simply comes.
    pub(crate) fn carry(&mut self, owner: usize, attempt: Attempt, plan: Plan, patience: Patience, now: At) {
        let id = delivery_hash(attempt.attempt.delivery);
        let dice = |kind| hash_of(&[self.seed, kind, id, attempt.attempt.send.into()]);
        let Faults { lost, doubled, late, misdirected } = self.faults;
        let extra = dice(5) % 60_000;
        let [is_lost, is_doubled, is_late, is_misdirected] =
            [(1, lost), (2, doubled), (3, late), (4, misdirected)]
                .map(|(kind, chance)| dice(kind) % 1_000 < chance);
        let Plan { after_ms, answer, .. } = plan;
        let given = Answered { owner, attempt, answer };
        if is_misdirected {
            let owner = (owner + 1) % self.owners;
            self.come(now, after_ms, ToCome::Answer(Answered { owner, ..given }));
        }
        if is_doubled {
            let answer = if extra.is_multiple_of(2) { answer } else { Answer::Status(503, None) };
            self.come(now, after_ms + extra / 100, ToCome::Answer(Answered { answer, ..given }));
        }
        if is_late {
            let after_all = after_ms + patience.timeout_ms + patience.grace_ms + extra;
            self.come(now, after_all, ToCome::Answer(given));
        } else if !is_lost {
            self.come(now, after_ms, ToCome::Answer(given));
        }
    }

    pub(crate) fn come(&mut self, now: At, after_ms: u64, what: ToCome) {
        let at = now.shifted(i64::try_from(after_ms).unwrap_or(0).saturating_mul(1_000_000));
        self.to_come.insert((at, self.made), what);
        self.made += 1;
    }

    pub(crate) fn next_at(&self) -> Option<At> {
        self.to_come.first_key_value().map(|((at, _), _)| *at)
    }

    /// What comes at `now`, one after the other.
    pub(crate) fn take_due(&mut self, now: At) -> Option<ToCome> {
        let due = self.to_come.first_entry().filter(|entry| entry.key().0 <= now)?.remove();
        if let ToCome::Answer(answered) = due
            && self.past.len() < PAST
        {
            self.past.push(answered);
        }
        Some(due)
    }

    /// An answer from long ago.
    pub(crate) fn echo(&self, number: u64) -> Option<Answered> {
        let index = usize::try_from(number).ok()?.checked_rem(self.past.len())?;
        self.past.get(index).copied()
    }

    /// To whom an answer to which attempt may be made up: one that is still to come, with one thing changed.
    pub(crate) fn forge(&self, number: u64, kind: Forgery) -> Option<(usize, AttemptRef)> {
        let answers: Vec<Answered> = self.to_come.values().filter_map(ToCome::answer).collect();
        let index = usize::try_from(number >> 1).ok()?.checked_rem(answers.len())?;
        let Answered { owner, attempt, .. } = answers.get(index)?;
        let mut attempt = attempt.attempt;
        match kind {
            Forgery::Endpoint => attempt.endpoint = endpoint_id(endpoint_number(attempt.endpoint) + 1),
            Forgery::Lease => attempt.lease = LeaseEpoch::new(attempt.lease.get() + 1),
            Forgery::Send => attempt.send += 1,
            Forgery::EarlierSend => attempt.send = attempt.send.saturating_sub(1),
        }
        Some((*owner, attempt))
    }
}

impl ToCome {
    const fn answer(&self) -> Option<Answered> {
        match self {
            Self::Answer(answered) => Some(*answered),
            Self::Start(_) => None,
        }
    }
}
