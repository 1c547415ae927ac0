//! Destinations that the settings declare.

use std::collections::BTreeSet;
use std::sync::Arc;

use gymhook::send::EndpointUrl;
use gymhook_engine::{EndpointId, Subscription, SubscriptionError};

use super::changes::{blank, check_filter, checked_url, kept};
use super::{Destinations, Filter, Route};
use crate::incoming::check_name;
use crate::outgoing::GatewayTransport;
use crate::{Destination, Problem, StartError};

/// What was there before a declaration, in the order in which it was written: nothing, or another destination.
#[derive(Debug, Default)]
pub(crate) struct Replaced(Vec<(EndpointId, Option<Subscription>)>);

/// Whether these can be declared, as far as that is known without the database.
pub(crate) fn check(declared: &[Destination], transport: &GatewayTransport) -> Result<(), StartError> {
    let mut names = BTreeSet::new();
    for destination in declared {
        let refused = |problem: &dyn core::fmt::Display| refused(destination, problem);
        if !names.insert(destination.name.as_str()) {
            return Err(refused(&"two destinations have this name: rename one"));
        }
        check_name(&destination.name).map_err(|problem| refused(&problem))?;
        destination.keys.check_for_hmac_sha256().map_err(|error| refused(&error))?;
        let detail = |problem: Problem| refused(&problem.detail());
        check_filter(&Filter::from(destination)).map_err(detail)?;
        Route::declared(EndpointId::from_u128(0), destination).metadata().map_err(|error| refused(&error))?;
        checked_url(transport, &destination.url).map_err(detail)?;
    }
    Ok(())
}

fn refused(destination: &Destination, problem: &dyn core::fmt::Display) -> StartError {
    StartError::Destination { name: destination.name.clone(), problem: problem.to_string() }
}

impl Destinations {
    /// Makes the destinations of the settings what they are there, after [`check`]. Those that are no longer declared stay as they
    /// are until they are [retired](Self::retire).
    ///
    /// One that was created otherwise and has a name that is declared now becomes the declared one, with what waits for it.
    ///
    /// # Errors
    /// [`StartError`]; then everything is as it was, or the log says what is not.
    pub(crate) async fn declare(&self, declared: &[Destination]) -> Result<Replaced, StartError> {
        let _changing = self.changing.lock().await;
        let mut replaced = Replaced::default();
        for destination in declared {
            if let Err(error) = self.declare_one(destination, &mut replaced).await {
                self.put_back(replaced).await;
                return Err(error);
            }
        }
        Ok(replaced)
    }

    /// Undoes a declaration.
    pub(crate) async fn restore(&self, replaced: Replaced) {
        let _changing = self.changing.lock().await;
        self.put_back(replaced).await;
    }

    /// The last first. What cannot be put back is logged.
    async fn put_back(&self, replaced: Replaced) {
        for (id, before) in replaced.0.into_iter().rev() {
            let put_back = match &before {
                Some(before) => self.engine.put_subscription(before).await,
                None => self.engine.delete_subscription(id).await.map(drop).map_err(SubscriptionError::from),
            };
            if let Err(error) = put_back {
                let name = before.as_ref().map(Subscription::label);
                tracing::error!(%id, name, %error, "a destination cannot be put back as it was: load the settings again");
            }
        }
        self.forget();
    }

    /// Retires the destinations that are no longer declared: they get nothing new. One for which nothing waits is deleted; any
    /// other delivers what waits first, and is deleted when this is called again. Its log stays.
    ///
    /// One that cannot be retired is logged, and is retired when this is called again.
    pub(crate) async fn retire(&self, declared: &[Destination]) {
        let names: BTreeSet<&str> = declared.iter().map(|destination| destination.name.as_str()).collect();
        let _changing = self.changing.lock().await;
        let held = match self.list().await {
            Ok(held) => held,
            Err(error) => {
                tracing::error!(%error, "destinations that are no longer declared cannot be looked up: load the settings again");
                return;
            }
        };
        let is_gone = |route: &Route| route.declared && !names.contains(route.name.as_str());
        for found in held.into_iter().filter(|found| is_gone(&found.route)) {
            let name = found.route.name.clone();
            if let Err(error) = self.retire_one(found.route).await {
                tracing::error!(
                    name,
                    %error,
                    "a destination is no longer declared and cannot be retired, so it stays: if its network was removed, too, allow it until nothing waits for the destination"
                );
            }
        }
        self.forget();
    }

    async fn retire_one(&self, route: Route) -> Result<(), RetireError> {
        let stats = self.engine.endpoint_stats(route.id).await?;
        let waiting = stats.map_or(0, |stats| stats.waiting + stats.in_flight);
        let name = &route.name;
        if waiting == 0 {
            self.engine.delete_subscription(route.id).await?;
            tracing::warn!(name, "a destination is no longer declared: it was deleted");
            return Ok(());
        }
        if !route.retired {
            let retired = |held: Subscription| {
                let Some(route) = Route::of(&held) else { return Ok(held) };
                let metadata = Route { retired: true, ..route }.metadata()?;
                Ok::<_, RetireError>(held.with_metadata(metadata))
            };
            self.engine.try_update_subscription(route.id, retired).await?;
        }
        tracing::warn!(
            name,
            waiting,
            "a destination is no longer declared: it gets nothing new, and is deleted when nothing waits for it"
        );
        Ok(())
    }

    async fn declare_one(
        &self,
        destination: &Destination,
        replaced: &mut Replaced,
    ) -> Result<(), StartError> {
        let failed = |error: SubscriptionError| {
            if let SubscriptionError::Store(error) = error {
                return StartError::Store(error);
            }
            if let SubscriptionError::Refused { problem, .. } = error {
                return refused(destination, &problem);
            }
            refused(destination, &error)
        };
        let url: EndpointUrl = checked_url(&self.transport, &destination.url)
            .map_err(|problem| refused(destination, &problem.detail()))?;
        let (id, row) = self.id_for(&destination.name).await?;
        let held = if row.is_some() { self.read(id).await.map_err(failed)? } else { None };
        let route = Route::declared(id, destination);
        let metadata = route.metadata().map_err(|error| refused(destination, &error))?;
        let declared = |held: Subscription| {
            kept(&route, metadata.clone(), url.clone(), Some(Arc::clone(&destination.keys)), held)
        };
        let written = if held.is_some() {
            let mut before = None;
            let changed = |held: Subscription| {
                before = Some(held.clone());
                declared(held)
            };
            let updated = self.engine.update_subscription(id, changed).await;
            replaced.0.extend(before.map(|before| (id, Some(before))));
            updated.map(drop)
        } else {
            // What cannot be read cannot be put back either.
            if row.is_none() {
                replaced.0.push((id, None));
            }
            self.engine.put_subscription(&declared(blank(id, url.clone()))).await
        };
        self.forget();
        written.map_err(failed)
    }
}

/// A destination cannot be retired.
#[derive(Debug, thiserror::Error)]
enum RetireError {
    #[error(transparent)]
    Store(#[from] gymhook_engine::store::StoreError),
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    #[error(transparent)]
    Filter(#[from] super::route::FilterTooLong),
}
