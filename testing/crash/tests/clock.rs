//! The store's clock is set back and forth under a running engine: nothing is lost, nothing is sent twice.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a real engine lives in real time")]

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gymhook_crash_tests::character::{endpoint_id, subscription};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{NewNotification, State, Store};
use gymhook_engine::{Answer, DeliveryId, Engine, Sending, Transport};
use gymhook_retry::Outcome;
use http::StatusCode;
use time::UtcDateTime;

/// Refuses each delivery once and takes it the second time, and counts.
#[derive(Clone, Default)]
struct SecondTime(Arc<Mutex<BTreeMap<DeliveryId, u32>>>);

impl SecondTime {
    fn requests(&self, delivery: DeliveryId) -> u32 {
        self.0.lock().unwrap().get(&delivery).copied().unwrap_or(0)
    }
}

impl Transport for SecondTime {
    async fn send(&self, sending: Sending) -> Answer {
        let mut sent = self.0.lock().unwrap();
        let requests = sent.entry(sending.attempt.attempt.delivery).or_default();
        *requests += 1;
        Answer::new(Outcome::response(if *requests == 1 {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        }))
    }
}

struct Stage {
    engine: Engine<MemoryStore>,
    wire: SecondTime,
}

const PLAIN: u32 = 0;
const ORDERED: u32 = 2;

impl Stage {
    async fn set(now: UtcDateTime) -> Self {
        let wire = SecondTime::default();
        let engine = Engine::builder(MemoryStore::new(now))
            .poll_interval(Duration::from_millis(20))
            .start(wire.clone())
            .await
            .unwrap();
        for endpoint in [PLAIN, ORDERED] {
            let subscription = subscription(endpoint, Duration::from_secs(5)).unwrap();
            engine.put_subscription(&subscription).await.unwrap();
        }
        Self { engine, wire }
    }

    async fn enqueue(&self, ids: core::ops::Range<u128>) {
        let new = ids.clone().map(|id| {
            let endpoint = if id % 2 == 0 { PLAIN } else { ORDERED };
            NewNotification::new(
                DeliveryId::from_u128(id),
                endpoint_id(endpoint),
                "workout.created",
                id.to_string().into(),
            )
        });
        for answer in self.engine.enqueue(new.collect()).await.unwrap() {
            let _new = answer.unwrap();
        }
    }

    /// Waits until all of these were requested this many times.
    async fn until_requested(&self, ids: core::ops::Range<u128>, requests: u32) {
        for _ in 0..600 {
            let is_due = |id| self.wire.requests(DeliveryId::from_u128(id)) >= requests;
            if ids.clone().all(is_due) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let state = self.engine.store().delivery(DeliveryId::from_u128(ids.start)).await.unwrap();
        panic!("{ids:?} were not requested {requests} times: {state:?}");
    }

    async fn until_delivered(&self, ids: core::ops::Range<u128>) {
        for id in ids {
            let id = DeliveryId::from_u128(id);
            for attempt in 0.. {
                let row = self.engine.store().delivery(id).await.unwrap().unwrap();
                if row.state == State::Delivered {
                    break;
                }
                assert!(attempt < 6_000, "{id} is {:?}", row.state);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(self.wire.requests(id), 2, "{id} was refused once and taken once");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_retries_up_and_nothing_else() {
    let noon = time::macros::utc_datetime!(2026-01-01 12:00);
    let hour = Duration::from_secs(3_600);
    let stage = Stage::set(noon).await;
    // The clock is stopped: both endpoints refuse, and the retries are due in 30 ms, which do not pass. The ordered endpoint
    // stops at its first one.
    stage.enqueue(0..20).await;
    stage.until_requested(0..2, 1).await;

    stage.engine.store().set_now(noon - hour);
    stage.enqueue(100..101).await;
    stage.until_requested(100..101, 1).await;
    assert_eq!(stage.wire.requests(DeliveryId::from_u128(1)), 1, "its retry is due later than that");

    // The clock goes on from there, and in the end comes to where it was.
    for minutes in 0..=61 {
        stage.engine.store().set_now(noon - hour + Duration::from_secs(60) * minutes);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut now = noon + Duration::from_secs(60);
    let clock = async {
        loop {
            now += Duration::from_millis(100);
            stage.engine.store().set_now(now);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let all = async {
        stage.until_delivered(0..20).await;
        stage.until_delivered(100..101).await;
    };
    tokio::select! {
        () = clock => {}
        () = all => {}
    }
    stage.engine.shutdown().await;
}

#[tokio::test]
async fn a_clock_that_jumps_back_and_forth_loses_nothing() {
    let noon = time::macros::utc_datetime!(2026-01-01 12:00);
    let stage = Stage::set(noon).await;
    stage.enqueue(0..40).await;
    let clock = async {
        for step in 1_u32.. {
            // Two steps ahead, one back, by minutes.
            let minutes = if step % 3 == 0 { step - 2 } else { step };
            stage.engine.store().set_now(noon + Duration::from_secs(60) * minutes);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = clock => {}
        () = stage.until_delivered(0..40) => {}
    }
    stage.engine.shutdown().await;
}
