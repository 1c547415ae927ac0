//! `/v1/destinations`: lists, creates, changes, tests, pauses and deletes destinations, with the JSON of each request
//! and answer.

use std::sync::Arc;

use axum::Json;

use gymhook::delivery::EndpointRecord;
use gymhook_engine::store::ApiKeyRights;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::endpoint_actions::{Pause, Rotation, TestResult, overlap, patience};
use super::extract::{Body, Name, OptionalBody, given, moment};
use super::location::location;
use super::page::Listed;
use super::subscription::{Counts, Health, KeyView, shown_url};
use crate::access::{Caller, Retrier, Writer};
use crate::actions::destinations::{self, TestSent};
use crate::app::App;
use crate::destinations::{Changes, Filter, Found, NewDestination, Retry, RetryChanges, Written, retry};
use crate::{Form, Problem};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(rotate))
        .routes(routes!(pause))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(test))
        .routes(routes!(test_all))
}

/// Where webhooks are passed on to. Its secret is not part of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DestinationView {
    #[schema(example = "members-app")]
    name: String,
    /// The endpoint of its deliveries in the log.
    #[schema(format = "uuid")]
    id: String,
    /// Where it listens; without its query, for a key that may only read.
    #[schema(example = "https://app.example/hooks")]
    url: String,
    /// cloudevents: a CloudEvent for each event; original: the body as it came, with the proof in headers.
    #[schema(example = "cloudevents")]
    form: &'static str,
    /// From which sources it gets something; from all if empty.
    sources: Vec<String>,
    /// Of which studios; of all if empty.
    studios: Vec<String>,
    /// Events of which kinds; of all if empty.
    #[schema(example = json!(["check-in"]))]
    kinds: Vec<String>,
    /// Whether it is declared in the gateway's settings, and can be changed only there.
    declared: bool,
    /// The keys that it is signed with.
    keys: Vec<KeyView>,
    /// The delays between attempts: one retry for each.
    #[schema(example = json!(["5s", "5m", "30m"]))]
    retry_delays: Vec<String>,
    /// How long an attempt may take.
    #[schema(example = "15s")]
    attempt_timeout: String,
    /// When it is disabled for failing.
    auto_disable: String,
    health: Health,
}

impl DestinationView {
    fn new(found: &Found, health: &EndpointRecord, writes: bool) -> Self {
        let Found { route, subscription, .. } = found;
        let url = subscription.http().map(|http| http.url());
        let (retry_delays, attempt_timeout) = retry::shown(subscription.policy());
        Self {
            name: route.name.clone(),
            id: route.id.to_string(),
            url: url.map(|url| shown_url(url, writes)).unwrap_or_default(),
            form: route.form.as_str(),
            sources: route.filter.sources.clone(),
            studios: route.filter.studios.clone(),
            kinds: route.filter.kinds.clone(),
            declared: route.declared,
            keys: KeyView::all_of(subscription),
            retry_delays,
            attempt_timeout,
            auto_disable: subscription.policy().auto_disable().to_string(),
            health: Health::from(health),
        }
    }
}

/// A destination with how much there is for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DestinationDetail {
    #[serde(flatten)]
    destination: DestinationView,
    counts: Counts,
}

/// A destination that was written, with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WrittenDestination {
    #[serde(flatten)]
    destination: DestinationView,
    /// The secret that was drawn for it, which is not shown again; `null` if it was given.
    #[schema(example = "whsec_…")]
    secret: Option<String>,
}

impl From<Written> for WrittenDestination {
    fn from(Written { found, secret }: Written) -> Self {
        let destination = DestinationView::new(&found, &found.health, true);
        Self { destination, secret: secret.map(|secret| secret.to_string()) }
    }
}

/// A destination to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "members-app", "url": "https://app.example/hooks", "kinds": ["check-in"]}))]
pub(crate) struct CreateDestination {
    /// 1 to 64 letters, digits, `-`, `_` and `.`.
    #[schema(max_length = 64)]
    name: String,
    /// `https`; `http` only to networks that the settings name.
    url: String,
    /// A Standard Webhooks secret, `whsec_…`; drawn and shown once if it is left out.
    #[schema(value_type = Option<String>)]
    secret: Option<Zeroizing<String>>,
    /// cloudevents (the default) or original.
    form: Option<String>,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    studios: Vec<String>,
    #[serde(default)]
    kinds: Vec<String>,
    /// How long to wait after each failed attempt, as `30s`, `5m`, `2h` or `1d`: one retry for each, and none if it is empty. By default
    /// as Standard Webhooks recommends: `5s`, `5m`, `30m`, `2h`, `5h`, `10h`, `14h`, `20h`, `1d`.
    retry_delays: Option<Vec<String>>,
    /// Delays that grow, in the place of `retry_delays`: the first, its factor, the longest, and the number of retries, as `1m,2,1h,5`.
    retry_exponential: Option<String>,
    /// How long an attempt may take: from `1s` to `2m`; `15s` by default.
    attempt_timeout: Option<String>,
}

