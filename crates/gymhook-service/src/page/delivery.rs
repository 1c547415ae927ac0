//! The page of one delivery: its body, the next request, its attempts so far, the planned ones, retrying and
//! cancelling.

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, Response};
use gymhook::delivery::{End, Undeliverable};
use gymhook_engine::store::{AttemptOutcome, AttemptQuery, AttemptRow, DeliveryRow, State as InState};
use gymhook_engine::{DeliveryId, DeliveryLog, DeliveryState, INBOX_PLATFORM, Subscription};
use http::StatusCode;
use serde::Deserialize;
use time::UtcDateTime;

use super::badges::Badge;
use super::failure::Failure;
use super::flash::Done;
use super::names::{Endpoint, name_of, path_of};
use super::next_request::Shown;
use super::parameters::{Asked, id};
use super::payload::Payload;
use super::visitor::{Frame, Posted, Section, Visitor};
use super::words::{Moment, bytes, length};
use super::{Confirm, NoFields, render};
use crate::access::Needs;
use crate::actions::deliveries;
use crate::outgoing::DESTINATION;

/// An attempt that was made.
struct Attempt {
    send: u32,
    round: u32,
    number: u32,
    badge: Badge,
    /// The status, or the fault.
    outcome: String,
    ended: Moment,
    took: Option<String>,
    detail: Option<String>,
    response: Option<String>,
}

