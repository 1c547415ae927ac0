//! `Stage`, on which every behaviour is played: a fresh store, ids such as `endpoint(1)`, and short calls that fill it.

use core::time::Duration;

use bytes::Bytes;
use gymhook_delivery::{
    DeliveryId, DeliveryRecord, DeliveryState, DisableReason, End, EndpointId, EndpointRecord,
    EndpointStatus, Enqueued, LeaseEpoch, Then, Undeliverable,
};
use time::UtcDateTime;
use uuid::Uuid;

use super::Harness;
use crate::Direction;
use crate::{
    ApiKeyQuery, ApiKeyRow, AttemptOutcome, AttemptQuery, AttemptRow, Batch, Command, Committed,
    DeleteCondition, DeliveryRow, Fetch, Fetched, Lease, LeaseRequest, Leased, NewNotification, Store,
    StoreError, StoredNotification, SubscriptionQuery, SubscriptionRow, TargetColumns, WorkerId,
    WriteCondition,
};

pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// A lease that a test can wait for.
pub(super) const SHORT: Duration = Duration::from_millis(50);
pub(super) const MICRO: Duration = Duration::from_micros(1);

pub(super) struct Stage<'h, H: Harness> {
    pub(super) harness: &'h H,
    pub(super) store: H::Store,
    /// The store's time at the beginning, to the microsecond.
    pub(super) now: UtcDateTime,
}

pub(super) fn endpoint(number: u128) -> EndpointId {
    EndpointId::from_u128(0xE000 + number)
}

pub(super) fn delivery(number: u128) -> DeliveryId {
    DeliveryId::from_u128(0xD000 + number)
}

pub(super) fn worker(number: u128) -> WorkerId {
    WorkerId::new(Uuid::from_u128(0xF000 + number))
}

pub(super) fn subscription(number: u128) -> SubscriptionRow {
    SubscriptionRow {
        id: endpoint(number),
        gym: "berlin-mitte".to_owned(),
        platform: "point".to_owned(),
        target: http(vec![0, 255, 7, u8::try_from(number).unwrap_or(0)]),
        settings: format!("{{\"label\":\"number {number}\"}}"),
        record: EndpointRecord::new(endpoint(number)),
        deleted_at: None,
    }
}

/// An endpoint with these secrets.
pub(super) fn http(secrets: Vec<u8>) -> TargetColumns {
    TargetColumns::Http { url: "https://receiver.example/hooks".to_owned(), secrets }
}

pub(super) fn disabled(number: u128, since: UtcDateTime) -> EndpointRecord {
    EndpointRecord {
        status: EndpointStatus::Disabled { reason: DisableReason::ByHand, since },
        ..EndpointRecord::new(endpoint(number))
    }
}

/// A notification with a body of its own.
pub(super) fn notification(number: u128, to: u128) -> NewNotification {
    let body = Bytes::from(format!("{{\"number\":{number}}}"));
    NewNotification::new(delivery(number), endpoint(to), "workout.created", body)
}

/// The next attempt begins.
pub(super) fn begun(record: DeliveryRecord, lost_at: UtcDateTime) -> DeliveryRecord {
    let state = DeliveryState::InFlight { lost_at, then: Then::Decide };
    DeliveryRecord { sends: record.sends + 1, state, ..record }
}

pub(super) fn ended(record: DeliveryRecord, at: UtcDateTime, end: End) -> DeliveryRecord {
    DeliveryRecord { state: DeliveryState::Finished { at, end }, ..record }
}

pub(super) fn waiting(record: DeliveryRecord, due: UtcDateTime) -> DeliveryRecord {
    DeliveryRecord { state: DeliveryState::Waiting { due }, ..record }
}

/// The log of a record's attempt that got a response.
pub(super) fn attempt(record: &DeliveryRecord, send: u32, ended: UtcDateTime) -> AttemptRow {
    AttemptRow {
        delivery: record.id,
        sequence: record.sequence,
        send,
        round: record.round,
        number: send,
        began: Some(ended - SECOND),
        ended,
        outcome: AttemptOutcome::Response,
        status: Some(503),
        captured: Some("try later: \u{1F3CB} \"'\\ ".to_owned()),
        detail: None,
    }
}

pub(super) fn held(leased: &Leased) -> Lease {
    Lease { endpoint: leased.subscription.id, epoch: leased.epoch }
}

