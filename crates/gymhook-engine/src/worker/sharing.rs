//! `Sharing` and `Shares`: divides the endpoints among the workers of a direction.
//!
//! A worker that has far fewer busy endpoints than it would have if all workers had the same number says that it wants more. The
//! others give up what they have beyond that number: what is in flight ends, nothing else begins, and then the lease is
//! released. Nobody decides who gets what: an endpoint without an owner is found by whoever looks, and while somebody wants
//! more, nobody leases beyond its share.

use core::time::Duration;

use gymhook_delivery::EndpointId;
use time::UtcDateTime;

use super::Worker;
use super::leased_endpoint::LeasedEndpoint;
use crate::Transport;
use crate::store::{Announcement, OtherWorkers, Store};
use crate::telemetry;

/// For how many poll intervals a worker wants more if it does not say so again, though not for longer than a lease: for no
/// longer does one that has gone keep the others from leasing beyond their shares.
const WANTS_FOR_POLLS: u32 = 5;

/// What a worker knows about its share.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    /// The most endpoints that this worker has while another one wants more.
    most: Option<usize>,
    /// When endpoints were given up that whoever wants more may not have found yet.
    given_up: Vec<UtcDateTime>,
    /// Whether the subscription that was leased last could not be read: then endpoints are no use to this worker, and would be
    /// missing to those that can read theirs.
    cannot_read: bool,
    /// What was announced last.
    announced: Option<Announcement>,
    /// What the next round trip announces.
    to_announce: Option<Announcement>,
}

impl Sharing {
    /// What the next round trip announces.
    pub(crate) const fn take_announcement(&mut self) -> Option<Announcement> {
        self.to_announce.take()
    }

    /// Whether another worker wants more, so that this one leases no more than its share.
    pub(crate) const fn is_limited(&self) -> bool {
        self.most.is_some()
    }

    /// Whether this worker has asked for more the last time.
    fn asks(&self) -> bool {
        self.announced.is_some_and(|last| last.wants_more)
    }

    /// Whether something is still to be announced.
    pub(crate) const fn has_announcement(&self) -> bool {
        self.to_announce.is_some()
    }

    /// The subscription of an endpoint that was leased could be read, or not.
    pub(crate) const fn has_read(&mut self, is_readable: bool) {
        self.cannot_read = !is_readable;
    }

    /// An endpoint that was given up is free now.
    pub(crate) fn gave_up(&mut self, now: UtcDateTime) {
        self.given_up.push(now);
    }

    /// Withdraws what was announced: the worker leaves.
    pub(crate) fn withdraw(&mut self, now: UtcDateTime) {
        self.to_announce = self.announced.take().map(|last| Announcement { counts_until: now, ..last });
    }

    /// There is nobody to share with.
    fn is_alone(&mut self, now: UtcDateTime) {
        self.most = None;
        self.given_up.clear();
        self.withdraw(now);
    }

    /// Whoever wants more says each time when it looked, if `others` have said anything: they wait for that.
    fn announce(&mut self, new: Announcement, half_time: UtcDateTime, others: bool) {
        let is_known = |last: Announcement| {
            (last.endpoints, last.wants_more) == (new.endpoints, new.wants_more)
                && last.counts_until > half_time
        };
        if (new.wants_more && others) || !self.announced.is_some_and(is_known) {
            self.announced = Some(new);
            self.to_announce = Some(new);
        }
    }
}

/// All busy endpoints, and who shares them.
#[derive(Clone, Copy, Debug)]
struct Shares {
    endpoints: u64,
    workers: u64,
    /// How many of the others come before this one, by their ids: who comes first has one more if they do not come out even.
    rank: u64,
}

impl Shares {
    /// What this worker has if all have the same number, give or take one. All shares together are all endpoints.
    fn own(self) -> usize {
        let own = self.endpoints / self.workers + u64::from(self.rank < self.endpoints % self.workers);
        usize::try_from(own).unwrap_or(usize::MAX)
    }

    /// The most endpoints that this worker has while another one wants more. Of fewer than one for each worker nothing is given
    /// up, and nothing has to be left to others.
    fn limit(self) -> Option<usize> {
        (self.endpoints >= self.workers).then(|| self.own())
    }

    /// Whether a worker that has so many endpoints, of `most` that it may have, has to ask for more. One begins to below three
    /// quarters of what it would get: less is not worth an endpoint's wait for its next owner, and numbers change all the time.
    /// Once it `asks`, it is for all of it, since the others give up the whole.
    fn are_wanted(self, has: usize, most: usize, asks: bool) -> bool {
        if asks {
            return has < self.own().min(most);
        }
        let has = has as u64;
        let of_share = has < self.endpoints / self.workers
            && has.saturating_mul(4).saturating_mul(self.workers) < self.endpoints.saturating_mul(3);
        of_share && has.saturating_mul(4) < (most as u64).saturating_mul(3)
    }
}

