//! `/v1/events`: publishes events.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::extract::{JsonBytes, read};
use crate::Problem;
use crate::access::Writer;
use crate::actions::names::{LONGEST_NAME, check_event_name, check_gym};
use crate::actions::platforms;
use crate::actions::publish::{self, Event, Outcome};
use crate::app::App;
use crate::problem::pointer_part;
use crate::trace_context;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

/// An event. Its bytes are `data`, as it is written here, or `body`: to every platform, to one, or another one for each of `bodies`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "check-in-4711", "gym": "berlin-mitte", "type": "checkin.created", "data": {"member": 17}
}))]
pub(crate) struct NewEvent {
    /// Its id: publishing it again delivers nothing twice. Drawn, if there is neither this nor an `Idempotency-Key`.
    #[schema(max_length = 256)]
    id: Option<String>,
    /// Whose event it is. A key of one gym may leave it out.
    gym: Option<String>,
    /// Its type, as the platform spells it.
    #[serde(rename = "type")]
    #[schema(max_length = 256)]
    event_type: String,
    /// The body as JSON, which is sent byte for byte as it is written here.
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
    /// The body as text, for what is not JSON.
    body: Option<String>,
    /// To subscriptions of this platform only.
    platform: Option<String>,
    /// Other types and bodies for subscriptions of these platforms.
    #[serde(default)]
    bodies: BTreeMap<String, NewBody>,
}

/// What an event is for one platform.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBody {
    /// Its type, if the platform spells it otherwise.
    #[serde(rename = "type")]
    event_type: Option<String>,
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
    body: Option<String>,
}

/// One event, or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes the request: which of the two it is shows before it is read")]
pub(crate) enum NewEvents {
    /// One.
    One(Box<NewEvent>),
    /// Up to 100, in the order in which they are delivered.
    Several(Vec<NewEvent>),
}

/// What became of an event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublishedEvent {
    /// Its id.
    id: String,
    /// Whether it was published before: then nothing is delivered twice.
    repeated: bool,
    /// One for each subscription that wants it.
    deliveries: Vec<PublishedDelivery>,
}

/// What became of an event for one subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublishedDelivery {
    #[schema(format = "uuid")]
    id: String,
    #[schema(format = "uuid")]
    subscription: String,
    /// enqueued, repeated or refused.
    #[schema(example = "enqueued")]
    result: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// What became of one event, or of several.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PublishedEvents {
    /// One.
    One(PublishedEvent),
    /// Several, in the order of the request.
    Several(Vec<PublishedEvent>),
}

/// How many events one request may have. Our choice.
const MOST_EVENTS: usize = 100;

/// Publishes an event, or up to 100: when it is answered, a delivery for each subscription that wants it is on disk.
///
/// If one of a list cannot be read, none is published. What conflicts with an event that was published before is refused by
/// itself, and the others are published: `result` says so for each. If all conflict, the answer is 409.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "publish",
    tag = "events",
    params(
        (
            "Idempotency-Key" = Option<String>, Header,
            description = "The id of the event; of several, the beginning of the ids of those that have none."
        ),
        (
            "traceparent" = Option<String>, Header,
            description = "Your trace context (W3C): it goes along with each attempt, with `tracestate` if there is one."
        ),
    ),
    request_body = NewEvents,
    responses(
        (status = 202, description = "It is on disk.", body = PublishedEvents),
        (status = 200, description = "It was published before: nothing is delivered twice.", body = PublishedEvents),
    )
)]
pub(crate) async fn create(
    Writer(caller): Writer,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let along = trace_context::of_request(&headers);
    let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let events = if is_list {
        several(read(&bytes)?, caller.gym(), key)?
    } else {
        vec![event(read(&bytes)?, caller.gym(), "", key.map(str::to_owned))?]
    };
    let published = publish::publish(&caller, &events, &along).await?;
    if published.iter().all(publish::Published::is_conflict) {
        let (pointer, detail) = if is_list {
            ("/0/id", "events with these ids were published before, with other bodies: use other ids")
        } else {
            ("/id", "an event with this id was published before, with another body: use another id")
        };
        return Err(Problem::conflict(detail).at(pointer));
    }
    let mut published: Vec<PublishedEvent> = published.into_iter().map(PublishedEvent::from).collect();
    let repeated = published.iter().all(|event| event.repeated);
    let status = if repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
    let answer = match published.pop() {
        Some(one) if !is_list => PublishedEvents::One(one),
        last => {
            published.extend(last);
            PublishedEvents::Several(published)
        }
    };
    Ok((status, Json(answer)).into_response())
}

