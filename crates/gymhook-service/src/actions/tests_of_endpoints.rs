//! `send` and `send_to_all`: send test events to one subscription, or to all subscriptions of a gym, and wait for the
//! outcomes.

use core::time::Duration;

use bytes::Bytes;
use gymhook_engine::{DeliveryId, EndpointId, TestEvent, TestOutcome, TestSent};

use super::{audit, subscriptions};
use crate::Problem;
use crate::access::{Caller, Needs};

/// A test that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tested {
    pub(crate) delivery: DeliveryId,
    pub(crate) outcome: TestOutcome,
}

/// Sends a test event, the platform's unless another one is named, and waits for its outcome for up to `patience`.
pub(crate) async fn send(
    caller: &Caller,
    id: EndpointId,
    event: Option<(String, Bytes)>,
    patience: Duration,
) -> Result<Tested, Problem> {
    caller.may(Needs::Retry)?;
    let held = subscriptions::get(caller, id).await?;
    let view = caller.view();
    let delivery = match event {
        Some((event_type, body)) => view.send_test_event(id, &TestEvent::new(event_type, body)).await?,
        None => view.send_test(id).await?,
    };
    audit::record(caller, "send test", Some(held.gym()), &id.to_string()).await;
    let outcome = view.await_test(delivery, patience).await?;
    Ok(Tested { delivery, outcome: outcome.unwrap_or(TestOutcome::Pending { problem: None }) })
}

/// Sends its platform's test event to each subscription of a gym.
pub(crate) async fn send_to_all(caller: &Caller, gym: &str) -> Result<Vec<TestSent>, Problem> {
    caller.may(Needs::Retry)?;
    let sent = caller.view().test_all(gym).await?;
    // What sent nothing is not recorded: it would push out what did something.
    if sent.iter().any(|sent| sent.test.is_ok()) {
        audit::record(caller, "test all", Some(gym), gym).await;
    }
    Ok(sent)
}
