//! `PassingOn`: calls the function of [`Inbox::passing_on`], so that what it returns is enqueued in the transaction
//! that accepts the item.

use core::fmt;
use core::num::NonZeroU32;
use std::sync::Arc;

use gymhook_delivery::{Attempt, AttemptRef, LeaseEpoch};
use gymhook_retry::AttemptNumber;
use time::UtcDateTime;

use super::Inbox;
use crate::handler::Handle;
use crate::store::NewNotification;
use crate::stored_arrival::Arrival;
use crate::transport::check_size;
use crate::user_code::{self, Place};
use crate::{HandlerError, InboxItem};

/// The function that says what follows from an item.
#[derive(Clone)]
pub(super) struct PassingOn(Handle);

impl PassingOn {
    pub(super) fn new<F, R>(handle: F) -> Self
    where
        F: Fn(InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send + 'static,
    {
        Self(Arc::new(move |item| Box::pin(handle(item))))
    }

    /// The same with what follows from it; without, if that has to be left to the handler.
    pub(super) async fn pass_on(
        &self,
        new: NewNotification,
        arrival: &Arrival,
        now: UtcDateTime,
    ) -> NewNotification {
        match self.follow_ups(&new, arrival, now).await {
            Ok(follow_ups) => new.with_follow_ups(follow_ups),
            Err(reason) => {
                tracing::debug!(delivery = %new.id, reason, "an item is left to its handler");
                new
            }
        }
    }

    async fn follow_ups(
        &self,
        new: &NewNotification,
        arrival: &Arrival,
        now: UtcDateTime,
    ) -> Result<Vec<NewNotification>, String> {
        let event_type = new.event_type.clone();
        let item =
            InboxItem::new(first_attempt(new, now), event_type, Some(arrival.clone()), new.body.clone(), now);
        let passed_on = user_code::run(Place::Handler, || (self.0)(item));
        let passed_on = tokio::time::timeout(Inbox::PASSING_ON_TIMEOUT, passed_on).await;
        let passed_on = passed_on.map_err(|_| "its function takes too long".to_owned())?;
        let follow_ups =
            passed_on.map_err(|panicked| panicked.to_string())?.map_err(|error| error.to_string())?;
        check_size(&follow_ups, Inbox::MAX_PASSED_ON_AT_ONCE, Inbox::MAX_PASSED_ON_BYTES)?;
        Ok(follow_ups)
    }
}

/// The attempt that this would be, under no lease.
fn first_attempt(new: &NewNotification, now: UtcDateTime) -> Attempt {
    Attempt {
        attempt: AttemptRef { delivery: new.id, endpoint: new.endpoint, send: 1, lease: LeaseEpoch::new(0) },
        sequence: 0,
        number: AttemptNumber::FIRST,
        round: NonZeroU32::MIN,
        deadline: now.checked_add(Inbox::PASSING_ON_TIMEOUT.try_into().unwrap_or_default()).unwrap_or(now),
        test: false,
        probe: false,
    }
}

impl fmt::Debug for PassingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassingOn")
    }
}
