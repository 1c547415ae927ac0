//! `/v1/subscriptions`: lists, creates, changes and deletes subscriptions.

use core::num::NonZeroU32;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use gymhook_engine::EndpointId;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::extract::{Body, Id, Parameters, given, id};
use super::location::location;
use super::page::{self, Listed};
use super::subscription::{Counts, NewRate, SubscriptionDetail, SubscriptionView, WrittenSubscription};
use crate::Problem;
use crate::access::{Caller, Needs, Writer};
use crate::actions::subscription_changes::{self as changes, Changes, NewSecret, NewSubscription, Written};
use crate::actions::subscriptions;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// Which subscriptions are wanted, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Of this gym.
    gym: Option<String>,
    /// Of this platform.
    platform: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many, from 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What a subscription can be set to is the same when it is created and when it is changed.
macro_rules! with_settings {
    ($(#[$meta:meta])* struct $name:ident { $($(#[$own_meta:meta])* $own:ident: $type:ty,)* }) => {
        #[derive(Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        pub(crate) struct $name {
            $($(#[$own_meta])* $own: $type,)*
            #[schema(max_length = 200)]
            label: Option<String>,
            /// Types, beginnings such as `member.*`, kinds such as `kind:check-in`; `null` for all.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = Option<Vec<String>>)]
            events: Option<Option<Vec<String>>>,
            /// Other URLs for single types, in place of all before.
            urls: Option<BTreeMap<String, String>>,
            /// Headers of its own, in place of all before.
            headers: Option<BTreeMap<String, String>>,
            /// How many attempts may be in flight at once.
            #[schema(minimum = 1, value_type = Option<u32>)]
            max_in_flight: Option<NonZeroU32>,
            /// A rate limit; `null` for none.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = Option<NewRate>)]
            rate: Option<Option<NewRate>>,
            /// Whether deliveries are sent one at a time, in the order of publishing.
            ordered: Option<bool>,
            /// What an application notes about it, in place of all before: up to 50 entries, no secrets.
            metadata: Option<BTreeMap<String, String>>,
        }

        impl $name {
            fn settings(&mut self) -> Result<Changes, Problem> {
                Ok(Changes {
                    label: self.label.take(),
                    url: None,
                    events: self.events.take(),
                    urls: self.urls.take(),
                    headers: self.headers.take(),
                    max_in_flight: self.max_in_flight,
                    rate: self.rate.map(|rate| rate.map(NewRate::read).transpose()).transpose()?,
                    ordered: self.ordered,
                    metadata: self.metadata.take(),
                })
            }
        }
    };
}

with_settings! {
    /// A subscription to create.
    #[schema(example = json!({
        "gym": "berlin-mitte", "platform": "standard-webhooks", "url": "https://receiver.example/hooks",
        "events": ["workout.created"]
    }))]
    struct CreateSubscription {
        /// Whose events it gets. A key of one gym may leave it out.
        gym: Option<String>,
        /// What it is signed, retried and limited as: gympoint, egym, perfectgym, pg-next, point or standard-webhooks.
        platform: String,
        /// Where it is sent to: a public `https` URL.
        url: String,
        /// Its secret; drawn and shown once if it is left out. For standard-webhooks, base64 with or without `whsec_`.
        #[schema(value_type = Option<String>)]
        secret: Option<Zeroizing<String>>,
        /// Sends without a signature, where the platform allows it.
        #[serde(default)]
        unsigned: bool,
    }
}

with_settings! {
    /// What to change of a subscription. What is left out stays as it is.
    #[schema(example = json!({"label": "front desk", "events": ["member.*"], "max_in_flight": 4}))]
    struct UpdateSubscription {
        /// Where it is sent to. What waits goes there, too.
        url: Option<String>,
    }
}

