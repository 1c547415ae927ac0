//! `GymPages`: reads all subscriptions of a gym, page by page.

use crate::store::{Store, StoreError, SubscriptionQuery, SubscriptionRow};

/// A gym's subscriptions, page by page.
pub(super) struct GymPages<'s, S> {
    store: &'s S,
    /// What the next page is asked with; `None` after the last.
    query: Option<SubscriptionQuery>,
}

impl<'s, S: Store> GymPages<'s, S> {
    const PAGE: u32 = 1_000;

    pub(super) fn new(store: &'s S, gym: &str) -> Self {
        let query = SubscriptionQuery { gym: Some(gym.to_owned()), ..SubscriptionQuery::new(Self::PAGE) };
        Self { store, query: Some(query) }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<SubscriptionRow>>, StoreError> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let page = self.store.subscriptions(query.clone()).await?;
        self.query = page.next.map(|after| SubscriptionQuery { after: Some(after), ..query });
        Ok(Some(page.items))
    }
}
