//! What breaks a promise.

use gymhook_crash_tests::check::Mismatch;
use gymhook_engine::store::{State, StoreError};

use crate::backend::Inspected;

/// A promise that was not kept. Deliveries are named by their ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each is")]
pub enum Violation {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error("{delivery:032x} was acknowledged and is not in the store")]
    Lost { delivery: u128 },
    #[error("{delivery:032x} is quarantined")]
    Quarantined { delivery: u128 },
    #[error("{delivery:032x} was sent, or is in the store, and nobody enqueued it")]
    Invented { delivery: u128 },
    #[error("{delivery:032x} was sent and is not in the store")]
    SentWithoutRow { delivery: u128 },
    #[error("{delivery:032x} was sent long before its time")]
    SentTooEarly { delivery: u128 },
    #[error("{delivery:032x} was given up after {charged} attempts of {allowed}")]
    GivenUpTooEarly { delivery: u128, charged: usize, allowed: u32 },
    #[error("{delivery:032x} ended as {state:?}, which nobody asked for")]
    StrangeState { delivery: u128, state: State },
    #[error("{delivery:032x} is {state:?} though there was time for it to end")]
    NotDrained { delivery: u128, state: State },
    #[error("{delivery:032x} counts {sends} requests, and the log of attempts has {logged:?}")]
    HalfApplied { delivery: u128, sends: u32, logged: Vec<u32> },
    #[error("{delivery:032x}: a redelivery was taken, and there was none")]
    NotRedelivered { delivery: u128 },
    #[error("{delivery:032x}: {rounds} rounds, and {asked} redeliveries were asked for")]
    TooManyRounds { delivery: u128, rounds: u32, asked: u32 },
    #[error("{delivery:032x}: request {send} was made though request {accepted} was taken, and nobody died")]
    SentAgain { delivery: u128, send: u32, accepted: u32 },
    #[error("the tables do not agree: {0:?}")]
    Tables(Inspected),
    #[error("a caller was told something else than what went wrong: {0:?}")]
    WrongError(StoreError),
}
