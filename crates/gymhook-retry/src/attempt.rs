//! `AttemptNumber`: attempts, counted from one.

use core::fmt;
use core::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// The number of an attempt of one delivery, counted from 1.
///
/// A delivery's first attempt is [`AttemptNumber::FIRST`]; every later one is a retry.
///
/// ```
/// use gymhook_retry::AttemptNumber;
///
/// let second = AttemptNumber::FIRST.next();
/// assert_eq!(second.get(), 2);
/// assert!(second.is_retry());
/// assert_eq!(AttemptNumber::new(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptNumber(NonZeroU32);

impl AttemptNumber {
    /// The first attempt of a delivery.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The largest number; no schedule has a retry after it.
    pub const MAX: Self = Self(NonZeroU32::MAX);

    /// The attempt with this number, or `None` for zero.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, at least 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The attempt after this one; [`AttemptNumber::MAX`] is its own successor.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Whether this is any attempt but the first.
    #[must_use]
    pub const fn is_retry(self) -> bool {
        self.get() > 1
    }

    /// How many attempts came before this one.
    #[must_use]
    pub const fn predecessors(self) -> u32 {
        self.get() - 1
    }
}

impl From<NonZeroU32> for AttemptNumber {
    fn from(number: NonZeroU32) -> Self {
        Self(number)
    }
}

impl fmt::Display for AttemptNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
