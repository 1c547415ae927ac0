//! `DeleteCondition`: the condition of a conditional deletion.

use crate::SubscriptionRow;

/// The condition under which [`Store::delete_subscription`](crate::Store::delete_subscription) deletes. A store evaluates it in the
/// transaction of the deletion.
///
/// Exhaustive on purpose: a store has to decide about each condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteCondition {
    /// None: the subscription is deleted, whatever it has become.
    Always,
    /// The [configuration](SubscriptionRow::has_same_configuration) of the subscription is still that of this row, as it was read.
    /// Whoever read it and decided to delete it deletes nothing that another has written in the meantime.
    Unchanged(Box<SubscriptionRow>),
}

impl DeleteCondition {
    /// [`Unchanged`](Self::Unchanged), for the row that was read.
    #[must_use]
    pub fn unchanged(read: SubscriptionRow) -> Self {
        Self::Unchanged(Box::new(read))
    }

    /// The memory that it takes while a call waits, in bytes.
    pub fn weight(&self) -> usize {
        match self {
            Self::Always => 0,
            Self::Unchanged(read) => read.weight(),
        }
    }
}