/// An attempt that the policy plans.
struct Planned {
    number: u32,
    at: Moment,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct Page {
    frame: Frame,
    id: String,
    badge: Badge,
    event_type: String,
    gym: String,
    platform: String,
    endpoint: String,
    name: String,
    /// The path of its subscription or destination, if there is one.
    to: Option<String>,
    /// Why there is none.
    endpoint_state: Option<&'static str>,
    is_incoming: bool,
    /// What follows from its state.
    story: String,
    enqueued: Moment,
    is_test: bool,
    attempts: Vec<Attempt>,
    more: Option<u32>,
    planned: Vec<Planned>,
    plans_more: bool,
    gives_up: Option<Moment>,
    payload: Option<Payload>,
    size: String,
    proof: Option<String>,
    unreadable: Option<String>,
    request: Option<Result<Shown, String>>,
    /// Whether an attempt is to come.
    goes_on: bool,
    may_retry: bool,
    is_delivered: bool,
    may_cancel: bool,
    /// Why it cannot be retried now, for whoever could.
    no_retry: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct From {
    /// The attempts after this one.
    after: Option<u32>,
}

/// How many planned attempts are shown.
const PLANNED: usize = 12;

pub(super) async fn show(
    visitor: Visitor,
    Path(name): Path<String>,
    Asked(from): Asked<From>,
) -> Result<Html<String>, Failure> {
    let id: DeliveryId = id(&name, "delivery")?;
    let view = visitor.caller.view();
    let DeliveryLog { delivery, body, mut attempts, proof, unreadable, .. } =
        deliveries::get(&visitor.caller, id).await?;
    if from.after.is_some() {
        let query = AttemptQuery { after: from.after, ..AttemptQuery::new(id, DeliveryLog::ATTEMPTS) };
        attempts = view.attempts(query).await?;
    }
    let now = visitor.now;
    let endpoint = Endpoint::find(&visitor.caller, delivery.endpoint).await?;
    let is_deleted = matches!(endpoint, Endpoint::Deleted);
    let subscription = endpoint.subscription();
    let is_incoming = delivery.platform == INBOX_PLATFORM;
    let planned = subscription.map(|found| plan(&delivery, found)).unwrap_or_default();
    let gives_up = planned
        .last()
        .zip(subscription)
        .map(|(last, found)| Moment::new(last.1 + found.policy().retry().attempt_timeout(), now));
    let request = match (subscription, &body) {
        (Some(subscription), Some(body)) if !is_incoming => {
            let transport = visitor.caller.app().transport.of_subscription(subscription);
            Some(Shown::of(transport, subscription, &delivery, body, now))
        }
        _ => None,
    };
    let can_end = matches!(delivery.state, InState::Waiting | InState::InFlight);
    let no_retry = match delivery.state {
        _ if is_deleted && delivery.platform == DESTINATION => {
            Some("Its destination was deleted, so nothing more is sent.")
        }
        _ if is_deleted => Some("Its subscription was deleted, so nothing more is sent."),
        InState::InFlight => Some("An attempt is in flight: wait until it ends."),
        InState::Unreadable => Some("It could not be read, so there is nothing to send."),
        InState::Quarantined => Some("It is damaged: send the event again."),
        InState::Waiting | InState::Delivered | InState::Undeliverable | InState::Cancelled => None,
    };
    let may_retry = visitor.may_retry();
    render(&Page {
        frame: visitor.frame(Section::Deliveries, format!("Delivery {}", delivery.event_type)),
        id: delivery.id.to_string(),
        badge: Badge::of(delivery.state),
        story: story(&delivery, now),
        enqueued: Moment::new(delivery.enqueued_at, now),
        is_test: delivery.record.is_some_and(|record| record.test),
        more: attempts.next,
        attempts: attempts.items.into_iter().map(|row| attempt(row, now)).collect(),
        plans_more: planned.len() > PLANNED,
        planned: planned
            .iter()
            .take(PLANNED)
            .map(|(number, at)| Planned { number: *number, at: Moment::new(*at, now) })
            .collect(),
        gives_up,
        size: body.as_ref().map(|body| bytes(body.len())).unwrap_or_default(),
        payload: body.as_ref().map(|body| Payload::new(body)),
        proof: proof.map(|proof| proof.to_string()),
        unreadable,
        request,
        goes_on: can_end && !is_deleted,
        is_delivered: delivery.state == InState::Delivered,
        may_retry: may_retry && no_retry.is_none(),
        may_cancel: may_retry && can_end && !is_deleted,
        no_retry: no_retry.filter(|_| may_retry),
        is_incoming,
        event_type: delivery.event_type,
        gym: delivery.gym,
        platform: delivery.platform,
        to: subscription.and_then(path_of),
        name: subscription.map_or_else(|| delivery.endpoint.to_string(), name_of),
        endpoint_state: match endpoint {
            Endpoint::Here(_) => None,
            Endpoint::Unreadable => Some("its settings cannot be read"),
            Endpoint::Deleted => Some("deleted"),
        },
        endpoint: delivery.endpoint.to_string(),
    })
}

/// The attempts to come, if all fail: the next one when it is due, the others as far from it as the schedule says.
fn plan(delivery: &DeliveryRow, subscription: &Subscription) -> Vec<(u32, UtcDateTime)> {
    let Some(record) = delivery.record else { return Vec::new() };
    let DeliveryState::Waiting { due } = record.state else { return Vec::new() };
    let retry = subscription.policy().retry();
    let only_one = record.test;
    let mut coming = retry.preview(due).skip_while(|planned| planned.attempt < record.attempt).peekable();
    let Some(first) = coming.peek().map(|planned| planned.earliest) else {
        return vec![(record.attempt.get(), due)];
    };
    let shift = due - first;
    coming
        .map(|planned| {
            (planned.attempt.get(), planned.earliest.checked_add(shift).unwrap_or(planned.earliest))
        })
        .take(if only_one { 1 } else { PLANNED + 1 })
        .collect()
}

fn story(delivery: &DeliveryRow, now: UtcDateTime) -> String {
    let Some(record) = delivery.record else {
        let why = if delivery.state == InState::Unreadable {
            "It arrived, but could not be read. It is kept until it is read again."
        } else {
            "Its row is damaged, so it was quarantined. Nothing is sent."
        };
        return why.to_owned();
    };
    if delivery.state == InState::Quarantined {
        return "Its body is damaged, so it was quarantined. Sending the same event again mends it."
            .to_owned();
    }
    let ended = |at: UtcDateTime| Moment::new(at, now).relative;
    match record.state {
        DeliveryState::Waiting { due } if due <= now => {
            format!("Attempt {} is due and waits for a worker.", record.attempt.get())
        }
        DeliveryState::Waiting { due } => {
            format!("Attempt {} follows {}.", record.attempt.get(), Moment::new(due, now).relative)
        }
        DeliveryState::InFlight { .. } => format!("Attempt {} is in flight.", record.attempt.get()),
        DeliveryState::Finished { at, end: End::Delivered } if record.sends == 0 => {
            format!("Passed on as it was accepted, at {} UTC.", Moment::new(at, now).text)
        }
        DeliveryState::Finished { at, end: End::Delivered } => {
            format!("Delivered at {} UTC.", Moment::new(at, now).text)
        }
        DeliveryState::Finished { at, end: End::Cancelled } => format!("It was cancelled {}.", ended(at)),
        DeliveryState::Finished { at, end: End::Superseded } => {
            format!("A redelivery took its place {}.", ended(at))
        }
        DeliveryState::Finished { at, end: End::Undeliverable(why) } => {
            let why = match why {
                Undeliverable::Exhausted => "no retry is left",
                Undeliverable::Rejected => "the endpoint's response means that repeating it is pointless",
                Undeliverable::Gone => "it is gone (410)",
                Undeliverable::Lost => "no retry is left, and nobody knows how the last attempt ended",
            };
            format!("It was given up {}: {why}. It is kept and can be retried.", ended(at))
        }
    }
}

/// Whether the receiver said that it has it.
pub(super) fn is_success(row: &AttemptRow) -> bool {
    row.status.is_some_and(|status| (200..300).contains(&status))
}

/// The status of the response, or what happened in its place.
pub(super) fn outcome_of(row: &AttemptRow) -> String {
    answer_of(row.status, row.outcome)
}

/// A status with its reason, or what happened in its place.
pub(super) fn answer_of(status: Option<u16>, outcome: AttemptOutcome) -> String {
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    status.map_or_else(|| outcome.to_string(), |status| status.to_string())
}

fn attempt(row: AttemptRow, now: UtcDateTime) -> Attempt {
    let badge = match row.outcome {
        AttemptOutcome::Response if is_success(&row) => Badge::SUCCESS,
        AttemptOutcome::Lost | AttemptOutcome::Internal => Badge::UNKNOWN,
        AttemptOutcome::Response | AttemptOutcome::Fault(_) | AttemptOutcome::Panicked | _ => Badge::FAILED,
    };
    Attempt {
        send: row.send,
        round: row.round.get(),
        number: row.number,
        badge,
        outcome: outcome_of(&row),
        ended: Moment::new(row.ended, now),
        took: row.began.map(|began| length((row.ended - began).unsigned_abs())),
        detail: row.detail,
        response: row.captured.filter(|captured| !captured.is_empty()),
    }
}

/// One more attempt, now.
pub(super) async fn retry(Path(name): Path<String>, posted: Posted<NoFields>) -> Result<Response, Failure> {
    let Posted { visitor, .. } = posted;
    let delivery: DeliveryId = id(&name, "delivery")?;
    deliveries::redeliver(&visitor.caller, delivery).await?;
    Ok(Done::Retried.then(&visitor, &format!("/deliveries/{delivery}")))
}

/// Asks first.
pub(super) async fn ask_to_cancel(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Html<String>, Failure> {
    visitor.caller.may(Needs::Retry)?;
    let delivery: DeliveryId = id(&name, "delivery")?;
    let log = deliveries::get(&visitor.caller, delivery).await?;
    render(&Confirm {
        frame: visitor.frame(Section::Deliveries, "Cancel this delivery?"),
        what: format!(
            "The delivery of {}{} will not be attempted again.",
            log.delivery.event_type,
            match log.delivery.gym.as_str() {
                "" => String::new(),
                gym => format!(" to gym “{gym}”"),
            }
        ),
        consequence: "It stays in the log and can be retried later.",
        button: "Cancel the delivery",
        action: format!("/deliveries/{delivery}/cancel"),
        back: format!("/deliveries/{delivery}"),
    })
}

pub(super) async fn cancel(Path(name): Path<String>, posted: Posted<NoFields>) -> Result<Response, Failure> {
    let Posted { visitor, .. } = posted;
    let delivery: DeliveryId = id(&name, "delivery")?;
    deliveries::cancel(&visitor.caller, delivery).await?;
    Ok(Done::Cancelled.then(&visitor, &format!("/deliveries/{delivery}")))
}
