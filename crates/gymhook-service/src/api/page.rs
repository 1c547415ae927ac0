//! Pages of lists, with cursors.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// What was found.
    pub(crate) items: Vec<T>,
    /// What to pass as `cursor` for the next page; `null` on the last.
    pub(crate) next: Option<String>,
}

/// How many items a page has if nothing else is asked for.
pub(crate) const DEFAULT_LIMIT: u32 = 50;
/// The largest page.
pub(crate) const MAX_LIMIT: u32 = 200;
