//! `readable`: reads one page of rows, and leaves out those that cannot be read.

use core::fmt;

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::connection::Lent;
use super::error::Result;
use super::values::{Value, Values};

/// Reads one row more than `limit`, which tells whether there is another page. A row that cannot be read is logged as `what` and
/// left out, so that the others are seen; it takes no place in the page, which would end early.
///
/// In the statement, `$1` is the cursor, `$2` the number of rows, and `more` follows; its first column is the next cursor.
pub(super) async fn readable<C, T>(
    lent: &Lent<'_>,
    what: &str,
    sql: &str,
    mut cursor: C,
    more: Values<'_>,
    limit: u32,
    read: impl Fn(&Row) -> Result<T>,
) -> Result<Vec<T>>
where
    C: Value + fmt::Debug + for<'r> FromSql<'r>,
{
    let most = (limit as usize).saturating_add(1);
    let mut found = Vec::new();
    while found.len() < most {
        let left = most - found.len();
        let wanted = i64::try_from(left).unwrap_or(i64::MAX);
        let beginning: [&dyn Value; 2] = [&cursor, &wanted];
        let values: Vec<&dyn Value> = beginning.iter().chain(more).copied().collect();
        let rows = lent.query(sql, &values).await?;
        for row in &rows {
            cursor = row.try_get(0)?;
            match read(row) {
                Ok(row) => found.push(row),
                Err(problem) => {
                    tracing::error!(row = ?cursor, problem = %problem.error, "{what} cannot be read: it is skipped")
                }
            }
        }
        if rows.len() < left {
            break;
        }
    }
    Ok(found)
}
