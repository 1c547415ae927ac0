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
    /// Makes the destinations of the settings what they are there. Those that are there no more stay as they are until they are
    /// [retired](Self::retire).
    ///
    /// One that was created otherwise and has a name that is declared now becomes the declared one, with what waits for it.
    pub(crate) async fn declare(&self, declared: &[Destination]) -> Result<(), NotDeclared> {
        self.check(declared)?;
        let _changing = self.changing.lock().await;
        for destination in declared {
            let written = self.declare_one(destination).await;
            written.map_err(|problem| NotDeclared::new(&destination.name, &problem))?;
        }
        Ok(())
    }

    /// Retires the destinations that were declared before and are no more: they get nothing new. One for which nothing waits is
    /// deleted; any other delivers what waits first, and is deleted when this is called again. Its log stays.
    pub(crate) async fn retire(&self, declared: &[Destination]) -> Result<(), NotDeclared> {
        let names: BTreeSet<&str> = declared.iter().map(|destination| destination.name.as_str()).collect();
        let _changing = self.changing.lock().await;
        self.retire_others(&names).await.map_err(|problem| NotDeclared::new("", &problem))
    }

    async fn retire_others(&self, names: &BTreeSet<&str>) -> Result<(), Problem> {
        let held = self.list().await?;
        let is_gone = |route: &Route| route.declared && !names.contains(route.name.as_str());
        for found in held.into_iter().filter(|found| is_gone(&found.route)) {
            let stats = self.engine.endpoint_stats(found.route.id).await?;
            let waiting = stats.map_or(0, |stats| stats.waiting + stats.in_flight);
            let name = found.route.name.clone();
            if waiting == 0 {
                tracing::warn!(name, "a destination is declared no more: it is deleted");
                self.engine.delete_subscription(found.route.id).await?;
            } else {
                tracing::warn!(
                    name,
                    waiting,
                    "a destination is declared no more: it gets nothing new, and is deleted when nothing waits for it"
                );
                if !found.route.retired {
                    let retired = Route { retired: true, ..found.route };
                    let subscription = found.subscription.with_metadata(
                        retired
                            .metadata()
                            .map_err(|error| Problem::invalid("/sources", error.to_string()))?,
                    );
                    self.engine.put_subscription(&subscription).await?;
                }
            }
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
            retired: false,
        };
        self.write(&route, url, Some(Arc::clone(&destination.keys)), held).await.map(drop)
    }
}
