//! Many deliveries that wait, attempted as they become due, and replaced when they are delivered.
//!
//! The load is the same for every contender: a number of deliveries wait, half of them for their first attempt and half for a
//! retry, each until some moment within the next hour. Of what is due a first attempt fails, and its retry waits for up to
//! an hour; a retry is delivered, and a new delivery that waits for up to an hour takes its place.

mod floor;
mod ledger;
mod machine;
mod tokio_queue;

use core::time::Duration;

use gymhook::delivery::DeliveryId;
use gymhook::retry::{Fault, Outcome as Seen};

pub use floor::Floor;
pub use ledger::Ledger;
pub use machine::Machine;
pub use tokio_queue::TokioQueue;

use crate::Outcome;

/// For how long a delivery waits at most.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Enqueue, attempt, failure with its retry, attempt, delivered: each attempt stands for half of that.
pub const TRANSITIONS_AN_ATTEMPT: f64 = 2.5;

const TIMEOUT: Seen = Seen::Failure(Fault::Timeout);

/// How many deliveries wait for how many endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many deliveries wait.
    pub waiting: u64,
    /// To how many endpoints they go.
    pub endpoints: u64,
    /// How they are named.
    pub names: Names,
}

/// How deliveries are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Names that rise with the time, as UUIDs of version 7 do.
    Rising,
    /// Names all of whose bits are random, as UUIDs of version 4 have.
    Random,
}

/// Something in which deliveries wait.
pub trait Waiting {
    /// Goes on until `attempts` attempts were made or slightly more, and says how many.
    ///
    /// # Errors
    /// If something is refused that should not be.
    fn attempt(&mut self, attempts: u64) -> Outcome<u64>;

    /// Removes what was delivered, if that was kept.
    fn forget(&mut self) {}
}

impl Load {
    /// How much time passes until about sixteen deliveries more are due.
    fn step(&self) -> Duration {
        Duration::from_nanos(16 * u64::try_from(LONGEST_WAIT.as_nanos()).unwrap_or(u64::MAX) / self.waiting)
    }
}

/// Names and waits, the same ones for every contender.
#[derive(Clone, Debug)]
struct Draws {
    names: Names,
    named: u64,
    random: fastrand::Rng,
}

impl Draws {
    fn new(load: &Load) -> Self {
        Self { names: load.names, named: 0, random: fastrand::Rng::with_seed(7) }
    }

    fn name(&mut self) -> DeliveryId {
        self.named += 1;
        let high = match self.names {
            Names::Rising => self.named,
            Names::Random => self.random.u64(..),
        };
        DeliveryId::from_u128((u128::from(high) << 64) | u128::from(self.random.u64(..)))
    }

    fn wait(&mut self) -> Duration {
        Duration::from_nanos(self.random.u64(..u64::try_from(LONGEST_WAIT.as_nanos()).unwrap_or(u64::MAX)))
    }
}

fn nanos(draws: &mut Draws) -> u64 {
    u64::try_from(draws.wait().as_nanos()).unwrap_or(u64::MAX)
}
