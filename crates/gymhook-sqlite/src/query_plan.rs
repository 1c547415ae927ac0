//! The plan that SQLite makes for a query on today's tables, for tests: it names the indices that the query uses.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::migrations;

/// The steps of the plan, joined by "; ", whatever the values are.
pub(crate) fn query_plan(sql: &str) -> String {
    query_plan_with(sql, Vec::new())
}

/// The same for these values, which may matter; those that are left out are NULL.
pub(crate) fn query_plan_with(sql: &str, values: Vec<Value>) -> String {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::migrate(&mut connection).unwrap();
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for (place, value) in (1..).zip(values) {
        explain.raw_bind_parameter(place, value).unwrap();
    }
    let steps = explain.raw_query().mapped(|row| row.get::<_, String>(3));
    steps.map(|step| step.unwrap()).collect::<Vec<_>>().join("; ")
}
