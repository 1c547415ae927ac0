//! `LastError` and `Next`: the last error at an endpoint, and its next attempt.

use core::cmp::Reverse;

use gymhook::delivery::BreakerState;
use gymhook_engine::store::{AttemptQuery, DeliveryQuery, DeliveryRow, EndpointStats, State};
use gymhook_engine::{DeliveryId, DeliveryState, EndpointId};
use time::UtcDateTime;

use super::super::delivery::{answer_of, is_success, outcome_of};
use super::super::visitor::Visitor;
use super::super::words::Moment;
use crate::Problem;

/// A failed attempt.
pub(in super::super) struct LastError {
    pub(in super::super) delivery: String,
    /// The status, or what happened in its place.
    pub(in super::super) what: String,
    /// More about it.
    pub(in super::super) detail: Option<String>,
    pub(in super::super) at: Moment,
}

/// The latest failed attempt that this process has seen, or that the log has of these deliveries, of each of which the last one
/// counts.
pub(super) async fn error_of(
    visitor: &Visitor,
    endpoint: EndpointId,
    rows: &[DeliveryRow],
) -> Result<Option<LastError>, Problem> {
    let mut latest: Option<(UtcDateTime, DeliveryId, LastError)> = None;
    for row in rows {
        let Some(record) = row.record.filter(|record| record.sends > 0) else { continue };
        // The last that was begun may not have ended yet.
        let after = record.sends.saturating_sub(2);
        let query = AttemptQuery { after: Some(after), ..AttemptQuery::new(row.id, 2) };
        let Some(last) = visitor.caller.view().attempts(query).await?.items.pop() else { continue };
        if !is_success(&last) && latest.as_ref().is_none_or(|(at, ..)| *at < last.ended) {
            let (at, what) = (Moment::new(last.ended, visitor.now), outcome_of(&last));
            let error = LastError { delivery: row.id.to_string(), what, detail: last.detail, at };
            latest = Some((last.ended, row.id, error));
        }
    }
    // Of the same delivery the log knows more.
    let seen = visitor.caller.app().activity.endpoints().last_failure(endpoint).filter(|seen| {
        latest.as_ref().is_none_or(|(at, delivery, _)| *delivery != seen.delivery && *at < seen.at)
    });
    Ok(match seen {
        None => latest.map(|(.., error)| error),
        Some(seen) => Some(LastError {
            delivery: seen.delivery.to_string(),
            what: answer_of(seen.status, seen.outcome),
            detail: None,
            at: Moment::new(seen.at, visitor.now),
        }),
    })
}

/// How many deliveries of an endpoint that fails are looked at for a row of a list, and of how many the attempts are read.
const LATEST: u32 = 5;
const ATTEMPTED: usize = 3;

/// The last error of a row in a list: the log is read only of an endpoint that fails without this process having seen it.
pub(super) async fn listed_error(
    visitor: &Visitor,
    stats: &EndpointStats,
    mut waiting: Vec<DeliveryRow>,
) -> Result<Option<LastError>, Problem> {
    let endpoint = stats.record.id;
    let fails = stats.record.failing_since.is_some() || stats.record.failed_in_a_row > 0;
    if fails && visitor.caller.app().activity.endpoints().last_failure(endpoint).is_none() {
        let query = DeliveryQuery { endpoint: Some(endpoint), ..DeliveryQuery::new(LATEST) };
        waiting.extend(visitor.caller.view().deliveries(query).await?.items);
        waiting.retain(|row| row.record.is_some_and(|record| record.sends > 0));
        waiting.sort_by_key(|row| Reverse(row.record.map(|record| ended_of(record.state, row))));
        waiting.dedup_by_key(|row| row.id);
        waiting.truncate(ATTEMPTED);
    } else {
        waiting.clear();
    }
    error_of(visitor, endpoint, &waiting).await
}

