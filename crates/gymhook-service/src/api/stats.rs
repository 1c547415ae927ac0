//! `/v1/stats` and `/v1/activity`: counts of deliveries by state, and the last hour minute by minute.

use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Parameters, rfc3339};
use crate::Problem;
use crate::access::Caller;
use crate::actions::stats;
use crate::activity::Minute;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(activity))
}

/// What is counted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Of this gym.
    gym: Option<String>,
    /// For how long before now what has ended is counted: from 1 s to 31 days; 24 h by default.
    #[param(minimum = 1, maximum = 2_678_400)]
    window_seconds: Option<u32>,
}

/// How much there is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsView {
    /// Subscriptions, destinations and inboxes.
    subscriptions: u64,
    /// Of those, the disabled ones.
    disabled: u64,
    /// Deliveries that wait, due or not.
    waiting: u64,
    in_flight: u64,
    /// Deliveries that were given up and are kept.
    undeliverable: u64,
    /// Deliveries that cannot be read.
    quarantined: u64,
    /// What came in and could not be read, and is kept.
    unreadable: u64,
    /// What was delivered within the window.
    delivered: u64,
    /// What was given up within the window.
    given_up: u64,
    /// Since when the delivery has been due that has been due the longest.
    #[schema(format = "date-time")]
    oldest_due: Option<String>,
    window_seconds: u32,
}

/// Counts what waits, is in flight, was given up, and ended lately.
#[utoipa::path(
    get,
    path = "/v1/stats",
    operation_id = "getStats",
    tag = "stats",
    params(Asked),
    responses((status = 200, description = "How much there is.", body = StatsView))
)]
pub(crate) async fn get(
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<StatsView>, Problem> {
    const DAY: u32 = 24 * 60 * 60;
    let window_seconds = asked.window_seconds.unwrap_or(DAY);
    if !(1..=31 * DAY).contains(&window_seconds) {
        return Err(Problem::invalid("window_seconds", "it is from 1 to 2,678,400 seconds"));
    }
    let window = Duration::from_secs(window_seconds.into());
    let stats = stats::get(&caller, asked.gym, window).await?;
    Ok(Json(StatsView {
        subscriptions: stats.subscriptions,
        disabled: stats.disabled,
        waiting: stats.waiting,
        in_flight: stats.in_flight,
        undeliverable: stats.undeliverable,
        quarantined: stats.quarantined,
        unreadable: stats.unreadable,
        delivered: stats.delivered,
        given_up: stats.given_up,
        oldest_due: stats.oldest_due.map(rfc3339),
        window_seconds,
    }))
}

/// What this process did in the last hour.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LastHour {
    /// Sixty minutes, the oldest first.
    minutes: Vec<Minute>,
}

/// What this process did in the last hour, a minute each. It takes a key of all gyms.
#[utoipa::path(
    get,
    path = "/v1/activity",
    operation_id = "getActivity",
    tag = "stats",
    responses((status = 200, description = "The last hour.", body = LastHour))
)]
pub(crate) async fn activity(caller: Caller) -> Result<Json<LastHour>, Problem> {
    caller.operator("activity")?;
    Ok(Json(LastHour { minutes: caller.app().activity.last_hour(UtcDateTime::now()) }))
}
