//! `State`, the state of a delivery, with the number and the word that stores write for it.

/// The state of a delivery; its discriminant is what stores write.
///
/// ```
/// use gymhook_store::State;
///
/// assert_eq!((State::Delivered.as_str(), State::Delivered.code()), ("delivered", 2));
/// assert_eq!(State::from_code(2), Some(State::Delivered));
/// assert_eq!(State::from_code(99), None); // a newer version's
/// ```
///
/// Exhaustive on purpose: a store decides which of its rows are in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// It waits for its next attempt.
    Waiting = 0,
    /// An attempt is in flight.
    InFlight = 1,
    /// The endpoint has it.
    Delivered = 2,
    /// It was given up and is kept.
    Undeliverable = 3,
    /// It was cancelled.
    Cancelled = 4,
    /// Its row or its body is damaged; it was quarantined and is kept. If it was the body, enqueueing the same bytes again
    /// makes it wait again.
    Quarantined = 5,
    /// It arrived but could not be read; it is kept until it is read again. Its row is intact, but it has no record.
    Unreadable = 6,
}

impl State {
    /// All states, in the order of what stores write.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::InFlight,
        Self::Delivered,
        Self::Undeliverable,
        Self::Cancelled,
        Self::Quarantined,
        Self::Unreadable,
    ];

    /// What stores write.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The state that is written like this.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Its name in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InFlight => "in-flight",
            Self::Delivered => "delivered",
            Self::Undeliverable => "undeliverable",
            Self::Cancelled => "cancelled",
            Self::Quarantined => "quarantined",
            Self::Unreadable => "unreadable",
        }
    }
}
