//! Subscriptions and destinations that are not sent to as they should be.

use gymhook::delivery::{BreakerState, EndpointRecord};
use gymhook_engine::Direction;
use gymhook_engine::store::{Store as _, SubscriptionQuery, SubscriptionRow};
use time::UtcDateTime;

use crate::Problem;
use crate::access::Caller;

/// Those that the caller reaches and that fail, are disabled or get nothing for a while.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ailing {
    /// The first of them, the worst first.
    pub(crate) worst: Vec<SubscriptionRow>,
    /// How many there are besides.
    pub(crate) others: usize,
    /// Whether there are more subscriptions than were looked at.
    pub(crate) is_cut: bool,
}

/// How many subscriptions are looked at. Our choice: the overview asks for this each time.
const LOOKED_AT: u32 = 5_000;
const PAGE: u32 = 1_000;

/// How bad it is; nothing for one that is well.
fn badness(record: &EndpointRecord, now: UtcDateTime) -> Option<u8> {
    match record.breaker {
        _ if record.is_disabled() => Some(3),
        BreakerState::Open { .. } | BreakerState::HalfOpen { .. } => Some(2),
        BreakerState::Closed { .. } if record.failing_since.is_some() || record.failed_in_a_row > 0 => {
            Some(1)
        }
        BreakerState::Closed { .. } => record.held_until.filter(|until| *until > now).map(|_| 0),
    }
}

/// Looks for them: `most` are described, the others counted.
pub(crate) async fn ailing(caller: &Caller, now: UtcDateTime, most: usize) -> Result<Ailing, Problem> {
    let mut query =
        SubscriptionQuery { gym: caller.gym().map(str::to_owned), ..SubscriptionQuery::new(PAGE) };
    let mut found = Vec::new();
    let mut is_cut = true;
    for _ in 0..LOOKED_AT / PAGE {
        let page = caller.app().outgoing.store().subscriptions(query.clone()).await?;
        let outgoing = page.items.into_iter().filter(|row| row.direction() == Direction::Outgoing);
        found.extend(outgoing.filter_map(|row| Some((badness(&row.record, now)?, row))));
        query.after = page.next;
        if query.after.is_none() {
            is_cut = false;
            break;
        }
    }
    found.sort_by_key(|(badness, row)| (core::cmp::Reverse(*badness), row.record.failing_since));
    let others = found.len().saturating_sub(most);
    Ok(Ailing { worst: found.into_iter().take(most).map(|(_, row)| row).collect(), others, is_cut })
}