/// What to change; what is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://app.example/new-hooks", "kinds": []}))]
pub(crate) struct UpdateDestination {
    url: Option<String>,
    /// cloudevents or original.
    form: Option<String>,
    /// All if empty.
    sources: Option<Vec<String>>,
    /// All if empty.
    studios: Option<Vec<String>>,
    /// All if empty.
    kinds: Option<Vec<String>>,
    /// How long to wait after each failed attempt, as `30s`, `5m`, `2h` or `1d`: one retry for each, and none if it is empty. `null`
    /// for the default, here and in `retry_exponential`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    retry_delays: Option<Option<Vec<String>>>,
    /// Delays that grow, in the place of `retry_delays`: the first, its factor, the longest, and the number of retries, as
    /// `1m,2,1h,5`. `null` for the default, here and in `retry_delays`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    retry_exponential: Option<Option<String>>,
    /// How long an attempt may take: from `1s` to `2m`; `null` for the default.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    attempt_timeout: Option<Option<String>>,
}

fn form(name: &str) -> Result<Form, Problem> {
    Form::from_name(name)
        .ok_or_else(|| Problem::invalid("/form", "there is no such form: choose cloudevents or original"))
}

/// Lists all destinations, by name. For keys of all gyms.
#[utoipa::path(
    get,
    path = "/v1/destinations",
    operation_id = "listDestinations",
    tag = "destinations",
    responses((status = 200, description = "All of them.", body = Listed<DestinationView>))
)]
pub(crate) async fn list(caller: Caller) -> Result<Json<Listed<DestinationView>>, Problem> {
    let writes = caller.may(ApiKeyRights::Write).is_ok();
    let found = destinations::list(&caller).await?;
    let items = found.iter().map(|found| DestinationView::new(found, &found.health, writes)).collect();
    Ok(Json(Listed { items, next: None }))
}

/// Creates a destination. A secret that was drawn is shown in this answer only. For keys of all gyms.
#[utoipa::path(
    post,
    path = "/v1/destinations",
    operation_id = "createDestination",
    tag = "destinations",
    request_body = CreateDestination,
    responses((status = 201, description = "It gets what comes in from now on.", body = WrittenDestination))
)]
pub(crate) async fn create(
    Writer(caller): Writer,
    Body(new): Body<CreateDestination>,
) -> Result<(StatusCode, [(header::HeaderName, HeaderValue); 1], Json<WrittenDestination>), Problem> {
    let form = new.form.as_deref().map(form).transpose()?.unwrap_or_default();
    let filter = Filter { sources: new.sources, studios: new.studios, kinds: new.kinds };
    let (delays, rule) = (new.retry_delays.map(Some), new.retry_exponential.map(Some));
    let retry = RetryChanges::read(delays, rule, new.attempt_timeout.map(Some))?;
    let retry = Retry::default().changed(&retry);
    let new = NewDestination { name: new.name, url: new.url, secret: new.secret, form, filter, retry };
    let written = destinations::create(&caller, new).await?;
    let location = location("destinations", &written.found.route.name);
    Ok((StatusCode::CREATED, location, Json(written.into())))
}

/// One destination with its health, and how much there is for it. For keys of all gyms.
#[utoipa::path(
    get,
    path = "/v1/destinations/{name}",
    operation_id = "getDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.")),
    responses((status = 200, description = "The destination.", body = DestinationDetail))
)]
pub(crate) async fn get(caller: Caller, Name(name): Name) -> Result<Json<DestinationDetail>, Problem> {
    detail(&caller, &name).await.map(Json)
}

async fn detail(caller: &Caller, name: &str) -> Result<DestinationDetail, Problem> {
    let (found, stats) = destinations::describe(caller, name).await?;
    let writes = caller.may(ApiKeyRights::Write).is_ok();
    let destination = DestinationView::new(&found, &stats.record, writes);
    Ok(DestinationDetail { destination, counts: Counts::from(&stats) })
}

/// Changes parts of a destination; what waits is sent to the new URL. For keys of all gyms.
#[utoipa::path(
    patch,
    path = "/v1/destinations/{name}",
    operation_id = "updateDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.")),
    request_body = UpdateDestination,
    responses((status = 200, description = "As it is now.", body = DestinationDetail))
)]
pub(crate) async fn update(
    Writer(caller): Writer,
    Name(name): Name,
    Body(update): Body<UpdateDestination>,
) -> Result<Json<DestinationDetail>, Problem> {
    let UpdateDestination { url, form: named, sources, studios, kinds, .. } = update;
    let form = named.as_deref().map(form).transpose()?;
    let retry = RetryChanges::read(update.retry_delays, update.retry_exponential, update.attempt_timeout)?;
    destinations::update(&caller, &name, Changes { url, form, sources, studios, kinds, retry }).await?;
    detail(&caller, &name).await.map(Json)
}