/// An endpoint with work that is due.
#[derive(Clone, Copy, Debug)]
struct Busy {
    endpoint: EndpointId,
    in_flight: u32,
    is_leaving: bool,
}

impl<S: Store, T: Transport> Worker<S, T> {
    /// After a look at all endpoints, at this time, which found `all` that had no owner or only as many as were asked for.
    pub(super) fn share(&mut self, looked_at: UtcDateTime, all: bool, others: &OtherWorkers) {
        if self.stop.is_some() {
            return;
        }
        if *others == OtherWorkers::default() {
            self.sharing.is_alone(self.clock.now());
            return;
        }
        let now = self.clock.now();
        let poll_interval = self.options.poll_interval;
        // A clock that was set back leaves looks in the future behind, and whoever made one may be gone.
        let is_past = |other: &&Announcement| other.looked_at <= later(looked_at, poll_interval);
        let asked = others.announcements.iter().filter(|other| other.wants_more).filter(is_past);
        let asked_first = asked.map(|other| other.looked_at).min();
        // What was given up a moment before a look may have been missed by it: clocks are read as often as they look.
        self.sharing
            .given_up
            .retain(|at| asked_first.is_some_and(|asked| later(*at, poll_interval) >= asked));

        let busy = self.busy_endpoints(now);
        let own = busy.len() + self.sharing.given_up.len();
        let announced = others.announcements.iter().map(|other| u64::from(other.endpoints));
        let shares = Shares {
            endpoints: announced.fold(own as u64, u64::saturating_add),
            workers: others.announcements.len() as u64 + 1,
            rank: others.announcements.iter().filter(|other| other.worker < self.id).count() as u64,
        };
        self.sharing.most = asked_first.and_then(|_| shares.limit());
        if let Some(most) = self.sharing.most {
            self.give_up(&busy, most, now);
        }
        if others.next_lease_end.is_some() || !busy.is_empty() {
            let has_too_few = self.has_too_few(busy.len(), shares, others);
            self.announce(own, all.then_some(looked_at), has_too_few, others);
        } else if self.sharing.asks() {
            // Nobody has anything that could be shared.
            self.sharing.withdraw(now);
        }
    }

    /// Whether this worker, which has so many busy endpoints, is to have more.
    fn has_too_few(&self, busy: usize, shares: Shares, others: &OtherWorkers) -> bool {
        let most = self.options.max_endpoints.get() as usize;
        let has_room = self.leased_endpoints.0.len() < most;
        let has_too_few = match others.announcements.is_empty() {
            // They have not heard of anybody either.
            true => busy == 0,
            false => shares.are_wanted(busy, most, self.sharing.asks()),
        };
        has_room && has_too_few && !self.sharing.cannot_read
    }

    /// Tells the others how many endpoints this worker answers for, and whether it wants more. It wants more only from a look on
    /// that found all there was. While it still finds as many as it asks the store for, it goes on asking from the last such look.
    fn announce(
        &mut self,
        endpoints: usize,
        found_all_at: Option<UtcDateTime>,
        has_too_few: bool,
        others: &OtherWorkers,
    ) {
        let now = self.clock.now();
        let asked_at = self.sharing.announced.filter(|last| last.wants_more).map(|last| last.looked_at);
        let looked_at = found_all_at.or(asked_at);
        let wants_more = has_too_few && looked_at.is_some();
        let counts_for = self.counts_for(wants_more);
        let new = Announcement {
            worker: self.id,
            direction: self.direction,
            endpoints: u32::try_from(endpoints).unwrap_or(u32::MAX),
            wants_more,
            looked_at: looked_at.unwrap_or(now),
            counts_until: later(now, counts_for),
        };
        self.sharing.announce(new, later(now, counts_for / 2), !others.announcements.is_empty());
    }

    /// What a worker has is its own as long as its leases are in force, even if its store is too slow for another word. Else the
    /// others would reckon with fewer endpoints than there are, and give up too many.
    fn counts_for(&self, wants_more: bool) -> Duration {
        let wants_for = self.options.poll_interval.saturating_mul(WANTS_FOR_POLLS);
        let length = self.options.lease_length;
        if wants_more { wants_for.min(length) } else { wants_for.max(length) }
    }

    /// How many more endpoints this worker may lease: as long as another one wants more, none if it has given some up itself,
    /// which it would find again.
    pub(super) fn room_in_share(&self) -> usize {
        let Some(most) = self.sharing.most else { return usize::MAX };
        if !self.sharing.given_up.is_empty() {
            return 0;
        }
        let stays = |leased: &&LeasedEndpoint| !leased.is_leaving() && leased.idle_since.is_none();
        most.saturating_sub(self.leased_endpoints.0.values().filter(stays).count())
    }

