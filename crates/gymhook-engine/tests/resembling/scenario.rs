//! What is played on every store.

use core::time::Duration;

use gymhook::event::AnyNotification;
use gymhook::signature::{Keyring, Secret, Verified};
use gymhook::{Provider, Received, Receiver};
use gymhook_delivery::{DeliveryState, End};
use gymhook_engine::store::{Batch, Lease, LeaseRequest, Store, WorkerId};
use gymhook_engine::{AcceptError, Accepted, DeliveryId, Direction, EndpointId, Engine, Inbox};
use time::UtcDateTime;
use time::macros::utc_datetime;
use uuid::Uuid;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);

pub(crate) async fn inbox<S: Store>(store: S) -> Inbox<S> {
    let engine = Engine::builder(store).enqueue_only();
    Inbox::open(engine, EndpointId::from_u128(1), "front desk", Inbox::policy()).await.unwrap()
}

fn received(provider: &Provider<AnyNotification>, body: String) -> Verified<Received<AnyNotification>> {
    let keys = || Keyring::single("main", Secret::new("a secret of 128 random bits").unwrap()).unwrap();
    let headers = provider.signer(keys()).unwrap().sign("r-1", body.as_bytes(), NOW).unwrap();
    Receiver::new(provider, keys()).unwrap().receive(&headers, body, NOW).unwrap()
}

/// Point: an insight without an id of its own, which is sent again whenever it was processed again.
pub(crate) fn insight(number: u32, processed: &str) -> Verified<Received<AnyNotification>> {
    let body = format!(
        r#"{{"eventType":"insight.created","userId":"u","clientId":"c","payload":[{{"id":{number},"lastProcessedAt":{processed}}}]}}"#
    );
    received(&Provider::point().into_any(), body)
}

/// EGYM: two things of one type and one account in one moment have one key.
fn check_in(gym: u32) -> Verified<Received<AnyNotification>> {
    let body =
        format!(r#"{{"accountId":"a-1","gymId":{gym},"timestamp":1667921312188,"type":"GYM_CHECKIN"}}"#);
    received(&Provider::egym().into_any(), body)
}

/// PG Next: the vendor gives the id.
fn with_an_id(entity: u32) -> Verified<Received<AnyNotification>> {
    let body = format!(
        r#"{{"entityId":{entity},"uuid":"00000000-0000-4000-8000-000000000007","payload":[{{"timestamp":1642778725876,"type":"CUSTOMER_CHECKIN"}}]}}"#
    );
    received(&Provider::pg_next().into_any(), body)
}

pub(crate) fn new(accepted: Accepted) -> (DeliveryId, Option<DeliveryId>) {
    match accepted {
        Accepted::New { delivery, resembles } => (delivery, resembles),
        Accepted::Duplicate { delivery, .. } => panic!("{delivery} was accepted before"),
    }
}

pub(crate) fn duplicate(accepted: Accepted) -> DeliveryId {
    match accepted {
        Accepted::Duplicate { delivery, .. } => delivery,
        Accepted::New { delivery, .. } => panic!("{delivery} is new"),
    }
}

/// Under a derived key another body is another notification, which resembles the first; each of them again is a duplicate.
pub(crate) async fn another_body_is_another_notification<S: Store>(store: S) {
    let inbox = inbox(store).await;
    let accept = async |verified: &Verified<_>| inbox.accept(verified).await.unwrap();
    for [one, other, third] in [
        [insight(1, "null"), insight(1, "\"2026-01-02T00:00:00Z\""), insight(1, "\"2026-01-03T00:00:00Z\"")],
        [check_in(1), check_in(2), check_in(3)],
    ] {
        let (first, resembles) = new(accept(&one).await);
        assert_eq!(resembles, None);
        let (second, resembles) = new(accept(&other).await);
        assert_eq!(resembles, Some(first));
        assert_ne!(second, first);
        for _ in 0..2 {
            assert_eq!(duplicate(accept(&one).await), first);
            assert_eq!(duplicate(accept(&other).await), second);
        }
        assert_eq!(new(accept(&third).await).1, Some(first));
        assert_eq!(
            inbox.engine().delivery(second).await.unwrap().unwrap().body.unwrap(),
            other.value().body()
        );
    }
    assert_eq!(inbox.engine().stats().await.unwrap().waiting, 6, "each is handled");

    let (kept, _) = new(accept(&with_an_id(1)).await);
    let refused = inbox.accept(&with_an_id(2)).await.unwrap_err();
    assert_eq!(refused, AcceptError::Conflict { delivery: kept }, "the vendor gave the id");
    assert_eq!(refused.status().as_u16(), 409);
}

/// Of several that bring the other body at once, one is new.
pub(crate) async fn of_several_at_once_one_is_new<S: Store>(store: S) {
    let inbox = inbox(store).await;
    for round in 0..20 {
        let (first, _) = new(inbox.accept(&insight(round, "null")).await.unwrap());
        let tasks = [(); 3].map(|()| {
            let inbox = inbox.clone();
            tokio::spawn(async move { inbox.accept(&insight(round, "1")).await.unwrap() })
        });
        let (mut ids, mut are_new) = (Vec::new(), 0);
        for task in tasks {
            match task.await.unwrap() {
                Accepted::New { delivery, resembles } => {
                    assert_eq!(resembles, Some(first));
                    are_new += 1;
                    ids.push(delivery);
                }
                Accepted::Duplicate { delivery, .. } => ids.push(delivery),
            }
        }
        ids.dedup();
        assert_eq!((are_new, ids.len()), (1, 1), "round {round}");
    }
}

/// Ends a delivery, as the worker of its inbox does.
async fn end<S: Store>(store: &S, id: DeliveryId) {
    let now = store.now().await.unwrap();
    let request = LeaseRequest {
        worker: WorkerId::new(Uuid::from_u128(9)),
        direction: Direction::Incoming,
        length: Duration::from_secs(60),
        limit: 1,
        only: None,
    };
    let leased = store.lease(request, now).await.unwrap().remove(0);
    let lease = Lease { endpoint: leased.subscription.id, epoch: leased.epoch };
    let mut record = store.delivery(id).await.unwrap().unwrap().record.unwrap();
    record.state = DeliveryState::Finished { at: now, end: End::Delivered };
    let batch = Batch {
        leases: vec![lease],
        deliveries: vec![record],
        release: vec![lease.endpoint],
        ..Batch::default()
    };
    assert_eq!(store.commit(batch, now).await.unwrap().lost, []);
}

/// A purge of the first one forgets none that resembles it.
pub(crate) async fn each_is_remembered_until_it_is_purged_itself<S: Store>(store: S) {
    let inbox = inbox(store.clone()).await;
    let accept = async |processed| inbox.accept(&insight(1, processed)).await.unwrap();
    let (first, _) = new(accept("null").await);
    let (second, _) = new(accept("1").await);
    end(&store, first).await;
    let later = store.now().await.unwrap() + Duration::from_secs(1);
    assert_eq!(inbox.engine().purge(later).await, Ok(1));
    assert_eq!(duplicate(accept("1").await), second);
    let (again, _) = new(accept("null").await);
    assert_eq!(duplicate(accept("1").await), second);
    assert_eq!(duplicate(accept("null").await), again);
}
