//! `Journal`, `JournalRow` and `JournalQuery`: journals of limited size, who changed what, and which requests were
//! refused.

use serde::Serialize;
use time::UtcDateTime;

/// A journal of a store. Each has a bound and numbers of its own.
///
/// Exhaustive on purpose: a store has a column for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Journal {
    /// What people and their programs changed.
    Audit = 0,
    /// Requests that a gateway refused.
    Refusals = 1,
}

impl Journal {
    /// All journals.
    pub const ALL: [Self; 2] = [Self::Audit, Self::Refusals];

    /// What stores write.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Its name in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Refusals => "refusals",
        }
    }
}

/// What is to be written into a [journal](Journal).
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJournalEntry {
    /// When it happened.
    pub at: UtcDateTime,
    /// The gym that it concerns; `None` if it concerns none, or all.
    pub gym: Option<String>,
    /// What it is about, for [`JournalQuery::subject`]: an id, a name.
    pub subject: String,
    /// The rest, as the caller's JSON, which a store keeps unchanged.
    pub text: String,
}

impl NewJournalEntry {
    /// The memory that it takes while a call waits, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.gym.as_ref().map_or(0, String::len) + self.subject.len() + self.text.len()
    }

    /// It as the row with this number.
    #[must_use]
    pub fn into_row(self, journal: Journal, number: u64) -> JournalRow {
        let Self { at, gym, subject, text } = self;
        JournalRow { number, journal, at, gym, subject, text }
    }
}

/// An entry of a [journal](Journal). As JSON its fields have these names; `at` is RFC 3339, and `text` a string that has JSON in it.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalRow {
    /// Its number in its journal: that of a later entry is higher, and none is used twice.
    pub number: u64,
    /// Its journal.
    pub journal: Journal,
    /// When it happened.
    #[serde(with = "crate::serialize::rfc3339")]
    pub at: UtcDateTime,
    /// The gym that it concerns.
    pub gym: Option<String>,
    /// What it is about.
    pub subject: String,
    /// The rest, as JSON.
    pub text: String,
}

/// Which entries of a journal are wanted: each matches every field that is set.
///
/// Gyms and subjects are not indexed: the journal is read from its latest entry on until a page is full.
///
/// ```
/// use gymhook_store::{Journal, JournalQuery};
///
/// let of_a_gym = JournalQuery { gym: Some("berlin-mitte".to_owned()), ..JournalQuery::new(Journal::Audit, 100) };
/// # let _ = of_a_gym;
/// ```
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalQuery {
    /// The journal.
    pub journal: Journal,
    /// Entries that concern this gym only.
    pub gym: Option<String>,
    /// Entries about this subject only.
    pub subject: Option<String>,
    /// Entries with a lower number only: the [`Page::next`](crate::Page::next) of the previous page.
    pub before: Option<u64>,
    /// The maximum number of rows.
    pub limit: u32,
}

impl JournalQuery {
    /// All entries of this journal, `limit` on a page.
    #[must_use]
    pub const fn new(journal: Journal, limit: u32) -> Self {
        Self { journal, gym: None, subject: None, before: None, limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_weighs_all_that_it_holds() {
        let entry = |gym: Option<&str>, subject: &str, text: &str| NewJournalEntry {
            at: UtcDateTime::UNIX_EPOCH,
            gym: gym.map(str::to_owned),
            subject: subject.to_owned(),
            text: text.to_owned(),
        };
        let empty = entry(None, "", "").weight();
        assert_eq!(entry(Some("wien"), "abc", "{}").weight(), empty + 9);
    }

    #[test]
    fn a_row_is_json_of_its_fields() {
        let at = UtcDateTime::UNIX_EPOCH;
        let entry = NewJournalEntry { at, gym: None, subject: "key 1".to_owned(), text: "{}".to_owned() };
        let row = serde_json::to_string(&entry.into_row(Journal::Refusals, 7)).unwrap();
        let expected = r#"{"number":7,"journal":"refusals","at":"1970-01-01T00:00:00Z","gym":null,"subject":"key 1","text":"{}"}"#;
        assert_eq!(row, expected);
        for journal in Journal::ALL {
            assert_eq!(serde_json::to_value(journal).unwrap(), journal.as_str());
        }
    }
}
