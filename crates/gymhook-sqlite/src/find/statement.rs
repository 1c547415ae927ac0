//! `statement`: writes the SQL that finds deliveries with these filters.

use gymhook_store::{DeliveryQuery, StoreTime};
use rusqlite::types::Value;

use super::{Look, is_rare};

/// Looks for the latest, `most` at the most, whose sequence numbers are higher than `after`. It has only the conditions that are
/// asked for, and those that cost the least come first.
pub(super) fn statement(
    query: &DeliveryQuery,
    look: Look<'_>,
    after: i64,
    most: usize,
) -> (String, Vec<Value>) {
    let before = query.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let types = match look {
        Look::Type(event_type) => vec![event_type],
        Look::Rows | Look::Endpoint(_) => query.event_types.iter().map(String::as_str).collect(),
    };
    let of_types = match types.len() {
        1 => "event_type = ?".to_owned(),
        count => format!("event_type IN ({})", vec!["?"; count].join(", ")),
    };
    let endpoint = match look {
        Look::Endpoint(endpoint) => Some(endpoint),
        Look::Rows | Look::Type(_) => query.endpoint,
    };
    let gym = match look {
        // It is one of the gym's.
        Look::Endpoint(_) => None,
        Look::Rows | Look::Type(_) => query.gym.clone(),
    };
    let mut conditions = vec!["seq < ?", "seq > ?"];
    let mut values = vec![Value::from(before), Value::from(after)];
    let mut only = |condition, value: Option<Value>| {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    };
    only("endpoint = ?", endpoint.map(|endpoint| Value::Blob(endpoint.as_uuid().as_bytes().to_vec())));
    only("state = ?", query.state.map(|state| Value::from(i64::from(state.code()))));
    only("enqueued_at >= ?", query.from.map(|from| Value::from(StoreTime::ceil(from).micros())));
    only("enqueued_at < ?", query.until.map(|until| Value::from(StoreTime::ceil(until).micros())));
    if !types.is_empty() {
        conditions.push(&of_types);
        values.extend(types.into_iter().map(|event_type| Value::from(event_type.to_owned())));
    }
    if let Some(gym) = gym {
        conditions.push("endpoint IN (SELECT id FROM gymhook_subscriptions WHERE gym = ?)");
        values.push(Value::from(gym));
    }
    values.push(Value::from(i64::try_from(most).unwrap_or(i64::MAX)));
    let index = match look {
        Look::Rows => "NOT INDEXED",
        Look::Type(_) => "INDEXED BY gymhook_deliveries_by_type",
        Look::Endpoint(_) if query.state.is_some_and(is_rare) => "INDEXED BY gymhook_deliveries_by_state",
        Look::Endpoint(_) => "INDEXED BY gymhook_deliveries_by_endpoint",
    };
    let conditions = conditions.join(" AND ");
    let sql =
        format!("SELECT seq FROM gymhook_deliveries {index} WHERE {conditions} ORDER BY seq DESC LIMIT ?");
    (sql, values)
}
