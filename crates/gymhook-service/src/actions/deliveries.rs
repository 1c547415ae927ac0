//! `DeliveryFilter`: lists and shows deliveries, their attempts and bodies, and redelivers or cancels one of them. A
//! list of one kind of event reads on from the store until enough deliveries fit the kind, up to a limit of rows.

use bytes::Bytes;
use gymhook::event::{Kind, Vendor};
use gymhook_engine::store::{AttemptQuery, AttemptRow, DeliveryQuery, DeliveryRow, Page, State};
use gymhook_engine::{DeliveryId, DeliveryLog, EndpointId, INBOX_PLATFORM};
use http::StatusCode;
use time::UtcDateTime;

use super::audit;
use crate::Problem;
use crate::access::{Caller, Needs};
use crate::outgoing::DESTINATION;

/// Which deliveries are meant: those that everything asked for fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeliveryFilter {
    pub(crate) gym: Option<String>,
    /// The subscription, destination or inbox.
    pub(crate) endpoint: Option<EndpointId>,
    pub(crate) event_type: Option<String>,
    pub(crate) kind: Option<Kind>,
    pub(crate) state: Option<State>,
    /// Enqueued at this moment or later.
    pub(crate) from: Option<UtcDateTime>,
    /// Enqueued before this moment.
    pub(crate) until: Option<UtcDateTime>,
}

/// How many rows are read from the store at once where a filter is not the store's.
const READ: u32 = 1_000;
/// How many are looked at for one page before a shorter one is answered.
const LOOKED_AT: u32 = 20 * READ;

impl DeliveryFilter {
    pub(super) fn query(&self, before: Option<u64>, limit: u32) -> DeliveryQuery {
        DeliveryQuery {
            endpoint: self.endpoint,
            gym: self.gym.clone(),
            event_types: self.event_types(),
            state: self.state,
            from: self.from,
            until: self.until,
            before,
            ..DeliveryQuery::new(limit)
        }
    }

    /// What the store is asked for: the types that have the kind at any platform, if they are known.
    fn event_types(&self) -> Vec<String> {
        match (&self.event_type, self.kind) {
            (Some(event_type), _) => vec![event_type.clone()],
            // Types that no platform lists.
            (None, None | Some(Kind::Other)) => Vec::new(),
            (None, Some(kind)) => {
                let of = |vendor: &Vendor| {
                    let mut types = vendor.event_types();
                    types.retain(|name| vendor.kind_of(name) == Some(kind));
                    types
                };
                let spelled = Vendor::ALL.iter().flat_map(of).map(str::to_owned);
                // What a destination gets has its kind as its type.
                spelled.chain([format!("{PASSED_ON}{}", kind.as_str())]).collect()
            }
        }
    }

    /// Whether what the store does not look at fits, too.
    pub(super) fn fits(&self, row: &DeliveryRow) -> bool {
        self.kind.is_none_or(|kind| kind_of(row) == Some(kind))
    }
}

/// What the event of a delivery means, if its platform's types are known.
pub(crate) fn kind_of(row: &DeliveryRow) -> Option<Kind> {
    if row.platform == DESTINATION {
        return row.event_type.strip_prefix(PASSED_ON).and_then(Kind::from_name);
    }
    if let Ok(vendor) = row.platform.parse::<Vendor>()
        && let Some(kind) = vendor.kind_of(&row.event_type)
    {
        return Some(kind);
    }
    if row.platform != INBOX_PLATFORM {
        return None;
    }
    // An inbox keeps its platform's spelling, which no other platform has for another kind.
    let mut kinds = Vendor::ALL.iter().filter_map(|vendor| vendor.kind_of(&row.event_type));
    kinds.find(|kind| *kind != Kind::Other)
}

/// What begins the type of what is passed on to a destination.
const PASSED_ON: &str = "gymhook.";

/// Deliveries, the latest first. With a kind, a page may be shorter than `limit` although there is a next one.
pub(crate) async fn list(
    caller: &Caller,
    filter: &DeliveryFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<DeliveryRow>, Problem> {
    if let Some(gym) = &filter.gym {
        caller.reaches_gym(gym)?;
    }
    let view = caller.view();
    if filter.kind.is_none() {
        return Ok(view.deliveries(filter.query(before, limit)).await?);
    }
    let (mut found, mut next, mut looked_at) = (Vec::new(), before, 0);
    // If the store narrows by the types that have the kind, most of what it finds fits.
    let mut read = if filter.query(None, 1).event_types.is_empty() { READ } else { limit.saturating_add(1) };
    while found.len() <= limit as usize && looked_at < LOOKED_AT {
        let page = view.deliveries(filter.query(next, read)).await?;
        found.extend(page.items.into_iter().filter(|row| filter.fits(row)));
        looked_at += read;
        read = READ;
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let cut = Page::cut(found, limit, |last| last.sequence);
    Ok(Page { next: cut.next.or(next), items: cut.items })
}

/// One delivery with its attempts and its body.
pub(crate) async fn get(caller: &Caller, id: DeliveryId) -> Result<DeliveryLog, Problem> {
    caller.view().delivery(id).await?.ok_or_else(|| Problem::not_found("delivery"))
}

/// A delivery's attempts after the one with this number, the first one first.
pub(crate) async fn attempts(
    caller: &Caller,
    id: DeliveryId,
    after: Option<u32>,
    limit: u32,
) -> Result<Page<AttemptRow, u32>, Problem> {
    get(caller, id).await?;
    Ok(caller.view().attempts(AttemptQuery { after, ..AttemptQuery::new(id, limit) }).await?)
}

/// A delivery's body, byte for byte.
pub(crate) async fn body(caller: &Caller, id: DeliveryId) -> Result<(DeliveryRow, Bytes), Problem> {
    let DeliveryLog { delivery, body, .. } = get(caller, id).await?;
    let body =
        body.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "the body of this delivery was purged"))?;
    Ok((delivery, body))
}

/// Starts one more round of a delivery, at once if it waits or has ended.
pub(crate) async fn redeliver(caller: &Caller, id: DeliveryId) -> Result<(), Problem> {
    caller.may(Needs::Retry)?;
    let held = get(caller, id).await?.delivery;
    if held.state == State::InFlight {
        return Err(Problem::conflict("an attempt is in flight: wait until it ends"));
    }
    if !caller.view().redeliver(id).await? {
        let why =
            "its subscription was deleted, or what came in could not be read: there is nowhere to send it";
        return Err(Problem::conflict(why));
    }
    audit::record(caller, "redeliver", Some(&held.gym), &id.to_string()).await;
    Ok(())
}

/// Cancels a delivery that has not ended; an attempt in flight may still succeed.
pub(crate) async fn cancel(caller: &Caller, id: DeliveryId) -> Result<(), Problem> {
    caller.may(Needs::Retry)?;
    let held = get(caller, id).await?.delivery;
    if !matches!(held.state, State::Waiting | State::InFlight) {
        let state = held.state.as_str();
        return Err(Problem::conflict(format!(
            "it is {state}: only what waits or is in flight can be cancelled"
        )));
    }
    if !caller.view().cancel(id).await? {
        return Err(Problem::conflict("its subscription was deleted: nothing more is sent"));
    }
    audit::record(caller, "cancel", Some(&held.gym), &id.to_string()).await;
    Ok(())
}
