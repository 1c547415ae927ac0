//! The tables, and how older ones become today's.

use rusqlite::{Connection, TransactionBehavior};

use super::error::Result;
use crate::store::StoreError;

/// What makes version 1 of nothing, version 2 of version 1, and so on. Never changed once published: only added to.
const MIGRATIONS: [&str; 2] = [include_str!("schema.sql"), include_str!("schema_2.sql")];

/// Switches on what durability rests on, and looks whether it is on.
pub(super) fn make_durable(connection: &Connection) -> Result<()> {
    // To its end: an error of the switch comes after its row, which says "wal" all the same.
    let mut switch = connection.prepare("PRAGMA journal_mode = WAL")?;
    let modes = switch.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mode = modes.concat();
    if mode != "wal" {
        let problem =
            format!("SQLite keeps its journal as {mode} here: the file needs a disk with shared memory");
        return Err(StoreError::Invalid { problem });
    }
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
        return Err(StoreError::Invalid { problem });
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
            return Err(StoreError::Schema { found: version, known });
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
    use super::*;

    #[test]
    fn a_file_of_version_1_is_brought_up_to_date() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection
            .execute_batch(
                r#"PRAGMA user_version = 1;
                INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record) VALUES
                    (x'01', '', '{"platform":"inbox","label":"front desk"}', x'', '{}'),
                    (x'02', 'berlin', '{"platform":"point","label":"\"platform\":\"inbox\""}', x'', '{}')"#,
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let mut select =
            connection.prepare("SELECT incoming FROM gymhook_subscriptions ORDER BY id").unwrap();
        let incoming: Vec<bool> =
            select.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(incoming, [true, false]);
        connection.execute("UPDATE gymhook_deliveries SET origin = NULL", []).unwrap();
    }
}
