//! Everything that can be asked of a machine, as a value: it goes to the machine, to its twin and to the reference.

use gymhook_delivery::{
    AttemptRef, CancelError, Cancelled, DeliveryId, DeliveryRecord, Dispatcher, EndpointId, EndpointRecord,
    EnqueueError, Enqueued, ForgetError, LeaseEpoch, NewDelivery, Redelivered, RestoreDeliveryError,
    RestoredAs,
};

use crate::answer::Answer;
use crate::at::At;
use crate::settings::Settings;
use crate::words;

/// Something asked of a machine, or told to it.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    AddEndpoint(EndpointId, Settings),
    RestoreEndpoint(EndpointRecord, Settings, LeaseEpoch),
    Release(EndpointId),
    Retune(EndpointId, Settings),
    Disable(EndpointId),
    Enable(EndpointId),
    Enqueue(NewDelivery),
    SendTest(NewDelivery),
    Cancel(DeliveryId),
    Redeliver(DeliveryId),
    Forget(DeliveryId),
    RestoreDelivery(DeliveryRecord),
    /// An answer, and the moment at which the driver read it.
    Answer(AttemptRef, Answer),
    Timeout,
    LoseAttempts,
    Drain,
    Resume,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Done,
    New,
    Duplicate,
    Conflict,
    Unknown,
    Finished,
    Unfinished,
    AlreadyHere,
    AfterAttempt,
    Recorded,
    AttemptLost,
    Released(EndpointRecord),
    /// Something that cannot happen in this world.
    Strange,
}

impl Command {
    /// It, in few words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::AddEndpoint(id, _) => format!("add {}", words::endpoint(*id)),
            Self::RestoreEndpoint(record, _, lease) => {
                format!("restore under lease {lease} {}", words::endpoint_record(record))
            }
            Self::Release(id) => format!("release {}", words::endpoint(*id)),
            Self::Retune(id, settings) => format!("treat {} as {settings:?}", words::endpoint(*id)),
            Self::Disable(id) => format!("disable {}", words::endpoint(*id)),
            Self::Enable(id) => format!("enable {}", words::endpoint(*id)),
            Self::Enqueue(new) => {
                format!("enqueue {} to {}", words::delivery(new.id), words::endpoint(new.endpoint))
            }
            Self::SendTest(new) => {
                format!("test {} with {}", words::endpoint(new.endpoint), words::delivery(new.id))
            }
            Self::Cancel(id) => format!("cancel {}", words::delivery(*id)),
            Self::Redeliver(id) => format!("redeliver {}", words::delivery(*id)),
            Self::Forget(id) => format!("forget {}", words::delivery(*id)),
            Self::RestoreDelivery(record) => format!("restore {}", words::delivery_record(record)),
            Self::Answer(attempt, answer) => format!("take {answer:?} for {}", words::attempt(attempt)),
            Self::Timeout => "look at the time".to_owned(),
            Self::LoseAttempts => "count what is under way as lost".to_owned(),
            Self::Drain => "drain".to_owned(),
            Self::Resume => "resume".to_owned(),
        }
    }

    /// Asks it of the machine.
    pub(crate) fn ask(&self, machine: &mut Dispatcher, now: At) -> Reply {
        let at = now.utc();
        match self {
            Self::AddEndpoint(endpoint, settings) => machine
                .add_endpoint(*endpoint, settings.policy(), at)
                .map_or(Reply::AlreadyHere, |()| Reply::Done),
            Self::RestoreEndpoint(record, settings, lease) => machine
                .restore_endpoint(record, settings.policy(), *lease, at)
                .map_or(Reply::AlreadyHere, |()| Reply::Done),
            Self::Release(endpoint) => {
                machine.release_endpoint(*endpoint, at).map_or(Reply::Unknown, Reply::Released)
            }
            Self::Retune(endpoint, settings) => machine
                .update_policy(*endpoint, settings.policy(), at)
                .map_or(Reply::Unknown, |()| Reply::Done),
            Self::Disable(endpoint) => {
                machine.disable(*endpoint, at).map_or(Reply::Unknown, |()| Reply::Done)
            }
            Self::Enable(endpoint) => machine.enable(*endpoint, at).map_or(Reply::Unknown, |()| Reply::Done),
            Self::Enqueue(new) => enqueued(machine.enqueue(*new, at)),
            Self::SendTest(new) => enqueued(machine.send_test(*new, at)),
            Self::Cancel(delivery) => match machine.cancel(*delivery, at) {
                Ok(Cancelled::Now) => Reply::Done,
                Ok(Cancelled::AfterAttempt) => Reply::AfterAttempt,
                Err(CancelError::Unknown { .. }) => Reply::Unknown,
                Err(CancelError::Finished { .. }) => Reply::Finished,
                Err(_) => Reply::Strange,
            },
            Self::Redeliver(delivery) => match machine.redeliver(*delivery, at) {
                Ok(Redelivered::Now) => Reply::Done,
                Ok(Redelivered::AfterAttempt) => Reply::AfterAttempt,
                Err(_) => Reply::Unknown,
            },
            Self::Forget(delivery) => match machine.forget(*delivery) {
                Ok(()) => Reply::Done,
                Err(ForgetError::Unknown { .. }) => Reply::Unknown,
                Err(ForgetError::Unfinished { .. }) => Reply::Unfinished,
                Err(_) => Reply::Strange,
            },
            Self::RestoreDelivery(record) => match machine.restore_delivery(record, at) {
                Ok(RestoredAs::Recorded) => Reply::Recorded,
                Ok(RestoredAs::AttemptLost) => Reply::AttemptLost,
                Err(RestoreDeliveryError::UnknownEndpoint { .. }) => Reply::Unknown,
                Err(RestoreDeliveryError::AlreadyHeld { .. }) => Reply::AlreadyHere,
                Err(_) => Reply::Strange,
            },
            Self::Answer(attempt, answer) => {
                machine.handle_outcome(attempt, &answer.outcome(now), at);
                Reply::Done
            }
            Self::Timeout => {
                machine.handle_timeout(at);
                Reply::Done
            }
            Self::LoseAttempts => {
                machine.lose_attempts_under_way(at);
                Reply::Done
            }
            Self::Drain => {
                machine.drain();
                Reply::Done
            }
            Self::Resume => {
                machine.resume();
                Reply::Done
            }
        }
    }
}

fn enqueued(result: Result<Enqueued, EnqueueError>) -> Reply {
    match result {
        Ok(Enqueued::New) => Reply::New,
        Ok(Enqueued::Duplicate { .. }) => Reply::Duplicate,
        Err(EnqueueError::UnknownEndpoint { .. }) => Reply::Unknown,
        Err(EnqueueError::Conflict { .. }) => Reply::Conflict,
        Err(_) => Reply::Strange,
    }
}
