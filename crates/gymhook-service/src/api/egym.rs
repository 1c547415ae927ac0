//! EGYM's management API ("MMS API V2" 2.0.0), so that a client that was written for EGYM can be tried here: its paths, its
//! objects, its errors.
//!
//! A key of ours that is bound to a gym takes the place of the key that EGYM issues for one.
//!
//! Source: the vendor's OpenAPI file of 2026.

mod error;

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, FromRequest as _, FromRequestParts, Path, Request};
use gymhook_engine::{EndpointId, Subscription};
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use self::error::ErrorDto;
use self::error::Refused;
use super::extract::Body;
use super::subscription::shown_url;
use crate::Problem;
use crate::access::{Caller, Needs};
use crate::actions::subscription_changes::{self, Changes, NewSecret, NewSubscription};
use crate::actions::{subscriptions, tests_of_endpoints};
use crate::app::App;

const EGYM: &str = "egym";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(trigger))
}

/// The owner of the key in `x-api-key`, which is bound to a gym.
struct Gym {
    caller: Caller,
    gym: String,
    path: String,
}

impl<S> FromRequestParts<S> for Gym
where
    Arc<App>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = parts.uri.path().to_owned();
        let refused = |problem: Problem| Refused::new(problem, &path);
        let missing =
            || Problem::new(StatusCode::UNAUTHORIZED, "an API key is needed: send it as `x-api-key`, once");
        let mut values = parts.headers.get_all("x-api-key").iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(refused(missing())) };
        let key = value.to_str().map_err(|_| refused(missing()))?;
        let caller = Caller::with_key(Arc::<App>::from_ref(state), key).await.map_err(refused)?;
        let Some(gym) = caller.gym().map(str::to_owned) else {
            let detail = "this API key is of all gyms: use one that is bound to a gym, as EGYM's are";
            return Err(refused(Problem::new(StatusCode::FORBIDDEN, detail)));
        };
        Ok(Self { caller, gym, path })
    }
}

impl Gym {
    fn refused(&self, problem: Problem) -> Refused {
        Refused::new(problem, &self.path)
    }

    fn not_found(&self) -> Refused {
        self.refused(Problem::not_found("webhook"))
    }

    /// The gym's webhooks, those that another platform is subscribed as excluded.
    async fn webhooks(&self) -> Result<Vec<Subscription>, Refused> {
        const PAGE: u32 = 200;
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let gym = Some(self.gym.clone());
            let page = subscriptions::list(&self.caller, gym, Some(EGYM), after, PAGE).await;
            let page = page.map_err(|problem| self.refused(problem))?;
            found.extend(page.items.into_iter().map(|found| found.subscription));
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// The one that the path names.
    async fn webhook(&self, parts: &mut Parts) -> Result<Subscription, Refused> {
        let Ok(Path(id)) = Path::<String>::from_request_parts(parts, &()).await else {
            return Err(self.not_found());
        };
        let id: i64 = id.parse().map_err(|_| self.not_found())?;
        let found = self.webhooks().await?.into_iter().find(|webhook| number(webhook.id()) == id);
        found.ok_or_else(|| self.not_found())
    }

    fn may(&self, needs: Needs) -> Result<(), Refused> {
        self.caller.may(needs).map_err(|problem| self.refused(problem))
    }

    /// As EGYM answers it, except for the secret and the URL's query, which whoever may only read is not shown.
    fn response(&self, webhook: &Subscription) -> WebhookResponseDto {
        let http = webhook.http();
        let now = UtcDateTime::now();
        let secret = http.and_then(|http| http.keys()).and_then(|keys| {
            let key = keys.keys().find(|key| key.not_after().is_none() && key.is_valid_at(now))?;
            core::str::from_utf8(key.secret().expose_secret()).ok().map(str::to_owned)
        });
        let may_write = self.caller.may(Needs::Write).is_ok();
        let secret = secret.filter(|_| may_write);
        let url = http.map(|http| shown_url(http.url(), may_write));
        WebhookResponseDto {
            id: number(webhook.id()),
            url: url.unwrap_or_default(),
            secret: secret.unwrap_or_default(),
        }
    }
}

/// The number of a subscription: it follows from its id, so it is the same after every restart. 53 bits, which every JSON parser
/// keeps.
fn number(id: EndpointId) -> i64 {
    let digest = Sha256::digest(id.as_uuid().as_bytes());
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    i64::try_from(u64::from_be_bytes(first) >> 11).unwrap_or(0)
}

/// A webhook to create or replace.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"url": "https://receiver.example/egym", "secret": "chosen-for-this-webhook"}))]
pub(crate) struct WebhookRequestDto {
    #[schema(min_length = 1)]
    url: String,
    /// What is sent in `x-api-key` with each event.
    #[schema(min_length = 1)]
    secret: String,
}

/// A webhook.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": 17, "url": "https://receiver.example/egym", "secret": "chosen-for-this-webhook"
}))]
pub(crate) struct WebhookResponseDto {
    id: i64,
    url: String,
    /// In clear, as EGYM answers it; empty for a key that may only read.
    secret: String,
}

