//! `TestEvent`: sends test events, made of the platforms' samples, and waits for their outcomes (`TestOutcome`).

use core::time::Duration;

use bytes::Bytes;
use gymhook::event::{Vendor, samples};
use gymhook_delivery::{DeliveryId, EndpointId};
use gymhook_retry::Fault;

use super::DeliveryLog;
use super::SubscriptionError;
use super::gym_pages::GymPages;
use crate::ids::new_id;
use crate::store::{
    AttemptQuery, AttemptRow, NewNotification, Refused, State, Store, StoreError, SubscriptionRow,
};
use crate::subscription::matches_any;
use crate::subscription_rows;
use crate::{Direction, Engine, EventFilter};

/// An event that tests an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestEvent {
    event_type: String,
    body: Bytes,
    only_200: bool,
}

impl TestEvent {
    /// Your own test event.
    #[must_use]
    pub fn new(event_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { event_type: event_type.into(), body: body.into(), only_200: false }
    }

    /// The platform's test event, if it has one.
    fn of(platform: &str, filters: Option<&[EventFilter]>) -> Option<Self> {
        let vendor = platform.parse::<Vendor>().ok()?;
        let test_event = gymhook::Provider::of(vendor)?.profile().test_event.value;
        let mut own = samples().filter(|sample| sample.vendor == vendor);
        let sample = match test_event {
            Some(name) => own.find(|sample| sample.event_type == name)?,
            None if vendor == Vendor::GYMPOINT => {
                let all: Vec<_> = own.collect();
                let is_wanted =
                    |name: &str| filters.is_none_or(|filters| matches_any(filters, platform, name));
                let wanted = all.iter().find(|sample| is_wanted(sample.event_type));
                wanted.or_else(|| all.first()).copied()?
            }
            None => return None,
        };
        Some(Self::new(sample.event_type, Bytes::from_static(sample.body.as_bytes())))
    }

    /// With only 200 as a success, as GymPoint's page says, and no other 2xx. The log still calls any 2xx delivered.
    #[must_use]
    pub fn requiring_200(self) -> Self {
        Self { only_200: true, ..self }
    }

    fn notification(&self, to: EndpointId) -> NewNotification {
        let id = DeliveryId::from(new_id());
        let new = NewNotification::new(id, to, self.event_type.clone(), self.body.clone());
        NewNotification { test: true, origin: self.only_200.then(|| ONLY_200.to_owned()), ..new }
    }
}

/// The origin column of a test event that requires a 200; no other value begins like this.
pub(crate) const ONLY_200: &str = r#"{"test":{"success":200}}"#;

/// One of the tests of [`Engine::test_all`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestSent {
    /// The subscription.
    pub subscription: EndpointId,
    /// The delivery, for [`Engine::test_outcome`]; or why there is none.
    pub test: Result<DeliveryId, SubscriptionError>,
}

/// The outcome of a test event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TestOutcome {
    /// It has not been sent, or the answer is pending.
    Pending {
        /// The internal fault that prevented sending, if there was one; it is retried.
        problem: Option<String>,
    },
    /// The endpoint answered with success.
    Succeeded(TestAnswer),
    /// The test failed.
    Failed(TestFailure),
}

/// An endpoint's response.
///
/// Exhaustive on purpose: whoever tests what they make of an outcome writes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestAnswer {
    /// The status.
    pub status: u16,
    /// The beginning of the body, as much as the platform's log keeps.
    pub body: Option<String>,
}

/// Why a test failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TestFailure {
    /// The status is not a success.
    #[error("the endpoint answered with {}", .0.status)]
    Answered(TestAnswer),
    /// There was no answer: a [timeout](Fault::Timeout), an unknown host, an invalid certificate, …
    #[error("no answer ({fault}){}", detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default())]
    NoAnswer {
        /// What went wrong.
        fault: Fault,
        /// Details.
        detail: Option<String>,
    },
    /// It was cancelled.
    #[error("the test was cancelled")]
    Cancelled,
    /// A crash, a panic or a damaged row: it is not known whether the endpoint got it. Test again.
    #[error("the outcome of the test is unknown: test again")]
    Unknown,
}

