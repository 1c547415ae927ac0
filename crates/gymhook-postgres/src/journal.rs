//! `append` and `page`: appends to journals of limited size, and reads them.

use tokio_postgres::Row;

use super::connection::Lent;
use super::error::Result;
use super::page::readable;
use super::row;
use super::values::{Values, has_nul};
use gymhook_store::StoreTime;
use gymhook_store::{Journal, JournalQuery, JournalRow, NewJournalEntry, Page, StoreError};

/// Holds the journal's row until the end of the transaction: the next one draws after what is appended here can be seen.
const APPEND: &str = "WITH drawn AS (
        INSERT INTO gymhook.journals AS j (journal, last) VALUES ($1, $2)
        ON CONFLICT (journal) DO UPDATE SET last = j.last + excluded.last RETURNING last
    ), added AS (
        INSERT INTO gymhook.journal (journal, number, at, gym, subject, text)
        SELECT $1, drawn.last - $3 + n.place, n.at, n.gym, n.subject, n.text
        FROM drawn, unnest($4::bigint[], $5::text[], $6::text[], $7::text[])
            WITH ORDINALITY AS n (at, gym, subject, text, place)
    )
    SELECT last FROM drawn";

/// A statement of its own, so that it sees what was committed while it waited for the journal's row. The numbers of a journal are
/// consecutive, so the newest are those above a number.
const TRIM: &str = "DELETE FROM gymhook.journal WHERE journal = $1 AND number <= $2";

pub(super) async fn append(
    lent: Lent<'_>,
    journal: Journal,
    entries: &[NewJournalEntry],
    keep: u64,
) -> Result<()> {
    let many = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    // Of more than are kept only the last are written.
    let first = entries.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    let kept = entries.get(first..).unwrap_or_default();
    let kept_many = i64::try_from(kept.len()).unwrap_or(i64::MAX);
    let times: Vec<i64> = kept.iter().map(|entry| StoreTime::floor(entry.at).micros()).collect();
    let gyms: Vec<Option<&str>> = kept.iter().map(|entry| entry.gym.as_deref()).collect();
    let subjects: Vec<&str> = kept.iter().map(|entry| entry.subject.as_str()).collect();
    let texts: Vec<&str> = kept.iter().map(|entry| entry.text.as_str()).collect();
    lent.begin("").await?;
    let drawn =
        lent.query(APPEND, &[&journal.code(), &many, &kept_many, &times, &gyms, &subjects, &texts]).await?;
    let last: i64 = drawn.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
    let until = last.saturating_sub(i64::try_from(keep).unwrap_or(i64::MAX));
    lent.query(TRIM, &[&journal.code(), &until]).await?;
    lent.commit().await?;
    lent.give_back().await
}

/// One that cannot be read is left out.
pub(super) async fn page(lent: Lent<'_>, query: &JournalQuery) -> Result<Page<JournalRow>> {
    if has_nul([query.gym.as_deref(), query.subject.as_deref()]) {
        lent.give_back().await?;
        return Ok(Page { items: Vec::new(), next: None });
    }
    let sql = "SELECT number, at, gym, subject, text FROM gymhook.journal WHERE number < $1 AND journal = $3
        AND ($4::text IS NULL OR gym = $4) AND ($5::text IS NULL OR subject = $5) ORDER BY number DESC LIMIT $2";
    let before = query.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let journal = query.journal.code();
    let more: Values<'_> = &[&journal, &query.gym, &query.subject];
    let read = |found: &Row| row_of(found, query.journal);
    let found = readable(&lent, "a journal's entry", sql, before, more, query.limit, read).await?;
    lent.give_back().await?;
    Ok(Page::cut(found, query.limit, |last: &JournalRow| last.number))
}

fn row_of(read: &Row, journal: Journal) -> Result<JournalRow> {
    let number: i64 = read.try_get(0)?;
    let negative = |_| StoreError::Damaged { problem: format!("the number {number} of a journal's entry") };
    Ok(JournalRow {
        number: u64::try_from(number).map_err(negative)?,
        journal,
        at: row::time(read.try_get(1)?)?,
        gym: read.try_get(2)?,
        subject: read.try_get(3)?,
        text: read.try_get(4)?,
    })
}
