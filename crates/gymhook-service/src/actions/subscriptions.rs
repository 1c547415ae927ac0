//! `Described`: lists and shows subscriptions with the health of their endpoints, and pauses, enables, disables and
//! deletes them.

use std::collections::BTreeMap;

use gymhook::delivery::EndpointRecord;
use gymhook_engine::store::{EndpointStats, Page, Store as _, SubscriptionQuery};
use gymhook_engine::{EndpointId, Subscription};
use time::UtcDateTime;

use super::audit;
use crate::Problem;
use crate::access::{Caller, Needs};
use crate::outgoing::{DESTINATION, check_pause};

pub(super) const WHAT: &str = "subscription";

/// A subscription with its endpoint's health.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) subscription: Subscription,
    pub(crate) health: EndpointRecord,
}

/// Inboxes and destinations are kept as subscriptions, and are not among those of gyms.
fn is_a_gyms(subscription: &Subscription) -> bool {
    subscription.http().is_some_and(|http| http.platform() != DESTINATION)
}

/// Subscriptions by id.
pub(crate) async fn list(
    caller: &Caller,
    gym: Option<String>,
    platform: Option<&str>,
    after: Option<EndpointId>,
    limit: u32,
) -> Result<Page<Described, EndpointId>, Problem> {
    let platform = platform.map(str::to_owned);
    let mut query =
        SubscriptionQuery { gym, platform, after, ..SubscriptionQuery::new(limit.saturating_add(1)) };
    if query.gym.is_none() {
        query.gym = caller.gym().map(str::to_owned);
    }
    if let Some(gym) = &query.gym {
        caller.reaches_gym(gym)?;
    }
    let mut found = Vec::new();
    while found.len() <= limit as usize {
        let page = caller.view().subscriptions(query.clone()).await?;
        let rows = caller.app().outgoing.store().subscriptions(query.clone()).await?;
        let health: BTreeMap<_, _> = rows.items.into_iter().map(|row| (row.id, row.record)).collect();
        for subscription in page.items.into_iter().filter(is_a_gyms) {
            let health = match health.get(&subscription.id()) {
                Some(health) => Some(*health),
                // Created or deleted between the two reads.
                None => health_of(caller, subscription.id()).await?,
            };
            found.extend(health.map(|health| Described { subscription, health }));
        }
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    Ok(Page::cut(found, limit, |last| last.subscription.id()))
}

/// One subscription.
pub(crate) async fn get(caller: &Caller, id: EndpointId) -> Result<Subscription, Problem> {
    let found = caller.view().subscription(id).await?;
    of_a_gym(found.ok_or_else(|| Problem::not_found(WHAT))?)
}

/// The subscription, if it is a gym's.
pub(super) fn of_a_gym(found: Subscription) -> Result<Subscription, Problem> {
    if is_a_gyms(&found) { Ok(found) } else { Err(Problem::not_found(WHAT)) }
}

/// One subscription with its endpoint's health, and how much there is for it.
pub(crate) async fn describe(
    caller: &Caller,
    id: EndpointId,
) -> Result<(Subscription, EndpointStats), Problem> {
    let subscription = get(caller, id).await?;
    let stats = caller.view().endpoint_stats(id).await?.ok_or_else(|| Problem::not_found(WHAT))?;
    Ok((subscription, stats))
}

/// The health of a subscription that is there.
pub(super) async fn health(caller: &Caller, id: EndpointId) -> Result<EndpointRecord, Problem> {
    health_of(caller, id).await?.ok_or_else(|| Problem::not_found(WHAT))
}

async fn health_of(caller: &Caller, id: EndpointId) -> Result<Option<EndpointRecord>, Problem> {
    let row = caller.app().outgoing.store().subscription(id).await?;
    Ok(row.filter(|row| row.deleted_at.is_none()).map(|row| row.record))
}

/// Deletes a subscription: nothing more is sent to it. Its log is kept until it is purged.
pub(crate) async fn delete(caller: &Caller, id: EndpointId) -> Result<(), Problem> {
    caller.may(Needs::Write)?;
    let held = get(caller, id).await?;
    done(caller, "delete subscription", &held, caller.view().delete_subscription(id).await?).await
}

/// Sends nothing to it until it is enabled.
pub(crate) async fn disable(caller: &Caller, id: EndpointId) -> Result<(), Problem> {
    caller.may(Needs::Write)?;
    let held = get(caller, id).await?;
    done(caller, "disable subscription", &held, caller.view().disable(id).await?).await
}

/// Sends to it again, whatever it was disabled for.
pub(crate) async fn enable(caller: &Caller, id: EndpointId) -> Result<(), Problem> {
    caller.may(Needs::Write)?;
    let held = get(caller, id).await?;
    done(caller, "enable subscription", &held, caller.view().enable(id).await?).await
}

/// Sends nothing to it until then.
pub(crate) async fn pause(caller: &Caller, id: EndpointId, until: UtcDateTime) -> Result<(), Problem> {
    caller.may(Needs::Write)?;
    let held = get(caller, id).await?;
    check_pause(caller.app().outgoing.now().await?, until)?;
    done(caller, "pause subscription", &held, caller.view().pause(id, until).await?).await
}

async fn done(
    caller: &Caller,
    action: &'static str,
    held: &Subscription,
    is_there: bool,
) -> Result<(), Problem> {
    if !is_there {
        return Err(Problem::not_found(WHAT));
    }
    audit::record(caller, action, Some(held.gym()), &held.id().to_string()).await;
    Ok(())
}
