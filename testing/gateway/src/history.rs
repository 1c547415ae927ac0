//! All that was seen: what was sent, what happened in which order, and what the gateway's log says in the end.

use gymhook_crash_tests::check::is_accepted;
use gymhook_engine::store::State;

use crate::orders::Recipient;
use crate::studios::EventType;

/// What is judged.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What the platforms sent.
    pub sent: Vec<Sent>,
    /// What happened, in its order.
    pub events: Vec<Event>,
    /// The gateway's log.
    pub rows: Vec<Row>,
}

/// A request of a platform, which is repeated until it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its number.
    pub number: u64,
    /// The platform's name.
    pub platform: &'static str,
    /// The studio whose key signs it.
    pub studio: &'static str,
    /// Whether it is signed with nobody's key.
    pub is_forged: bool,
    /// Whether a repeat of it can be told from another request.
    pub tells_repeats: bool,
    /// Its events.
    pub events: &'static [EventType],
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A platform sends a request, perhaps again.
    Asked {
        /// The request's number.
        number: u64,
    },
    /// It was answered.
    Answered {
        /// The request's number.
        number: u64,
        /// The status; `None` if there was no answer.
        status: Option<u16>,
        /// Whether it said when to come again.
        says_when: bool,
    },
    /// The application got a request.
    Arrived(Arrival),
    /// The gateway is dead.
    Killed,
}

/// A request that the application got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it went.
    pub destination: Recipient,
    /// Its `webhook-id`.
    pub id: String,
    /// Whether its signature is the destination's.
    pub is_signed: bool,
    /// The number of the platform's request, by the mark in the body.
    pub number: Option<u64>,
    /// The vendor's type of the event.
    pub event_type: String,
    /// The CloudEvent's `source`.
    pub source: String,
    /// The body's digest.
    pub digest: u64,
    /// The status that it was answered with; `None` if the connection was cut.
    pub status: Option<u16>,
}

impl Arrival {
    /// Whether the application took it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        is_accepted(self.status)
    }
}

/// A delivery in the gateway's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The destination; `None` if it is what a source has accepted.
    pub destination: Option<Recipient>,
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: State,
    /// The number of the platform's request, by the mark in the body.
    pub number: Option<u64>,
    /// How many requests were ever begun.
    pub sends: u32,
    /// How many attempts ended with a 2xx, by the log.
    pub taken: usize,
    /// How many attempts have no known end: they were under way when their process died.
    pub lost: usize,
}
