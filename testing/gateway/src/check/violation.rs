//! What breaks a promise.

use gymhook_engine::store::State;

use crate::orders::Recipient;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each is")]
pub enum Violation {
    #[error("request {number} was acknowledged, and its event {event} was never taken by {destination:?}")]
    Lost { number: u64, event: &'static str, destination: Recipient },
    #[error("request {number} was acknowledged, and the log has nothing of it")]
    NotLogged { number: u64 },
    #[error("request {number} is forged, and was acknowledged")]
    ForgedAcknowledged { number: u64 },
    #[error("{id} is of request {number}, which is forged")]
    ForgedPassedOn { id: String, number: u64 },
    #[error("{id} is of no request that was sent")]
    Invented { id: String },
    #[error("{id} went to {destination:?}, which does not want it, or is of no such event")]
    NotWanted { id: String, destination: Recipient },
    #[error("{id} is not signed with the secret of {destination:?}")]
    NotSigned { id: String, destination: Recipient },
    #[error("{id} says that it is from {source_name}, and it is from {expected}")]
    WrongSource { id: String, source_name: String, expected: String },
    #[error(
        "event {event} of request {number} arrived at {destination:?} under {ids} ids, which is more than {allowed}"
    )]
    Doubled { number: u64, event: String, destination: Recipient, ids: usize, allowed: usize },
    #[error("{id} arrived with another body, or at another place, than before")]
    Changed { id: String },
    #[error("{id} was taken and arrived again, and nobody was killed in between")]
    DuplicateWithoutCause { id: String },
    #[error("{duplicates} deliveries came again after one kill, and {allowed} may be under way")]
    TooManyDuplicates { duplicates: u64, allowed: u64 },
    #[error("{id} arrived, and the log does not have it")]
    ArrivedUnlogged { id: String },
    #[error("{id} arrived {arrivals} times, of which {taken} were taken; the log has {sends} and {logged}")]
    LogWrong { id: String, arrivals: usize, taken: usize, sends: u32, logged: usize },
    #[error("{id} is {state:?} in the end")]
    NotDelivered { id: String, state: State },
    #[error("request {number} was answered with {status}")]
    StrangeAnswer { number: u64, status: u16 },
    #[error("request {number} was answered with 503, without saying when to come again")]
    SaysNotWhen { number: u64 },
}
