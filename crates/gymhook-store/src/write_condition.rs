//! `WriteCondition`: the condition of a conditional write.

use crate::SubscriptionRow;

/// The condition under which [`Store::put_subscription`](crate::Store::put_subscription) writes. A store evaluates it in the
/// transaction of the write.
///
/// Exhaustive on purpose: a store has to decide about each condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    /// None: a new subscription is created, and an existing one is replaced.
    Always,
    /// There is no subscription with this id, deleted or not. Of several that create it at the same time, one does.
    New,
    /// The subscription is new, or already has the gym of the row. Of several gyms that claim one id at the same time, one has
    /// it.
    SameGym,
    /// The subscription exists, and its [configuration](SubscriptionRow::has_same_configuration) is still that of this row, as it
    /// was read. Of several writers that read the same row and change it, one writes, and the others have to read again.
    Unchanged(Box<SubscriptionRow>),
}

impl WriteCondition {
    /// [`Unchanged`](Self::Unchanged), for the row that was read.
    #[must_use]
    pub fn unchanged(read: SubscriptionRow) -> Self {
        Self::Unchanged(Box::new(read))
    }

    /// The memory that it takes while a call waits, in bytes.
    pub fn weight(&self) -> usize {
        match self {
            Self::Always | Self::New | Self::SameGym => 0,
            Self::Unchanged(read) => read.weight(),
        }
    }
}
