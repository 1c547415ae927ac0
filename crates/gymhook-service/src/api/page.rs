//! `Listed`: lists that are returned in pages, with a cursor for the next page and a limit.

use gymhook_engine::store::Page;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Problem;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// What was found.
    pub(crate) items: Vec<T>,
    /// What to pass as `cursor` for the next page; `null` on the last.
    pub(crate) next: Option<String>,
}

impl<T, C: ToString> From<Page<T, C>> for Listed<T> {
    fn from(page: Page<T, C>) -> Self {
        Self { items: page.items, next: page.next.map(|next| next.to_string()) }
    }
}

/// How many items a page has if nothing else is asked for.
pub(crate) const DEFAULT_LIMIT: u32 = 50;
/// The largest page.
pub(crate) const MAX_LIMIT: u32 = 200;

/// How many are asked for.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(Problem::invalid("limit", format!("a page has from 1 to {MAX_LIMIT} items"))),
    }
}

/// The place in the log that a cursor names.
pub(crate) fn sequence(place: &str, cursor: Option<&str>) -> Result<Option<u64>, Problem> {
    let read = |text: &str| {
        text.parse()
            .map_err(|_| Problem::invalid(place, "this is not a cursor: pass the `next` of the page before"))
    };
    cursor.map(read).transpose()
}
