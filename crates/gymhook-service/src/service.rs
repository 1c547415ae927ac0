//! `Service`: a router, and engines that run in the background: start, reload, shutdown, and the first API key;
//! `StartError`.

use core::num::NonZeroU32;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use gymhook::delivery::Limits;
use gymhook::signature::SecretError;
use gymhook_engine::http::BuildError;
use gymhook_engine::store::{ApiKeyOwner, ApiKeyQuery, ApiKeyRights, StoreError};
use gymhook_engine::{
    ApiKey, ApiKeyError, Engine, HandlerTransport, InboxItem, IssuedApiKey, SubscriptionError,
};
use time::UtcDateTime;
use tokio::sync::Mutex;

use crate::access::KeyLimits;
use crate::activity::Activity;
use crate::app::App;
use crate::database::Database;
use crate::destinations::Destinations;
use crate::incoming::{Relay, Sources};
use crate::operations::{self, Housekeeping, Pace, Readiness};
use crate::outgoing::{GatewayTransport, tell_of_networks};
use crate::{Settings, api, page};

/// A gateway that runs: its engines work in the background, and its [router](Service::router) answers. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Service {
    app: Arc<App>,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A source cannot be what the settings say. Caused by the settings.
    #[error("source {name:?}: {problem}")]
    Source {
        /// The source's name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No secret for sessions of the page can be made.
    #[error("sessions of the page: {0}")]
    Session(#[from] SecretError),
    /// The inbox of a source cannot be opened. Caused by what the database has under its id.
    #[error("source {name:?}: its inbox cannot be opened: {problem}")]
    Inbox {
        /// The source's name.
        name: String,
        /// Why not.
        problem: SubscriptionError,
    },
    /// A destination cannot be what the settings say. Caused by the settings.
    #[error("destination {name:?}: {problem}")]
    Destination {
        /// The destination's name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// HTTP requests cannot be made. Caused by the settings or the system.
    #[error(transparent)]
    Transport(#[from] BuildError),
}

/// How many attempts each engine makes at a time, and how many of them in a hundred may go to one endpoint (our defaults): a
/// gateway often has one source that all comes through, and one destination.
const IN_FLIGHT: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_023);
const SHARE_PERCENT: u8 = 25;

impl Service {
    /// Starts the engines on this database, and opens the sources.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(settings: Settings, database: impl Into<Database>) -> Result<Self, StartError> {
        let database = database.into();
        let activity = Arc::new(Activity::new());
        let builder = |database| {
            Engine::builder(database)
                .limits(Limits::new(IN_FLIGHT).with_share_percent(SHARE_PERCENT))
                .shutdown_grace(settings.grace)
        };
        let transport = Arc::new(GatewayTransport::new(&settings)?);
        settings.check_with(&transport)?;
        tell_of_networks(&settings);
        let logged = Arc::clone(&activity);
        let outgoing = builder(database.clone())
            .on_attempt_logged(move |attempt| logged.attempt_logged(UtcDateTime::now(), attempt))
            .start(GatewayTransport::clone(&transport))
            .await?;
        let destinations = Arc::new(Destinations::new(outgoing.clone(), Arc::clone(&transport)));
        destinations.declare(&settings.destinations).await?;
        let relay = Arc::new(Relay::new(outgoing.clone(), Arc::clone(&destinations)));
        let passing_on = Arc::clone(&relay);
        let handler = HandlerTransport::passing_on(move |item: InboxItem| {
            let relay = Arc::clone(&passing_on);
            async move { relay.pass_on(item).await }
        });
        let incoming = builder(database).start(handler).await?;
        let sources = Sources::open(&incoming, &settings.sources, relay).await?;
        // Somebody who forgot to name the configuration wants nothing deleted.
        if !settings.destinations.is_empty() {
            destinations.retire(&settings.destinations).await;
        }
        let key_limits = KeyLimits::new(settings.requests_per_minute);
        let app = Arc::new(App {
            outgoing,
            incoming,
            transport,
            sources,
            destinations,
            activity,
            key_limits,
            page: page::Shared::new(settings.session_secret.clone())?,
            readiness: Readiness::default(),
            housekeeping: Housekeeping::default(),
            reloading: Mutex::default(),
            settings: ArcSwap::from_pointee(settings),
        });
        app.housekeeping.start(&app, Pace::default());
        Ok(Self { app })
    }

    /// What all requests share.
    #[cfg(test)]
    pub(crate) const fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Everything that it answers: API, page, sources, operations.
    pub fn router(&self) -> Router {
        api::router(Arc::clone(&self.app)).merge(operations::router(Arc::clone(&self.app)))
    }

    /// `/metrics`, `/healthz` and `/readyz`: for an address of their own, which only the operator reaches, since metrics need no
    /// key.
    ///
    /// `render` writes what was counted, such as `metrics_exporter_prometheus::PrometheusHandle::render`: which recorder a process
    /// has is the program's to decide.
    pub fn metrics_router(&self, render: impl Fn() -> String + Send + Sync + 'static) -> Router {
        let router = operations::metrics_router(Arc::clone(&self.app), render);
        router.merge(operations::router(Arc::clone(&self.app)))
    }

    /// Loads other settings, while requests are served: sources, destinations, [`Settings::keep`] and [`Settings::https`]. Requests
    /// under way end by the earlier ones. All others are those that the service was started with.
    ///
    /// # Errors
    /// [`StartError`]; then everything is as it was, unless the database failed on the way back, too, which is logged.
    pub async fn reload(&self, settings: Settings) -> Result<(), StartError> {
        let _reloading = self.app.reloading.lock().await;
        settings.check_with(&self.app.transport)?;
        let before = self.app.settings.load_full();
        // The destinations first: what a new source brings is passed on to the new ones, too.
        let replaced = self.app.destinations.declare(&settings.destinations).await?;
        if let Err(error) = self.app.sources.reload(&self.app.incoming, &settings.sources).await {
            self.app.destinations.restore(replaced).await;
            return Err(error);
        }
        // Nothing is deleted before everything else has succeeded.
        self.app.destinations.retire(&settings.destinations).await;
        // What the engines were built with stays, and so does what is shown of it.
        let settings = Settings {
            destination_networks: before.destination_networks.clone(),
            subscriber_networks: before.subscriber_networks.clone(),
            requests_per_minute: before.requests_per_minute,
            session_secret: before.session_secret.clone(),
            grace: before.grace,
            continue_trace: before.continue_trace,
            ..settings
        };
        self.app.settings.store(Arc::new(settings));
        Ok(())
    }

    /// Issues a key of all gyms that may do everything, if there is none that counts: for whoever starts a new database, or has
    /// revoked the last one.
    ///
    /// # Errors
    /// As [`Engine::issue_api_key`].
    pub async fn first_api_key(&self) -> Result<Option<IssuedApiKey>, ApiKeyError> {
        let now = self.app.outgoing.now().await?;
        let may_do_everything = |key: &ApiKey| {
            key.owner == ApiKeyOwner::All
                && key.rights == ApiKeyRights::Write
                && key.revoked_at.is_none_or(|revoked| now < revoked)
        };
        let mut query = ApiKeyQuery::new(1_000);
        loop {
            let page = self.app.outgoing.api_keys(query.clone()).await?;
            if page.items.iter().any(may_do_everything) {
                return Ok(None);
            }
            let Some(next) = page.next else { break };
            query.after = Some(next);
        }
        self.app.outgoing.issue_api_key(ApiKeyOwner::All, "first key", ApiKeyRights::Write).await.map(Some)
    }

    /// Stops accepting work and waits for the attempts in flight: see [`Engine::shutdown`].
    ///
    /// It may be called while requests are still answered: what they bring is kept, and delivered after the next start. Live tails
    /// end.
    pub async fn shutdown(&self) {
        self.app.housekeeping.stop();
        self.app.activity.close();
        tokio::join!(self.app.incoming.shutdown(), self.app.outgoing.shutdown());
    }
}
