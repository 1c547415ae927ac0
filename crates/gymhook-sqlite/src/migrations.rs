//! `migrate`: creates the tables, and upgrades those of older versions; `make_durable`: the pragmas.

use rusqlite::{Connection, TransactionBehavior};

use super::error::Result;
use gymhook_store::StoreError;

/// What makes version 1 of nothing, version 2 of version 1, and so on. Never changed once published: only added to.
const MIGRATIONS: [&str; 10] = [
    include_str!("migrations/0001_tables.sql"),
    include_str!("migrations/0002_directions.sql"),
    include_str!("migrations/0003_fingerprints.sql"),
    include_str!("migrations/0004_tests_and_notices.sql"),
    include_str!("migrations/0005_targets.sql"),
    include_str!("migrations/0006_platforms_and_owners.sql"),
    include_str!("migrations/0007_rights_and_journals.sql"),
    include_str!("migrations/0008_index_by_type.sql"),
    include_str!("migrations/0009_leases.sql"),
    include_str!("migrations/0010_workers.sql"),
];

/// Switches on what durability rests on, and looks whether it is on.
pub(super) fn make_durable(connection: &Connection) -> Result<()> {
    // To its end: an error of the switch comes after its row, which says "wal" anyway.
    let mut switch = connection.prepare("PRAGMA journal_mode = WAL")?;
    let modes = switch.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mode = modes.concat();
    if mode != "wal" {
        let problem = format!(
            "SQLite's journal mode is {mode} here, and has to be wal: put the file on a local disk, where memory can be shared"
        );
        return Err(StoreError::Invalid { problem }.into());
    }
    // A smaller cache is cheaper for a small file, since a commit that split a page looks at every page in it
    // (pcache1TruncateUnsafe); with a million deliveries it is slower (benches/README.md).
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -65536",
    )?;
    check_synchronous(connection)
}

/// Refuses a connection whose commits are not on disk when they return.
pub(super) fn check_synchronous(connection: &Connection) -> Result<()> {
    const FULL: i64 = 2;
    let level: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if level < FULL {
        let problem =
            "commits of this connection may be lost with the power: set PRAGMA synchronous = FULL".to_owned();
        return Err(StoreError::Invalid { problem }.into());
    }
    Ok(())
}

/// Brings the tables up to date: each step is whole, or was never begun.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > known || version < 0 {
            return Err(StoreError::Schema { found: version, known }.into());
        }
        let Some(step) = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done)) else {
            return Ok(());
        };
        transaction.execute_batch(step)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {}", version + 1))?;
        transaction.commit()?;
    }
}

/// Writes the version that is there: a page of the file, and nothing new.
pub(super) fn write_nothing(connection: &Connection) -> Result<()> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(connection.execute_batch(&format!("PRAGMA user_version = {version}"))?)
}

#[cfg(test)]
mod tests {
    use gymhook_store::ApiKeyRights;

    use super::*;
    use crate::query_plan::query_plan;
    use crate::{fetch, repeats};