/// About when the last attempt of a delivery ended: what an order of them goes by.
fn ended_of(state: DeliveryState, row: &DeliveryRow) -> UtcDateTime {
    let first_failure = || row.record.and_then(|record| record.first_failure);
    match state {
        DeliveryState::Finished { at, .. } => at,
        DeliveryState::Waiting { .. } | DeliveryState::InFlight { .. } => {
            first_failure().unwrap_or(row.enqueued_at)
        }
    }
}

/// How many deliveries that wait are looked at. Our choice: one page of the log.
const LOOKED_AT: u32 = 50;

/// All that waits for an endpoint; nothing if that is more than is looked at.
pub(super) async fn waiting(
    visitor: &Visitor,
    stats: &EndpointStats,
) -> Result<Option<Vec<DeliveryRow>>, Problem> {
    if stats.waiting == 0 {
        return Ok(Some(Vec::new()));
    }
    if stats.waiting > u64::from(LOOKED_AT) {
        return Ok(None);
    }
    let query = DeliveryQuery {
        endpoint: Some(stats.record.id),
        state: Some(State::Waiting),
        ..DeliveryQuery::new(LOOKED_AT)
    };
    let found = visitor.caller.view().deliveries(query).await?;
    Ok(found.next.is_none().then_some(found.items))
}

/// When the next attempt is made at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Next {
    /// Nothing waits, or it is disabled.
    Never,
    At(UtcDateTime),
    /// More deliveries wait than are looked at, and none of them is due.
    Unknown,
}

/// When the next attempt is made: when the first delivery is due, and not before the endpoint is sent to again.
pub(super) fn next_attempt(stats: &EndpointStats, waiting: Option<&[DeliveryRow]>) -> Next {
    if stats.waiting == 0 || stats.record.is_disabled() {
        return Next::Never;
    }
    let due = |row: &DeliveryRow| match row.record?.state {
        DeliveryState::Waiting { due } => Some(due),
        DeliveryState::InFlight { .. } | DeliveryState::Finished { .. } => None,
    };
    let first = waiting.into_iter().flatten().filter_map(due).min();
    let Some(first) = first.into_iter().chain(stats.oldest_due).min() else { return Next::Unknown };
    let probe = match stats.record.breaker {
        BreakerState::Open { until, .. } => Some(until),
        BreakerState::HalfOpen { .. } | BreakerState::Closed { .. } => None,
    };
    Next::At(probe.into_iter().chain(stats.record.held_until).fold(first, UtcDateTime::max))
}

#[cfg(test)]
mod tests {
    use gymhook::delivery::{DisableReason, EndpointRecord, EndpointStatus};
    use time::Duration;

    use super::*;

    #[test]
    fn the_next_attempt_is_not_before_the_endpoint_is_sent_to_again() {
        let now = UtcDateTime::UNIX_EPOCH + Duration::DAY;
        let mut stats = EndpointStats {
            record: EndpointRecord::new(EndpointId::from_u128(1)),
            waiting: 100,
            in_flight: 0,
            undeliverable: 0,
            oldest_due: None,
            last_delivered: None,
            last_undeliverable: None,
            lease: None,
        };
        assert_eq!(next_attempt(&stats, None), Next::Unknown);
        stats.oldest_due = Some(now);
        assert_eq!(next_attempt(&stats, None), Next::At(now));
        stats.record.held_until = Some(now - Duration::HOUR);
        assert_eq!(next_attempt(&stats, None), Next::At(now));
        stats.record.held_until = Some(now + Duration::HOUR);
        assert_eq!(next_attempt(&stats, None), Next::At(now + Duration::HOUR));
        let until = now + Duration::HOUR * 2;
        stats.record.breaker = BreakerState::Open { until, probes_failed: 0 };
        assert_eq!(next_attempt(&stats, None), Next::At(until));
        stats.record.breaker = BreakerState::Closed { failed: 0 };
        let active = stats.record.status;
        stats.record.status = EndpointStatus::Disabled { reason: DisableReason::ByHand, since: now };
        assert_eq!(next_attempt(&stats, None), Next::Never, "it is disabled");
        stats.record.status = active;
        stats.waiting = 0;
        assert_eq!(next_attempt(&stats, None), Next::Never);
    }
}