impl<S: Store> Engine<S> {
    /// Sends the platform's test event to an endpoint: EGYM's `TEST`, PerfectGym's `Test`, a sample for GymPoint.
    /// [`Engine::send_test_event`] sends any other.
    ///
    /// It is sent even if the endpoint is disabled or paused, so that it can be tested before it is enabled, with one attempt
    /// whose outcome does not affect the endpoint. [`Engine::test_outcome`] and [`Engine::await_test`] give the outcome,
    /// whichever process delivers it.
    ///
    /// ```
    /// use gymhook_engine::SubscriptionError;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// // Standard Webhooks has no test event of its own: `send_test_event` sends yours.
    /// let refused = engine.send_test(endpoint).await;
    /// assert!(matches!(refused, Err(SubscriptionError::NoTestEvent { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Engine::test_event`] and [`Engine::send_test_event`].
    pub async fn send_test(&self, subscription: EndpointId) -> Result<DeliveryId, SubscriptionError> {
        let test = self.test_event(subscription).await?;
        self.send_test_event(subscription, &test).await
    }

    /// The test event of a subscription's platform, to be sent with [`Engine::send_test_event`]: EGYM's `TEST` and
    /// PerfectGym's `Test` as their pages print them; for GymPoint, whose "Send Test" delivers an unpublished "sample
    /// payload", the first sample of a type that the subscription wants, with fields of our invention.
    ///
    /// # Errors
    /// - [`SubscriptionError::NoTestEvent`]: PG Next's and Point's pages have no test event, and that of your own platform is
    ///   not known.
    /// - [`SubscriptionError::Unknown`], [`SubscriptionError::Settings`], [`SubscriptionError::Store`].
    pub async fn test_event(&self, subscription: EndpointId) -> Result<TestEvent, SubscriptionError> {
        let row = self.store().subscription(subscription).await?.filter(|row| row.deleted_at.is_none());
        own_test(&row.ok_or(SubscriptionError::Unknown { subscription })?)
    }

