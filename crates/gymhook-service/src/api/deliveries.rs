//! `/v1/deliveries`: lists and shows deliveries with their attempts and bodies, redelivers and cancels them.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use gymhook::event::Kind;
use gymhook::text::nearest;
use gymhook_engine::DeliveryId;
use gymhook_engine::store::State;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::delivery::{Attempt, Delivery, DeliveryDetail};
use super::extract::{Id, Parameters, id, moment};
use super::page::{self, Listed};
use crate::Problem;
use crate::access::{Caller, Retrier};
use crate::actions::deliveries::{self, DeliveryFilter};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(attempts))
        .routes(routes!(body))
        .routes(routes!(redeliver))
        .routes(routes!(cancel))
}

/// Which deliveries are wanted, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Of this gym's subscriptions.
    gym: Option<String>,
    /// To this subscription, destination or inbox.
    #[param(format = "uuid")]
    endpoint: Option<String>,
    /// Of this type, as its platform spells it.
    #[serde(rename = "type")]
    #[param(example = "checkin.created")]
    event_type: Option<String>,
    /// Of this kind, whatever the platform calls it; a page may then be shorter than `limit` although there is a next one.
    #[param(example = "check-in")]
    kind: Option<String>,
    /// In this state: waiting, in-flight, delivered, undeliverable, cancelled, quarantined or unreadable.
    #[param(example = "undeliverable")]
    state: Option<String>,
    /// Enqueued at this time or later.
    #[param(format = "date-time")]
    from: Option<String>,
    /// Enqueued before this time.
    #[param(format = "date-time")]
    until: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The texts of a filter, wherever they are from.
#[derive(Debug, Default)]
pub(crate) struct FilterTexts<'t> {
    pub(crate) gym: Option<&'t str>,
    pub(crate) endpoint: Option<&'t str>,
    pub(crate) event_type: Option<&'t str>,
    pub(crate) kind: Option<&'t str>,
    pub(crate) state: Option<&'t str>,
    pub(crate) from: Option<&'t str>,
    pub(crate) until: Option<&'t str>,
}

impl FilterTexts<'_> {
    /// Reads them; `place` is what comes before a field's name in the place of a problem.
    pub(crate) fn read(&self, place: &str) -> Result<DeliveryFilter, Problem> {
        let at = |name: &str| format!("{place}{name}");
        let text = |name: &str, text: Option<&str>| match text {
            Some(text) if text.contains('\0') => Err(Problem::invalid(at(name), "it has a NUL character")),
            text => Ok(text.map(str::to_owned)),
        };
        Ok(DeliveryFilter {
            gym: text("gym", self.gym)?,
            endpoint: self.endpoint.map(|text| id(&at("endpoint"), text)).transpose()?,
            event_type: text("type", self.event_type)?,
            kind: self.kind.map(|name| kind(&at("kind"), name)).transpose()?,
            state: self.state.map(|name| state(&at("state"), name)).transpose()?,
            from: self.from.map(|text| moment(&at("from"), text)).transpose()?,
            until: self.until.map(|text| moment(&at("until"), text)).transpose()?,
        })
    }
}

fn state(place: &str, name: &str) -> Result<State, Problem> {
    let found = State::ALL.into_iter().find(|state| state.as_str() == name);
    found.ok_or_else(|| {
        let names = State::ALL.map(State::as_str).join(", ");
        Problem::invalid(place, format!("there is no such state: choose one of {names}"))
    })
}

fn kind(place: &str, name: &str) -> Result<Kind, Problem> {
    Kind::from_name(name).ok_or_else(|| {
        let known = Kind::ALL.iter().map(|kind| kind.as_str());
        let advice = match nearest(name, known.clone()) {
            Some(nearest) => format!("did you mean {nearest:?}?"),
            None => format!("choose one of {}", known.collect::<Vec<_>>().join(", ")),
        };
        Problem::invalid(place, format!("there is no such kind of events: {advice}"))
    })
}

