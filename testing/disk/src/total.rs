//! The figures of rounds.

use core::fmt;
use core::ops::AddAssign;

/// How much there was of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rounds that were played.
    pub rounds: u64,
    /// Rounds in which something failed as planned.
    pub faults: u64,
    /// Of those, the ones in which no room was left.
    pub full: u64,
    /// Of those, the ones in which the process died at the fault.
    pub deaths: u64,
    /// Answers that were errors.
    pub refusals: u64,
    /// Notifications that the engine said are on disk.
    pub acknowledged: u64,
    /// Those of them that were delivered.
    pub delivered: u64,
    /// Those that were given up, cancelled, or wait for a moment that has not come.
    pub others: u64,
    /// Those that had ended and were purged.
    pub purged: u64,
    /// Those that are nowhere, or whose body is not what was enqueued.
    pub lost: u64,
    /// Those that are quarantined.
    pub quarantined: u64,
    /// Requests.
    pub requests: u64,
    /// Requests of deliveries that the endpoint had taken before in the same round, because a process died.
    pub duplicates: u64,
    /// Promises that were broken, in any way.
    pub broken: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.rounds += more.rounds;
        self.faults += more.faults;
        self.full += more.full;
        self.deaths += more.deaths;
        self.refusals += more.refusals;
        self.acknowledged += more.acknowledged;
        self.delivered += more.delivered;
        self.others += more.others;
        self.purged += more.purged;
        self.lost += more.lost;
        self.quarantined += more.quarantined;
        self.requests += more.requests;
        self.duplicates += more.duplicates;
        self.broken += more.broken;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, faults, full, deaths, refusals, acknowledged, delivered, others, purged, .. } =
            self;
        let Self { lost, quarantined, requests, duplicates, broken, .. } = self;
        write!(
            f,
            "{faults} faults in {rounds} rounds ({full} full disks, {deaths} deaths), {refusals} calls refused; {acknowledged} \
             acknowledged: {delivered} delivered, {others} given up, cancelled or held, {purged} purged, {lost} lost, \
             {quarantined} quarantined; {requests} requests, {duplicates} duplicates; {broken} broken promises"
        )
    }
}