    /// A file of this version, which is an old one, with two subscriptions and one delivery.
    fn of_version(version: usize) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        // Its rows were written by version 4 at the latest.
        let (old, newer) = MIGRATIONS.split_at(version.min(4));
        for step in old {
            connection.execute_batch(step).unwrap();
        }
        connection
            .execute_batch(
                r#"INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record) VALUES
                    (x'01', '', '{"platform":"inbox","label":"front desk"}', x'', '{}'),
                    (x'02', 'berlin', '{"platform":"point","label":"\"platform\":\"inbox\""}', x'', '{}');
                INSERT INTO gymhook_deliveries (seq, id, endpoint, digest, event_type, enqueued_at, state, at, code, round,
                    attempt, sends, first_failure, test, probe, check_sum) VALUES
                    (7, x'03', x'01', x'04', 'member.created', 5, 0, 5, 0, 1, 1, 0, NULL, 0, 0, 9)"#,
            )
            .unwrap();
        for step in newer.iter().take(version.saturating_sub(4)) {
            connection.execute_batch(step).unwrap();
        }
        connection.execute_batch(&format!("PRAGMA user_version = {version}")).unwrap();
        connection
    }

    #[test]
    fn a_file_of_version_1_is_brought_up_to_date() {
        let mut connection = of_version(1);
        migrate(&mut connection).unwrap();
        let mut select =
            connection.prepare("SELECT incoming FROM gymhook_subscriptions ORDER BY id").unwrap();
        let incoming: Vec<bool> =
            select.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(incoming, [true, false]);
    }

    #[test]
    fn a_file_of_any_version_keeps_its_deliveries_and_knows_no_fingerprints() {
        for version in 1..MIGRATIONS.len() {
            let mut connection = of_version(version);
            migrate(&mut connection).unwrap();
            let now: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
            assert_eq!(now, 10);
            let sql =
                "SELECT id, event_type, check_sum, origin, fingerprint FROM gymhook_deliveries WHERE seq = 7";
            type Read = (Vec<u8>, String, i64, Option<String>, Option<Vec<u8>>);
            let read = |row: &rusqlite::Row<'_>| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            };
            let kept: Read = connection.query_row(sql, [], read).unwrap();
            assert_eq!(kept, (vec![3], "member.created".to_owned(), 9, None, None), "version {version}");
        }
    }

    #[test]
    fn a_file_of_any_version_finds_its_deliveries_by_type() {
        for version in 1..MIGRATIONS.len() {
            let mut connection = of_version(version);
            migrate(&mut connection).unwrap();
            let sql = "SELECT seq FROM gymhook_deliveries INDEXED BY gymhook_deliveries_by_type WHERE event_type = 'member.created'";
            let found: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
            assert_eq!(found, 7, "version {version}");
        }
    }

    #[test]
    fn a_file_of_any_version_has_no_notices_and_finds_its_test_events() {
        for version in 1..MIGRATIONS.len() {
            let mut connection = of_version(version);
            connection.execute_batch("UPDATE gymhook_deliveries SET test = 1").unwrap();
            migrate(&mut connection).unwrap();
            let notices: i64 =
                connection.query_row("SELECT count(*) FROM gymhook_notices", [], |row| row.get(0)).unwrap();
            let sql = format!("SELECT seq {}", fetch::TESTS);
            let test: i64 =
                connection.query_row(&sql, rusqlite::params![[1_u8], 5], |row| row.get(0)).unwrap();
            assert_eq!((notices, test), (0, 7), "version {version}");
        }
    }

    #[test]
    fn a_file_of_any_version_has_its_platforms_in_a_column() {
        for version in 1..=5 {
            let mut connection = of_version(version);
            // From version 5 on a target has its columns, which this row does not have.
            if version < 5 {
                let damaged = "INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record) VALUES (x'0a', '', '{', x'', '')";
                connection.execute_batch(damaged).unwrap();
            }
            migrate(&mut connection).unwrap();
            let mut select =
                connection.prepare("SELECT platform FROM gymhook_subscriptions ORDER BY id").unwrap();
            let platforms: Vec<String> =
                select.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect();
            let expected: &[&str] = if version < 5 { &["inbox", "point", ""] } else { &["inbox", "point"] };
            assert_eq!(platforms, expected, "version {version}");
        }
    }

    #[test]
    fn a_file_of_any_version_has_its_targets_as_columns() {
        for version in 1..=4 {
            let mut connection = of_version(version);
            let settings = [
                r#"{"platform":"inbox","url":"http://handled-here.invalid/"}"#,
                r#"{"label":"\u0000\"url\":\"https://a/\"","url":"https://b/\"c\"\\","urls":{"x":"https://d/"}}"#,
            ];
            for (id, settings) in (1_u8..).zip(settings) {
                let sql = "UPDATE gymhook_subscriptions SET settings = ?2, secrets = x'07' WHERE id = ?1";
                connection.execute(sql, rusqlite::params![[id], settings]).unwrap();
            }
            if version > 1 {
                connection
                    .execute_batch("UPDATE gymhook_subscriptions SET incoming = 1 WHERE id = x'01'")
                    .unwrap();
            }
            connection
                .execute_batch(
                    "INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record) VALUES
                        (x'03', 'berlin', 'no JSON', x'', '{}'), (x'04', 'berlin', '{}', x'', '{}')",
                )
                .unwrap();
            migrate(&mut connection).unwrap();
            let sql = "SELECT incoming, url, secrets, gym FROM gymhook_subscriptions ORDER BY id";
            let mut select = connection.prepare(sql).unwrap();
            type Target = (bool, Option<String>, Option<Vec<u8>>, String);
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            let targets: Vec<Target> = select.query_map([], read).unwrap().map(|row| row.unwrap()).collect();
            let http = |url: &str, secrets: &[u8]| {
                (false, Some(url.to_owned()), Some(secrets.to_vec()), "berlin".to_owned())
            };
            // Those that nobody could read cannot be read now either, and keep the others from nothing.
            let expected = [
                (true, None, None, String::new()),
                http("https://b/\"c\"\\", &[7]),
                http("", &[]),
                http("", &[]),
            ];
            assert_eq!(targets, expected, "version {version}");
        }
    }

    #[test]
    fn a_file_from_version_6_on_keeps_its_subscriptions_whole() {
        for version in 6..MIGRATIONS.len() {
            let mut connection = of_version(version);
            let known = "UPDATE gymhook_subscriptions SET lease_epoch = 3, lease_until = 4, lease_owner = x'05', deleted_at = 6,
                disabled = 1, gym = 'g', platform = 'p', url = 'u', record = 'r', settings = 's', secrets = x'07' WHERE id = x'02'";
            assert_eq!(connection.execute(known, []).unwrap(), 1);
            let text = "SELECT format('%s %d %d %s %d %d %d %s %s %s %s %s %s', hex(id), lease_epoch, lease_until, hex(lease_owner),
                deleted_at, disabled, incoming, gym, platform, url, record, settings, hex(secrets))
                FROM gymhook_subscriptions WHERE id = x'02'";
            migrate(&mut connection).unwrap();
            let kept: String = connection.query_row(text, [], |row| row.get(0)).unwrap();
            assert_eq!(kept, "02 3 4 05 6 1 0 g p u r s 07", "version {version}");
        }
    }

    #[test]
    fn an_api_key_of_any_version_is_owned_by_all() {
        for version in 1..=5 {
            let mut connection = of_version(version);
            let old = "INSERT INTO gymhook_api_keys (id, digest, label, writes, issued_at) VALUES (x'0b', x'', 'old', 1, 5)";
            connection.execute_batch(old).unwrap();
            migrate(&mut connection).unwrap();
            let gym: Option<String> =
                connection.query_row("SELECT gym FROM gymhook_api_keys", [], |row| row.get(0)).unwrap();
            assert_eq!(gym, None, "version {version}");
        }
    }

    #[test]
    fn an_api_key_of_any_version_keeps_its_rights() {
        for version in 1..=6 {
            let mut connection = of_version(version);
            let old = "INSERT INTO gymhook_api_keys (id, digest, label, writes, issued_at)
                VALUES (x'0b', x'0b', 'reads', 0, 5), (x'0c', x'0c', 'writes', 1, 5)";
            connection.execute_batch(old).unwrap();
            migrate(&mut connection).unwrap();
            let mut select = connection.prepare("SELECT rights FROM gymhook_api_keys ORDER BY id").unwrap();
            let rights: Vec<i16> =
                select.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect();
            let expected = [ApiKeyRights::Read, ApiKeyRights::Write].map(ApiKeyRights::code);
            assert_eq!(rights, expected, "version {version}");
        }
    }

    #[test]
    fn a_target_is_an_endpoint_or_a_handler_and_nothing_between() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let insert = |incoming: bool, url: Option<&str>, secrets: Option<&[u8]>| {
            let sql = "INSERT OR REPLACE INTO gymhook_subscriptions (id, gym, settings, record, incoming, url, secrets)
                VALUES (x'01', '', '{}', '{}', ?1, ?2, ?3)";
            connection.execute(sql, rusqlite::params![incoming, url, secrets]).is_ok()
        };
        let (url, secrets) = (Some("https://a/"), Some(&b"7"[..]));
        assert!(insert(false, url, secrets) && insert(true, None, None));
        for incoming in [false, true] {
            assert!(!insert(incoming, url, None) && !insert(incoming, None, secrets));
        }
        assert!(!insert(false, None, None) && !insert(true, url, secrets));
    }

    /// In a table without row ids a long row is an entry of an index, and a search reads whole each one that it passes.
    #[test]
    fn subscriptions_whose_rows_are_long_have_row_ids() {
        let mut connection = of_version(1);
        migrate(&mut connection).unwrap();
        let sql = "SELECT wr FROM pragma_table_list('gymhook_subscriptions')";
        let without_row_ids: bool = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(!without_row_ids);
    }

    /// Without one of these everything works, and reads a whole table.
    #[test]
    fn what_is_looked_for_often_is_indexed() {
        let mut connection = of_version(1);
        migrate(&mut connection).unwrap();
        let sql = "SELECT tbl_name || substr(sql, instr(sql, ' (')) FROM sqlite_schema WHERE type = 'index' AND sql <> ''";
        let mut select = connection.prepare(sql).unwrap();
        let indexed: Vec<String> =
            select.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect();
        for wanted in [
            "gymhook_subscriptions (gym, id)",
            "gymhook_subscriptions (lease_until, id, incoming, disabled, lease_owner, deleted_at) WHERE deleted_at IS NULL",
            "gymhook_deliveries (endpoint, state, at, seq)",
            "gymhook_deliveries (endpoint, seq)",
            "gymhook_deliveries (event_type)",
            "gymhook_deliveries (endpoint, fingerprint) WHERE fingerprint IS NOT NULL",
            "gymhook_deliveries (endpoint, at, seq) WHERE test = 1 AND state = 0",
            "gymhook_commands (endpoint, due, number)",
            "gymhook_notices (number) WHERE acknowledged_at IS NULL",
            "gymhook_api_keys (issued_at, id)",
            "gymhook_api_keys (gym, issued_at, id) WHERE gym IS NOT NULL",
        ] {
            let found =
                indexed.iter().filter(|index| index.replace(['\n', ' '], "") == wanted.replace(' ', ""));
            assert_eq!(found.count(), 1, "{wanted}: {indexed:?}");
        }
    }

    #[test]
    fn a_fingerprint_is_found_by_its_index() {
        for sql in [repeats::END_WINDOWS, repeats::FIRST] {
            let plan = query_plan(sql);
            let by_index = "USING INDEX gymhook_deliveries_by_fingerprint (endpoint=? AND fingerprint=?)";
            assert!(plan.contains(by_index) && !plan.contains("; "), "{plan}");
        }
    }
}
