//! `/v1/sources` and `/v1/refusals`: lists sources with their keys and counts, and the requests that they refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;

use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Name, Parameters, rfc3339};
use super::page::{self, Listed};
use crate::Problem;
use crate::access::Caller;
use crate::actions::sources;
use crate::app::App;
use crate::incoming::{KeyWindow, OpenSource, RefusalQuery, RefusedRequest, SourceStatus};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(refusals))
}

/// Where the webhooks of one platform come in. Sources are set up in the settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceView {
    #[schema(example = "egym")]
    name: String,
    #[schema(example = "egym")]
    platform: &'static str,
    #[schema(example = "/in/egym")]
    path: String,
    /// connected: the last webhook was accepted; not-connected: none has come yet; error: the last request was refused.
    #[schema(example = "connected")]
    state: &'static str,
    /// Its keys, without their secrets.
    keys: Vec<SourceKey>,
    counts: SourceCounts,
    /// When the last webhook came that is still in the log.
    #[schema(format = "date-time")]
    last_kept: Option<String>,
    /// When this process refused a request last.
    last_refused: Option<LastRefused>,
    /// Webhooks that wait to be passed on.
    waiting: u64,
    in_flight: u64,
    /// Webhooks that were not passed on, and are kept.
    undeliverable: u64,
}

/// A key that proves a source's requests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceKey {
    #[schema(example = "berlin-2026-06")]
    id: String,
    /// valid, expired or not-yet-valid.
    #[schema(example = "valid")]
    state: &'static str,
    /// When it becomes valid; `null` if it always was.
    #[schema(format = "date-time")]
    from: Option<String>,
    /// When it ends; `null` if it does not.
    #[schema(format = "date-time")]
    until: Option<String>,
}

impl From<KeyWindow> for SourceKey {
    fn from(key: KeyWindow) -> Self {
        Self {
            id: key.id,
            state: key.state.as_str(),
            from: key.from.map(rfc3339),
            until: key.until.map(rfc3339),
        }
    }
}

/// What this process has seen since it started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceCounts {
    accepted: u64,
    /// Webhooks that were there already.
    duplicates: u64,
    /// Webhooks that were proved and cannot be read; they are kept.
    unreadable: u64,
    /// Requests that were refused, by reason.
    refused: BTreeMap<&'static str, u64>,
}

/// The last refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LastRefused {
    #[schema(format = "date-time")]
    at: String,
    #[schema(example = "signature-mismatch")]
    reason: &'static str,
}

impl SourceView {
    fn new(source: &OpenSource, status: SourceStatus) -> Self {
        let SourceStatus { state, counted, inbox, last_kept } = status;
        Self {
            name: source.name.clone(),
            platform: source.platform(),
            path: source.path.clone(),
            state: state.as_str(),
            keys: source.keys(UtcDateTime::now()).into_iter().map(SourceKey::from).collect(),
            counts: SourceCounts {
                accepted: counted.accepted,
                duplicates: counted.duplicates,
                unreadable: counted.unreadable,
                refused: counted.refused,
            },
            last_kept: last_kept.map(rfc3339),
            last_refused: counted.last_refused.map(|(at, reason)| LastRefused { at: rfc3339(at), reason }),
            waiting: inbox.map_or(0, |inbox| inbox.waiting),
            in_flight: inbox.map_or(0, |inbox| inbox.in_flight),
            undeliverable: inbox.map_or(0, |inbox| inbox.undeliverable),
        }
    }
}

/// Lists all sources, by path. For keys of all gyms.
#[utoipa::path(
    get,
    path = "/v1/sources",
    operation_id = "listSources",
    tag = "sources",
    responses((status = 200, description = "All of them.", body = Listed<SourceView>))
)]
pub(crate) async fn list(caller: Caller) -> Result<Json<Listed<SourceView>>, Problem> {
    let found = sources::list(&caller).await?.into_iter();
    let items = found.map(|(source, status)| SourceView::new(&source, status)).collect();
    Ok(Json(Listed { items, next: None }))
}

/// One source. For keys of all gyms.
#[utoipa::path(
    get,
    path = "/v1/sources/{name}",
    operation_id = "getSource",
    tag = "sources",
    params(("name" = String, Path, description = "The source.")),
    responses((status = 200, description = "The source.", body = SourceView))
)]
pub(crate) async fn get(caller: Caller, Name(name): Name) -> Result<Json<SourceView>, Problem> {
    let (source, status) = sources::describe(&caller, &name).await?;
    Ok(Json(SourceView::new(&source, status)))
}

/// Which refused requests are wanted, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Of this source.
    source: Option<String>,
    /// For this reason, such as `signature-mismatch`.
    reason: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A page of refused requests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refusals {
    /// What was found, the latest first. The log has the last 10,000; it is written about a second behind.
    items: Vec<RefusedRequest>,
    /// What to pass as `cursor` for the next page; `null` on the last.
    next: Option<String>,
    /// How many this process has not logged since it started, because there were too many at once.
    dropped: u64,
}

/// Lists requests that sources refused: why does nothing arrive? For keys of all gyms.
#[utoipa::path(
    get,
    path = "/v1/refusals",
    operation_id = "listRefusals",
    tag = "sources",
    params(Asked),
    responses((status = 200, description = "A page of them.", body = Refusals))
)]
pub(crate) async fn refusals(
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Refusals>, Problem> {
    let before = page::sequence("cursor", asked.cursor.as_deref())?;
    let limit = usize::try_from(page::limit(asked.limit)?).unwrap_or(usize::MAX);
    let query = RefusalQuery { source: asked.source, reason: asked.reason, before, limit };
    let (page, dropped) = sources::refusals(&caller, &query).await?;
    Ok(Json(Refusals { items: page.items, next: page.next.map(|next| next.to_string()), dropped }))
}
