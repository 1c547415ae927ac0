//! The service: engines in the background, and a router before them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use gymhook_engine::http::BuildError;
use gymhook_engine::store::{ApiKeyOwner, ApiKeyQuery, ApiKeyRights, StoreError};
use gymhook_engine::{ApiKeyError, Engine, HandlerTransport, InboxItem, IssuedApiKey};

use crate::access::KeyLimits;
use crate::activity::Activity;
use crate::app::App;
use crate::database::Database;
use crate::destinations::{Destinations, NotDeclared};
use crate::incoming::{Relay, Sources};
use crate::outgoing::GatewayTransport;
use crate::{Settings, api};

/// A gateway that runs: its engines work in the background, and its [router](Service::router) answers. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Service {
    app: Arc<App>,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A source cannot be opened. Caused by the settings.
    #[error("source {name:?}: {problem}")]
    Source {
        /// The source's name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A destination cannot be had. Caused by the settings, or by the database.
    #[error("destination {name:?}: {problem}")]
    Destination {
        /// The destination's name; empty if it is not about one of them.
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

impl From<NotDeclared> for StartError {
    fn from(error: NotDeclared) -> Self {
        Self::Destination { name: error.name, problem: error.problem.detail().to_owned() }
    }
}

impl Service {
    /// Starts the engines on this database, and opens the sources.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(settings: Settings, database: impl Into<Database>) -> Result<Self, StartError> {
        let database = database.into();
        let activity = Arc::new(Activity::new());
        let transport = Arc::new(GatewayTransport::new(&settings, Arc::clone(&activity))?);
        let outgoing = Engine::builder(database.clone()).start(GatewayTransport::clone(&transport)).await?;
        let destinations = Arc::new(Destinations::new(outgoing.clone(), Arc::clone(&transport)));
        destinations.declare(&settings.destinations).await?;
        let relay = Arc::new(Relay::new(outgoing.clone(), Arc::clone(&destinations)));
        let handler = HandlerTransport::passing_on(move |item: InboxItem| {
            let relay = Arc::clone(&relay);
            async move { relay.pass_on(item).await }
        });
        let incoming = Engine::builder(database).start(handler).await?;
        let sources = Sources::open(&incoming, &settings.sources).await?;
        let key_limits = KeyLimits::new(settings.requests_per_minute);
        let app = App {
            outgoing,
            incoming,
            transport,
            sources,
            destinations,
            activity,
            key_limits,
            settings: ArcSwap::from_pointee(settings),
        };
        Ok(Self { app: Arc::new(app) })
    }

    /// Everything that it answers: API, page, sources, operations.
    #[must_use]
    pub fn router(&self) -> Router {
        api::router(Arc::clone(&self.app))
    }

    /// Issues a key of all gyms that may do everything, if there is no key yet: for whoever starts a new database.
    ///
    /// # Errors
    /// As [`Engine::issue_api_key`].
    pub async fn first_api_key(&self) -> Result<Option<IssuedApiKey>, ApiKeyError> {
        if !self.app.outgoing.api_keys(ApiKeyQuery::new(1)).await?.items.is_empty() {
            return Ok(None);
        }
        self.app.outgoing.issue_api_key(ApiKeyOwner::All, "first key", ApiKeyRights::Write).await.map(Some)
    }

    /// Stops accepting work and waits for the attempts in flight: see [`Engine::shutdown`].
    pub async fn shutdown(&self) {
        self.app.incoming.shutdown().await;
        self.app.outgoing.shutdown().await;
    }
}
