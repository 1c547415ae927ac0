//! `Latest`: merges the rows of several statements, the latest delivery first.

use std::collections::BTreeSet;

use gymhook_store::DeliveryQuery;
use rusqlite::{Connection, params_from_iter};

use super::Look;
use super::statement::statement;
use crate::error::Result;

/// The latest of those that were found, as many as were asked for and one more.
#[derive(Debug)]
pub(super) struct Latest {
    pub(super) sequences: BTreeSet<i64>,
    most: usize,
}

impl Latest {
    pub(super) fn new(limit: u32) -> Self {
        Self { sequences: BTreeSet::new(), most: (limit as usize).saturating_add(1) }
    }

    /// Only what is later than the earliest of a full page counts.
    fn after(&self) -> i64 {
        let earliest = self.sequences.first().filter(|_| self.sequences.len() >= self.most);
        earliest.copied().unwrap_or(i64::MIN)
    }

    pub(super) fn look(
        &mut self,
        connection: &Connection,
        query: &DeliveryQuery,
        look: Look<'_>,
    ) -> Result<()> {
        let (sql, values) = statement(query, look, self.after(), self.most);
        let mut select = connection.prepare_cached(&sql)?;
        for sequence in select.query_map(params_from_iter(values), |row| row.get::<_, i64>(0))? {
            self.sequences.insert(sequence?);
        }
        while self.sequences.len() > self.most {
            self.sequences.pop_first();
        }
        Ok(())
    }
}
