//! `Unstorable`, and the `check` of each row: what a store can keep. The limits are the same for every store.

use crate::{ApiKeyOwner, ApiKeyRow, NewJournalEntry, NewNotification, Refused, StoreError, SubscriptionRow};

/// Why a field of a notification cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unstorable {
    /// A text that must not be empty is empty, or only white space.
    #[error("is empty")]
    Empty,
    /// A text has a NUL character, which PostgreSQL cannot store.
    #[error("has a NUL character (U+0000), which not every database keeps")]
    Nul,
    /// It is too long.
    #[error("has {bytes} bytes: at most {limit} can be stored")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The longest that is stored, in bytes.
        limit: usize,
    },
}

impl NewNotification {
    /// The longest event type and the longest origin, in bytes: 64 KiB (our default).
    pub const MAX_TEXT_BYTES: usize = 64 << 10;

    /// The longest body, in bytes: 256 MiB (our default). SQLite ends at 10⁹ bytes, PostgreSQL at 2³⁰ for a whole statement.
    pub const MAX_BODY_BYTES: usize = 256 << 20;

    /// Checks that every store can keep it. [`Store::enqueue`](super::Store::enqueue) refuses what fails here, and only that.
    ///
    /// # Errors
    /// [`Refused::Unstorable`], which names the first field that cannot be stored.
    pub fn check(&self) -> Result<(), Refused> {
        let unstorable = |field| move |problem| Refused::Unstorable { delivery: self.id, field, problem };
        check_text(&self.event_type, Self::MAX_TEXT_BYTES).map_err(unstorable("event type"))?;
        let origin = self.origin.as_deref().unwrap_or_default();
        check_text(origin, Self::MAX_TEXT_BYTES).map_err(unstorable("origin"))?;
        check_length(self.body.len(), Self::MAX_BODY_BYTES).map_err(unstorable("body"))
    }
}

impl SubscriptionRow {
    /// The longest gym, in bytes: 1 KiB (our default). It is indexed, and PostgreSQL's indexes end at 2,704 bytes.
    pub const MAX_GYM_BYTES: usize = 1 << 10;

    /// The longest platform, in bytes: 1 KiB (our default).
    pub const MAX_PLATFORM_BYTES: usize = 1 << 10;

    /// Whether every store can keep it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`], which names the field.
    pub fn check(&self) -> Result<(), StoreError> {
        check_text(&self.gym, Self::MAX_GYM_BYTES).map_err(|problem| invalid("the gym", problem))?;
        check_text(&self.platform, Self::MAX_PLATFORM_BYTES)
            .map_err(|problem| invalid("the platform", problem))?;
        let url = self.target.url().unwrap_or_default();
        check_text(url, usize::MAX).map_err(|problem| invalid("the URL", problem))?;
        check_text(&self.settings, usize::MAX).map_err(|problem| invalid("the settings' JSON", problem))
    }
}

impl ApiKeyRow {
    /// Whether every store can keep it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`], which names the field.
    pub fn check(&self) -> Result<(), StoreError> {
        Self::check_label(&self.label).map_err(|problem| invalid("the API key's label", problem))?;
        self.owner.check().map_err(|problem| invalid("the API key's gym", problem))
    }

    /// Whether a key may have this label: an empty one, or only white space, does not identify a key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_label(label: &str) -> Result<(), Unstorable> {
        if label.trim().is_empty() {
            return Err(Unstorable::Empty);
        }
        check_text(label, NewNotification::MAX_TEXT_BYTES)
    }
}

impl ApiKeyOwner {
    /// Whether every store can keep it. A gym has a name: without one it would be that of inboxes, which are no gym's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Unstorable> {
        match self {
            Self::All => Ok(()),
            Self::Gym(gym) if gym.is_empty() => Err(Unstorable::Empty),
            Self::Gym(gym) => check_text(gym, SubscriptionRow::MAX_GYM_BYTES),
        }
    }
}

impl NewJournalEntry {
    /// The longest [`text`](Self::text), in bytes: 16 KiB (our default).
    pub const MAX_TEXT_BYTES: usize = 16 << 10;

    /// Whether every store can keep it: a gym and a subject of at most
    /// [`NewNotification::MAX_TEXT_BYTES`], and a text of at most [`MAX_TEXT_BYTES`](Self::MAX_TEXT_BYTES).
    ///
    /// # Errors
    /// [`StoreError::Invalid`], which names the field.
    pub fn check(&self) -> Result<(), StoreError> {
        let fields = [
            (
                "the journal entry's gym",
                self.gym.as_deref().unwrap_or_default(),
                NewNotification::MAX_TEXT_BYTES,
            ),
            ("the journal entry's subject", self.subject.as_str(), NewNotification::MAX_TEXT_BYTES),
            ("the journal entry's text", self.text.as_str(), Self::MAX_TEXT_BYTES),
        ];
        for (field, text, limit) in fields {
            check_text(text, limit).map_err(|problem| invalid(field, problem))?;
        }
        Ok(())
    }
}

fn check_text(text: &str, limit: usize) -> Result<(), Unstorable> {
    check_length(text.len(), limit)?;
    if text.contains('\0') { Err(Unstorable::Nul) } else { Ok(()) }
}

fn check_length(bytes: usize, limit: usize) -> Result<(), Unstorable> {
    if bytes > limit { Err(Unstorable::TooLong { bytes, limit }) } else { Ok(()) }
}

fn invalid(field: &str, problem: Unstorable) -> StoreError {
    StoreError::Invalid { problem: format!("{field} {problem}") }
}