/// Lists the webhooks of the key's gym.
#[utoipa::path(
    get,
    path = "/api/v2/webhooks",
    operation_id = "listEgymWebhooks",
    tag = "EGYM's API",
    security(("x-api-key" = [])),
    responses((status = 200, description = "All of them.", body = Vec<WebhookResponseDto>))
)]
async fn list(gym: Gym) -> Result<Json<Vec<WebhookResponseDto>>, Refused> {
    Ok(Json(gym.webhooks().await?.iter().map(|webhook| gym.response(webhook)).collect()))
}

/// Creates a webhook, which gets every type of event.
#[utoipa::path(
    post,
    path = "/api/v2/webhooks",
    operation_id = "createEgymWebhook",
    tag = "EGYM's API",
    security(("x-api-key" = [])),
    request_body = WebhookRequestDto,
    responses((status = 200, description = "The webhook.", body = WebhookResponseDto))
)]
async fn create(gym: Gym, request: Request) -> Result<Json<WebhookResponseDto>, Refused> {
    gym.may(Needs::Write)?;
    let WebhookRequestDto { url, secret } = body(&gym, request).await?;
    let new = NewSubscription {
        gym: gym.gym.clone(),
        platform: EGYM.to_owned(),
        url,
        secret: NewSecret::Given(secret.into()),
        settings: Changes::default(),
    };
    let created = subscription_changes::create(&gym.caller, new).await;
    let created = created.map_err(|problem| gym.refused(problem))?;
    Ok(Json(gym.response(&created.subscription)))
}

async fn body(gym: &Gym, request: Request) -> Result<WebhookRequestDto, Refused> {
    let Body(webhook) = Body::<WebhookRequestDto>::from_request(request, &())
        .await
        .map_err(|problem| gym.refused(problem))?;
    Ok(webhook)
}

/// One webhook.
#[utoipa::path(
    get,
    path = "/api/v2/webhooks/{id}",
    operation_id = "getEgymWebhook",
    tag = "EGYM's API",
    security(("x-api-key" = [])),
    params(("id" = i64, Path, description = "The webhook.")),
    responses((status = 200, description = "The webhook.", body = WebhookResponseDto))
)]
async fn get(gym: Gym, request: Request) -> Result<Json<WebhookResponseDto>, Refused> {
    let webhook = gym.webhook(&mut request.into_parts().0).await?;
    Ok(Json(gym.response(&webhook)))
}

/// Replaces the URL and the secret of a webhook.
#[utoipa::path(
    put,
    path = "/api/v2/webhooks/{id}",
    operation_id = "replaceEgymWebhook",
    tag = "EGYM's API",
    security(("x-api-key" = [])),
    params(("id" = i64, Path, description = "The webhook.")),
    request_body = WebhookRequestDto,
    responses((status = 200, description = "As it is now.", body = WebhookResponseDto))
)]
async fn replace(gym: Gym, request: Request) -> Result<Json<WebhookResponseDto>, Refused> {
    gym.may(Needs::Write)?;
    let (mut parts, sent) = request.into_parts();
    let webhook = gym.webhook(&mut parts).await?;
    let WebhookRequestDto { url, secret } = body(&gym, Request::from_parts(parts, sent)).await?;
    let replaced = subscription_changes::replace(&gym.caller, webhook.id(), &url, &secret).await;
    Ok(Json(gym.response(&replaced.map_err(|problem| gym.refused(problem))?)))
}

/// Deletes a webhook.
#[utoipa::path(
    delete,
    path = "/api/v2/webhooks/{id}",
    operation_id = "deleteEgymWebhook",
    tag = "EGYM's API",
    security(("x-api-key" = [])),
    params(("id" = i64, Path, description = "The webhook.")),
    responses((status = 204, description = "It is deleted."))
)]
async fn delete(gym: Gym, request: Request) -> Result<StatusCode, Refused> {
    gym.may(Needs::Write)?;
    let webhook = gym.webhook(&mut request.into_parts().0).await?;
    let deleted = subscriptions::delete(&gym.caller, webhook.id()).await;
    deleted.map(|()| StatusCode::NO_CONTENT).map_err(|problem| gym.refused(problem))
}

/// Sends a `TEST` event to a webhook.
#[utoipa::path(
    post,
    path = "/api/v2/webhooks/{id}/trigger",
    operation_id = "triggerEgymWebhook",
    tag = "EGYM's API",
    security(("x-api-key" = [])),
    params(("id" = i64, Path, description = "The webhook.")),
    responses((status = 200, description = "It is about to be sent."))
)]
async fn trigger(gym: Gym, request: Request) -> Result<StatusCode, Refused> {
    gym.may(Needs::Retry)?;
    let webhook = gym.webhook(&mut request.into_parts().0).await?;
    let sent = tests_of_endpoints::send(&gym.caller, webhook.id(), None, core::time::Duration::ZERO).await;
    sent.map(|_| StatusCode::OK).map_err(|problem| gym.refused(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_always_the_same_and_fits_a_double() {
        // The first 53 bits of the SHA-256 of sixteen zero bytes: sha256sum gives 374708fff7719dd5….
        assert_eq!(number(EndpointId::from_u128(0)), 0x3747_08ff_f771_9dd5_u64.cast_signed() >> 11);
        assert!((0..1_000).all(|id| (0..1 << 53).contains(&number(EndpointId::from_u128(id)))));
    }
}
