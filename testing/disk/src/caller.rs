//! Whoever drives the engine of a process, and the endpoints that the engine sends to.

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_crash_tests::character::{Character, Reply, endpoint_id, subscription};
use gymhook_crash_tests::random::Random;
use gymhook_crash_tests::repeat::until_answered;
use gymhook_crash_tests::wire;
use gymhook_delivery::Limits;
use gymhook_engine::store::{NewNotification, Redelivery, StatsQuery, Store, StoreError};
use gymhook_engine::{Answer, DeliveryId, Engine, Sending, SubscriptionError, Transport};
use gymhook_retry::{Fault, Outcome};
use http::StatusCode;
use time::UtcDateTime;

use crate::Failure;
use crate::backend::Backend;
use crate::ledger::{Event, Ledger, Request};
use crate::process::LONGEST;
use crate::script::{Actor, New, Step};

/// How long a lease lasts: long enough to outlive every fault, short enough to be renewed meanwhile.
const LEASE: Duration = Duration::from_secs(3);

/// How long an attempt may take.
const ATTEMPT: Duration = Duration::from_millis(400);

/// Whoever drives an engine.
#[derive(Clone, Debug)]
pub struct Caller<B: Backend> {
    /// Where everything is written down.
    pub ledger: Ledger,
    /// The database under the store.
    pub backend: B,
}

impl<B: Backend> Caller<B> {
    /// Asks until it is done. Every error is written down.
    async fn insist<T, E, F>(&self, ask: impl FnMut() -> F) -> Result<T, Failure>
    where
        E: Into<SubscriptionError>,
        F: Future<Output = Result<T, E>>,
    {
        let complain = |error: &StoreError| self.ledger.complain(error.clone());
        // Boxed, since rustc computes the layout of nested futures to a limited depth only.
        let answered = Box::pin(until_answered(Duration::from_millis(5), complain, ask)).await;
        answered.map_err(|error| {
            if let SubscriptionError::Store(error) = &error {
                return format!("an error that does not pass: {error:?}").into();
            }
            error.into()
        })
    }

