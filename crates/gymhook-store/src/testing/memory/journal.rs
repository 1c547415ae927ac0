//! Appends to journals of limited size, and reads them.

use super::cut;
use super::tables::Tables;
use crate::{Journal, JournalQuery, JournalRow, NewJournalEntry, Page};

impl Tables {
    pub(super) fn append_to_journal(&mut self, journal: Journal, entries: Vec<NewJournalEntry>, keep: u64) {
        let last = self.last_journal_numbers.entry(journal).or_default();
        for entry in entries {
            *last += 1;
            let entry = NewJournalEntry { at: cut(entry.at), ..entry };
            self.journals.insert((journal, *last), entry.into_row(journal, *last));
        }
        let until = last.saturating_sub(keep);
        self.journals.retain(|(of, number), _| *of != journal || *number > until);
    }

    pub(super) fn journal(&self, query: &JournalQuery) -> Page<JournalRow> {
        let first = (query.journal, 0);
        let end = (query.journal, query.before.unwrap_or(u64::MAX));
        let rows = self.journals.range(first..end).rev().map(|(_, row)| row);
        let found = rows
            .filter(|row| query.gym.is_none() || row.gym == query.gym)
            .filter(|row| query.subject.as_ref().is_none_or(|subject| row.subject == *subject))
            .take((query.limit as usize).saturating_add(1))
            .cloned()
            .collect();
        Page::cut(found, query.limit, |last: &JournalRow| last.number)
    }
}
