//! `Destinations`: finds and lists the operator's applications, to which the gateway forwards incoming webhooks. It
//! remembers their routes for a second, for the relay.
//!
//! Each is a subscription of the platform [`DESTINATION`] and of no gym, so that no gym's API key reaches it.

mod changes;
mod declared;
mod ids;
mod platform;
pub(crate) mod retry;
mod retry_changes;
mod route;

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gymhook::delivery::EndpointRecord;
use gymhook_engine::store::{EndpointStats, Page, Store as _, SubscriptionQuery};
use gymhook_engine::{EndpointId, Engine, Subscription, SubscriptionError};

pub(crate) use self::changes::{Changes, NewDestination, Written};
pub(crate) use self::declared::check as check_declared;
pub(crate) use self::platform::provider;
pub(crate) use self::retry::Retry;
pub(crate) use self::retry_changes::RetryChanges;
pub(crate) use self::route::{Filter, Route, form_of};
use crate::Problem;
use crate::database::Database;
use crate::outgoing::{DESTINATION, GatewayTransport};

/// How long the relay goes by what it knows: what another process changes is known after this.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// What is not there, in a problem.
pub(crate) const WHAT: &str = "destination";

/// All destinations of the database.
#[derive(Debug)]
pub(crate) struct Destinations {
    engine: Engine<Database>,
    transport: Arc<GatewayTransport>,
    known: Mutex<KnownRoutes>,
    /// One look-up at a time; the others wait for it and use what it found.
    looking: tokio::sync::Mutex<()>,
    /// One change at a time in this process: a declaration is many, and is undone as a whole if one of them fails.
    changing: tokio::sync::Mutex<()>,
}

/// What the relay goes by.
#[derive(Clone, Debug, Default)]
struct KnownRoutes {
    routes: Arc<Vec<Route>>,
    since: Option<Instant>,
}

/// A destination with its settings.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) route: Route,
    pub(crate) subscription: Subscription,
    /// Its health, as last recorded.
    pub(crate) health: EndpointRecord,
}

impl Destinations {
    /// Those of this engine's database; none is read or written yet.
    pub(crate) fn new(engine: Engine<Database>, transport: Arc<GatewayTransport>) -> Self {
        let (known, looking, changing) = Default::default();
        Self { engine, transport, known, looking, changing }
    }

    /// Who wants what, as of at most a second ago.
    pub(crate) async fn routes(&self) -> Result<Arc<Vec<Route>>, SubscriptionError> {
        if let Some(routes) = self.fresh() {
            return Ok(routes);
        }
        let _looking = self.looking.lock().await;
        if let Some(routes) = self.fresh() {
            return Ok(routes);
        }
        let since = Instant::now();
        let found: Vec<Route> = self.list().await?.into_iter().map(|found| found.route).collect();
        let mut routes = self.with_unreadable(found).await?;
        routes.retain(|route| !route.retired);
        let routes = Arc::new(routes);
        *self.known() = KnownRoutes { routes: Arc::clone(&routes), since: Some(since) };
        Ok(routes)
    }

    /// The destination of this name.
    pub(crate) async fn get(&self, name: &str) -> Result<Found, Problem> {
        let not_found = || Problem::not_found(WHAT);
        let (id, row) = self.id_for(name).await?;
        let health = row.ok_or_else(not_found)?.record;
        let subscription = self.read(id).await?.ok_or_else(not_found)?;
        let route = Route::of(&subscription).ok_or_else(not_found)?;
        Ok(Found { route, subscription, health })
    }

    /// All of them, by name. One whose row cannot be read is not among them; that is logged.
    pub(crate) async fn list(&self) -> Result<Vec<Found>, SubscriptionError> {
        const AT_ONCE: u32 = 200;
        let mut found = Vec::new();
        // The index is that of gyms, and destinations are of none, as inboxes are.
        let (gym, platform) = (Some(String::new()), Some(DESTINATION.to_owned()));
        let mut query = SubscriptionQuery { gym, platform, ..SubscriptionQuery::new(AT_ONCE) };
        loop {
            let Page { items, next } = self.engine.store().subscriptions(query.clone()).await?;
            for row in items {
                let Some(subscription) = self.read(row.id).await? else { continue };
                if let Some(route) = Route::of(&subscription) {
                    found.push(Found { route, subscription, health: row.record });
                }
            }
            let Some(next) = next else { break };
            query.after = Some(next);
        }
        found.sort_by(|one, other| one.route.name.cmp(&other.route.name));
        Ok(found)
    }

    /// How much there is for it.
    pub(crate) async fn stats(&self, name: &str) -> Result<(Found, EndpointStats), Problem> {
        let found = self.get(name).await?;
        let stats = self.engine.endpoint_stats(found.route.id).await?;
        Ok((found, stats.ok_or_else(|| Problem::not_found(WHAT))?))
    }

    async fn read(&self, id: EndpointId) -> Result<Option<Subscription>, SubscriptionError> {
        match self.engine.subscription(id).await {
            Err(SubscriptionError::Settings(problem)) => {
                tracing::error!(destination = %id, %problem, "a destination cannot be read: it gets what it was known to want");
                Ok(None)
            }
            answer => answer,
        }
    }

    /// With those that were known and are still there, but cannot be read any more: what they want is enqueued all the same.
    async fn with_unreadable(&self, mut routes: Vec<Route>) -> Result<Vec<Route>, SubscriptionError> {
        let before = Arc::clone(&self.known().routes);
        for known in before.iter() {
            if routes.iter().all(|route| route.id != known.id) {
                let row = self.engine.store().subscription(known.id).await?;
                routes.extend(row.filter(|row| row.deleted_at.is_none()).map(|_| known.clone()));
            }
        }
        Ok(routes)
    }

    fn fresh(&self) -> Option<Arc<Vec<Route>>> {
        let known = self.known();
        known.since.filter(|since| since.elapsed() < KNOWN_FOR).map(|_| Arc::clone(&known.routes))
    }

    /// What was known is not true any more.
    fn forget(&self) {
        self.known().since = None;
    }

    fn known(&self) -> std::sync::MutexGuard<'_, KnownRoutes> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
