//! A driver of the dispatcher with a clock of its own, so that what it measures is exact and the same everywhere.

use core::cmp::Reverse;
use core::fmt;
use core::time::Duration;
use std::collections::BinaryHeap;

use gymhook::delivery::{
    Attempt, AttemptRef, DeliveryChange, Dispatcher, End, Enqueued, NewDelivery, Output, Record,
};
use gymhook::retry::Outcome as Seen;
use time::UtcDateTime;

use crate::Outcome;

/// Answers an attempt that begins now: after how long, and how.
pub(crate) type Answer = dyn Fn(&Attempt, UtcDateTime) -> (Duration, Seen);

/// The dispatcher, what is to happen, and what has happened.
pub(crate) struct World {
    dispatcher: Dispatcher,
    answer: Box<Answer>,
    agenda: BinaryHeap<Reverse<(UtcDateTime, u64)>>,
    events: Vec<Option<Event>>,
    wake: Option<UtcDateTime>,
    sent: Vec<(UtcDateTime, Attempt)>,
    delivered: Vec<UtcDateTime>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrival(NewDelivery),
    Answer(AttemptRef, Seen),
}

impl World {
    /// Around a dispatcher whose endpoints answer like this.
    pub(crate) fn new(
        dispatcher: Dispatcher,
        answer: impl Fn(&Attempt, UtcDateTime) -> (Duration, Seen) + 'static,
    ) -> Self {
        Self {
            dispatcher,
            answer: Box::new(answer),
            agenda: BinaryHeap::new(),
            events: Vec::new(),
            wake: None,
            sent: Vec::new(),
            delivered: Vec::new(),
        }
    }

    /// Hands a delivery over at this time.
    pub(crate) fn arrives(&mut self, new: NewDelivery, at: UtcDateTime) {
        self.plan(at, Event::Arrival(new));
    }

    /// Lets everything happen that happens before `end`.
    ///
    /// # Errors
    /// If the dispatcher refuses a delivery.
    pub(crate) fn run_until(&mut self, end: UtcDateTime) -> Outcome<()> {
        while let Some(now) = self.next_moment().filter(|now| *now < end) {
            while let Some(event) = self.take_event(now) {
                self.happen(event, now)?;
                self.drain(now);
            }
            self.dispatcher.handle_timeout(now);
            self.drain(now);
        }
        Ok(())
    }

    /// Every attempt, and when it began.
    #[must_use]
    pub(crate) fn sent(&self) -> &[(UtcDateTime, Attempt)] {
        &self.sent
    }

    /// When each delivery was delivered, in order.
    #[must_use]
    pub(crate) fn delivered(&self) -> &[UtcDateTime] {
        &self.delivered
    }

    fn plan(&mut self, at: UtcDateTime, event: Event) {
        let number = self.events.len() as u64;
        self.agenda.push(Reverse((at, number)));
        self.events.push(Some(event));
    }

    fn next_moment(&self) -> Option<UtcDateTime> {
        let planned = self.agenda.peek().map(|Reverse((at, _))| *at);
        [planned, self.wake].into_iter().flatten().min()
    }

    fn take_event(&mut self, now: UtcDateTime) -> Option<Event> {
        let Reverse((_, number)) = self.agenda.peek().filter(|Reverse((at, _))| *at <= now)?;
        let event = self.events.get_mut(usize::try_from(*number).ok()?)?.take();
        self.agenda.pop();
        event
    }

    fn happen(&mut self, event: Event, now: UtcDateTime) -> Outcome<()> {
        match event {
            Event::Arrival(new) => match self.dispatcher.enqueue(new, now)? {
                Enqueued::New => {}
                Enqueued::Duplicate { .. } => return Err("a delivery came twice".into()),
            },
            Event::Answer(attempt, outcome) => self.dispatcher.handle_outcome(&attempt, &outcome, now),
        }
        Ok(())
    }

    fn drain(&mut self, now: UtcDateTime) {
        loop {
            match self.dispatcher.poll_output() {
                Output::Attempt(attempt) => {
                    let (after, outcome) = (self.answer)(&attempt, now);
                    self.plan(now + after, Event::Answer(attempt.attempt, outcome));
                    self.sent.push((now, attempt));
                }
                Output::Record(Record::Delivery {
                    change: DeliveryChange::Ended(End::Delivered), ..
                }) => {
                    self.delivered.push(now);
                }
                Output::Record(_) => {}
                Output::WakeAt(at) => {
                    self.wake = at;
                    return;
                }
            }
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("sent", &self.sent.len()).finish_non_exhaustive()
    }
}
