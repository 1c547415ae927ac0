//! Notices: each is claimed by one caller at a time until it is acknowledged.

use gymhook_delivery::{DisableReason, EndpointChange, LeaseEpoch};
use uuid::Uuid;

use super::Harness;
use super::stage::{HOUR, MICRO, SECOND, SHORT, Stage, disabled, endpoint, held, notification, skip};
use crate::{Batch, Lease, Notice, Store};

const GONE: EndpointChange =
    EndpointChange::Disabled { reason: DisableReason::FailedInARow { deliveries: 10 } };

async fn notice<H: Harness>(stage: &Stage<'_, H>, number: u128, to: u128) -> Notice {
    Notice { id: Uuid::from_u128(number), endpoint: endpoint(to), at: stage.now, change: GONE }
}

/// With this many notices, all about endpoint 1, which is disabled in the same batch.
async fn with_notices<H: Harness>(harness: &H, count: u128) -> Stage<'_, H> {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let mut notices = Vec::new();
    for number in 1..=count {
        notices.push(notice(&stage, number, 1).await);
    }
    let endpoints = vec![disabled(1, stage.now)];
    stage.commit(Batch { leases: vec![lease], endpoints, notices, ..Batch::default() }).await;
    stage
}

async fn claimed<H: Harness>(stage: &Stage<'_, H>, limit: u32) -> Vec<u128> {
    let claimed = stage.store.claim_notices(limit, HOUR, stage.now).await.unwrap();
    claimed.iter().map(|notice| notice.id.as_u128()).collect()
}

/// What was written comes back, whatever the change.
pub async fn a_notice_comes_as_it_was_written<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 0).await;
    let lease = held(&stage.lease(1, 2).await);
    let changes = [
        EndpointChange::Warned { percent: 80 },
        GONE,
        EndpointChange::Disabled { reason: DisableReason::FailingFor { span: HOUR } },
        EndpointChange::Disabled { reason: DisableReason::Gone },
    ];
    let mut notices = Vec::new();
    for (number, change) in (1..).zip(changes) {
        notices.push(Notice { change, ..notice(&stage, number, 2).await });
    }
    stage.commit(Batch { leases: vec![lease], notices: notices.clone(), ..Batch::default() }).await;
    assert_eq!(stage.store.claim_notices(100, HOUR, stage.now).await.unwrap(), notices);
}

/// The oldest comes first, and no more than were asked for.
pub async fn the_oldest_is_told_first<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 5).await;
    assert_eq!(claimed(&stage, 0).await, []);
    assert_eq!(claimed(&stage, 2).await, [1, 2]);
    assert_eq!(claimed(&stage, 100).await, [3, 4, 5]);
}

/// Who has claimed one is the only one who has it.
pub async fn a_notice_is_claimed_by_one<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 2).await;
    assert_eq!(claimed(&stage, 100).await, [1, 2]);
    assert_eq!(claimed(&stage, 100).await, []);
    let almost = stage.now + HOUR - MICRO;
    assert_eq!(stage.store.claim_notices(100, HOUR, almost).await.unwrap(), []);
}

/// Whoever crashes with it leaves it to the next one.
pub async fn a_claim_ends<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 1).await;
    let [first] = stage.store.claim_notices(9, SHORT, stage.now).await.unwrap()[..] else { panic!("one") };
    let again = stage.store.claim_notices(9, HOUR, stage.now + SHORT).await.unwrap();
    assert_eq!(again, [first], "under the same id");
}

/// What was acknowledged is not told again, and the answer says how many that are.
pub async fn what_was_acknowledged_is_not_told_again<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 3).await;
    let ids = [1, 3, 99].map(Uuid::from_u128).to_vec();
    assert_eq!(stage.store.acknowledge_notices(ids.clone(), stage.now).await, Ok(2), "claimed or not");
    assert_eq!(stage.store.acknowledge_notices(ids, stage.now).await, Ok(0));
    assert_eq!(claimed(&stage, 100).await, [2]);
    assert_eq!(stage.store.acknowledge_notices(Vec::new(), stage.now).await, Ok(0));
}