/// Deletes a destination: nothing more is sent to it, not even what waits. Its log is kept. For keys of all gyms.
#[utoipa::path(
    delete,
    path = "/v1/destinations/{name}",
    operation_id = "deleteDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.")),
    responses((status = 204, description = "It is deleted."))
)]
pub(crate) async fn delete(Writer(caller): Writer, Name(name): Name) -> Result<StatusCode, Problem> {
    destinations::delete(&caller, &name).await.map(|()| StatusCode::NO_CONTENT)
}

/// Signs with a new secret from now on, and with the old one, too, for the overlap. For keys of all gyms.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/rotate",
    operation_id = "rotateDestinationSecret",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.")),
    request_body = Option<Rotation>,
    responses((status = 200, description = "With the secret, if it was drawn.", body = WrittenDestination))
)]
pub(crate) async fn rotate(
    Writer(caller): Writer,
    Name(name): Name,
    OptionalBody(rotation): OptionalBody<Rotation>,
) -> Result<Json<WrittenDestination>, Problem> {
    let overlap = overlap(rotation.overlap_seconds)?;
    Ok(Json(destinations::rotate(&caller, &name, rotation.secret, overlap).await?.into()))
}

/// Sends nothing to a destination until a time; what comes in waits. For keys of all gyms.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/pause",
    operation_id = "pauseDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.")),
    request_body = Pause,
    responses((status = 202, description = "It is about to be paused."))
)]
pub(crate) async fn pause(
    Writer(caller): Writer,
    Name(name): Name,
    Body(pause): Body<Pause>,
) -> Result<StatusCode, Problem> {
    let until = moment("/until", &pause.until)?;
    destinations::pause(&caller, &name, until).await.map(|()| StatusCode::ACCEPTED)
}

/// Sends to a destination again, whatever it was disabled for; what waited goes first. For keys of all gyms.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/enable",
    operation_id = "enableDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.")),
    responses((status = 202, description = "It is about to be enabled."))
)]
pub(crate) async fn enable(Writer(caller): Writer, Name(name): Name) -> Result<StatusCode, Problem> {
    destinations::enable(&caller, &name).await.map(|()| StatusCode::ACCEPTED)
}

/// Sends nothing to a destination until it is enabled; what comes in waits. For keys of all gyms.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/disable",
    operation_id = "disableDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.")),
    responses((status = 202, description = "It is about to be disabled."))
)]
pub(crate) async fn disable(Writer(caller): Writer, Name(name): Name) -> Result<StatusCode, Problem> {
    destinations::disable(&caller, &name).await.map(|()| StatusCode::ACCEPTED)
}

/// How long to wait for a test's outcome.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"wait_seconds": 5}))]
pub(crate) struct TestOfDestination {
    /// From 0 to 30 seconds; 5 by default.
    #[schema(maximum = 30)]
    wait_seconds: Option<u32>,
}

/// Sends a CloudEvent of the type `gymhook.test`, even to a disabled destination, once, without any effect on its health. For keys
/// of all gyms.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/test",
    operation_id = "testDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.")),
    request_body = Option<TestOfDestination>,
    responses((status = 200, description = "How it went.", body = TestResult))
)]
pub(crate) async fn test(
    Retrier(caller): Retrier,
    Name(name): Name,
    OptionalBody(test): OptionalBody<TestOfDestination>,
) -> Result<Json<TestResult>, Problem> {
    let tested = destinations::test(&caller, &name, patience(test.wait_seconds)?).await?;
    Ok(Json(tested.into()))
}

/// The test of one of all destinations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentToDestination {
    #[schema(example = "members-app")]
    destination: String,
    /// Its delivery, in the log; `null` if none was sent.
    #[schema(format = "uuid")]
    delivery: Option<String>,
    /// Why none was sent.
    problem: Option<Problem>,
}

/// Sends a CloudEvent of the type `gymhook.test` to each destination, even to disabled ones, once, without any effect on their
/// health. The log has the outcomes. For keys of all gyms.
// Not below `/v1/destinations`, where every name may be a destination's.
#[utoipa::path(
    post,
    path = "/v1/destination-tests",
    operation_id = "testDestinations",
    tag = "destinations",
    responses((status = 200, description = "What was sent, by the destinations' names.", body = Vec<SentToDestination>))
)]
pub(crate) async fn test_all(Retrier(caller): Retrier) -> Result<Json<Vec<SentToDestination>>, Problem> {
    let sent = destinations::test_all(&caller).await?;
    let tests = sent.into_iter().map(|TestSent { name, test }| {
        let (delivery, problem) = match test {
            Ok(delivery) => (Some(delivery.to_string()), None),
            Err(problem) => (None, Some(problem)),
        };
        SentToDestination { destination: name, delivery, problem }
    });
    Ok(Json(tests.collect()))
}
