//! `append_to_journal` and `journal`: journals of limited size, who changed what, and which requests were refused.

use crate::Engine;
use crate::store::{Journal, JournalQuery, JournalRow, NewJournalEntry, Page, Store, StoreError};

impl<S: Store> Engine<S> {
    /// Appends to a journal, all in one transaction, and keeps its newest `keep` entries. The engine itself writes into none: a
    /// service writes into [`Journal::Audit`] who changed what, a gateway into [`Journal::Refusals`] what it refused.
    ///
    /// ```
    /// use gymhook_engine::store::{Journal, JournalQuery, NewJournalEntry};
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// engine.disable(endpoint).await?;
    /// let entry = NewJournalEntry {
    ///     at: engine.now().await?,
    ///     gym: Some("berlin".to_owned()),
    ///     subject: endpoint.to_string(),
    ///     text: r#"{"action":"disable","by":"front desk"}"#.to_owned(),
    /// };
    /// engine.append_to_journal(Journal::Audit, vec![entry], 100_000).await?;
    ///
    /// let about_it = JournalQuery { subject: Some(endpoint.to_string()), ..JournalQuery::new(Journal::Audit, 100) };
    /// assert_eq!(engine.journal(about_it).await?.items[0].text, r#"{"action":"disable","by":"front desk"}"#);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError::Invalid`]: an entry [cannot be stored](NewJournalEntry::check); and whatever else the store says. Nothing is
    /// written then.
    pub async fn append_to_journal(
        &self,
        journal: Journal,
        entries: Vec<NewJournalEntry>,
        keep: u64,
    ) -> Result<(), StoreError> {
        self.store().append_to_journal(journal, entries, keep).await
    }

    /// Entries of a journal, the latest first.
    ///
    /// ```
    /// use gymhook_engine::store::{Journal, JournalQuery};
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, _endpoint) = engine().await?;
    ///
    /// let mut query = JournalQuery::new(Journal::Refusals, 100); // at most 100 in a page
    /// loop {
    ///     let page = engine.journal(query.clone()).await?;
    ///     for refused in &page.items {
    ///         println!("{} {}: {}", refused.at, refused.subject, refused.text);
    ///     }
    ///     query.before = page.next;
    ///     if page.next.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
    pub async fn journal(&self, query: JournalQuery) -> Result<Page<JournalRow>, StoreError> {
        self.store().journal(query).await
    }
}
