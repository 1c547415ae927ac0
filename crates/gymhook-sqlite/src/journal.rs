//! `append` and `page`: appends to journals of limited size, and reads them.

use rusqlite::{Connection, Row, params};

use super::error::Result;
use super::row;
use gymhook_store::StoreTime;
use gymhook_store::{Journal, JournalQuery, JournalRow, NewJournalEntry, Page};

/// The numbers of a journal are consecutive, so the newest are those above a number.
const TRIM: &str = "DELETE FROM gymhook_journal WHERE journal = ?1 AND number <= ?2";

const PAGE: &str = "SELECT number, at, gym, subject, text FROM gymhook_journal
    WHERE journal = ?1 AND number < ?2 AND (?3 IS NULL OR gym = ?3) AND (?4 IS NULL OR subject = ?4)
    ORDER BY number DESC";

/// Several statements, which are one step in the writer's transaction.
pub(super) fn append(
    connection: &Connection,
    journal: Journal,
    entries: &[NewJournalEntry],
    keep: u64,
) -> Result<()> {
    let last: i64 = connection
        .prepare_cached(
            "INSERT INTO gymhook_journals (journal, last) VALUES (?1, ?2)
             ON CONFLICT (journal) DO UPDATE SET last = last + excluded.last RETURNING last",
        )?
        .query_row(params![journal.code(), entries.len()], |row| row.get(0))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO gymhook_journal (journal, number, at, gym, subject, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let kept = entries.iter().rev().take(usize::try_from(keep).unwrap_or(usize::MAX));
    for (number, entry) in (i64::MIN..=last).rev().zip(kept) {
        let at = StoreTime::floor(entry.at).micros();
        insert.execute(params![journal.code(), number, at, entry.gym, entry.subject, entry.text])?;
    }
    let until = last.saturating_sub(i64::try_from(keep).unwrap_or(i64::MAX));
    connection.prepare_cached(TRIM)?.execute(params![journal.code(), until])?;
    Ok(())
}

pub(super) fn page(connection: &Connection, query: &JournalQuery) -> Result<Page<JournalRow>> {
    let before = query.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let most = (query.limit as usize).saturating_add(1);
    let mut select = connection.prepare_cached(PAGE)?;
    let mut rows = select.query(params![query.journal.code(), before, query.gym, query.subject])?;
    let mut found = Vec::new();
    // One more than wanted tells whether there is another page; one that cannot be read takes no place in it.
    while found.len() < most
        && let Some(row) = rows.next()?
    {
        found.extend(row::or_skipped(read(row, query.journal))?);
    }
    Ok(Page::cut(found, query.limit, |last: &JournalRow| last.number))
}

fn read(row: &Row<'_>, journal: Journal) -> Result<JournalRow> {
    Ok(JournalRow {
        number: row.get(0)?,
        journal,
        at: row::time(row.get(1)?)?,
        gym: row.get(2)?,
        subject: row.get(3)?,
        text: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::query_plan::query_plan;
    use super::*;

    /// Neither reads more of a journal than it is about.
    #[test]
    fn a_page_and_what_is_trimmed_are_found_by_their_numbers() {
        for (sql, bounds) in [(TRIM, "(journal=? AND number<?)"), (PAGE, "(journal=? AND number<?)")] {
            let plan = query_plan(sql);
            assert!(plan.contains("PRIMARY KEY") && plan.contains(bounds), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
