//! `AttemptStart::run`, the task that makes one attempt within its time limit; `RunningAttempt` and `AttemptEnded`,
//! which it reports.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use gymhook_delivery::{Attempt, AttemptRef};
use gymhook_retry::{Fault, Outcome, OwnFault};
use time::UtcDateTime;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use crate::handler::REJECTED;
use crate::store::{AttemptOutcome, AttemptRow, StoredNotification};
use crate::stored_arrival::Arrival;
use crate::transport::check_size;
use crate::user_code::{self, Place};
use crate::{Answer, DeliveryHeaders, Direction, Sending, Subscription, Transport, clock};

/// An attempt that is over, or whose task is gone.
#[derive(Debug)]
pub(crate) struct AttemptEnded {
    pub(crate) attempt: Attempt,
    /// `None` if it could not be read.
    pub(crate) event_type: Option<String>,
    pub(crate) began: UtcDateTime,
    pub(crate) took: Duration,
    pub(crate) answer: Answer,
}

impl AttemptEnded {
    /// What the log keeps.
    pub(crate) fn row(&self) -> AttemptRow {
        let ended = self.began.checked_add(self.took.try_into().unwrap_or_default()).unwrap_or(self.began);
        AttemptRow {
            delivery: self.attempt.attempt.delivery,
            sequence: self.attempt.sequence,
            send: self.attempt.attempt.send,
            round: self.attempt.round,
            number: self.attempt.number.get(),
            began: Some(self.began),
            ended,
            outcome: AttemptOutcome::from(&self.answer.outcome),
            status: self.answer.outcome.status().map(|status| status.as_u16()),
            captured: self.answer.captured.clone(),
            detail: self.answer.detail.clone(),
        }
    }
}

/// An attempt whose answer is awaited.
#[derive(Debug)]
pub(crate) struct RunningAttempt {
    pub(crate) attempt: Attempt,
    pub(crate) event_type: String,
    /// Gives it up.
    pub(crate) abort: AbortHandle,
}

/// What an attempt needs to take off.
#[derive(Debug)]
pub(crate) struct AttemptStart {
    pub(crate) attempt: Attempt,
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) notification: StoredNotification,
    pub(crate) now: UtcDateTime,
    /// Until when the lease lasts at least, unless it is renewed.
    pub(crate) lease_ends: Instant,
    /// How much of the lease has to be left; an attempt that takes longer goes on while the lease is renewed.
    pub(crate) reserve: Duration,
}

/// Reports an attempt's end, in any case: a task that is dropped leaves a crash behind.
struct Report {
    ended: Option<AttemptEnded>,
    began: Instant,
    to: UnboundedSender<AttemptEnded>,
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(mut ended) = self.ended.take() {
            ended.took = clock::monotonic().duration_since(self.began);
            // A worker that is gone needs no answer.
            drop(self.to.send(ended));
        }
    }
}

/// Makes an attempt, within its time and its lease's.
pub(crate) async fn run<T: Transport>(
    transport: Arc<T>,
    start: AttemptStart,
    to: UnboundedSender<AttemptEnded>,
) {
    let AttemptStart { attempt, subscription, notification, now, lease_ends, reserve } = start;
    // The machine's time never goes back: a clock that was set back is far from the deadline.
    let longest = subscription.policy().retry().attempt_timeout();
    let timeout = Duration::try_from(attempt.deadline - now).unwrap_or(Duration::ZERO).min(longest);
    let began = clock::monotonic();
    let crashed = Answer::new(Outcome::Crashed).with_detail("the task that made the attempt is gone");
    let event_type = Some(notification.event_type.clone());
    let ended = AttemptEnded { attempt, event_type, began: now, took: Duration::ZERO, answer: crashed };
    let mut report = Report { ended: Some(ended), began, to };
    let answer = if began.checked_add(timeout.min(reserve)).is_none_or(|end| end > lease_ends) {
        Answer::new(Outcome::Internal(OwnFault::Storage))
            .with_detail("not sent: the lease on the endpoint is about to run out")
    } else if timeout.is_zero() {
        Answer::new(Outcome::Internal(OwnFault::Storage))
            .with_detail("not sent: writing it down took until its deadline")
    } else {
        let StoredNotification { event_type, body, origin, enqueued_at } = notification;
        let origin = origin.as_deref();
        let (arrival, headers) = match subscription.direction() {
            Direction::Incoming => (origin.and_then(Arrival::from_text), DeliveryHeaders::default()),
            Direction::Outgoing => {
                let AttemptRef { delivery, endpoint, .. } = attempt.attempt;
                (None, DeliveryHeaders::of_delivery(delivery, endpoint, origin))
            }
        };
        let sending =
            Sending { attempt, subscription, event_type, body, enqueued_at, now, timeout, arrival, headers };
        within_limits(send_in_time(&*transport, sending, lease_ends).await)
    };
    if let Some(ended) = &mut report.ended {
        ended.answer = answer;
    }
}

/// What a worker keeps in memory until it is on disk has a bound.
fn within_limits(answer: Answer) -> Answer {
    match check_size(&answer.follow_ups, Answer::MAX_FOLLOW_UPS, Answer::MAX_FOLLOW_UP_BYTES) {
        Ok(()) => answer,
        Err(problem) => Answer::new(Outcome::response(REJECTED)).with_detail(problem),
    }
}

/// Whatever the transport does, this has an answer by the deadline. A process that was paused past its deadline and its
/// lease goes no further: what the transport had not sent before the pause is not sent after it.
async fn send_in_time<T: Transport>(transport: &T, sending: Sending, lease_ends: Instant) -> Answer {
    let place = match sending.subscription.direction() {
        Direction::Incoming => Place::Handler,
        Direction::Outgoing => Place::Transport,
    };
    let timeout = sending.timeout;
    let last = clock::monotonic().checked_add(timeout).map_or(lease_ends, |end| end.max(lease_ends));
    let mut sent = pin!(user_code::run(place, || transport.send(sending)));
    // A timer alone polls what it limits once more before it looks at the time.
    let until_last = poll_fn(|context| {
        if clock::monotonic() > last {
            return Poll::Ready(None);
        }
        sent.as_mut().poll(context).map(Some)
    });
    match tokio::time::timeout(timeout, until_last).await {
        Ok(Some(Ok(answer))) => answer,
        Ok(Some(Err(panicked))) => Answer::new(Outcome::Panicked).with_detail(panicked.to_string()),
        // It may have been sent before, and answered: that is not the endpoint's failure.
        Ok(None) => Answer::new(Outcome::Crashed).with_detail(
            "this process was paused past the deadline and its lease: nobody knows how it ended",
        ),
        Err(_) => Answer::new(Outcome::Failure(Fault::Timeout)).with_detail("no whole answer in time"),
    }
}