/// The same endpoint under another number.
pub(super) fn stale(lease: Lease) -> Lease {
    Lease { epoch: LeaseEpoch::new(lease.epoch.get() - 1), ..lease }
}

pub(super) fn ids(records: &[DeliveryRecord]) -> Vec<DeliveryId> {
    records.iter().map(|record| record.id).collect()
}

pub(super) fn endpoints(leased: &[Leased]) -> Vec<EndpointId> {
    let mut endpoints: Vec<EndpointId> = leased.iter().map(|leased| leased.subscription.id).collect();
    endpoints.sort_unstable();
    endpoints
}

impl<'h, H: Harness> Stage<'h, H> {
    pub(super) async fn open(harness: &'h H) -> Self {
        let store = harness.open().await;
        let now = to_the_microsecond(store.now().await.expect("the time is known"));
        Self { harness, store, now }
    }

    /// With these subscriptions, each of which was leased once.
    pub(super) async fn with(harness: &'h H, numbers: impl IntoIterator<Item = u128>) -> Self {
        let stage = Self::open(harness).await;
        for number in numbers {
            stage.subscribe(subscription(number)).await;
        }
        stage
    }

    pub(super) async fn subscribe(&self, row: SubscriptionRow) {
        let id = row.id;
        assert!(
            self.store.put_subscription(row, WriteCondition::Always, self.now).await.expect("it is written")
        );
        self.lease_once(id).await;
    }

    /// Leases an endpoint, strikes off its commands, and gives it back: from then on a change is told to its worker.
    pub(super) async fn lease_once(&self, endpoint: EndpointId) {
        self.store.command(vec![(endpoint, Command::Reload)], self.now).await.expect("it is written");
        let leased = self.store.lease(self.request(0, vec![endpoint]), self.now).await.expect("leases");
        for leased in leased {
            let fetched = self.fetch(endpoint, 0).await;
            let batch = Batch {
                leases: vec![held(&leased)],
                commands: fetched.commands.iter().map(|command| (endpoint, command.number)).collect(),
                release: vec![endpoint],
                ..Batch::default()
            };
            self.commit(batch).await;
        }
    }

    /// Enqueues new notifications.
    /// Deletes a subscription, whatever it has become.
    pub(super) async fn delete_subscription(&self, number: u128) -> Result<bool, StoreError> {
        self.store.delete_subscription(endpoint(number), DeleteCondition::Always, self.now).await
    }

    pub(super) async fn enqueue(&self, new: impl IntoIterator<Item = NewNotification>) {
        let new: Vec<_> = new.into_iter().collect();
        let expected: Vec<_> = new.iter().map(|_| Ok(Enqueued::New)).collect();
        assert_eq!(self.store.enqueue(new, self.now).await.expect("it is written"), expected);
    }

    pub(super) fn request(&self, by: u128, only: Vec<EndpointId>) -> LeaseRequest {
        LeaseRequest {
            worker: worker(by),
            direction: Direction::Outgoing,
            length: HOUR,
            limit: 100,
            only: Some(only),
        }
    }

    /// What a worker gets that takes whatever there is.
    pub(super) async fn lease_any(&self, by: u128) -> Vec<Leased> {
        let request = LeaseRequest {
            worker: worker(by),
            direction: Direction::Outgoing,
            length: HOUR,
            limit: 100,
            only: None,
        };
        self.store.lease(request, self.now).await.expect("leases")
    }

    /// An endpoint that has something to do, leased for an hour.
    pub(super) async fn lease(&self, by: u128, number: u128) -> Leased {
        let request = self.request(by, vec![endpoint(number)]);
        let mut leased = self.store.lease(request, self.now).await.expect("leases");
        assert_eq!(endpoints(&leased), [endpoint(number)], "it has something to do and no owner");
        leased.remove(0)
    }

    pub(super) async fn commit(&self, batch: Batch) -> Committed {
        self.store.commit(batch, self.now).await.expect("it is written")
    }

    pub(super) async fn release(&self, lease: Lease) {
        let batch = Batch { leases: vec![lease], release: vec![lease.endpoint], ..Batch::default() };
        assert_eq!(self.commit(batch).await.lost, []);
    }

    /// Writes records of deliveries to one endpoint that has something to do, as its owner does.
    pub(super) async fn write(&self, number: u128, deliveries: Vec<DeliveryRecord>) {
        let lease = held(&self.lease(0, number).await);
        let release = vec![lease.endpoint];
        let batch = Batch { leases: vec![lease], deliveries, release, ..Batch::default() };
        assert_eq!(self.commit(batch).await.lost, []);
    }

