//! Finds deliveries for a list with filters.

use super::connection::Lent;
use super::error::Result;
use super::queries::{logged, read_logged};
use super::values::{Value, has_nul};
use gymhook_store::StoreTime;
use gymhook_store::{DeliveryQuery, DeliveryRow, Page, State};

/// The statement has only the requested conditions, so that each combination has its own plan.
pub(super) async fn deliveries(lent: Lent<'_>, query: &DeliveryQuery) -> Result<Page<DeliveryRow>> {
    let event_types = query.event_types.iter().map(String::as_str);
    let event_types: Vec<&str> = event_types.filter(|event_type| !has_nul([Some(event_type)])).collect();
    let is_of_no_type = event_types.is_empty() && !query.event_types.is_empty();
    if has_nul([query.gym.as_deref()]) || is_of_no_type {
        lent.give_back().await?;
        return Ok(Page { items: Vec::new(), next: None });
    }
    let before = query.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    // One more tells whether there is another page.
    let most = i64::from(query.limit) + 1;
    let endpoint = query.endpoint.map(|endpoint| *endpoint.as_uuid());
    let state = query.state.map(State::code);
    let (from, until) = (
        query.from.map(|at| StoreTime::ceil(at).micros()),
        query.until.map(|at| StoreTime::ceil(at).micros()),
    );
    let mut values: Vec<&dyn Value> = vec![&before, &most];
    let mut conditions = "n.seq < $1".to_owned();
    if let Some(endpoint) = &endpoint {
        values.push(endpoint);
        conditions += &format!(" AND n.endpoint = ${}", values.len());
    }
    if let Some(state) = &state {
        values.push(state);
        conditions += &format!(" AND d.state = ${}", values.len());
    }
    if !event_types.is_empty() {
        values.push(&event_types);
        conditions += &format!(" AND n.event_type = ANY (${}::text[])", values.len());
    }
    if let Some(from) = &from {
        values.push(from);
        conditions += &format!(" AND n.enqueued_at >= ${}", values.len());
    }
    if let Some(until) = &until {
        values.push(until);
        conditions += &format!(" AND n.enqueued_at < ${}", values.len());
    }
    let sql = match &query.gym {
        None => logged(&format!("{conditions} ORDER BY n.seq DESC LIMIT $2")),
        Some(gym) => {
            values.push(gym);
            let gym = values.len();
            logged(&format!(
                "n.seq = ANY (ARRAY(
                    SELECT page.seq FROM gymhook.subscriptions s CROSS JOIN LATERAL (
                        SELECT n.seq FROM gymhook.notifications n JOIN gymhook.deliveries d USING (seq)
                        WHERE n.endpoint = s.id AND {conditions} ORDER BY n.seq DESC LIMIT $2
                    ) page WHERE s.gym = ${gym} ORDER BY page.seq DESC LIMIT $2
                )) ORDER BY n.seq DESC"
            ))
        }
    };
    let rows = lent.query(&sql, &values).await?;
    lent.give_back().await?;
    let found = rows.iter().map(read_logged).collect::<Result<Vec<DeliveryRow>>>()?;
    Ok(Page::cut(found, query.limit, |last: &DeliveryRow| last.sequence))
}
