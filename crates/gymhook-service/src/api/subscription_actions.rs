//! `/v1/subscriptions/{id}/…` and `/v1/gyms/{gym}/test`: rotates a subscription's secret, pauses, enables and disables it, and
//! tests one subscription or all of a gym.

use std::sync::Arc;

use axum::Json;
use bytes::Bytes;
use gymhook_engine::EndpointId;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::endpoint_actions::{Pause, Rotation, TestResult, overlap, patience};
use super::extract::{Body, Id, Name, OptionalBody, moment};
use super::subscription::WrittenSubscription;
use super::subscriptions::written;
use crate::Problem;
use crate::access::{Retrier, Writer};
use crate::actions::names::check_event_name;
use crate::actions::{subscription_changes, subscriptions, tests_of_endpoints};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(rotate))
        .routes(routes!(pause))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(test))
        .routes(routes!(test_all))
}

/// Signs with a new secret from now on. Give it to the receiver first, or within the overlap.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/rotate",
    operation_id = "rotateSecret",
    tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription.", format = "uuid")),
    request_body = Option<Rotation>,
    responses((status = 200, description = "With the secret, if it was drawn.", body = WrittenSubscription))
)]
pub(crate) async fn rotate(
    Writer(caller): Writer,
    Id(id): Id<EndpointId>,
    OptionalBody(rotation): OptionalBody<Rotation>,
) -> Result<Json<WrittenSubscription>, Problem> {
    let overlap = overlap(rotation.overlap_seconds)?;
    let secret = rotation.secret.as_ref().map(|text| text.as_str());
    let rotated = subscription_changes::rotate(&caller, id, secret, overlap).await?;
    Ok(Json(written(rotated)))
}

/// Sends nothing to a subscription until a time; what is published waits.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/pause",
    operation_id = "pauseSubscription",
    tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription.", format = "uuid")),
    request_body = Pause,
    responses((status = 202, description = "It is about to be paused."))
)]
pub(crate) async fn pause(
    Writer(caller): Writer,
    Id(id): Id<EndpointId>,
    Body(pause): Body<Pause>,
) -> Result<StatusCode, Problem> {
    let until = moment("/until", &pause.until)?;
    subscriptions::pause(&caller, id, until).await.map(|()| StatusCode::ACCEPTED)
}

/// Sends to a subscription again, whatever it was disabled for; what waited goes first.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/enable",
    operation_id = "enableSubscription",
    tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription.", format = "uuid")),
    responses((status = 202, description = "It is about to be enabled."))
)]
pub(crate) async fn enable(Writer(caller): Writer, Id(id): Id<EndpointId>) -> Result<StatusCode, Problem> {
    subscriptions::enable(&caller, id).await.map(|()| StatusCode::ACCEPTED)
}

/// Sends nothing to a subscription until it is enabled; what is published waits.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/disable",
    operation_id = "disableSubscription",
    tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription.", format = "uuid")),
    responses((status = 202, description = "It is about to be disabled."))
)]
pub(crate) async fn disable(Writer(caller): Writer, Id(id): Id<EndpointId>) -> Result<StatusCode, Problem> {
    subscriptions::disable(&caller, id).await.map(|()| StatusCode::ACCEPTED)
}

/// A test event: the platform's, unless a type is named.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"type": "ping", "data": {"hello": "world"}, "wait_seconds": 5}))]
pub(crate) struct NewTest {
    /// Its type.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// The body as JSON, sent byte for byte; `{}` by default.
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
    /// How long to wait for the answer, from 0 to 30 seconds; 5 by default.
    #[schema(maximum = 30)]
    wait_seconds: Option<u32>,
}

/// Sends a test event, even to a disabled subscription, once, without any effect on its health.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/test",
    operation_id = "testSubscription",
    tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription.", format = "uuid")),
    request_body = Option<NewTest>,
    responses((status = 200, description = "How it went.", body = TestResult))
)]
pub(crate) async fn test(
    Retrier(caller): Retrier,
    Id(id): Id<EndpointId>,
    OptionalBody(test): OptionalBody<NewTest>,
) -> Result<Json<TestResult>, Problem> {
    let patience = patience(test.wait_seconds)?;
    let event = match (test.event_type, test.data) {
        (None, None) => None,
        (None, Some(_)) => return Err(Problem::invalid("/type", "name the type of the event")),
        (Some(name), data) => {
            check_event_name(&name, "/type")?;
            let data = data.map(|data| Bytes::from(Box::<str>::from(data).into_string()));
            Some((name, data.unwrap_or_else(|| Bytes::from_static(b"{}"))))
        }
    };
    let tested = tests_of_endpoints::send(&caller, id, event, patience).await?;
    Ok(Json(TestResult::from(tested)))
}

/// One of a gym's tests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestOfGym {
    #[schema(format = "uuid")]
    subscription: String,
    /// Its delivery, in the log; `null` if none was sent.
    #[schema(format = "uuid")]
    delivery: Option<String>,
    /// Why none was sent.
    problem: Option<Problem>,
}

/// Sends its platform's test event to each subscription of a gym.
#[utoipa::path(
    post,
    path = "/v1/gyms/{gym}/test",
    operation_id = "testGym",
    tag = "subscriptions",
    params(("gym" = String, Path, description = "The gym.")),
    responses((status = 200, description = "What was sent.", body = Vec<TestOfGym>))
)]
pub(crate) async fn test_all(
    Retrier(caller): Retrier,
    Name(gym): Name,
) -> Result<Json<Vec<TestOfGym>>, Problem> {
    let sent = tests_of_endpoints::send_to_all(&caller, &gym).await?;
    let tests = sent.into_iter().map(|sent| {
        let subscription = sent.subscription.to_string();
        match sent.test {
            Ok(delivery) => TestOfGym { subscription, delivery: Some(delivery.to_string()), problem: None },
            Err(error) => TestOfGym { subscription, delivery: None, problem: Some(error.into()) },
        }
    });
    Ok(Json(tests.collect()))
}
