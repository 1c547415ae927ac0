//! The log of deliveries.

use axum::Json;
use axum::extract::Query;
use gymhook_engine::store::DeliveryQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{DEFAULT_LIMIT, Listed, MAX_LIMIT};
use crate::Problem;
use crate::access::Caller;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    id: String,
    state: &'static str,
}

/// Lists deliveries, the latest first.
#[utoipa::path(
    get,
    path = "/v1/deliveries",
    tag = "deliveries",
    params(Asked),
    responses(
        (status = 200, body = Listed<Delivery>),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<Listed<Delivery>>, Problem> {
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let page = caller.view().deliveries(DeliveryQuery::new(limit)).await?;
    let items = page.items.into_iter();
    let items = items.map(|row| Delivery { id: row.id.to_string(), state: row.state.as_str() }).collect();
    Ok(Json(Listed { items, next: page.next.map(|next| next.to_string()) }))
}
