//! One life of the process under test: a runtime of its own with an engine on a store, which can be killed.

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
use tokio::runtime::Runtime;

use crate::Failure;
use crate::ground::Ground;
use crate::ledger::{Event, Ledger, Request};
use crate::script::{Actor, New, Step};

/// How long a lease lasts: long enough to outlive every fault, short enough to be renewed meanwhile.
const LEASE: Duration = Duration::from_secs(3);

/// How long an attempt may take.
const ATTEMPT: Duration = Duration::from_millis(400);

/// Nothing here takes so long, unless it hangs: a busy machine makes a second a minute.
const LONGEST: Duration = Duration::from_secs(180);

/// The process under test. It dies when this is dropped, as by `SIGKILL`: nothing that it does goes on.
#[derive(Debug)]
pub struct Life(Option<Runtime>);

impl Life {
    /// Begins.
    ///
    /// # Errors
    /// There are no threads left.
    pub fn begin() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Does something in it, for as long as it lives.
    ///
    /// # Errors
    /// What it says, that it panicked, or that it hangs.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let runtime = self.0.as_ref().ok_or("it is dead")?;
        let work = runtime.spawn(tokio::time::timeout(LONGEST, work));
        work.await?.map_err(|_| "it hangs: nothing has come of it for three minutes")?
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whoever drives an engine.
#[derive(Clone, Debug)]
pub struct Caller<G: Ground> {
    /// Where everything is written down.
    pub ledger: Ledger,
    /// Where the store is.
    pub ground: G,
}

impl<G: Ground> Caller<G> {
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
    pub async fn start(&self, endpoints: u32) -> Result<Engine<G::Store>, Failure> {
        let store = self.insist(|| self.ground.open()).await?;
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

    async fn put(&self, engine: &Engine<G::Store>, endpoint: u32) -> Result<(), Failure> {
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
        engine: &Engine<G::Store>,
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

    async fn step(&self, engine: &Engine<G::Store>, step: &Step, before: UtcDateTime) -> Result<(), Failure> {
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
                self.ground.checkpoint().await;
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

    async fn enqueue(&self, engine: &Engine<G::Store>, new: &[New]) -> Result<(), Failure> {
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
    pub async fn now(&self, engine: &Engine<G::Store>) -> Result<UtcDateTime, Failure> {
        self.insist(|| engine.now()).await
    }

    /// Waits until nothing is under way, and only what is held waits.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn drain(&self, engine: &Engine<G::Store>) -> Result<(), Failure> {
        loop {
            let soon = self.now(engine).await? + Duration::from_secs(3_600);
            let stats = self.insist(|| engine.store().stats(StatsQuery::new(), soon)).await?;
            // What is asked past the store may meet a file that is just being made, or a server without room.
            let commands = self.ground.commands_left().await.unwrap_or(u64::MAX);
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
