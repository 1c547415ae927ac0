//! Trying endpoints out: what is sent, to whom, and what came of it.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::time::Duration;

use gymhook::event::{AnyNotification, Notification as _, Vendor};
use gymhook_delivery::{AutoDisable, BreakerPolicy};
use gymhook_engine::{
    Answer, EndpointPolicy, Engine, Subscription, SubscriptionError, TestAnswer, TestEvent, TestFailure,
    TestOutcome,
};
use gymhook_retry::{Fault, Outcome};
use http::StatusCode;
use scripted::setup::Setup;
use scripted::*;

const PATIENCE: Duration = Duration::from_secs(60);

fn of_platform(id: u128, platform: &str, policy: EndpointPolicy) -> Subscription {
    let like = subscription(id, policy.clone());
    let like = like.http().unwrap();
    let (url, keys) = (like.url().clone(), like.keys().unwrap().clone());
    Subscription::new(endpoint(id), "berlin", platform, url, keys, policy)
}

fn answered(status: u16, body: Option<&str>) -> TestAnswer {
    TestAnswer { status, body: body.map(str::to_owned) }
}

#[tokio::test]
async fn the_platforms_own_test_event_is_sent_where_it_has_one() {
    let setup = Setup::new(Scripted::accepting()).await;
    let gympoint = of_platform(3, "gympoint", policy()).only(["payment.*"]);
    for subscription in [of_platform(1, "egym", policy()), of_platform(2, "perfectgym", policy()), gympoint] {
        setup.engine.put_subscription(&subscription).await.unwrap();
    }
    // EGYM's and PerfectGym's as their pages print them; GymPoint's is a sample of what was asked for.
    for (number, platform, event_type) in [
        (1, Vendor::EGYM, "TEST"),
        (2, Vendor::PERFECTGYM, "Test"),
        (3, Vendor::GYMPOINT, "payment.successful"),
    ] {
        let id = setup.engine.send_test(endpoint(number)).await.unwrap();
        let outcome = setup.engine.await_test(id, PATIENCE).await.unwrap();
        assert_eq!(outcome, Some(TestOutcome::Succeeded(answered(200, None))), "{platform}");
        let sent = setup.transport.sent().pop().unwrap();
        assert!(sent.attempt.test, "{platform}");
        assert_eq!(sent.event_type, event_type);
        let read = AnyNotification::decode(platform, &sent.body).unwrap();
        assert!(read.events().any(|event| event.event_type == event_type), "{platform}");
    }
    for (number, platform) in [(4, "pg-next"), (5, "point")] {
        setup.engine.put_subscription(&of_platform(number, platform, policy())).await.unwrap();
        let none = setup.engine.send_test(endpoint(number)).await;
        let platform = platform.to_owned();
        assert_eq!(none, Err(SubscriptionError::NoTestEvent { subscription: endpoint(number), platform }));
    }
    let unknown = setup.engine.send_test(endpoint(9)).await;
    assert_eq!(unknown, Err(SubscriptionError::Unknown { subscription: endpoint(9) }));
}

