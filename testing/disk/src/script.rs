//! What callers ask of an engine while its disk fails: everything at once, step by step.

use gymhook_crash_tests::character::Character;
use gymhook_crash_tests::random::Random;
use gymhook_crash_tests::wire;

use crate::ledger::{Asked, Progress};

/// One step of an actor; it is repeated until the engine does it.
#[derive(Clone, Debug)]
pub enum Step {
    /// Enqueue these in one call.
    Enqueue(Vec<New>),
    /// Cancel a delivery.
    Cancel(u128),
    /// Redeliver a delivery.
    Redeliver(u128),
    /// Redeliver all of these, which this endpoint got before anything failed and were given up.
    RedeliverGivenUp(u32, Vec<u128>),
    /// Purge what had ended before anything failed.
    Purge,
    /// Write a subscription again, with a note to its worker to read it again.
    Put(u32),
    /// Delete a subscription.
    Delete(u32),
    /// Bring the write-ahead log into the file, as an operator may.
    Checkpoint,
}

/// A notification to be enqueued.
#[derive(Clone, Debug)]
pub struct New {
    /// What is written down of it.
    pub asked: Asked,
    /// Its body.
    pub body: Vec<u8>,
}

/// One of those who ask at the same time.
#[derive(Debug, Default)]
pub struct Actor {
    /// What it asks for, one after the other.
    pub steps: Vec<Step>,
    /// How far it has come.
    pub progress: Progress,
    /// Its pauses follow from this.
    pub seed: u64,
}

/// What happens before anything fails, and what while it does.
#[derive(Debug)]
pub struct Script {
    /// Before.
    pub before: Vec<Actor>,
    /// While.
    pub during: Vec<Actor>,
}

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many more notifications each of the callers enqueues.
    pub each: u32,
    /// The longest body, in bytes; most are much shorter.
    pub longest: u64,
}

impl Size {
    /// As little as shows everything.
    pub const SMALL: Self = Self { each: 3, longest: 9_000 };
}

impl Script {
    /// The endpoints: one of each character, and one that will be deleted.
    pub const ENDPOINTS: u32 = Character::COUNT + 1;

    /// The endpoint that will be deleted.
    pub const DELETED: u32 = Character::COUNT;

    /// The script of this seed.
    #[must_use]
    pub fn new(seed: u64, size: Size) -> Self {
        let mut writer = Writer { random: Random::new(seed), size, is_old: true };
        let old: Vec<Vec<New>> = (0..Self::ENDPOINTS)
            .map(|endpoint| vec![writer.write(endpoint), writer.write(endpoint)])
            .collect();
        let before =
            old.iter().map(|new| vec![Step::Enqueue(new.clone())]).map(|steps| writer.actor(steps)).collect();
        writer.is_old = false;
        Self { before, during: writer.during(&old) }
    }
}

struct Writer {
    random: Random,
    size: Size,
    is_old: bool,
}

impl Writer {
    fn actor(&mut self, steps: Vec<Step>) -> Actor {
        Actor { steps, progress: Progress::default(), seed: self.random.draw() }
    }

    fn write(&mut self, endpoint: u32) -> New {
        let delivery = (u128::from(self.random.draw()) << 64) | u128::from(self.random.draw());
        let body = self.body(delivery);
        let digest = wire::digest(&body);
        let asked = Asked { delivery, endpoint, digest, is_held: false, is_old: self.is_old };
        New { asked, body }
    }

    fn held(&mut self, endpoint: u32) -> New {
        let new = self.write(endpoint);
        New { asked: Asked { is_held: true, ..new.asked }, ..new }
    }

    /// Bytes that no text encoding survives, of very different lengths.
    fn body(&mut self, delivery: u128) -> Vec<u8> {
        let mut body = delivery.to_be_bytes().to_vec();
        let longest = if self.random.below(4) == 0 { self.size.longest } else { 300 };
        for _ in 0..self.random.below(longest) / 8 {
            body.extend_from_slice(&self.random.draw().to_le_bytes());
        }
        body
    }

    fn singles(&mut self, endpoint: u32) -> Vec<Step> {
        (0..self.size.each).map(|_| Step::Enqueue(vec![self.write(endpoint)])).collect()
    }

    fn during(&mut self, old: &[Vec<New>]) -> Vec<Actor> {
        let mut all: Vec<Vec<Step>> = (0..Character::COUNT).map(|endpoint| self.singles(endpoint)).collect();
        all.extend([0, 0, 4, 1].map(|endpoint| self.singles(endpoint)));
        all.push(vec![Step::Enqueue((0..Character::COUNT).map(|endpoint| self.write(endpoint)).collect())]);
        let (cancelled, kept) = (self.held(0), self.held(1));
        let to_cancel = cancelled.asked.delivery;
        all.push(vec![Step::Enqueue(vec![cancelled]), Step::Enqueue(vec![kept]), Step::Cancel(to_cancel)]);
        let first =
            |endpoint: usize| old.get(endpoint).and_then(|new| new.first()).map(|new| new.asked.delivery);
        all.push([0, 1, 4].into_iter().filter_map(first).map(Step::Redeliver).collect());
        let hopeless = Character::COUNT - 1;
        let given_up = old.iter().flatten().map(|new| new.asked).filter(|old| old.endpoint == hopeless);
        let given_up = given_up.map(|old| old.delivery).collect();
        all.push(vec![Step::RedeliverGivenUp(hopeless, given_up), Step::Purge, Step::Purge]);
        all.push(vec![Step::Put(0), Step::Put(3), Step::Put(1)]);
        let (held, sent) = (self.held(Script::DELETED), self.write(Script::DELETED));
        all.push(vec![Step::Enqueue(vec![held]), Step::Enqueue(vec![sent]), Step::Delete(Script::DELETED)]);
        all.push(vec![Step::Checkpoint, Step::Checkpoint]);
        all.into_iter().map(|steps| self.actor(steps)).collect()
    }
}
