use gymhook_store::StoreTime;
use rusqlite::{Connection, params};

use super::statement::statement;
use super::*;
use crate::migrations;
use crate::query_plan::{query_plan, query_plan_with};

/// Rows one after the other: how many, whose, of which type, in which state.
type Rows<'r> = &'r [(usize, u128, &'r str, State)];

/// A log of these, a second apart from 1970 on. The endpoints 1 to 3 are of the gym `mitte`, the others of `wedding`.
fn log(rows: Rows<'_>) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::migrate(&mut connection).unwrap();
    let id = |endpoint: u128| endpoint.to_be_bytes();
    for endpoint in 1..=9 {
        let sql = "INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record, url) VALUES (?1, ?2, '{}', x'', '{}', '')";
        let gym = if endpoint <= 3 { "mitte" } else { "wedding" };
        connection.execute(sql, params![id(endpoint), gym]).unwrap();
    }
    let mut insert = connection
        .prepare(
            "INSERT INTO gymhook_deliveries (id, endpoint, digest, event_type, enqueued_at, state, at, code, round, attempt, sends,
             first_failure, test, probe, check_sum) VALUES (?1, ?2, x'', ?3, ?4, ?5, 0, 0, 1, 1, 1, NULL, 0, 0, 0)",
        )
        .unwrap();
    let each = rows.iter().flat_map(|(count, endpoint, event_type, state)| {
        core::iter::repeat_n((endpoint, event_type, state), *count)
    });
    for (number, (endpoint, event_type, state)) in (0_i64..).zip(each) {
        let row = params![number.to_be_bytes(), id(*endpoint), event_type, number * 1_000_000, state.code()];
        insert.execute(row).unwrap();
    }
    drop(insert);
    connection
}

fn all() -> DeliveryQuery {
    DeliveryQuery::new(9)
}

fn of(event_types: &[&str]) -> DeliveryQuery {
    DeliveryQuery { event_types: event_types.iter().map(|one| (*one).to_owned()).collect(), ..all() }
}

fn to(endpoint: u128, query: DeliveryQuery) -> DeliveryQuery {
    DeliveryQuery { endpoint: Some(EndpointId::from_u128(endpoint)), ..query }
}

fn of_gym(gym: &str, query: DeliveryQuery) -> DeliveryQuery {
    DeliveryQuery { gym: Some(gym.to_owned()), ..query }
}

fn in_state(state: State, query: DeliveryQuery) -> DeliveryQuery {
    DeliveryQuery { state: Some(state), ..query }
}

/// From 1970 on, which is everything.
fn since(query: DeliveryQuery) -> DeliveryQuery {
    DeliveryQuery { from: Some(time::UtcDateTime::UNIX_EPOCH), ..query }
}

fn endpoints(numbers: impl IntoIterator<Item = u128>) -> Way {
    Way::Endpoints(numbers.into_iter().map(EndpointId::from_u128).collect())
}

#[test]
fn what_an_index_answers_by_itself_is_not_counted() {
    // Whatever there was to be counted, it would be all of the log.
    let log = log(&[(1_000, 1, "a", State::Waiting)]);
    let choose = |query| Way::choose(&log, &query).unwrap();
    assert_eq!(choose(all()), Way::Walk);
    assert_eq!(choose(since(all())), Way::Walk);
    assert_eq!(choose(of(&["a", "b"])), Way::Types);
    assert_eq!(choose(to(1, all())), endpoints([1]));
    assert_eq!(choose(of_gym("mitte", all())), endpoints(1..=3));
    assert_eq!(choose(to(2, of_gym("mitte", all()))), endpoints([2]));
    assert_eq!(choose(to(4, of_gym("mitte", all()))), endpoints([]));
    for state in
        [State::Waiting, State::InFlight, State::Undeliverable, State::Quarantined, State::Unreadable]
    {
        assert_eq!(choose(in_state(state, all())), endpoints(1..=9), "{state:?}");
        assert_eq!(choose(in_state(state, of(&["a"]))), endpoints(1..=9), "{state:?}");
        assert_eq!(
            choose(in_state(state, of_gym("mitte", since(of(&["a"]))))),
            endpoints(1..=3),
            "{state:?}"
        );
    }
    for state in [State::Delivered, State::Cancelled] {
        assert_eq!(choose(in_state(state, all())), Way::Walk, "{state:?}");
    }
}

/// An eighth of 1,000 rows is 125.
#[test]
fn from_an_eighth_of_the_log_on_it_is_walked_through() {
    use State::Delivered;
    for (rare, is_walked) in [(124, false), (125, true)] {
        let expected = |other| if is_walked { Way::Walk } else { other };
        let choose_in = |log: &Connection, query| Way::choose(log, &query).unwrap();

        let halves = (rare / 2, rare - rare / 2);
        let log_of_types = log(&[
            (halves.0, 1, "a", Delivered),
            (halves.1, 1, "b", Delivered),
            (1_000 - rare, 1, "c", Delivered),
        ]);
        let choose = |query| choose_in(&log_of_types, query);
        for query in [since(of(&["a", "b"])), in_state(Delivered, of(&["a", "b"])), to(1, of(&["a", "b"]))] {
            assert_eq!(choose(query.clone()), expected(Way::Types), "{rare} rows: {query:?}");
            assert_eq!(choose(of_gym("mitte", query)), expected(Way::Types), "{rare} rows, of a gym");
        }
        assert_eq!(choose(to(1, of(&["a"]))), Way::Types, "half of them");

        let log_of_endpoints = log(&[
            (halves.0, 1, "a", Delivered),
            (halves.1, 2, "a", Delivered),
            (1_000 - rare, 4, "a", Delivered),
        ]);
        let choose = |query| choose_in(&log_of_endpoints, query);
        for query in [since(all()), in_state(State::Cancelled, all()), of(&["a"])] {
            assert_eq!(
                choose(of_gym("mitte", query.clone())),
                expected(endpoints(1..=3)),
                "{rare} rows: {query:?}"
            );
            assert_eq!(choose(to(1, query.clone())), endpoints([1]), "half of them: {query:?}");
            assert_eq!(choose(to(4, query.clone())), Way::Walk, "nearly all: {query:?}");
            assert_eq!(
                choose(of_gym("wedding", query)),
                Way::Walk,
                "nearly all, and the gym's others have none"
            );
        }
    }
}

#[test]
fn of_two_indices_the_one_that_leads_to_fewer_rows_is_taken() {
    use State::Delivered;
    for (of_gym_s, of_type, is_by_type) in
        [(50, 51, false), (50, 50, true), (51, 50, true), (0, 50, false), (50, 0, true)]
    {
        let log =
            log(&[(of_gym_s, 1, "a", Delivered), (of_type, 4, "b", Delivered), (900, 4, "a", Delivered)]);
        let expected = if is_by_type { Way::Types } else { endpoints(1..=3) };
        let way = Way::choose(&log, &of_gym("mitte", of(&["b"]))).unwrap();
        assert_eq!(way, expected, "{of_gym_s} of the gym, {of_type} of the type");
    }
}

fn plan(query: &DeliveryQuery, look: Look<'_>) -> String {
    let (sql, values) = statement(query, look, i64::MIN, 10);
    query_plan_with(&sql, values)
}

#[test]
fn what_is_counted_is_counted_in_an_index() {
    let plan = query_plan(access_path::ROWS);
    assert!(
        plan.contains("SEARCH gymhook_deliveries") && !plan.contains("SCAN gymhook_deliveries"),
        "{plan}"
    );
    for (of_one, index) in [
        (access_path::OF_TYPE, "COVERING INDEX gymhook_deliveries_by_type (event_type=?)"),
        (access_path::OF_ENDPOINT, "COVERING INDEX gymhook_deliveries_by_endpoint (endpoint=?)"),
    ] {
        let plan = query_plan(&access_path::counting(of_one));
        assert!(plan.contains(index), "{plan}");
    }
}

#[test]
fn an_endpoint_s_deliveries_are_found_by_an_index_in_their_order() {
    let look = Look::Endpoint(EndpointId::from_u128(1));
    for query in [all(), of(&["a", "b"]), in_state(State::Delivered, all()), of_gym("mitte", all())] {
        let plan = plan(&query, look);
        let by_endpoint = "INDEX gymhook_deliveries_by_endpoint (endpoint=? AND seq>? AND seq<?)";
        assert!(plan.contains(by_endpoint) && !plan.contains(';'), "{plan}");
    }
}

#[test]
fn what_is_rare_is_found_by_its_state() {
    let plan = plan(&in_state(State::Undeliverable, all()), Look::Endpoint(EndpointId::from_u128(1)));
    assert!(plan.contains("COVERING INDEX gymhook_deliveries_by_state (endpoint=? AND state=?"), "{plan}");
}

#[test]
fn a_type_s_deliveries_are_found_by_its_index_in_their_order() {
    let by_type = "INDEX gymhook_deliveries_by_type (event_type=? AND rowid>? AND rowid<?)";
    let both = plan(&of(&["a", "b"]), Look::Type("a"));
    assert_eq!(both, format!("SEARCH gymhook_deliveries USING COVERING {by_type}"));
    for query in [to(1, of(&["a"])), of_gym("mitte", of(&["a"])), since(of(&["a"]))] {
        let plan = plan(&query, Look::Type("a"));
        assert!(plan.contains(by_type) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn all_are_looked_through_from_the_latest_on() {
    for query in [all(), since(all()), of(&["a", "b"]), of_gym("mitte", of(&["a"])), to(1, of(&["a"]))] {
        let plan = plan(&query, Look::Rows);
        assert!(plan.contains("gymhook_deliveries USING INTEGER PRIMARY KEY"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

/// Page by page.
fn found_by(log: &Connection, query: &DeliveryQuery, way: impl Fn() -> Way) -> Vec<i64> {
    let (mut found, mut query) = (Vec::new(), query.clone());
    loop {
        let page = find(log, &query, way()).unwrap().sequences;
        let is_last = page.len() <= query.limit as usize;
        found.extend(page.iter().rev().take(query.limit as usize));
        if is_last {
            return found;
        }
        query.before = found.last().map(|last| u64::try_from(*last).unwrap());
    }
}

#[test]
fn every_way_finds_the_same() {
    use State::{Cancelled, Delivered, Undeliverable};
    // In an order that is that of no column.
    let row = |number: usize| {
        let state = [Delivered, Undeliverable, Delivered, Cancelled][number / 5 % 4];
        (1, [1, 3, 5, 2, 4][number % 5], ["a", "b", "a", "c"][number % 4], state)
    };
    let rows: Vec<_> = (0..120).map(row).collect();
    let log = log(&rows);
    let scopes: [(DeliveryQuery, &[u128]); 5] = [
        (to(1, all()), &[1]),
        (of_gym("mitte", all()), &[1, 2, 3]),
        (to(2, of_gym("mitte", all())), &[2]),
        (to(4, of_gym("mitte", all())), &[]),
        (of_gym("none", all()), &[]),
    ];
    let at = |second: i64| StoreTime::from_micros(second * 1_000_000).to_utc();
    let narrower = [(None, None, None), (Some(Delivered), at(30), None), (Some(Undeliverable), None, at(90))];
    for (scope, theirs) in &scopes {
        for types in [&["a"][..], &["c"], &["c", "b", "c"], &["none"], &["none", "b", "a"]] {
            for (state, from, until) in narrower {
                let is_found = |(number, row): &(i64, &(usize, u128, &str, State))| {
                    theirs.contains(&row.1)
                        && types.contains(&row.2)
                        && state.is_none_or(|state| state == row.3)
                        && (from.is_none() || *number >= 30)
                        && (until.is_none() || *number < 90)
                };
                let mut expected: Vec<i64> =
                    (0..).zip(&rows).filter(is_found).map(|(number, _)| number + 1).collect();
                expected.reverse();
                for limit in [1, 2, 9] {
                    let event_types = of(types).event_types;
                    let query = DeliveryQuery { event_types, state, from, until, limit, ..scope.clone() };
                    assert_eq!(found_by(&log, &query, || Way::Walk), expected, "by a walk: {query:?}");
                    assert_eq!(found_by(&log, &query, || Way::Types), expected, "by types: {query:?}");
                    let by_endpoints = || endpoints(theirs.iter().copied());
                    assert_eq!(found_by(&log, &query, by_endpoints), expected, "by endpoints: {query:?}");
                }
            }
        }
    }
}
