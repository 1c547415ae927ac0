//! Lists sources, and the requests that they refused. Only keys of all gyms may do this.

use std::sync::Arc;

use crate::Problem;
use crate::access::Caller;
use crate::incoming::{OpenSource, RefusalPage, RefusalQuery, SourceStatus};

const WHAT: &str = "source";

/// All that are open, by path.
pub(crate) async fn list(caller: &Caller) -> Result<Vec<(Arc<OpenSource>, SourceStatus)>, Problem> {
    caller.operator(WHAT)?;
    let mut found = Vec::new();
    for source in caller.app().sources.all() {
        let status = source.status().await?;
        found.push((source, status));
    }
    Ok(found)
}

/// One of them.
pub(crate) async fn describe(
    caller: &Caller,
    name: &str,
) -> Result<(Arc<OpenSource>, SourceStatus), Problem> {
    caller.operator(WHAT)?;
    let source = caller.app().sources.named(name).ok_or_else(|| Problem::not_found(WHAT))?;
    let status = source.status().await?;
    Ok((source, status))
}

/// Requests that were refused, and how many this process has not logged because there were too many.
pub(crate) async fn refusals(caller: &Caller, query: &RefusalQuery) -> Result<(RefusalPage, u64), Problem> {
    caller.operator("log")?;
    let refusals = caller.app().sources.refusals();
    Ok((refusals.list(query).await?, refusals.dropped()))
}
