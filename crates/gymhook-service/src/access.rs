//! `Caller` of an API request: the API key that it presents, its rights (`Writer`, `Retrier`), and `KeyLimits`, the
//! limits on its requests.

use core::num::NonZeroU32;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRef, FromRequestParts};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use gymhook_engine::store::ApiKeyOwner;
/// What a key has to allow.
pub(crate) use gymhook_engine::store::ApiKeyRights as Needs;
use gymhook_engine::{ApiKey, EngineView, ViewError};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::Problem;
use crate::app::App;
use crate::database::Database;

/// Whoever made a request, with the API key that proves it.
///
/// As an extractor it takes the key from `Authorization: Bearer`, and refuses what has none, what is revoked, and what asks too
/// often.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) key: ApiKey,
    app: Arc<App>,
    /// Held until the request is over, a live tail included.
    _under_way: Arc<OwnedSemaphorePermit>,
}

impl Caller {
    /// The owner of this key, which was looked up; its requests are counted against its limits.
    pub(crate) fn new(key: ApiKey, app: Arc<App>) -> Result<Self, Problem> {
        let under_way = app.key_limits.enter(key.id)?;
        Ok(Self { key, app, _under_way: Arc::new(under_way) })
    }

    /// Whoever presents this key: it is looked up, and counted against its limit.
    pub(crate) async fn with_key(app: Arc<App>, presented: &str) -> Result<Self, Problem> {
        let key = app.outgoing.check_api_key(presented).await?.ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "this API key is unknown or revoked: use another one")
        })?;
        Self::new(key, app)
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// What the key reaches of the deliveries and subscriptions that go out: nothing of another gym.
    pub(crate) fn view(&self) -> EngineView<Database> {
        self.key.view(&self.app.outgoing)
    }

    /// The gym that the key is bound to; `None` if it reaches all.
    pub(crate) const fn gym(&self) -> Option<&str> {
        self.key.owner.gym()
    }

    /// Refuses what the key's rights do not cover, before anything is looked up.
    ///
    /// Redelivering, cancelling and testing need [`Needs::Retry`], every other change [`Needs::Write`].
    pub(crate) fn may(&self, needs: Needs) -> Result<(), Problem> {
        if self.key.rights >= needs { Ok(()) } else { Err(ViewError::NotAllowed { needs }.into()) }
    }

    /// Another gym is not there.
    pub(crate) fn reaches_gym(&self, gym: &str) -> Result<(), Problem> {
        let reaches = self.gym().is_none_or(|own| own == gym);
        if reaches { Ok(()) } else { Err(Problem::not_found("gym")) }
    }

    /// What belongs to no gym (sources, destinations, other gyms' keys) is reached with a key of all gyms alone; to any other
    /// it is not there.
    pub(crate) fn operator(&self, what: &str) -> Result<(), Problem> {
        match self.key.owner {
            ApiKeyOwner::All => Ok(()),
            ApiKeyOwner::Gym(_) => Err(Problem::not_found(what)),
        }
    }
}

/// A caller that may redeliver: as an extractor it refuses others before the body is read.
#[derive(Clone, Debug)]
pub(crate) struct Retrier(pub(crate) Caller);

/// A caller that may change everything: as an extractor it refuses others before the body is read.
#[derive(Clone, Debug)]
pub(crate) struct Writer(pub(crate) Caller);

/// An extractor of a caller with these rights.
macro_rules! with_rights {
    ($extractor:ident, $needs:expr) => {
        impl<S> FromRequestParts<S> for $extractor
        where
            Arc<App>: FromRef<S>,
            S: Send + Sync,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let caller = Caller::from_request_parts(parts, state).await?;
                caller.may($needs)?;
                Ok(Self(caller))
            }
        }
    };
}

with_rights!(Retrier, Needs::Retry);
with_rights!(Writer, Needs::Write);

impl<S> FromRequestParts<S> for Caller
where
    Arc<App>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = Arc::<App>::from_ref(state);
        Self::with_key(app, bearer(&parts.headers)?).await
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "an API key is needed: send it as `Authorization: Bearer ghk_…`, once",
        )
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let value = value.to_str().map_err(|_| missing())?;
    let (scheme, key) = value.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(key.trim()) } else { Err(missing()) }
}

/// How many requests of one key may be under way (our choice): nobody holds all connections, or fills the queue of the database.
const UNDER_WAY: usize = 64;

/// How often each key may ask.
pub(crate) struct KeyLimits {
    under_way: Mutex<BTreeMap<Uuid, Arc<Semaphore>>>,
    limiter: DefaultKeyedRateLimiter<Uuid>,
}

impl KeyLimits {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self { under_way: Mutex::default(), limiter: RateLimiter::keyed(Quota::per_minute(per_minute)) }
    }

    /// Whether this key may ask now; its place among those that are under way is given back when the permit is dropped.
    pub(crate) fn enter(&self, key: Uuid) -> Result<OwnedSemaphorePermit, Problem> {
        self.check(key)?;
        let entered = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            let places = under_way.entry(key).or_insert_with(|| Arc::new(Semaphore::new(UNDER_WAY)));
            // Under the lock: a key that takes a place is not forgotten as idle in between.
            Arc::clone(places).try_acquire_owned()
        };
        entered.map_err(|_| {
            let detail = format!(
                "this API key has {UNDER_WAY} requests in progress, live tails included: wait for one of them to end"
            );
            Problem::later(StatusCode::TOO_MANY_REQUESTS, 1, detail)
        })
    }

    fn check(&self, key: Uuid) -> Result<(), Problem> {
        self.limiter.check_key(&key).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            Problem::later(
                StatusCode::TOO_MANY_REQUESTS,
                wait.as_secs() + 1,
                "this API key has made too many requests: wait, then try again",
            )
        })
    }

    /// Forgets keys that have not asked for a while.
    pub(crate) fn forget_idle(&self) {
        self.limiter.retain_recent();
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, places| places.available_permits() < UNDER_WAY);
    }
}

impl core::fmt::Debug for KeyLimits {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyLimits").field("keys", &self.limiter.len()).finish()
    }
}