/// Lists deliveries, the latest first.
#[utoipa::path(
    get,
    path = "/v1/deliveries",
    operation_id = "listDeliveries",
    tag = "deliveries",
    params(Asked),
    responses((status = 200, description = "A page of them.", body = Listed<Delivery>))
)]
pub(crate) async fn list(
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Listed<Delivery>>, Problem> {
    let filter = FilterTexts {
        gym: asked.gym.as_deref(),
        endpoint: asked.endpoint.as_deref(),
        event_type: asked.event_type.as_deref(),
        kind: asked.kind.as_deref(),
        state: asked.state.as_deref(),
        from: asked.from.as_deref(),
        until: asked.until.as_deref(),
    };
    let filter = filter.read("")?;
    let before = page::sequence("cursor", asked.cursor.as_deref())?;
    let page = deliveries::list(&caller, &filter, before, page::limit(asked.limit)?).await?;
    Ok(Json(page.map(|row| Delivery::from(&row)).into()))
}

/// One delivery with its attempts.
#[utoipa::path(
    get,
    path = "/v1/deliveries/{id}",
    operation_id = "getDelivery",
    tag = "deliveries",
    params(("id" = String, Path, description = "The delivery.", format = "uuid")),
    responses((status = 200, description = "The delivery.", body = DeliveryDetail))
)]
pub(crate) async fn get(caller: Caller, Id(id): Id<DeliveryId>) -> Result<Json<DeliveryDetail>, Problem> {
    Ok(Json(DeliveryDetail::from(&deliveries::get(&caller, id).await?)))
}

/// Which page of the attempts is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskedAttempts {
    /// `next` of the page before, or `log_next` of the delivery.
    cursor: Option<String>,
    /// How many, from 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A delivery's attempts, the first one first.
#[utoipa::path(
    get,
    path = "/v1/deliveries/{id}/attempts",
    operation_id = "listAttempts",
    tag = "deliveries",
    params(("id" = String, Path, description = "The delivery.", format = "uuid"), AskedAttempts),
    responses((status = 200, description = "A page of them.", body = Listed<Attempt>))
)]
pub(crate) async fn attempts(
    caller: Caller,
    Id(id): Id<DeliveryId>,
    Parameters(asked): Parameters<AskedAttempts>,
) -> Result<Json<Listed<Attempt>>, Problem> {
    let after = page::sequence("cursor", asked.cursor.as_deref())?;
    // No attempt has a higher number.
    let after = after.map(|after| u32::try_from(after).unwrap_or(u32::MAX));
    let page = deliveries::attempts(&caller, id, after, page::limit(asked.limit)?).await?;
    Ok(Json(page.map(|row| Attempt::from(&row)).into()))
}

/// The exact bytes that are sent, or that came in, as an attachment.
#[utoipa::path(
    get,
    path = "/v1/deliveries/{id}/body",
    operation_id = "getDeliveryBody",
    tag = "deliveries",
    params(("id" = String, Path, description = "The delivery.", format = "uuid")),
    responses((
        status = 200,
        description = "The body, byte for byte.",
        body = Vec<u8>,
        content_type = "application/octet-stream",
    ))
)]
pub(crate) async fn body(caller: Caller, Id(id): Id<DeliveryId>) -> Result<Response, Problem> {
    let (delivery, body) = deliveries::body(&caller, id).await?;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let name = format!("attachment; filename=\"{}.json\"", delivery.id);
    // What others wrote is never shown as a page of this service.
    for (header, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(header, value);
        }
    }
    Ok(response)
}

/// Starts one more round of a delivery, with all of its attempts, the first at once. It keeps its id.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/redeliver",
    operation_id = "redeliver",
    tag = "deliveries",
    params(("id" = String, Path, description = "The delivery.", format = "uuid")),
    responses((status = 202, description = "It is about to be sent."))
)]
pub(crate) async fn redeliver(
    Retrier(caller): Retrier,
    Id(id): Id<DeliveryId>,
) -> Result<StatusCode, Problem> {
    deliveries::redeliver(&caller, id).await.map(|()| StatusCode::ACCEPTED)
}

/// Cancels a delivery; an attempt in flight may still succeed.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/cancel",
    operation_id = "cancelDelivery",
    tag = "deliveries",
    params(("id" = String, Path, description = "The delivery.", format = "uuid")),
    responses((status = 202, description = "It is about to be cancelled."))
)]
pub(crate) async fn cancel(Retrier(caller): Retrier, Id(id): Id<DeliveryId>) -> Result<StatusCode, Problem> {
    deliveries::cancel(&caller, id).await.map(|()| StatusCode::ACCEPTED)
}
