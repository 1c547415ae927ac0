//! `ailing`: finds the subscriptions and destinations that fail, are disabled or get nothing for a while, the worst
//! first.

use core::cmp::Reverse;

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

/// The worst first; of those that are equally bad, the one that has failed longest.
fn order(badness: u8, record: &EndpointRecord, now: UtcDateTime) -> (Reverse<u8>, UtcDateTime) {
    (Reverse(badness), record.failing_since.unwrap_or(now))
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
    found.sort_by_key(|(badness, row)| order(*badness, &row.record, now));
    let others = found.len().saturating_sub(most);
    Ok(Ailing { worst: found.into_iter().take(most).map(|(_, row)| row).collect(), others, is_cut })
}

#[cfg(test)]
mod tests {
    use gymhook::delivery::{DisableReason, EndpointStatus};
    use gymhook_engine::EndpointId;
    use time::Duration;

    use super::*;

    #[test]
    fn the_worst_is_first_and_of_those_that_are_equally_bad_the_one_that_has_failed_longest() {
        let now = UtcDateTime::UNIX_EPOCH + Duration::DAY;
        let failing = |id: u128, since: Option<UtcDateTime>| EndpointRecord {
            failing_since: since,
            failed_in_a_row: 1,
            ..EndpointRecord::new(EndpointId::from_u128(id))
        };
        // Disabled: worse, though it has failed for the shortest time.
        let disabled = EndpointRecord {
            status: EndpointStatus::Disabled { reason: DisableReason::ByHand, since: now },
            ..failing(4, Some(now))
        };
        let mut records = [
            failing(1, None),
            disabled,
            failing(2, Some(now - Duration::HOUR)),
            failing(3, Some(now - Duration::HOUR * 2)),
        ];
        records.sort_by_key(|record| order(badness(record, now).unwrap(), record, now));
        let ids: Vec<_> = records.iter().map(|record| record.id).collect();
        assert_eq!(ids, [4, 3, 2, 1].map(EndpointId::from_u128));
    }
}
