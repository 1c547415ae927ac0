//! `/v1/redeliveries`: redelivers all deliveries that a filter finds.

use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::deliveries::FilterTexts;
use super::extract::Body;
use super::page;
use crate::Problem;
use crate::access::Retrier;
use crate::actions::redeliveries;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Which deliveries are redelivered: those that `GET /v1/deliveries` lists with the same filters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"state": "undeliverable", "from": "2026-01-31T12:00:00Z", "dry_run": true}))]
pub(crate) struct NewRedelivery {
    gym: Option<String>,
    #[schema(format = "uuid")]
    endpoint: Option<String>,
    #[serde(rename = "type")]
    event_type: Option<String>,
    kind: Option<String>,
    /// undeliverable, waiting, cancelled or delivered. It has to be named, so that nothing is repeated by mistake.
    state: Option<String>,
    #[schema(format = "date-time")]
    from: Option<String>,
    #[schema(format = "date-time")]
    until: Option<String>,
    /// `next` of the call before.
    cursor: Option<String>,
    /// Only count them.
    #[serde(default)]
    dry_run: bool,
}

/// How many deliveries are sent again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"deliveries": 17, "without_subscription": 0, "next": null, "dry_run": true}))]
pub(crate) struct Redelivered {
    /// How many.
    deliveries: u64,
    /// How many more there are that have nowhere to go, since their subscription was deleted.
    without_subscription: u64,
    /// What to pass as `cursor` to go on, after 10,000 deliveries; `null` if these were all.
    next: Option<String>,
    /// Whether they were only counted.
    dry_run: bool,
}

/// Starts one more round of all deliveries that fit, the latest first, for up to 10,000 in a call.
#[utoipa::path(
    post,
    path = "/v1/redeliveries",
    operation_id = "redeliverMany",
    tag = "deliveries",
    request_body = NewRedelivery,
    responses((status = 200, description = "How many they are.", body = Redelivered))
)]
pub(crate) async fn create(
    Retrier(caller): Retrier,
    Body(asked): Body<NewRedelivery>,
) -> Result<Json<Redelivered>, Problem> {
    let filter = FilterTexts {
        gym: asked.gym.as_deref(),
        endpoint: asked.endpoint.as_deref(),
        event_type: asked.event_type.as_deref(),
        kind: asked.kind.as_deref(),
        state: asked.state.as_deref(),
        from: asked.from.as_deref(),
        until: asked.until.as_deref(),
    };
    let filter = filter.read("/")?;
    let before = page::sequence("/cursor", asked.cursor.as_deref())?;
    let affected = redeliveries::redeliver(&caller, &filter, before, asked.dry_run).await?;
    Ok(Json(Redelivered {
        deliveries: affected.deliveries,
        without_subscription: affected.without_subscription,
        next: affected.next.map(|next| next.to_string()),
        dry_run: asked.dry_run,
    }))
}
