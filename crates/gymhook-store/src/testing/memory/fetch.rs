//! Reads the due deliveries of a leased endpoint, with its due test events and commands.

use time::UtcDateTime;

use super::tables::Tables;
use crate::{Cursor, Fetch, Fetched, State, StoreTime};

impl Tables {
    pub(super) fn fetch(&mut self, fetch: &Fetch, now: UtcDateTime) -> Fetched {
        let now = StoreTime::floor(now).micros();
        let waiting = self.in_state(fetch.endpoint, State::Waiting);
        let mut rows: Vec<(i64, u64)> = if fetch.ordered {
            let after = fetch.after.map(|after| after.sequence);
            let rows = waiting.filter(|row| after.is_none_or(|after| row.sequence > after));
            rows.map(|row| (row.at, row.sequence)).collect()
        } else {
            let after = fetch.after.map(|after| (StoreTime::ceil(after.due).micros(), after.sequence));
            let rows = waiting.take_while(|row| row.at <= now).map(|row| (row.at, row.sequence));
            rows.filter(|row| after.is_none_or(|after| *row > after)).collect()
        };
        if fetch.ordered {
            rows.sort_unstable_by_key(|(_, sequence)| *sequence);
        }
        let (limit, count) = (fetch.limit as usize, rows.len());
        rows.truncate(limit);
        let last = rows
            .last()
            .map(|&(due, sequence)| Cursor { due: StoreTime::from_micros(due).nearest(), sequence });
        let more = last.or(fetch.after).filter(|_| count > limit);
        let sequences: Vec<u64> = rows.into_iter().map(|(_, sequence)| sequence).collect();
        let (deliveries, quarantined) = self.read_or_quarantine(&sequences);
        let tests: Vec<u64> = self.due_tests(fetch.endpoint, now).collect();
        let (tests, damaged) = self.read_or_quarantine(&tests);
        let quarantined = quarantined + damaged;
        let next_due = self.in_state(fetch.endpoint, State::Waiting).find(|row| row.at > now);
        let next_due =
            next_due.filter(|_| !fetch.ordered).map(|row| StoreTime::from_micros(row.at).nearest());
        let commands = self.due_commands(fetch.endpoint, now);
        Fetched { endpoint: fetch.endpoint, deliveries, tests, more, next_due, commands, quarantined }
    }
}