    /// What is due at an endpoint, but not more than `limit`.
    pub(super) async fn fetch(&self, endpoint: EndpointId, limit: u32) -> Fetched {
        self.fetch_with(Fetch { endpoint, ordered: false, after: None, limit }).await
    }

    pub(super) async fn fetch_with(&self, fetch: Fetch) -> Fetched {
        let mut fetched = self.store.fetch(vec![fetch], self.now).await.expect("it can be read");
        assert_eq!(fetched.len(), 1, "one answer a question");
        assert_eq!(fetched[0].endpoint, fetch.endpoint);
        fetched.remove(0)
    }

    pub(super) async fn row(&self, number: u128) -> DeliveryRow {
        let found = self.store.delivery(delivery(number)).await.expect("it can be read");
        found.expect("it is there")
    }

    pub(super) async fn record(&self, number: u128) -> DeliveryRecord {
        self.row(number).await.record.expect("its row is whole")
    }

    /// All attempts of a delivery.
    pub(super) async fn attempts(&self, id: DeliveryId) -> Result<Vec<AttemptRow>, StoreError> {
        let page = self.store.attempts(AttemptQuery::new(id, 100)).await?;
        assert_eq!(page.next, None, "it is the last page");
        Ok(page.items)
    }

    /// All API keys.
    pub(super) async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        let page = self.store.api_keys(ApiKeyQuery::new(100)).await?;
        assert_eq!(page.next, None, "it is the last page");
        Ok(page.items)
    }

    /// A page of subscriptions.
    pub(super) async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Vec<SubscriptionRow>, StoreError> {
        Ok(self.store.subscriptions(query).await?.items)
    }

    pub(super) async fn endpoint_record(&self, number: u128) -> EndpointRecord {
        let found = self.store.subscription(endpoint(number)).await.expect("it can be read");
        found.expect("it is there").record
    }

    /// Lets time pass until `then`, and goes on from there. `true` if it is that very moment.
    pub(super) async fn wait_until(&mut self, then: UtcDateTime) -> bool {
        if self.harness.set_now(&self.store, then).await {
            self.now = then;
            return true;
        }
        loop {
            self.now = to_the_microsecond(self.store.now().await.expect("the time is known"));
            if self.now >= then {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// So that what is written with it comes back as it was.
fn to_the_microsecond(now: UtcDateTime) -> UtcDateTime {
    now.replace_nanosecond(now.microsecond() * 1_000).expect("a time of day")
}

/// Says that a behaviour was not tried.
pub(super) fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

/// Begins the deliveries 1 to `count`, all to one endpoint, and returns what comes back to be sent, in that order.
pub(super) async fn send_all<H: Harness>(
    stage: &Stage<'_, H>,
    to: u128,
    count: usize,
) -> Vec<StoredNotification> {
    let lease = held(&stage.lease(0, to).await);
    let mut batch = Batch { leases: vec![lease], ..Batch::default() };
    for number in (1..).take(count) {
        batch.deliveries.push(begun(stage.record(number).await, stage.now + HOUR));
        batch.send.push(delivery(number));
    }
    let committed = stage.commit(batch.clone()).await;
    assert_eq!(committed.notifications.len(), count);
    let found = |id: &DeliveryId| {
        let same = committed.notifications.iter().find(|(found, _)| found == id);
        same.expect("it was asked for").1.clone().expect("it is whole")
    };
    batch.send.iter().map(found).collect()
}

/// Nine deliveries, every third one to endpoint 3 and so on: 1, 4 and 7 to endpoint 1. 4 is under way, 7 delivered, 5 given up,
/// 8 cancelled.
pub(super) async fn nine<H: Harness>(harness: &H) -> Stage<'_, H> {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    stage.enqueue((1..=9).map(|number| notification(number, (number - 1) % 3 + 1))).await;
    let four = begun(stage.record(4).await, stage.now + HOUR);
    let seven = ended(stage.record(7).await, stage.now, End::Delivered);
    stage.write(1, vec![four, seven]).await;
    let five = ended(stage.record(5).await, stage.now, End::Undeliverable(Undeliverable::Exhausted));
    let eight = ended(stage.record(8).await, stage.now, End::Cancelled);
    stage.write(2, vec![five, eight]).await;
    stage
}