    /// Opens the store, starts an engine and subscribes every endpoint.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn start(&self, endpoints: u32) -> Result<Engine<B::Store>, Failure> {
        let store = self.insist(|| self.backend.open()).await?;
        let most = Limits::new(NonZeroU32::MIN.saturating_add(39));
        let start = || {
            let transport = Endpoints { ledger: self.ledger.clone(), life: self.ledger.life() };
            Engine::builder(store.clone())
                .limits(most.clone())
                .lease_length(LEASE)
                .poll_interval(Duration::from_millis(50))
                .window(NonZeroU32::MIN.saturating_add(7))
                .idle_release(Duration::from_millis(100))
                .shutdown_grace(Duration::from_secs(2))
                .start(transport)
        };
        let engine = self.insist(start).await?;
        for endpoint in 0..endpoints {
            self.put(&engine, endpoint).await?;
        }
        Ok(engine)
    }

    async fn put(&self, engine: &Engine<B::Store>, endpoint: u32) -> Result<(), Failure> {
        let subscription = subscription(endpoint, ATTEMPT)?;
        let put = async || match engine.put_subscription(&subscription).await {
            // As it is to be, once it was deleted.
            Err(SubscriptionError::Deleted { .. }) => Ok(()),
            put => put,
        };
        self.insist(put).await
    }

    /// Does what is left of an actor's steps. What is old ended before `before`.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn act(
        &self,
        engine: &Engine<B::Store>,
        actor: &Actor,
        before: UtcDateTime,
    ) -> Result<(), Failure> {
        let mut random = Random::new(actor.seed);
        while let Some(step) = actor.steps.get(actor.progress.at()) {
            // Boxed, since rustc computes the layout of nested futures to a limited depth only.
            Box::pin(self.step(engine, step, before))
                .await
                .map_err(|error| format!("{}: {error}", name(step)))?;
            actor.progress.step_on();
            tokio::time::sleep(Duration::from_millis(random.below(12))).await;
        }
        Ok(())
    }

    async fn step(&self, engine: &Engine<B::Store>, step: &Step, before: UtcDateTime) -> Result<(), Failure> {
        match step {
            Step::Enqueue(new) => self.enqueue(engine, new).await,
            Step::Cancel(delivery) => {
                let delivery = *delivery;
                self.order(delivery, Event::CancelAsked { delivery }, Event::CancelTaken { delivery }, || {
                    engine.cancel(DeliveryId::from_u128(delivery))
                })
                .await
            }
            Step::Redeliver(delivery) => {
                let delivery = *delivery;
                let (asked, taken) =
                    (Event::RedeliveryAsked { delivery }, Event::RedeliveryTaken { delivery });
                self.order(delivery, asked, taken, || engine.redeliver(DeliveryId::from_u128(delivery))).await
            }
            Step::RedeliverGivenUp(endpoint, deliveries) => {
                let which = Redelivery {
                    endpoint: endpoint_id(*endpoint),
                    from: UtcDateTime::UNIX_EPOCH,
                    until: Some(before),
                    undeliverable_only: true,
                };
                self.insist(|| {
                    self.ledger.note_all(
                        deliveries.iter().map(|delivery| Event::RedeliveryAsked { delivery: *delivery }),
                    );
                    engine.redeliver_range(which)
                })
                .await?;
                Ok(())
            }
            Step::Purge => {
                self.ledger.note(Event::PurgeAsked);
                self.insist(|| engine.purge(before)).await?;
                Ok(())
            }
            Step::Put(endpoint) => self.put(engine, *endpoint).await,
            Step::Delete(endpoint) => {
                self.ledger.note(Event::DeletionAsked { endpoint: *endpoint });
                self.insist(|| engine.delete_subscription(endpoint_id(*endpoint))).await?;
                Ok(())
            }
            Step::Checkpoint => {
                self.backend.checkpoint().await;
                Ok(())
            }
        }
    }

    async fn order<F>(
        &self,
        delivery: u128,
        asked: Event,
        taken: Event,
        mut ask: impl FnMut() -> F,
    ) -> Result<(), Failure>
    where
        F: Future<Output = Result<bool, StoreError>>,
    {
        let is_there = self
            .insist(|| {
                self.ledger.note(asked);
                ask()
            })
            .await?;
        if is_there {
            self.ledger.note(taken);
        } else if matches!(asked, Event::CancelAsked { .. }) {
            return Err(format!("{delivery:032x} was acknowledged and is not there").into());
        }
        Ok(())
    }

    async fn enqueue(&self, engine: &Engine<B::Store>, new: &[New]) -> Result<(), Failure> {
        self.ledger.note_all(new.iter().map(|new| Event::Asked(new.asked)));
        let tomorrow = self.now(engine).await? + Duration::from_secs(86_400);
        let notification = |new: &New| {
            let (delivery, endpoint) =
                (DeliveryId::from_u128(new.asked.delivery), endpoint_id(new.asked.endpoint));
            let made = NewNotification::new(delivery, endpoint, "workout.created", new.body.clone().into());
            NewNotification { not_before: new.asked.is_held.then_some(tomorrow), ..made }
        };
        let all: Vec<NewNotification> = new.iter().map(notification).collect();
        for answer in self.insist(|| engine.enqueue(all.clone())).await? {
            let _new_or_there_already = answer?;
        }
        let acknowledged = |new: &New| Event::Acknowledged { delivery: new.asked.delivery };
        self.ledger.note_all(new.iter().map(acknowledged));
        Ok(())
    }

    /// The engine's time.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn now(&self, engine: &Engine<B::Store>) -> Result<UtcDateTime, Failure> {
        self.insist(|| engine.now()).await
    }

    /// Waits until nothing is under way, and only what is held waits.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn drain(&self, engine: &Engine<B::Store>) -> Result<(), Failure> {
        loop {
            let soon = self.now(engine).await? + Duration::from_secs(3_600);
            let stats = self.insist(|| engine.store().stats(StatsQuery::new(), soon)).await?;
            // What is asked past the store may meet a file that is just being made, or a server without room.
            let commands = self.backend.commands_left().await.unwrap_or(u64::MAX);
            if stats.in_flight == 0 && stats.oldest_due.is_none() && commands == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
}

const fn name(step: &Step) -> &'static str {
    match step {
        Step::Enqueue(_) => "enqueueing",
        Step::Cancel(_) => "cancelling",
        Step::Redeliver(_) | Step::RedeliverGivenUp(..) => "redelivering",
        Step::Purge => "purging",
        Step::Put(_) => "writing a subscription",
        Step::Delete(_) => "deleting a subscription",
        Step::Checkpoint => "a checkpoint",
    }
}

/// The endpoints, as the engine's transport: each answers as its character says.
#[derive(Debug)]
struct Endpoints {
    ledger: Ledger,
    life: usize,
}

impl Transport for Endpoints {
    async fn send(&self, sending: Sending) -> Answer {
        let attempt = sending.attempt.attempt;
        let delivery = attempt.delivery.as_uuid().as_u128();
        let endpoint = u32::try_from(attempt.endpoint.as_uuid().as_u128()).unwrap_or(u32::MAX);
        let reply = Character::of(endpoint).reply(delivery, attempt.send);
        let (status, after) = match reply {
            Reply::Status(status, after) => (Some(status), after),
            Reply::Nothing => (None, Duration::MAX),
        };
        let request = Request {
            delivery,
            endpoint,
            send: attempt.send,
            round: sending.attempt.round.get(),
            digest: wire::digest(&sending.body),
            status,
        };
        if !self.ledger.request(self.life, request) {
            return core::future::pending().await;
        }
        match status.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(status) => {
                tokio::time::sleep(after).await;
                Answer::new(Outcome::response(status))
            }
            None => {
                tokio::time::sleep(LONGEST).await;
                Answer::new(Outcome::Failure(Fault::Timeout))
            }
        }
    }
}