/// Lists subscriptions.
#[utoipa::path(
    get,
    path = "/v1/subscriptions",
    operation_id = "listSubscriptions",
    tag = "subscriptions",
    params(Asked),
    responses((status = 200, description = "A page of them.", body = Listed<SubscriptionView>))
)]
pub(crate) async fn list(
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Listed<SubscriptionView>>, Problem> {
    let after = asked.cursor.as_deref().map(|cursor| id("cursor", cursor)).transpose()?;
    let limit = page::limit(asked.limit)?;
    let page = subscriptions::list(&caller, asked.gym, asked.platform.as_deref(), after, limit).await?;
    let writes = caller.may(Needs::Write).is_ok();
    let view =
        |found: subscriptions::Described| SubscriptionView::new(&found.subscription, &found.health, writes);
    Ok(Json(page.map(view).into()))
}

/// Creates a subscription. A secret that was drawn is shown in this answer only.
#[utoipa::path(
    post,
    path = "/v1/subscriptions",
    operation_id = "createSubscription",
    tag = "subscriptions",
    request_body = CreateSubscription,
    responses((status = 201, description = "It gets what is published from now on.", body = WrittenSubscription))
)]
pub(crate) async fn create(
    Writer(caller): Writer,
    Body(mut new): Body<CreateSubscription>,
) -> Result<(StatusCode, [(header::HeaderName, HeaderValue); 1], Json<WrittenSubscription>), Problem> {
    let settings = new.settings()?;
    let gym = new.gym.or_else(|| caller.gym().map(str::to_owned));
    let gym = gym.ok_or_else(|| Problem::invalid("/gym", "name the gym whose events it gets"))?;
    let secret = match (new.secret, new.unsigned) {
        (Some(_), true) => {
            return Err(Problem::invalid("/unsigned", "there is a secret as well: send one of them"));
        }
        (Some(text), false) => NewSecret::Given(text),
        (None, true) => NewSecret::Unsigned,
        (None, false) => NewSecret::Drawn,
    };
    let new = NewSubscription { gym, platform: new.platform, url: new.url, secret, settings };
    let written = written(changes::create(&caller, new).await?);
    Ok((StatusCode::CREATED, location("subscriptions", written.subscription.id()), Json(written)))
}

pub(super) fn written(written: Written) -> WrittenSubscription {
    let Written { subscription, health, secret } = written;
    WrittenSubscription {
        subscription: SubscriptionView::new(&subscription, &health, true),
        secret: secret.map(|secret| secret.to_string()),
    }
}

/// One subscription with its health, and how much there is for it.
#[utoipa::path(
    get,
    path = "/v1/subscriptions/{id}",
    operation_id = "getSubscription",
    tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription.", format = "uuid")),
    responses((status = 200, description = "The subscription.", body = SubscriptionDetail))
)]
pub(crate) async fn get(caller: Caller, Id(id): Id<EndpointId>) -> Result<Json<SubscriptionDetail>, Problem> {
    detail(&caller, id).await.map(Json)
}

async fn detail(caller: &Caller, id: EndpointId) -> Result<SubscriptionDetail, Problem> {
    let (subscription, stats) = subscriptions::describe(caller, id).await?;
    let writes = caller.may(Needs::Write).is_ok();
    Ok(SubscriptionDetail {
        subscription: SubscriptionView::new(&subscription, &stats.record, writes),
        counts: Counts::from(&stats),
    })
}

/// Changes parts of a subscription; what waits is sent by the new settings.
#[utoipa::path(
    patch,
    path = "/v1/subscriptions/{id}",
    operation_id = "updateSubscription",
    tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription.", format = "uuid")),
    request_body = UpdateSubscription,
    responses((status = 200, description = "As it is now.", body = SubscriptionDetail))
)]
pub(crate) async fn update(
    Writer(caller): Writer,
    Id(id): Id<EndpointId>,
    Body(mut update): Body<UpdateSubscription>,
) -> Result<Json<SubscriptionDetail>, Problem> {
    let changes = Changes { url: update.url.take(), ..update.settings()? };
    changes::update(&caller, id, &changes).await?;
    detail(&caller, id).await.map(Json)
}

/// Deletes a subscription: nothing more is sent to it, not even what waits. Its log is kept.
#[utoipa::path(
    delete,
    path = "/v1/subscriptions/{id}",
    operation_id = "deleteSubscription",
    tag = "subscriptions",
    params(("id" = String, Path, description = "The subscription.", format = "uuid")),
    responses((status = 204, description = "It is deleted."))
)]
pub(crate) async fn delete(Writer(caller): Writer, Id(id): Id<EndpointId>) -> Result<StatusCode, Problem> {
    subscriptions::delete(&caller, id).await.map(|()| StatusCode::NO_CONTENT)
}
