//! `redeliver`: redelivers all deliveries that a filter finds, page by page, up to a limit.

use std::collections::BTreeMap;

use gymhook_engine::EndpointId;
use gymhook_engine::store::{Command, DeliveryRow, State, Store as _};

use super::audit;
use super::deliveries::DeliveryFilter;
use crate::Problem;
use crate::access::{Caller, Needs};

/// What a redelivery of many affects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affected {
    /// How many deliveries.
    pub(crate) deliveries: u64,
    /// How many the filter fits that have nowhere to go, since their subscription was deleted.
    pub(crate) without_subscription: u64,
    /// What to go on with; `None` if these are all.
    pub(crate) next: Option<u64>,
}

/// How many deliveries one call looks at.
pub(crate) const MOST: u32 = 10_000;
const PAGE: u32 = 1_000;

/// Starts one more round of all deliveries that the filter fits, the latest first, or only counts them.
///
/// The filter has a state, so that nobody repeats by mistake what was delivered.
pub(crate) async fn redeliver(
    caller: &Caller,
    filter: &DeliveryFilter,
    before: Option<u64>,
    dry_run: bool,
) -> Result<Affected, Problem> {
    caller.may(Needs::Retry)?;
    match filter.state {
        Some(State::Waiting | State::Delivered | State::Undeliverable | State::Cancelled) => {}
        None | Some(State::InFlight | State::Quarantined | State::Unreadable) => {
            let detail =
                "name the state of what is redelivered: undeliverable, waiting, cancelled or delivered";
            return Err(Problem::invalid("/state", detail));
        }
    }
    if let Some(gym) = &filter.gym {
        caller.reaches_gym(gym)?;
    }
    let mut affected = Affected { next: before, ..Affected::default() };
    let went = redeliver_pages(caller, filter, dry_run, &mut affected).await;
    // What found nothing is not recorded: it would push out what did something. What failed on a later page is: it did the others.
    if !dry_run && affected.deliveries > 0 {
        let subject = format!("{} deliveries", affected.deliveries);
        let gym = filter.gym.as_deref().or_else(|| caller.gym());
        audit::record(caller, "redeliver many", gym, &subject).await;
    }
    went.map(|()| affected)
}

/// Page after page; after a failure `affected` has what was done before.
async fn redeliver_pages(
    caller: &Caller,
    filter: &DeliveryFilter,
    dry_run: bool,
    affected: &mut Affected,
) -> Result<(), Problem> {
    let mut known = BTreeMap::new();
    for _ in 0..MOST / PAGE {
        let page = caller.view().deliveries(filter.query(affected.next, PAGE)).await?;
        let mut commands = Vec::new();
        for row in page.items.iter().filter(|row| filter.fits(row)) {
            if is_subscribed(caller, row, &mut known).await? {
                commands.push((row.endpoint, Command::Redeliver(row.id)));
            } else {
                affected.without_subscription += 1;
            }
        }
        let count = u64::try_from(commands.len()).unwrap_or(u64::MAX);
        if !dry_run && !commands.is_empty() {
            execute(caller, commands).await?;
        }
        affected.deliveries += count;
        affected.next = page.next;
        if affected.next.is_none() {
            break;
        }
    }
    Ok(())
}

async fn execute(caller: &Caller, commands: Vec<(EndpointId, Command)>) -> Result<(), Problem> {
    let engine = &caller.app().outgoing;
    let now = engine.now().await?;
    let endpoints: Vec<EndpointId> = commands.iter().map(|(endpoint, _)| *endpoint).collect();
    engine.store().command(commands, now).await?;
    engine.look_for_work(endpoints);
    Ok(())
}

/// Whether there is somewhere to send it.
async fn is_subscribed(
    caller: &Caller,
    row: &DeliveryRow,
    known: &mut BTreeMap<EndpointId, bool>,
) -> Result<bool, Problem> {
    if let Some(known) = known.get(&row.endpoint) {
        return Ok(*known);
    }
    let held = caller.app().outgoing.store().subscription(row.endpoint).await?;
    let is_there = held.is_some_and(|held| held.deleted_at.is_none());
    known.insert(row.endpoint, is_there);
    Ok(is_there)
}
