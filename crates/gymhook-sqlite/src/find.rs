//! Finding deliveries in the log.

use std::collections::BTreeSet;

use gymhook_delivery::EndpointId;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::error::Result;
use super::queries::{logged, read_delivery};
use super::row;
use gymhook_store::StoreTime;
use gymhook_store::{DeliveryQuery, DeliveryRow, Page, State};

pub(super) fn deliveries(connection: &Connection, query: &DeliveryQuery) -> Result<Page<DeliveryRow>> {
    let limit = query.limit as usize;
    let found = sequences(connection, query)?;
    let is_last = found.len() <= limit;
    let mut select = connection.prepare_cached(&logged("seq = ?1"))?;
    let mut items = Vec::new();
    for sequence in found.iter().rev().take(limit) {
        let mut rows = select.query([sequence])?;
        // It may be purged by now.
        if let Some(row) = rows.next()? {
            items.extend(row::or_skipped(read_delivery(row))?);
        }
    }
    let next = found.iter().rev().take(limit).next_back().filter(|_| !is_last);
    Ok(Page { items, next: next.and_then(|last| u64::try_from(*last).ok()) })
}

/// One more than wanted, which tells whether there is another page.
fn sequences(connection: &Connection, query: &DeliveryQuery) -> Result<BTreeSet<i64>> {
    let mut found = Latest::new(query.limit);
    match endpoints(connection, query)? {
        None => found.look(connection, query, Whose::All)?,
        Some(endpoints) if is_faster_in_one_walk(connection, query, &endpoints)? => {
            found.look(connection, query, Whose::AnyOf(&endpoints))?;
        }
        Some(endpoints) => {
            for endpoint in endpoints {
                found.look(connection, query, Whose::One(endpoint))?;
            }
        }
    }
    Ok(found.sequences)
}

/// Whose deliveries one statement looks through.
#[derive(Clone, Copy)]
enum Whose<'e> {
    /// Everybody's, row by row.
    All,
    /// Those of several endpoints, row by row.
    AnyOf(&'e [EndpointId]),
    /// Those of one, by an index.
    One(EndpointId),
}

/// Row by row, each is read eight times as fast as through an index, whose rows lie apart.
const ROWS_PER_INDEX_LOOKUP: i64 = 8;
/// A statement takes a limited number of values.
const MAX_ENDPOINTS_IN_ONE_WALK: usize = 1_000;

