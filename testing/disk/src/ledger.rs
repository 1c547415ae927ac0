//! What was asked of an engine, what it answered, and what its endpoints saw, in the order in which it happened.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gymhook_crash_tests::check::{Seen, is_accepted};
use gymhook_engine::store::StoreError;

/// One thing that happened. Deliveries are named by their ids, endpoints by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A notification is about to be enqueued.
    Asked(Asked),
    /// The engine said that it is on disk.
    Acknowledged {
        /// The delivery.
        delivery: u128,
    },
    /// A cancellation is about to be asked for, once or again.
    CancelAsked {
        /// Of this delivery.
        delivery: u128,
    },
    /// The engine said that it takes the cancellation.
    CancelTaken {
        /// Of this delivery.
        delivery: u128,
    },
    /// A redelivery is about to be asked for, once or again.
    RedeliveryAsked {
        /// Of this delivery.
        delivery: u128,
    },
    /// The engine said that it takes the redelivery.
    RedeliveryTaken {
        /// Of this delivery.
        delivery: u128,
    },
    /// What is old and has ended is about to be purged.
    PurgeAsked,
    /// A subscription is about to be deleted.
    DeletionAsked {
        /// Of this endpoint.
        endpoint: u32,
    },
    /// An endpoint got a request.
    Request(Request),
    /// The process died here.
    Died,
}

/// One notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The delivery's id.
    pub delivery: u128,
    /// The endpoint's number.
    pub endpoint: u32,
    /// The body's.
    pub digest: u64,
    /// Whether it is to wait for longer than the test takes.
    pub is_held: bool,
    /// Whether it was enqueued, and had ended if it could, before anything failed.
    pub is_old: bool,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The delivery's id.
    pub delivery: u128,
    /// The endpoint's number.
    pub endpoint: u32,
    /// Its number among the delivery's requests.
    pub send: u32,
    /// Its round.
    pub round: u32,
    /// The body's.
    pub digest: u64,
    /// The status that it was answered with; `None` if it was not.
    pub status: Option<u16>,
}

impl Request {
    /// Whether the endpoint took it.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        is_accepted(self.status)
    }

    /// What its endpoint saw of it.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        let Self { endpoint, send, digest, status, .. } = *self;
        Seen { endpoint, send, digest, status }
    }
}

/// Where all of that is written down. Cloning is cheap: all clones are the same ledger.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    events: Vec<Event>,
    complaints: Vec<StoreError>,
    /// How many processes died: what a dead one says is not heard.
    lives: usize,
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes something down.
    pub fn note(&self, event: Event) {
        self.book().events.push(event);
    }

    /// Writes several things down.
    pub fn note_all(&self, events: impl IntoIterator<Item = Event>) {
        self.book().events.extend(events);
    }

    /// Writes a request of this life down; `false` if it is over.
    #[must_use]
    pub fn request(&self, life: usize, request: Request) -> bool {
        let mut book = self.book();
        let lives = book.lives == life;
        if lives {
            book.events.push(Event::Request(request));
        }
        lives
    }

    /// Writes down what a caller was told instead of what it asked for.
    pub fn complain(&self, error: StoreError) {
        self.book().complaints.push(error);
    }

    /// How often callers were told something else than what they asked for.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.book().complaints.len()
    }

    /// The process dies.
    pub fn die(&self) {
        let mut book = self.book();
        book.lives += 1;
        book.events.push(Event::Died);
    }

    /// The number of the present life.
    #[must_use]
    pub fn life(&self) -> usize {
        self.book().lives
    }

    /// Everything so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.book().events.clone()
    }

    /// What callers were told instead of what they asked for.
    #[must_use]
    pub fn complaints(&self) -> Vec<StoreError> {
        self.book().complaints.clone()
    }
}

/// How many of its steps an actor has done, whatever became of its process.
#[derive(Debug, Default)]
pub struct Progress(AtomicUsize);

impl Progress {
    /// The step that it is at.
    #[must_use]
    pub fn at(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// It is done with that.
    pub fn step_on(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