/// Checks the events of a list.
fn several(all: Vec<NewEvent>, own: Option<&str>, key: Option<&str>) -> Result<Vec<Event>, Problem> {
    if all.is_empty() || all.len() > MOST_EVENTS {
        return Err(Problem::invalid("", format!("a list has from 1 to {MOST_EVENTS} events")));
    }
    let check = |(number, new)| {
        let key = key.map(|key| format!("{key}.{number}"));
        event(new, own, &format!("/{number}"), key)
    };
    all.into_iter().enumerate().map(check).collect()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    const NAME: &str = "Idempotency-Key";
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= LONGEST_NAME);
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text)),
        _ => Err(Problem::invalid(NAME, "it is given once, with 1 to 256 characters of visible ASCII")),
    }
}

/// Checks an event; `place` is where it is in the request.
fn event(new: NewEvent, own: Option<&str>, place: &str, key: Option<String>) -> Result<Event, Problem> {
    let at = |field: &str| format!("{place}/{field}");
    let id = match (new.id, key) {
        (Some(id), Some(key)) if id != key && place.is_empty() => {
            return Err(Problem::invalid(at("id"), "it differs from the Idempotency-Key: send one of them"));
        }
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => Uuid::now_v7().to_string(),
    };
    check_event_name(&id, &at("id"))?;
    let gym = new.gym.or_else(|| own.map(str::to_owned));
    let gym = gym.filter(|gym| !gym.is_empty());
    let gym = gym.ok_or_else(|| Problem::invalid(at("gym"), "name the gym whose event it is"))?;
    check_gym(&gym, &at("gym"))?;
    check_event_name(&new.event_type, &at("type"))?;
    let common = bytes_of(new.data, new.body, place)?;
    let mut parts = match (&new.platform, common) {
        (Some(platform), Some(body)) => {
            platforms::check(platform, &at("platform"))?;
            Event::parts_for([platform.as_str()], &new.event_type, &body)
        }
        (None, Some(body)) => Event::parts_for_all(&new.event_type, &body),
        (Some(_), None) => {
            return Err(Problem::invalid(at("data"), "the platform gets no body: add data or body"));
        }
        (None, None) if new.bodies.is_empty() => {
            return Err(Problem::invalid(at("data"), "there is nothing to send: add data, body or bodies"));
        }
        (None, None) => BTreeMap::new(),
    };
    for (platform, one) in new.bodies {
        let at = at(&format!("bodies/{}", pointer_part(&platform)));
        platforms::check(&platform, &at)?;
        let event_type = one.event_type.unwrap_or_else(|| new.event_type.clone());
        check_event_name(&event_type, &format!("{at}/type"))?;
        let body = bytes_of(one.data, one.body, &at)?;
        let body = body.ok_or_else(|| Problem::invalid(format!("{at}/data"), "add data or body"))?;
        parts.insert(platform, (event_type, body));
    }
    Ok(Event { id, gym, parts })
}

fn bytes_of(
    data: Option<Box<RawValue>>,
    body: Option<String>,
    place: &str,
) -> Result<Option<Bytes>, Problem> {
    match (data, body) {
        (Some(_), Some(_)) => {
            Err(Problem::invalid(format!("{place}/body"), "there is data as well: send one of them"))
        }
        (Some(data), None) => Ok(Some(Bytes::from(Box::<str>::from(data).into_string()))),
        (None, body) => Ok(body.map(Bytes::from)),
    }
}

impl From<publish::Published> for PublishedEvent {
    fn from(published: publish::Published) -> Self {
        let repeated = published.is_repeated();
        let deliveries = published.deliveries.into_iter().map(PublishedDelivery::from).collect();
        Self { id: published.id, repeated, deliveries }
    }
}

impl From<publish::Delivery> for PublishedDelivery {
    fn from(delivery: publish::Delivery) -> Self {
        let (result, problem) = match delivery.outcome {
            Outcome::Enqueued => ("enqueued", None),
            Outcome::Repeated => ("repeated", None),
            Outcome::Refused(problem) => ("refused", Some(problem)),
        };
        let (id, subscription) = (delivery.id.to_string(), delivery.subscription.to_string());
        Self { id, subscription, result, problem }
    }
}