/// A batch whose answer was lost is repeated: the notice is one, though somebody may have acknowledged it meanwhile.
pub async fn a_notice_is_written_once<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 0).await;
    let lease = held(&stage.lease(1, 2).await);
    let notices = vec![notice(&stage, 1, 2).await];
    let batch = Batch { leases: vec![lease], notices, ..Batch::default() };
    stage.commit(batch.clone()).await;
    stage.commit(batch.clone()).await;
    assert_eq!(claimed(&stage, 100).await, [1]);
    assert_eq!(stage.store.acknowledge_notices(vec![Uuid::from_u128(1)], stage.now).await, Ok(1));
    stage.commit(batch).await;
    assert_eq!(claimed(&stage, 100).await, []);
}

/// A late owner tells nobody anything, nor does one about an endpoint that its lease does not cover.
pub async fn who_has_lost_the_lease_tells_nobody<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 0).await;
    let lease = held(&stage.lease(1, 2).await);
    let late = Lease { epoch: LeaseEpoch::new(lease.epoch.get() - 1), ..lease };
    let mine = notice(&stage, 1, 2).await;
    let committed = stage.commit(Batch { leases: vec![late], notices: vec![mine], ..Batch::default() }).await;
    assert_eq!(committed.lost, [endpoint(2)]);
    let others = notice(&stage, 2, 1).await;
    stage.commit(Batch { leases: vec![lease], notices: vec![others], ..Batch::default() }).await;
    assert_eq!(claimed(&stage, 100).await, []);
}

/// It is on disk with the record that disables.
pub async fn a_notice_survives<H: Harness>(harness: &H) {
    let Stage { store, now, .. } = with_notices(harness, 2).await;
    store.acknowledge_notices(vec![Uuid::from_u128(1)], now).await.unwrap();
    let Some(store) = harness.reopen(store).await else { return skip("the store is not durable") };
    let found = store.subscription(endpoint(1)).await.unwrap().unwrap();
    assert_eq!(found.record, disabled(1, now));
    let claimed = store.claim_notices(100, HOUR, now).await.unwrap();
    assert_eq!(claimed.iter().map(|notice| notice.id.as_u128()).collect::<Vec<_>>(), [2]);
}

/// A purge forgets what was acknowledged before, and nothing that nobody was told of.
pub async fn what_was_acknowledged_is_forgotten_and_nothing_else<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 3).await;
    let lease = held(&stage.lease(1, 2).await);
    let repeated = Notice { endpoint: endpoint(2), ..notice(&stage, 1, 2).await };
    stage.store.acknowledge_notices(vec![Uuid::from_u128(1)], stage.now).await.unwrap();
    let batch = Batch { leases: vec![lease], notices: vec![repeated], ..Batch::default() };
    assert_eq!(stage.store.purge(stage.now, 100).await, Ok(0), "acknowledged at that moment, not before");
    stage.commit(batch.clone()).await;
    assert_eq!(claimed(&stage, 100).await, [2, 3], "it is still known");
    assert_eq!(stage.store.purge(stage.now + SECOND, 100).await, Ok(0), "notices are not counted");
    stage.commit(batch).await;
    assert_eq!(claimed(&stage, 100).await, [1], "it was forgotten");
}

/// Of several processes that ask at once, one tells the owner.
pub async fn one_of_several_is_told<H: Harness>(harness: &H) {
    let stage = with_notices(harness, 40).await;
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let (store, now) = (stage.store.clone(), stage.now);
            tokio::spawn(async move { store.claim_notices(10, HOUR, now).await.unwrap() })
        })
        .collect();
    let mut told = Vec::new();
    for asking in asking {
        told.extend(asking.await.unwrap().iter().map(|notice| notice.id.as_u128()));
    }
    told.extend(claimed(&stage, 100).await);
    told.sort_unstable();
    assert_eq!(told, (1..=40).collect::<Vec<_>>());
}
