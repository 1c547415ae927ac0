//! `/v1/api-keys`: lists, issues, rotates and revokes API keys.

use std::sync::Arc;

use axum::Json;
use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights};
use gymhook_engine::{ApiKey, IssuedApiKey};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::endpoint_actions::overlap;
use super::extract::{Body, Id, OptionalBody, Parameters, id, rfc3339};
use super::page::{self, Listed};
use crate::Problem;
use crate::access::{Caller, Writer};
use crate::actions::api_keys;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, issue)).routes(routes!(get, revoke)).routes(routes!(rotate))
}

/// An API key; the key itself is shown once, when it is issued.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeyView {
    #[schema(format = "uuid")]
    id: String,
    label: String,
    /// The gym that it is bound to; `null` if it reaches all.
    gym: Option<String>,
    rights: Rights,
    #[schema(format = "date-time")]
    issued_at: String,
    /// From when on it does not count.
    #[schema(format = "date-time")]
    revoked_at: Option<String>,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rights {
    /// Read.
    Read,
    /// Read, redeliver, cancel, and send test events.
    Retry,
    /// Everything.
    Write,
}

impl From<ApiKeyRights> for Rights {
    fn from(rights: ApiKeyRights) -> Self {
        match rights {
            ApiKeyRights::Read => Self::Read,
            ApiKeyRights::Retry => Self::Retry,
            ApiKeyRights::Write => Self::Write,
        }
    }
}

impl From<Rights> for ApiKeyRights {
    fn from(rights: Rights) -> Self {
        match rights {
            Rights::Read => Self::Read,
            Rights::Retry => Self::Retry,
            Rights::Write => Self::Write,
        }
    }
}

impl From<&ApiKey> for ApiKeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            label: key.label.clone(),
            gym: key.owner.gym().map(str::to_owned),
            rights: key.rights.into(),
            issued_at: rfc3339(key.issued_at),
            revoked_at: key.revoked_at.map(rfc3339),
        }
    }
}

/// A new API key.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuedKey {
    #[serde(flatten)]
    about: ApiKeyView,
    /// The key, which is not shown again.
    #[schema(example = "ghk_…")]
    key: String,
}

impl From<IssuedApiKey> for IssuedKey {
    fn from(issued: IssuedApiKey) -> Self {
        Self { about: ApiKeyView::from(&issued.key), key: issued.expose_key().to_owned() }
    }
}

/// Which keys are wanted, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// That are bound to this gym.
    gym: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Lists API keys, revoked ones included, the oldest first.
#[utoipa::path(
    get,
    path = "/v1/api-keys",
    operation_id = "listApiKeys",
    tag = "API keys",
    params(Asked),
    responses((status = 200, description = "A page of them.", body = Listed<ApiKeyView>))
)]
pub(crate) async fn list(
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Listed<ApiKeyView>>, Problem> {
    let after = asked.cursor.as_deref().map(|cursor| id("cursor", cursor)).transpose()?;
    let page = api_keys::list(&caller, asked.gym, after, page::limit(asked.limit)?).await?;
    Ok(Json(page.map(|key| ApiKeyView::from(&key)).into()))
}

/// One API key.
#[utoipa::path(
    get,
    path = "/v1/api-keys/{id}",
    operation_id = "getApiKey",
    tag = "API keys",
    params(("id" = String, Path, description = "The key's id.", format = "uuid")),
    responses((status = 200, description = "What is known of it.", body = ApiKeyView))
)]
pub(crate) async fn get(caller: Caller, Id(id): Id<Uuid>) -> Result<Json<ApiKeyView>, Problem> {
    Ok(Json(ApiKeyView::from(&api_keys::get(&caller, id).await?)))
}

/// A key to issue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"label": "front desk", "gym": "berlin-mitte", "rights": "read"}))]
pub(crate) struct NewApiKey {
    /// What people call it.
    #[schema(max_length = 200)]
    label: String,
    /// The gym that it is bound to; all if it is left out.
    gym: Option<String>,
    rights: Rights,
}

/// Issues an API key, which is shown in this answer only. It takes a key of all gyms.
#[utoipa::path(
    post,
    path = "/v1/api-keys",
    operation_id = "issueApiKey",
    tag = "API keys",
    request_body = NewApiKey,
    responses((status = 201, description = "The key.", body = IssuedKey))
)]
pub(crate) async fn issue(
    Writer(caller): Writer,
    Body(new): Body<NewApiKey>,
) -> Result<(StatusCode, Json<IssuedKey>), Problem> {
    let issued =
        api_keys::issue(&caller, &new.label, ApiKeyOwner::from_gym(new.gym), new.rights.into()).await?;
    Ok((StatusCode::CREATED, Json(issued.into())))
}

/// Revokes an API key at once. It takes a key of all gyms.
#[utoipa::path(
    delete,
    path = "/v1/api-keys/{id}",
    operation_id = "revokeApiKey",
    tag = "API keys",
    params(("id" = String, Path, description = "The key's id.", format = "uuid")),
    responses((status = 204, description = "It does not count any more."))
)]
pub(crate) async fn revoke(Writer(caller): Writer, Id(id): Id<Uuid>) -> Result<StatusCode, Problem> {
    api_keys::revoke(&caller, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// How a key is rotated.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"overlap_seconds": 3_600}))]
pub(crate) struct KeyRotation {
    /// For how long the old one counts as well; a day by default.
    #[schema(maximum = 2_592_000)]
    overlap_seconds: Option<u32>,
}

/// Issues a successor with the same label, gym and rights; the old key ends after the overlap. It takes a key of all gyms.
#[utoipa::path(
    post,
    path = "/v1/api-keys/{id}/rotate",
    operation_id = "rotateApiKey",
    tag = "API keys",
    params(("id" = String, Path, description = "The key's id.", format = "uuid")),
    request_body = Option<KeyRotation>,
    responses((status = 201, description = "The successor.", body = IssuedKey))
)]
pub(crate) async fn rotate(
    Writer(caller): Writer,
    Id(id): Id<Uuid>,
    OptionalBody(rotation): OptionalBody<KeyRotation>,
) -> Result<(StatusCode, Json<IssuedKey>), Problem> {
    let issued = api_keys::rotate(&caller, id, overlap(rotation.overlap_seconds)?).await?;
    Ok((StatusCode::CREATED, Json(issued.into())))
}
