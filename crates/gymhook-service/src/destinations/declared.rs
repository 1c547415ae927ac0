//! `declare` writes the destinations that the settings declare, `restore` puts them back if that fails, and `retire`
//! retires those that are no longer declared. The errors of these steps are here, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use gymhook::send::EndpointUrl;
use gymhook_engine::{EndpointId, Subscription, SubscriptionError};
use uuid::Uuid;

use super::changes::{blank, check_filter, checked_url, kept};
use super::{Destinations, Filter, Retry, Route};
use crate::incoming::check_name;
use crate::outgoing::GatewayTransport;
use crate::{Destination, Problem, StartError};

/// What a declaration wrote, in its order.
#[derive(Debug, Default)]
pub(crate) struct Replaced(Vec<Write>);

/// What may have been written, since a store that fails does not always say whether it wrote.
#[derive(Debug)]
struct Write {
    written: Subscription,
    /// What was there: nothing, or another destination.
    before: Option<Subscription>,
}

impl Write {
    /// Whether this is still what was written: each declaration has an id, which is in the metadata.
    fn is_still(&self, held: &Subscription) -> bool {
        self.written.metadata() == held.metadata()
    }
}

/// How often another process may create or delete a destination while it is declared. Our choice.
const MAX_TRIES: u32 = 10;

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
        Retry::new(destination.retry_delays.as_deref(), destination.attempt_timeout)
            .map_err(|(field, problem)| refused(&format_args!("{field}: {problem}")))?;
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
    /// [`StartError`]; then everything is as it was, except for what another process has written in the meantime, or the log says
    /// what is not.
    pub(crate) async fn declare(&self, declared: &[Destination]) -> Result<Replaced, StartError> {
        let _changing = self.changing.lock().await;
        let (declaration, mut replaced) = (Uuid::now_v7(), Replaced::default());
        for destination in declared {
            if let Err(error) = self.declare_one(destination, declaration, &mut replaced).await {
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

    /// The last first. What another process has written since stays as it is. What cannot be put back is logged.
    async fn put_back(&self, replaced: Replaced) {
        for write in replaced.0.into_iter().rev() {
            if let Err(error) = self.put_back_one(&write).await {
                let (id, name) = (write.written.id(), write.written.label());
                tracing::error!(%id, name, %error, "a destination cannot be put back as it was: load the settings again");
            }
        }
        self.forget();
    }

    async fn put_back_one(&self, write: &Write) -> Result<(), SubscriptionError> {
        let id = write.written.id();
        let Some(before) = &write.before else {
            return self.engine.delete_subscription_if(id, |held| write.is_still(held)).await.map(drop);
        };
        let put_back = |held: Subscription| match write.is_still(&held) {
            true => Ok(before.clone()),
            false => Err(NotPutBack::Changed),
        };
        match self.engine.try_update_subscription(id, put_back).await {
            Ok(_) | Err(NotPutBack::Changed | NotPutBack::Failed(SubscriptionError::Unknown { .. })) => {
                Ok(())
            }
            Err(NotPutBack::Failed(error)) => Err(error),
        }
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
        declaration: Uuid,
        replaced: &mut Replaced,
    ) -> Result<(), StartError> {
        let mut tries = 1;
        loop {
            let declared = self.try_to_declare(destination, declaration, replaced).await;
            self.forget();
            match declared {
                // Another process has created or deleted it in the meantime.
                Err(Undeclared::Held(
                    SubscriptionError::Exists { .. }
                    | SubscriptionError::Deleted { .. }
                    | SubscriptionError::Unknown { .. },
                )) if tries < MAX_TRIES => tries += 1,
                declared => return declared.map_err(|error| error.of(destination)),
            }
        }
    }

    async fn try_to_declare(
        &self,
        destination: &Destination,
        declaration: Uuid,
        replaced: &mut Replaced,
    ) -> Result<(), Undeclared> {
        let url: EndpointUrl = checked_url(&self.transport, &destination.url)
            .map_err(|problem| Undeclared::Refused(problem.detail().to_owned()))?;
        let (id, row) = self.id_for(&destination.name).await.map_err(SubscriptionError::from)?;
        let held = if row.is_some() { self.read(id).await? } else { None };
        let route = Route::declared(id, destination);
        let metadata =
            route.metadata_by(declaration).map_err(|error| Undeclared::Refused(error.to_string()))?;
        let declared = |held: Subscription| {
            kept(&route, metadata.clone(), url.clone(), Some(Arc::clone(&destination.keys)), held)
        };
        if held.is_some() {
            let mut last = None;
            let changed = |held: Subscription| {
                let written = declared(held.clone());
                last = Some(Write { written: written.clone(), before: Some(held) });
                written
            };
            let updated = self.engine.update_subscription(id, changed).await;
            replaced.0.extend(last);
            updated?;
            return Ok(());
        }
        let written = declared(blank(id, url.clone()));
        if row.is_some() {
            // What cannot be read cannot be put back either.
            self.engine.put_subscription(&written).await?;
            return Ok(());
        }
        let created = self.engine.create_subscription(&written).await;
        replaced.0.push(Write { written, before: None });
        Ok(created?)
    }
}

/// Why a destination is not declared.
enum Undeclared {
    /// What is declared cannot be used.
    Refused(String),
    /// What is held cannot be read or written.
    Held(SubscriptionError),
}

impl From<SubscriptionError> for Undeclared {
    fn from(error: SubscriptionError) -> Self {
        Self::Held(error)
    }
}

impl Undeclared {
    fn of(self, destination: &Destination) -> StartError {
        match self {
            Self::Refused(problem) | Self::Held(SubscriptionError::Refused { problem, .. }) => {
                refused(destination, &problem)
            }
            Self::Held(SubscriptionError::Store(error)) => StartError::Store(error),
            Self::Held(error) => refused(destination, &error),
        }
    }
}

/// Why a destination is not put back.
enum NotPutBack {
    /// Another process has written it since.
    Changed,
    Failed(SubscriptionError),
}

impl From<SubscriptionError> for NotPutBack {
    fn from(error: SubscriptionError) -> Self {
        Self::Failed(error)
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