/// One can try before enabling, however much waits; the endpoint's health is what it was, and nothing else is sent.
#[tokio::test]
async fn a_test_goes_to_a_disabled_endpoint_and_to_a_paused_one_and_leaves_them_as_they_were() {
    for paused in [false, true] {
        for works in [false, true] {
            let answer = if works { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
            let setup = Setup::new(Scripted::new(move |_| status(answer))).await;
            let strict = policy()
                .with_auto_disable(AutoDisable::never().with_failed_in_a_row(core::num::NonZeroU32::new(1)))
                .with_breaker(Some(BreakerPolicy::default()));
            setup.engine.put_subscription(&of_platform(1, "egym", strict)).await.unwrap();
            if paused {
                let later = setup.engine.now().await.unwrap() + Duration::from_secs(3_600);
                setup.engine.pause(endpoint(1), later).await.unwrap();
            } else {
                setup.engine.disable(endpoint(1)).await.unwrap();
            }
            until("it is disabled", || async { setup.engine.stats().await.unwrap().disabled == 1 }).await;
            // More than the window of a worker, and all of them due before the test.
            setup.enqueue(1..=300, 1).await;
            let before = setup.engine.endpoint_stats(endpoint(1)).await.unwrap().unwrap().record;
            let id = setup.engine.send_test(endpoint(1)).await.unwrap();
            let outcome = setup.engine.await_test(id, PATIENCE).await.unwrap().unwrap();
            let expected = match works {
                true => TestOutcome::Succeeded(answered(200, None)),
                false => TestOutcome::Failed(TestFailure::Answered(answered(502, None))),
            };
            assert_eq!(outcome, expected);
            let after = setup.engine.endpoint_stats(endpoint(1)).await.unwrap().unwrap();
            assert_eq!((after.record, after.waiting), (before, 300));
            assert_eq!(setup.transport.sent_ids(), [id.as_uuid().as_u128()], "nothing else");
        }
    }
}

#[tokio::test]
async fn all_endpoints_of_a_gym_are_tested_and_those_without_a_test_are_named() {
    let setup = Setup::new(Scripted::accepting()).await;
    for (number, platform) in [(1, "perfectgym"), (2, "point"), (3, "perfectgym"), (4, "egym")] {
        setup.engine.put_subscription(&of_platform(number, platform, policy())).await.unwrap();
    }
    setup.engine.disable(endpoint(3)).await.unwrap();
    until("it is disabled", || async { setup.engine.stats().await.unwrap().disabled == 1 }).await;
    assert!(setup.engine.test_all("hamburg").await.unwrap().is_empty());
    let all = setup.engine.test_all("berlin").await.unwrap();
    assert_eq!(all.iter().map(|sent| sent.subscription).collect::<Vec<_>>(), [1, 2, 3, 4].map(endpoint));
    for sent in all {
        match sent.test {
            Ok(id) => {
                let outcome = setup.engine.await_test(id, PATIENCE).await.unwrap();
                assert!(matches!(outcome, Some(TestOutcome::Succeeded(_))), "{outcome:?}");
            }
            Err(why) => assert!(matches!(why, SubscriptionError::NoTestEvent { .. }), "{why}"),
        }
    }
    let mut types: Vec<String> = setup.transport.sent().into_iter().map(|sent| sent.event_type).collect();
    types.sort_unstable();
    assert_eq!(types, ["TEST", "Test", "Test"]);
}

/// What came of it is typed, and is found by a process that has no worker.
#[tokio::test]
async fn the_outcome_is_told_to_whoever_asks_wherever_the_worker_runs() {
    let setup = Setup::new(Scripted::new(|sending| match sending.event_type.as_str() {
        "no-content" => {
            Reply::Answer(Answer::new(Outcome::response(StatusCode::NO_CONTENT)).with_captured("ok"))
        }
        "teapot" => {
            Reply::Answer(Answer::new(Outcome::response(StatusCode::IM_A_TEAPOT)).with_captured("no"))
        }
        "slow" => Reply::Answer(Answer::new(Outcome::Failure(Fault::Timeout)).with_detail("not in time")),
        "panics" => Reply::Panic,
        _ => Reply::Never,
    }))
    .await;
    setup.engine.put_subscription(&of_platform(1, "acme", policy())).await.unwrap();
    let elsewhere = Engine::builder(setup.engine.store().clone()).enqueue_only();
    let failed = |why| Some(TestOutcome::Failed(why));
    let table = [
        (TestEvent::new("no-content", "{}"), Some(TestOutcome::Succeeded(answered(204, Some("ok"))))),
        (
            TestEvent::new("no-content", "{}").requiring_200(),
            failed(TestFailure::Answered(answered(204, Some("ok")))),
        ),
        (TestEvent::new("teapot", "{}"), failed(TestFailure::Answered(answered(418, Some("no"))))),
        (
            TestEvent::new("slow", "{}"),
            failed(TestFailure::NoAnswer { fault: Fault::Timeout, detail: Some("not in time".to_owned()) }),
        ),
        (TestEvent::new("panics", "{}"), failed(TestFailure::Unknown)),
    ];
    for (test, expected) in table {
        let id = elsewhere.send_test_event(endpoint(1), &test).await.unwrap();
        assert_eq!(elsewhere.await_test(id, PATIENCE).await.unwrap(), expected, "{test:?}");
        assert_eq!(elsewhere.test_outcome(id).await.unwrap(), expected, "{test:?}");
    }
    let id = elsewhere.send_test_event(endpoint(1), &TestEvent::new("never", "{}")).await.unwrap();
    let pending = elsewhere.await_test(id, Duration::from_millis(50)).await.unwrap();
    assert_eq!(pending, Some(TestOutcome::Pending { problem: None }));
    setup.enqueue([7], 1).await;
    assert_eq!(elsewhere.test_outcome(delivery(7)).await.unwrap(), None, "it is no test");
    assert_eq!(elsewhere.test_outcome(delivery(99)).await.unwrap(), None);
}
