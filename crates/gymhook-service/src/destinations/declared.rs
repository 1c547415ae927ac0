//! Destinations that the settings declare.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::changes::{check_filter, check_name};
use super::{Destinations, Filter, Route};
use crate::{Destination, Problem};

/// A destination of the settings cannot be had. Caused by the settings, or by the database.
#[derive(Debug)]
pub(crate) struct NotDeclared {
    /// Empty if it is not about one of them.
    pub(crate) name: String,
    pub(crate) problem: String,
}

impl NotDeclared {
    fn new(name: &str, problem: &Problem) -> Self {
        Self { name: name.to_owned(), problem: problem.detail().to_owned() }
    }
}

impl Destinations {
    /// Makes the destinations of the settings what they are there, and deletes those that were there before and are no more: their
    /// log stays.
    ///
    /// One that was created otherwise and has a name that is declared now becomes the declared one, with what waits for it.
    pub(crate) async fn declare(&self, declared: &[Destination]) -> Result<(), NotDeclared> {
        self.check(declared)?;
        let _changing = self.changing.lock().await;
        for destination in declared {
            let written = self.declare_one(destination).await;
            written.map_err(|problem| NotDeclared::new(&destination.name, &problem))?;
        }
        let names: BTreeSet<&str> = declared.iter().map(|destination| destination.name.as_str()).collect();
        self.delete_undeclared(&names).await.map_err(|problem| NotDeclared::new("", &problem))
    }

    async fn delete_undeclared(&self, names: &BTreeSet<&str>) -> Result<(), Problem> {
        let held = self.list().await?;
        let is_gone = |route: &Route| route.declared && !names.contains(route.name.as_str());
        for found in held.into_iter().filter(|found| is_gone(&found.route)) {
            let waiting = self.engine.endpoint_stats(found.route.id).await?.map_or(0, |stats| stats.waiting);
            tracing::warn!(name = %found.route.name, waiting, "a destination is declared no more: it is deleted, with what waits for it");
            self.engine.delete_subscription(found.route.id).await?;
        }
        self.forget();
        Ok(())
    }

    /// Whether these can be declared, as far as that is known without the database.
    pub(crate) fn check(&self, declared: &[Destination]) -> Result<(), NotDeclared> {
        let mut names = BTreeSet::new();
        for destination in declared {
            let refused = |problem: Problem| NotDeclared::new(&destination.name, &problem);
            if !names.insert(destination.name.as_str()) {
                return Err(refused(Problem::conflict("two destinations have this name: rename one")));
            }
            check_name(&destination.name).map_err(|problem| refused(Problem::invalid("/name", problem)))?;
            destination
                .keys
                .check_for_hmac_sha256()
                .map_err(|error| refused(Problem::invalid("/secret", error.to_string())))?;
            check_filter(&Filter::from(destination)).map_err(refused)?;
            self.url(&destination.url).map_err(refused)?;
        }
        Ok(())
    }

    async fn declare_one(&self, destination: &Destination) -> Result<(), Problem> {
        let url = self.url(&destination.url)?;
        let (id, is_there) = self.id_for(&destination.name).await?;
        let held = if is_there { self.read(id).await? } else { None };
        let route = Route {
            id,
            name: destination.name.clone(),
            form: destination.form,
            filter: Filter::from(destination),
            declared: true,
        };
        self.write(&route, url, Some(Arc::clone(&destination.keys)), held).await
    }
}
