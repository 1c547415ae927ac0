//! What went wrong last at an endpoint, and what comes next.

use gymhook_engine::store::{AttemptQuery, DeliveryQuery, DeliveryRow, State};
use gymhook_engine::{DeliveryState, EndpointId};
use time::UtcDateTime;

use super::super::delivery::{is_success, outcome_of};
use super::super::visitor::Visitor;
use super::super::words::Moment;
use crate::Problem;

/// A failed attempt.
pub(super) struct LastError {
    pub(super) delivery: String,
    /// The status, or what happened in its place.
    pub(super) what: String,
    /// More about it.
    pub(super) detail: Option<String>,
    pub(super) at: Moment,
}

/// The latest failed attempt of these deliveries, of each of which the last one counts.
pub(super) async fn error_of(visitor: &Visitor, rows: &[DeliveryRow]) -> Result<Option<LastError>, Problem> {
    let mut latest = None;
    for row in rows {
        let Some(record) = row.record.filter(|record| record.sends > 0) else { continue };
        // The last that was begun may not have ended yet.
        let after = record.sends.saturating_sub(2);
        let query = AttemptQuery { after: Some(after), ..AttemptQuery::new(row.id, 2) };
        let Some(last) = visitor.caller.view().attempts(query).await?.items.pop() else { continue };
        if !is_success(&last) && latest.as_ref().is_none_or(|(at, _)| *at < last.ended) {
            let at = Moment::new(last.ended, visitor.now);
            let what = outcome_of(&last);
            latest =
                Some((last.ended, LastError { delivery: row.id.to_string(), what, detail: last.detail, at }));
        }
    }
    Ok(latest.map(|(_, error)| error))
}

/// How many deliveries that wait are looked at. Our choice: one page of the log.
const LOOKED_AT: u32 = 50;

/// When the next attempt is due; nothing if more deliveries wait than are looked at.
pub(super) async fn next_attempt(
    visitor: &Visitor,
    endpoint: EndpointId,
) -> Result<Option<UtcDateTime>, Problem> {
    let query = DeliveryQuery {
        endpoint: Some(endpoint),
        state: Some(State::Waiting),
        ..DeliveryQuery::new(LOOKED_AT)
    };
    let waiting = visitor.caller.view().deliveries(query).await?;
    if waiting.next.is_some() {
        return Ok(None);
    }
    let due = waiting.items.iter().filter_map(|row| match row.record?.state {
        DeliveryState::Waiting { due } => Some(due),
        DeliveryState::InFlight { .. } | DeliveryState::Finished { .. } => None,
    });
    Ok(due.min())
}
