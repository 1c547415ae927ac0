//! What every round has in common, whatever fails.

use std::sync::{Arc, OnceLock};

use gymhook_crash_tests::rows::rows;
use gymhook_engine::Engine;
use gymhook_engine::store::StoreError;
use time::UtcDateTime;
use tokio::task::{JoinHandle, JoinSet};

use crate::Failure;
use crate::check::{Told, Violation, check};
use crate::ground::Ground;
use crate::history::History;
use crate::ledger::Ledger;
use crate::life::{Caller, Life};
use crate::script::{Actor, Script, Size};
use crate::total::Totals;

/// Everything that outlives the process under test. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Stage<G: Ground> {
    /// Whoever drives the engine.
    pub caller: Caller<G>,
    script: Arc<Script>,
    /// The moment after everything old had ended.
    before: Arc<OnceLock<UtcDateTime>>,
}

/// What a round came to.
#[derive(Debug)]
pub struct Ended {
    /// Its figures.
    pub totals: Totals,
    /// What broke a promise.
    pub violations: Vec<Violation>,
    /// Whether the call was made that was to fail.
    pub reached: bool,
    /// How many calls of each kind were made, in the order of all kinds; empty where none are counted.
    pub counted: Vec<u64>,
}

impl<G: Ground> Stage<G> {
    /// The stage for the script of this seed.
    #[must_use]
    pub fn set(ground: G, seed: u64, size: Size) -> Self {
        let caller = Caller { ledger: Ledger::default(), ground };
        Self { caller, script: Arc::new(Script::new(seed, size)), before: Arc::default() }
    }

    /// The same on other ground, where a dead process's file was brought.
    #[must_use]
    pub fn moved(self, ground: G) -> Self {
        Self { caller: Caller { ground, ..self.caller }, ..self }
    }

    /// Opens, starts, subscribes, and has what is old enqueued and ended, unless a former process came that far.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn begin(&self) -> Result<Engine<G::Store>, Failure> {
        let engine = self.caller.start(Script::ENDPOINTS).await?;
        if self.before.get().is_none() {
            self.play(&engine, UtcDateTime::MIN, |script| &script.before).await?;
            self.caller.drain(&engine).await?;
            let now = self.caller.now(&engine).await?;
            let _first = self.before.set(now);
        }
        Ok(engine)
    }

    /// Begins, and has the script performed in a life of its own meanwhile; the task gives that life back.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn put_to_work(
        &self,
    ) -> Result<(Engine<G::Store>, JoinHandle<Result<Life, Failure>>), Failure> {
        let life = Life::begin()?;
        let begun = self.clone();
        let engine = life.run(async move { begun.begin().await }).await?;
        let (worker, stage) = (engine.clone(), self.clone());
        let working = tokio::spawn(async move {
            life.run(async move { stage.perform(&worker).await }).await?;
            Ok(life)
        });
        Ok((engine, working))
    }

    /// Has what is left of the script performed by all actors at once.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn perform(&self, engine: &Engine<G::Store>) -> Result<(), Failure> {
        let before = self.before.get().copied().unwrap_or(UtcDateTime::MIN);
        self.play(engine, before, |script| &script.during).await
    }

    async fn play(
        &self,
        engine: &Engine<G::Store>,
        before: UtcDateTime,
        actors: fn(&Script) -> &Vec<Actor>,
    ) -> Result<(), Failure> {
        let mut all = JoinSet::new();
        for number in 0..actors(&self.script).len() {
            let (stage, engine) = (self.clone(), engine.clone());
            all.spawn(async move {
                match actors(&stage.script).get(number) {
                    Some(actor) => stage.caller.act(&engine, actor, before).await,
                    None => Ok(()),
                }
            });
        }
        while let Some(ended) = all.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Waits until everything has ended, and ends the engine and the store in good order.
    ///
    /// # Errors
    /// An error that does not pass, or a store that does not close.
    pub async fn finish(&self, engine: Engine<G::Store>) -> Result<(), Failure> {
        self.caller.drain(&engine).await?;
        engine.shutdown().await;
        let store = engine.store().clone();
        drop(engine);
        self.caller.ground.close(store).await.map_err(|error: StoreError| format!("closing: {error:?}"))?;
        Ok(())
    }

    /// Opens the store again, and judges what is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn judge(&self, told: Told) -> Result<Ended, Failure> {
        let store = self.caller.ground.open().await?;
        let history = History {
            events: self.caller.ledger.events(),
            complaints: self.caller.ledger.complaints(),
            rows: rows(&store).await?,
            inspected: self.caller.ground.inspect().await?,
        };
        self.caller.ground.close(store).await?;
        let (totals, violations) = check(&history, told);
        Ok(Ended { totals, violations, reached: true, counted: Vec::new() })
    }
}
