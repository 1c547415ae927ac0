//! Outputs and names in few words, so that a failing trace can be read.

use gymhook_delivery::{
    AttemptRef, DeliveryId, DeliveryRecord, DeliveryState, EndpointId, EndpointRecord, EndpointStatus,
    Output, Record,
};

use crate::at::At;

pub(crate) fn endpoint(id: EndpointId) -> String {
    format!("endpoint {}", id.as_uuid().as_u128().saturating_sub(1))
}

pub(crate) fn delivery(id: DeliveryId) -> String {
    let (_, number) = id.as_uuid().as_u64_pair();
    format!("delivery {number}")
}

pub(crate) fn attempt(attempt: &AttemptRef) -> String {
    let AttemptRef { delivery: id, endpoint: to, send, lease } = attempt;
    format!("send {send} of {} to {} under lease {lease}", delivery(*id), endpoint(*to))
}

pub(crate) fn output(output: &Output) -> String {
    match output {
        Output::WakeAt(at) => {
            at.map_or_else(|| "rests".to_owned(), |at| format!("rests until {}", At::of(at)))
        }
        Output::Attempt(begun) => {
            let probe = if begun.probe { ", a probe" } else { "" };
            format!(
                "attempts {} (round {}, attempt {}{probe})",
                attempt(&begun.attempt),
                begun.round,
                begun.number
            )
        }
        Output::Record(record) => format!("records {}", self::record(record)),
    }
}

pub(crate) fn record(record: &Record) -> String {
    match record {
        Record::Delivery { change, delivery } => format!("{change:?}: {}", delivery_record(delivery)),
        Record::Endpoint { change, endpoint } => format!("{change:?}: {}", endpoint_record(endpoint)),
        Record::LateAnswer(late) => format!("late: {} ({:?})", attempt(&late.attempt), late.reason),
    }
}

pub(crate) fn delivery_record(record: &DeliveryRecord) -> String {
    let state = match record.state {
        DeliveryState::Waiting { due } => format!("waits until {}", At::of(due)),
        DeliveryState::InFlight { lost_at, then } => {
            format!("in flight, lost at {}, then {then:?}", At::of(lost_at))
        }
        DeliveryState::Finished { at, end } => format!("{end:?} at {}", At::of(at)),
    };
    let DeliveryRecord { round, attempt, sends, sequence, .. } = record;
    format!(
        "{} (sequence {sequence}, round {round}, attempt {attempt}, sent {sends} times) {state}",
        delivery(record.id)
    )
}

pub(crate) fn endpoint_record(record: &EndpointRecord) -> String {
    let at = |at: Option<time::UtcDateTime>| at.map_or_else(|| "–".to_owned(), |at| At::of(at).to_string());
    let status = match record.status {
        EndpointStatus::Enabled => "enabled".to_owned(),
        EndpointStatus::Disabled { reason, .. } => format!("disabled {reason:?}"),
    };
    format!(
        "{} {status}, {:?}, allowance {}, held until {}, bucket full at {}, {} failed, failing since {}, {} warnings",
        endpoint(record.id),
        record.breaker,
        record.allowance,
        at(record.held_until),
        at(record.bucket_full_at),
        record.failed_in_a_row,
        at(record.failing_since),
        record.warnings,
    )
}