    /// Sends this test event to an endpoint, as [`Engine::send_test`] does, to the URL for its type.
    ///
    /// ```
    /// use gymhook_engine::{TestEvent, TestOutcome};
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let ping = TestEvent::new("ping", r#"{"type":"ping"}"#);
    /// let test = engine.send_test_event(endpoint, &ping).await?;
    /// // No worker has sent it yet.
    /// assert!(matches!(engine.test_outcome(test).await?, Some(TestOutcome::Pending { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`SubscriptionError::Unknown`]: there is no such subscription.
    /// - [`SubscriptionError::Unstorable`]: the type or the body cannot be stored.
    /// - [`SubscriptionError::Store`]: the store failed.
    pub async fn send_test_event(
        &self,
        subscription: EndpointId,
        test: &TestEvent,
    ) -> Result<DeliveryId, SubscriptionError> {
        let new = test.notification(subscription);
        let id = new.id;
        match self.enqueue(vec![new]).await?.into_iter().find_map(Result::err) {
            None => Ok(id),
            Some(refused) => Err(why_refused(refused, subscription)),
        }
    }

    /// Sends the platform's test event to each of a gym's endpoints, as PerfectGym's "Test all webhooks" does, including
    /// disabled ones. An endpoint whose platform has none, or whose settings cannot be read, is among the results.
    ///
    /// # Errors
    /// The store's error.
    pub async fn test_all(&self, gym: &str) -> Result<Vec<TestSent>, StoreError> {
        let mut sent = Vec::new();
        let mut pages = GymPages::new(self.store(), gym);
        while let Some(page) = pages.next().await? {
            let outgoing = page.iter().filter(|row| row.direction() == Direction::Outgoing);
            let (tests, without): (Vec<_>, Vec<_>) =
                outgoing.map(|row| (row.id, own_test(row))).partition(|(_, test)| test.is_ok());
            sent.extend(
                without.into_iter().filter_map(|(subscription, test)| {
                    Some(TestSent { subscription, test: Err(test.err()?) })
                }),
            );
            let new: Vec<NewNotification> =
                tests.iter().filter_map(|(id, test)| Some(test.as_ref().ok()?.notification(*id))).collect();
            let answers = self.enqueue(new.clone()).await?;
            sent.extend(new.into_iter().zip(answers).map(|(new, answer)| TestSent {
                subscription: new.endpoint,
                test: answer.map(|_| new.id).map_err(|refused| why_refused(refused, new.endpoint)),
            }));
        }
        sent.sort_by_key(|sent| sent.subscription);
        Ok(sent)
    }

    /// The outcome of a test event; `None` if there is none with this id.
    ///
    /// # Errors
    /// The store's error.
    pub async fn test_outcome(&self, id: DeliveryId) -> Result<Option<TestOutcome>, StoreError> {
        let Some(delivery) = self.store().delivery(id).await? else { return Ok(None) };
        if delivery.record.is_some_and(|record| !record.test) {
            return Ok(None);
        }
        // What was begun last may not have ended yet.
        let before = delivery.record.map_or(0, |record| record.sends.saturating_sub(2));
        let query = AttemptQuery { after: Some(before), ..AttemptQuery::new(id, DeliveryLog::ATTEMPTS) };
        let last = self.store().attempts(query).await?.items.pop();
        let only_200 = delivery.origin.as_deref() == Some(ONLY_200);
        Ok(Some(outcome(delivery.state, last, only_200)))
    }

    /// Waits until a test event has ended, but no longer than `patience`: then it is still [`TestOutcome::Pending`]. It polls
    /// the store, so it does not matter where the worker runs.
    ///
    /// # Errors
    /// The store's error.
    pub async fn await_test(
        &self,
        id: DeliveryId,
        patience: Duration,
    ) -> Result<Option<TestOutcome>, StoreError> {
        const LONGEST_PAUSE: Duration = Duration::from_millis(500);
        let mut pause = Duration::from_millis(20);
        let waits = async {
            loop {
                let outcome = self.test_outcome(id).await?;
                if !matches!(outcome, Some(TestOutcome::Pending { .. })) {
                    return Ok(outcome);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        match tokio::time::timeout(patience, waits).await {
            Ok(ended) => ended,
            Err(_) => self.test_outcome(id).await,
        }
    }
}

fn own_test(row: &SubscriptionRow) -> Result<TestEvent, SubscriptionError> {
    let subscription = row.id;
    if row.direction() == Direction::Incoming {
        return Err(SubscriptionError::Inbox { subscription, setting: "test event" });
    }
    let test = TestEvent::of(&row.platform, subscription_rows::filters(row)?.as_deref());
    test.ok_or_else(|| SubscriptionError::NoTestEvent { subscription, platform: row.platform.clone() })
}

fn why_refused(refused: Refused, subscription: EndpointId) -> SubscriptionError {
    match refused {
        Refused::Unstorable { field, problem, .. } => SubscriptionError::Unstorable { field, problem },
        // A new id is unique, and a test has no fingerprint.
        Refused::UnknownEndpoint { .. } | Refused::Conflict { .. } | Refused::Repeat { .. } => {
            SubscriptionError::Unknown { subscription }
        }
    }
}

fn outcome(state: State, last: Option<AttemptRow>, only_200: bool) -> TestOutcome {
    let answer = last
        .as_ref()
        .and_then(|last| last.status.map(|status| TestAnswer { status, body: last.captured.clone() }));
    match (state, answer) {
        (State::Waiting | State::InFlight, _) => {
            TestOutcome::Pending { problem: last.and_then(|last| last.detail) }
        }
        (State::Delivered, Some(answer)) if !only_200 || answer.status == 200 => {
            TestOutcome::Succeeded(answer)
        }
        (State::Delivered | State::Undeliverable, Some(answer)) => {
            TestOutcome::Failed(TestFailure::Answered(answer))
        }
        (State::Undeliverable, None) => {
            let fault = last.as_ref().and_then(|last| last.outcome.fault());
            let detail = last.and_then(|last| last.detail);
            let no_answer = fault.map(|fault| TestFailure::NoAnswer { fault, detail });
            TestOutcome::Failed(no_answer.unwrap_or(TestFailure::Unknown))
        }
        (State::Cancelled, _) => TestOutcome::Failed(TestFailure::Cancelled),
        (State::Delivered, None) | (State::Quarantined | State::Unreadable, _) => {
            TestOutcome::Failed(TestFailure::Unknown)
        }
    }
}
