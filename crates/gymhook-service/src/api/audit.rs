//! `/v1/audit`: lists who changed what.

use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Parameters, rfc3339};
use super::page::{self, Listed};
use crate::Problem;
use crate::access::Caller;
use crate::actions::audit::{self, Entry};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// An action that was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Action {
    #[schema(format = "date-time")]
    at: String,
    /// What was done.
    #[schema(example = "rotate secret")]
    action: String,
    /// What it was done to: an id, or a name.
    subject: String,
    /// The gym that it concerns.
    gym: Option<String>,
    /// The id of the API key that it was done with.
    key: String,
    /// The key's label at the time.
    label: String,
}

impl From<Entry> for Action {
    fn from(entry: Entry) -> Self {
        let Entry { at, gym, subject, done } = entry;
        Self { at: rfc3339(at), action: done.action, subject, gym, key: done.key, label: done.label }
    }
}

/// Which actions are wanted, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// That concern this gym.
    gym: Option<String>,
    /// That were done to this.
    subject: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Lists what was changed, and with which key, the latest first: the last 10,000 actions. What was published is in the log.
#[utoipa::path(
    get,
    path = "/v1/audit",
    operation_id = "listActions",
    tag = "API keys",
    params(Asked),
    responses((status = 200, description = "A page of them.", body = Listed<Action>))
)]
pub(crate) async fn list(
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Listed<Action>>, Problem> {
    let (before, limit) = (page::sequence("cursor", asked.cursor.as_deref())?, page::limit(asked.limit)?);
    let page = audit::list(&caller, asked.gym, asked.subject, before, limit).await?;
    Ok(Json(page.map(Action::from).into()))
}
