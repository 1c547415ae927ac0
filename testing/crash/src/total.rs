//! The figures of a history.

use core::fmt;
use core::ops::AddAssign;

/// How much there was of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Processes that were killed.
    pub kills: u64,
    /// Times that the database was stopped.
    pub outages: u64,
    /// Notifications that the engine said are on disk.
    pub acknowledged: u64,
    /// Those of them that were delivered.
    pub delivered: u64,
    /// Those that were given up, for a reason.
    pub undeliverable: u64,
    /// Those that wait for a moment that has not come.
    pub waiting: u64,
    /// Requests.
    pub requests: u64,
    /// Requests of deliveries that the endpoint had taken before, because of a kill or an outage.
    pub duplicates: u64,
    /// How many of them there might have been: attempts whose end was not on disk when a process died or the database did.
    pub allowance: u64,
    /// Requests of deliveries that the endpoint had taken, but too late.
    pub late: u64,
    /// Requests that a pause delayed, between the last look at the clock and the write, until others had overtaken them.
    pub delayed: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.kills += more.kills;
        self.outages += more.outages;
        self.acknowledged += more.acknowledged;
        self.delivered += more.delivered;
        self.undeliverable += more.undeliverable;
        self.waiting += more.waiting;
        self.requests += more.requests;
        self.duplicates += more.duplicates;
        self.allowance += more.allowance;
        self.late += more.late;
        self.delayed += more.delayed;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, outages, acknowledged, delivered, undeliverable, waiting, .. } = self;
        let Self { requests, duplicates, allowance, late, delayed, .. } = self;
        write!(
            f,
            "{kills} kills, {outages} outages; {acknowledged} acknowledged: {delivered} delivered, {undeliverable} \
             undeliverable, {waiting} waiting, 0 lost; {requests} requests, {duplicates} duplicates of {allowance} allowed, \
             {late} after a late answer, {delayed} delayed by a pause"
        )
    }
}