    /// Releases an endpoint that is given up, if nothing is under way for it any more.
    pub(super) fn release_when_free(&mut self, endpoint: EndpointId) {
        let in_flight = self.machine.endpoint(endpoint).map_or(0, |held| held.in_flight());
        let Some(leased) = self.leased_endpoints.0.get_mut(&endpoint) else { return };
        if leased.giving_up && !leased.releasing && !leased.fetching && in_flight == 0 {
            leased.releasing = true;
            self.pending.release(endpoint);
        }
    }

    /// Gives up all but so many: first those that can be released at once.
    fn give_up(&mut self, busy: &[Busy], most: usize, now: UtcDateTime) {
        let stays = busy.iter().filter(|busy| !busy.is_leaving);
        let mut stay: Vec<(u32, EndpointId)> = stays.map(|busy| (busy.in_flight, busy.endpoint)).collect();
        let surplus = stay.len().saturating_sub(most);
        if surplus == 0 {
            return;
        }
        stay.sort_unstable();
        telemetry::gives_up(self.id, surplus);
        for (_, endpoint) in stay.into_iter().take(surplus) {
            if let Err(error) = self.machine.hold(endpoint, now) {
                tracing::error!(%endpoint, %error, "an endpoint under lease is not in the machine");
                continue;
            }
            if let Some(leased) = self.leased_endpoints.0.get_mut(&endpoint) {
                leased.giving_up = true;
            }
            self.release_when_free(endpoint);
        }
    }

    /// The endpoints that another worker would find if they had no owner.
    fn busy_endpoints(&self, now: UtcDateTime) -> Vec<Busy> {
        let busy = self.leased_endpoints.0.iter().filter_map(|(endpoint, leased)| {
            let held = self.machine.endpoint(*endpoint)?;
            let is_due = || self.machine.first_due(*endpoint).is_some_and(|due| due <= now);
            let waits = || leased.has_more() || leased.fetching || is_due();
            let is_busy = held.in_flight() > 0 || (!held.status().is_disabled() && waits());
            is_busy.then(|| Busy {
                endpoint: *endpoint,
                in_flight: held.in_flight(),
                is_leaving: leased.is_leaving(),
            })
        });
        busy.collect()
    }
}

fn later(at: UtcDateTime, length: Duration) -> UtcDateTime {
    length.try_into().ok().and_then(|length| at.checked_add(length)).unwrap_or(UtcDateTime::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_differ_by_one_at_most_and_are_all_there_is() {
        for endpoints in 0..60 {
            for workers in 1..9 {
                let own = |rank| Shares { endpoints, workers, rank }.own() as u64;
                assert_eq!((0..workers).map(own).sum::<u64>(), endpoints);
                assert!(own(0) - own(workers - 1) <= 1, "{endpoints} for {workers}");
            }
        }
        assert_eq!(Shares { endpoints: u64::MAX, workers: 1, rank: 0 }.own(), usize::MAX);
    }

    #[test]
    fn the_only_endpoint_is_not_given_up() {
        for (endpoints, workers, rank, limit) in
            [(0, 2, 0, None), (1, 2, 0, None), (1, 2, 1, None), (2, 2, 1, Some(1)), (5, 3, 2, Some(1))]
        {
            assert_eq!(Shares { endpoints, workers, rank }.limit(), limit, "{endpoints} for {workers}");
        }
    }

    /// By hand: the share is the endpoints divided by the workers, and three quarters of ten are seven and a half.
    #[test]
    fn who_has_much_less_than_its_share_begins_to_ask() {
        for (endpoints, workers, has, begins) in [
            (20, 2, 0, true),
            (20, 2, 7, true),
            (20, 2, 8, false),
            (20, 2, 13, false),
            // The other one has the only one.
            (1, 2, 0, false),
            (2, 2, 0, true),
            (3, 2, 0, true),
            (3, 2, 1, false),
            (20, 3, 4, true),
            (20, 3, 5, false),
            (u64::MAX, u64::MAX, usize::MAX, false),
        ] {
            let shares = Shares { endpoints, workers, rank: workers - 1 };
            assert_eq!(
                shares.are_wanted(has, usize::MAX, false),
                begins,
                "{has} of {endpoints} for {workers}"
            );
        }
        let last_of_three = Shares { endpoints: 20, workers: 3, rank: 2 };
        let all = usize::MAX;
        assert!(last_of_three.are_wanted(5, all, true) && !last_of_three.are_wanted(6, all, true));
        // It may have four at the most: three of them are three quarters.
        assert!(last_of_three.are_wanted(2, 4, false) && !last_of_three.are_wanted(3, 4, false));
        assert!(last_of_three.are_wanted(3, 4, true) && !last_of_three.are_wanted(4, 4, true));
    }
}
