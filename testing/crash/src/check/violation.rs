//! What breaks a promise.

use gymhook_delivery::Undeliverable;
use gymhook_engine::store::State;

use super::Mismatch;

/// A promise that was not kept. Deliveries are named by their ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each is")]
pub enum Violation {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error("{delivery:032x} was acknowledged and is not in the store")]
    Lost { delivery: u128 },
    #[error("{delivery:032x} was given up ({reason:?}) after {charged} attempts of {allowed}")]
    GivenUpTooEarly { delivery: u128, reason: Option<Undeliverable>, charged: usize, allowed: u32 },
    #[error("{delivery:032x} ended as {state:?}, which nobody asked for")]
    StrangeState { delivery: u128, state: State },
    #[error("{delivery:032x} is {state:?} though there was time for it to end")]
    NotDrained { delivery: u128, state: State },
    #[error("{delivery:032x} was sent, or is in the store, and nobody enqueued it")]
    Invented { delivery: u128 },
    #[error("{delivery:032x} was sent and is not in the store")]
    SentWithoutRow { delivery: u128 },
    #[error("{delivery:032x} was sent long before its time")]
    SentTooEarly { delivery: u128 },
    #[error("{delivery:032x}: the log of attempts has no word of request {send}")]
    NotLogged { delivery: u128, send: u32 },
    #[error(
        "{delivery:032x}: request {send} was made though the success of request {accepted} was on record"
    )]
    SentAfterSuccess { delivery: u128, send: u32, accepted: u32 },
    #[error(
        "{delivery:032x}: request {send} repeats request {accepted}, whose process {pid} did not die in between"
    )]
    DuplicateWithoutCause { delivery: u128, send: u32, accepted: u32, pid: u32 },
    #[error("process {pid} left {lost} attempts under way, and may have had {allowed}")]
    TooManyLost { pid: u32, lost: u64, allowed: u64 },
    #[error(
        "process {pid} made {delayed} requests after its pause that others had overtaken, and may have made {allowed}"
    )]
    TooManyAfterPause { pid: u32, delayed: u64, allowed: u64 },
}
