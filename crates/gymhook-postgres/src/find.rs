//! `deliveries`: writes and runs the `SELECT` of a list of deliveries with filters.

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
    let (from, until) = (
        query.from.map(|at| StoreTime::ceil(at).micros()),
        query.until.map(|at| StoreTime::ceil(at).micros()),
    );
    let mut values: Vec<&dyn Value> = vec![&before, &most];
    let mut of_notification = String::new();
    if !event_types.is_empty() {
        values.push(&event_types);
        of_notification += &format!(" AND n.event_type = ANY (${}::text[])", values.len());
    }
    if let Some(from) = &from {
        values.push(from);
        of_notification += &format!(" AND n.enqueued_at >= ${}", values.len());
    }
    if let Some(until) = &until {
        values.push(until);
        of_notification += &format!(" AND n.enqueued_at < ${}", values.len());
    }
    // Each of these is few of all, or one: their latest are found one endpoint after the other.
    let mut of_subscription = String::new();
    if let Some(endpoint) = &endpoint {
        values.push(endpoint);
        of_subscription += &format!(" AND s.id = ${}", values.len());
    }
    if let Some(gym) = &query.gym {
        values.push(gym);
        of_subscription += &format!(" AND s.gym = ${}", values.len());
    }
    let latest = match query.state {
        // Few are in another state than delivered, and an index has those of each endpoint, in the order of the list. Another one
        // has those of all that were not delivered. Not a parameter, since the planner has to see which index it is.
        Some(state) if state != State::Delivered => {
            let join =
                if of_notification.is_empty() { "" } else { "JOIN gymhook.notifications n USING (seq)" };
            let latest = |of_endpoint: &str| {
                format!(
                    "SELECT d.seq FROM gymhook.deliveries d {join} WHERE {of_endpoint}d.state = {}
                     AND d.seq < $1{of_notification} ORDER BY d.seq DESC LIMIT $2",
                    state.code()
                )
            };
            let waits = matches!(state, State::Waiting | State::InFlight);
            Some(if waits || !of_subscription.is_empty() {
                of_each_endpoint(&latest("d.endpoint = s.id AND "), &of_subscription)
            } else {
                latest("")
            })
        }
        state => {
            if state.is_some() {
                of_notification += " AND d.state = 2";
            }
            let latest = format!(
                "SELECT n.seq FROM gymhook.notifications n JOIN gymhook.deliveries d USING (seq)
                 WHERE n.endpoint = s.id AND n.seq < $1{of_notification} ORDER BY n.seq DESC LIMIT $2"
            );
            (!of_subscription.is_empty()).then(|| of_each_endpoint(&latest, &of_subscription))
        }
    };
    let sql = match latest {
        None => logged(&format!("n.seq < $1{of_notification} ORDER BY n.seq DESC LIMIT $2")),
        Some(latest) => logged(&format!("n.seq = ANY (ARRAY({latest})) ORDER BY n.seq DESC")),
    };
    let rows = lent.query(&sql, &values).await?;
    lent.give_back().await?;
    let found = rows.iter().map(read_logged).collect::<Result<Vec<DeliveryRow>>>()?;
    Ok(Page::cut(found, query.limit, |last: &DeliveryRow| last.sequence))
}

/// The latest of those that a statement finds for each of these subscriptions, `s`.
fn of_each_endpoint(latest: &str, of_subscription: &str) -> String {
    format!(
        "SELECT page.seq FROM gymhook.subscriptions s CROSS JOIN LATERAL ({latest}) page
         WHERE true{of_subscription} ORDER BY page.seq DESC LIMIT $2"
    )
}