/// Whether the rows themselves have to be looked at, which no index has, and so much of the log is these endpoints' that it is
/// faster to walk through all of it.
fn is_faster_in_one_walk(
    connection: &Connection,
    query: &DeliveryQuery,
    endpoints: &[EndpointId],
) -> Result<bool> {
    let looks_at_rows = !query.event_types.is_empty() || query.from.is_some() || query.until.is_some();
    if !looks_at_rows
        || query.state.is_some_and(is_rare)
        || !(2..=MAX_ENDPOINTS_IN_ONE_WALK).contains(&endpoints.len())
    {
        return Ok(false);
    }
    let mut span =
        connection.prepare_cached("SELECT coalesce(max(seq) - min(seq), 0) FROM gymhook_deliveries")?;
    let enough = span.query_row([], |row| row.get::<_, i64>(0))? / ROWS_PER_INDEX_LOOKUP;
    let mut count = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM gymhook_deliveries INDEXED BY gymhook_deliveries_by_endpoint
         WHERE endpoint = ?1 LIMIT ?2)",
    )?;
    let mut theirs = 0;
    for endpoint in endpoints {
        let asked = (endpoint.as_uuid().as_bytes().as_slice(), enough - theirs);
        theirs += count.query_row(asked, |row| row.get::<_, i64>(0))?;
        if theirs >= enough {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whose deliveries are to be looked through, one after the other; `None` if all are, at once.
fn endpoints(connection: &Connection, query: &DeliveryQuery) -> Result<Option<Vec<EndpointId>>> {
    let of_gym = |condition: &str, value: Value| -> Result<Vec<EndpointId>> {
        let sql = format!("SELECT id FROM gymhook_subscriptions WHERE {condition}");
        let mut select = connection.prepare_cached(&sql)?;
        let mut endpoints = Vec::new();
        for endpoint in select.query_map([value], |found| row::id_or_skipped(found, 0))? {
            endpoints.extend(endpoint?.map(EndpointId::from));
        }
        Ok(endpoints)
    };
    match (query.endpoint, &query.gym) {
        (Some(endpoint), None) => Ok(Some(vec![endpoint])),
        (wanted, Some(gym)) => {
            let mut endpoints = of_gym("gym = ?1", Value::from(gym.clone()))?;
            endpoints.retain(|endpoint| wanted.is_none_or(|wanted| wanted == *endpoint));
            Ok(Some(endpoints))
        }
        (None, None) if query.state.is_some_and(is_rare) => Ok(Some(of_gym("?1", Value::from(1))?)),
        (None, None) => Ok(None),
    }
}

/// Whether few deliveries are in this state, as a rule: then those are found by it. What is over makes up the log.
const fn is_rare(state: State) -> bool {
    match state {
        State::Waiting | State::InFlight | State::Undeliverable | State::Quarantined | State::Unreadable => {
            true
        }
        State::Delivered | State::Cancelled => false,
    }
}

/// The latest of those that were found, as many as were asked for.
struct Latest {
    sequences: BTreeSet<i64>,
    most: usize,
}

impl Latest {
    fn new(limit: u32) -> Self {
        Self { sequences: BTreeSet::new(), most: (limit as usize).saturating_add(1) }
    }

    /// Only what is later than the earliest of a full page counts.
    fn after(&self) -> i64 {
        let earliest = self.sequences.first().filter(|_| self.sequences.len() >= self.most);
        earliest.copied().unwrap_or(i64::MIN)
    }

    fn look(&mut self, connection: &Connection, query: &DeliveryQuery, whose: Whose<'_>) -> Result<()> {
        let (sql, values) = statement(query, whose, self.after(), self.most);
        let mut select = connection.prepare_cached(&sql)?;
        for sequence in select.query_map(params_from_iter(values), |row| row.get::<_, i64>(0))? {
            self.sequences.insert(sequence?);
        }
        while self.sequences.len() > self.most {
            self.sequences.pop_first();
        }
        Ok(())
    }
}

fn statement(query: &DeliveryQuery, whose: Whose<'_>, after: i64, most: usize) -> (String, Vec<Value>) {
    let before = query.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let mut conditions = vec!["seq < ?", "seq > ?"];
    let mut values = vec![Value::from(before), Value::from(after)];
    let mut only = |condition, value: Option<Value>| {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    };
    let blob = |endpoint: &EndpointId| Value::Blob(endpoint.as_uuid().as_bytes().to_vec());
    let one = match whose {
        Whose::One(endpoint) => Some(blob(&endpoint)),
        Whose::All | Whose::AnyOf(_) => None,
    };
    only("endpoint = ?", one);
    only("state = ?", query.state.map(|state| Value::from(i64::from(state.code()))));
    only("enqueued_at >= ?", query.from.map(|from| Value::from(StoreTime::ceil(from).micros())));
    only("enqueued_at < ?", query.until.map(|until| Value::from(StoreTime::ceil(until).micros())));
    let of_types = format!("event_type IN ({})", vec!["?"; query.event_types.len()].join(", "));
    if !query.event_types.is_empty() {
        conditions.push(&of_types);
        values.extend(query.event_types.iter().cloned().map(Value::from));
    }
    let any_of = match whose {
        Whose::AnyOf(endpoints) => {
            values.extend(endpoints.iter().map(blob));
            format!("endpoint IN ({})", vec!["?"; endpoints.len()].join(", "))
        }
        Whose::All | Whose::One(_) => String::new(),
    };
    if !any_of.is_empty() {
        conditions.push(&any_of);
    }
    values.push(Value::from(i64::try_from(most).unwrap_or(i64::MAX)));
    let index = match whose {
        Whose::All | Whose::AnyOf(_) => "NOT INDEXED",
        Whose::One(_) if query.state.is_some_and(is_rare) => "INDEXED BY gymhook_deliveries_by_state",
        Whose::One(_) => "INDEXED BY gymhook_deliveries_by_endpoint",
    };
    let conditions = conditions.join(" AND ");
    let sql =
        format!("SELECT seq FROM gymhook_deliveries {index} WHERE {conditions} ORDER BY seq DESC LIMIT ?");
    (sql, values)
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    /// What SQLite says of how it finds the deliveries of one endpoint, or of all.
    fn plan(query: &DeliveryQuery, whose: Whose<'_>) -> String {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let (sql, values) = statement(query, whose, i64::MIN, 10);
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = explain.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
        steps.map(|step| step.unwrap()).collect::<Vec<_>>().join("; ")
    }

    /// A log of 1,000 deliveries: 600 of endpoint 1, 300 of endpoint 2, ten each of 3 and 4, and the rest of endpoint 5.
    fn log() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut insert = connection
            .prepare(
                "INSERT INTO gymhook_deliveries (seq, id, endpoint, digest, event_type, enqueued_at, state, at, code, round, attempt,
                 sends, first_failure, test, probe, check_sum) VALUES (?1, ?2, ?3, x'', 'a', 0, 2, 0, 0, 1, 1, 1, NULL, 0, 0, 0)",
            )
            .unwrap();
        for number in 0..1_000_u128 {
            let endpoint = match number {
                0..600 => 1,
                600..900 => 2,
                900..910 => 3,
                910..920 => 4,
                _ => 5,
            };
            let endpoint = EndpointId::from_u128(endpoint);
            let sequence = i64::try_from(number).unwrap() + 1;
            insert
                .execute((sequence, number.to_be_bytes(), endpoint.as_uuid().as_bytes().as_slice()))
                .unwrap();
        }
        drop(insert);
        connection
    }

    #[test]
    fn all_of_the_log_is_walked_through_only_where_most_of_it_is_wanted_and_rows_have_to_be_read() {
        let log = log();
        let of_type = DeliveryQuery { event_types: vec!["a".to_owned()], ..DeliveryQuery::new(9) };
        let since = DeliveryQuery { from: Some(time::UtcDateTime::UNIX_EPOCH), ..DeliveryQuery::new(9) };
        let until = DeliveryQuery { until: Some(time::UtcDateTime::UNIX_EPOCH), ..DeliveryQuery::new(9) };
        let is_walk = |query: &DeliveryQuery, endpoints: &[u128]| {
            let endpoints: Vec<_> = endpoints.iter().copied().map(EndpointId::from_u128).collect();
            is_faster_in_one_walk(&log, query, &endpoints).unwrap()
        };
        for query in [&of_type, &since, &until] {
            assert!(is_walk(query, &[1, 2]), "most of the log");
            assert!(is_walk(query, &[3, 1]), "most of the log, of which the second has nearly all");
            assert!(!is_walk(query, &[3, 4]), "little of it");
            assert!(!is_walk(query, &[1]), "one endpoint");
            assert!(!is_walk(query, &[]), "none");
        }
        assert!(!is_walk(&DeliveryQuery::new(9), &[1, 2]), "an index answers it");
        for state in
            [State::Waiting, State::InFlight, State::Undeliverable, State::Quarantined, State::Unreadable]
        {
            assert!(!is_walk(&DeliveryQuery { state: Some(state), ..of_type.clone() }, &[1, 2]), "{state:?}");
        }
        for state in [State::Delivered, State::Cancelled] {
            assert!(is_walk(&DeliveryQuery { state: Some(state), ..of_type.clone() }, &[1, 2]), "{state:?}");
        }
        let many: Vec<u128> = (1..=1_001).collect();
        assert!(is_walk(&of_type, &many[..1_000]));
        assert!(!is_walk(&of_type, &many), "a statement takes no more");
    }

    #[test]
    fn an_endpoint_s_deliveries_are_found_by_an_index_in_their_order() {
        let endpoint = Whose::One(EndpointId::from_u128(1));
        let of_type =
            DeliveryQuery { event_types: vec!["a".to_owned(), "b".to_owned()], ..DeliveryQuery::new(9) };
        let delivered = DeliveryQuery { state: Some(State::Delivered), ..DeliveryQuery::new(9) };
        for query in [DeliveryQuery::new(9), of_type, delivered] {
            let plan = plan(&query, endpoint);
            assert!(plan.contains("SEARCH") && plan.contains("gymhook_deliveries_by_endpoint"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    #[test]
    fn what_is_rare_is_found_by_its_state() {
        let given_up = DeliveryQuery { state: Some(State::Undeliverable), ..DeliveryQuery::new(9) };
        let plan = plan(&given_up, Whose::One(EndpointId::from_u128(1)));
        assert!(
            plan.contains("COVERING INDEX gymhook_deliveries_by_state (endpoint=? AND state=?"),
            "{plan}"
        );
    }

    #[test]
    fn all_are_looked_through_from_the_latest_on() {
        let of_gym = [EndpointId::from_u128(1), EndpointId::from_u128(2)];
        for whose in [Whose::All, Whose::AnyOf(&of_gym)] {
            let plan = plan(&DeliveryQuery::new(9), whose);
            assert!(plan.contains("INTEGER PRIMARY KEY") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
