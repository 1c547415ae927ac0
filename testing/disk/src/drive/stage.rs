//! What every round has in common, whatever fails.

use std::sync::{Arc, OnceLock};

use gymhook_crash_tests::rows::rows;
use gymhook_engine::Engine;
use gymhook_engine::store::StoreError;
use time::UtcDateTime;
use tokio::task::{JoinHandle, JoinSet};

use crate::Failure;
use crate::backend::Backend;
use crate::caller::Caller;
use crate::check::{Told, Violation, check};
use crate::history::History;
use crate::ledger::Ledger;
use crate::process::Process;
use crate::script::{Actor, Script, Size};
use crate::total::Totals;

/// Everything that outlives the process under test. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Stage<B: Backend> {
    /// Whoever drives the engine.
    pub caller: Caller<B>,
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

impl<B: Backend> Stage<B> {
    /// The stage for the script of this seed.
    #[must_use]
    pub fn set(backend: B, seed: u64, size: Size) -> Self {
        let caller = Caller { ledger: Ledger::default(), backend };
        Self { caller, script: Arc::new(Script::new(seed, size)), before: Arc::default() }
    }

    /// The same on the backend to which a dead process's file was copied.
    #[must_use]
    pub fn moved(self, backend: B) -> Self {
        Self { caller: Caller { backend, ..self.caller }, ..self }
    }

    /// Opens, starts, subscribes, and has what is old enqueued and ended, unless a former process came that far.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn begin(&self) -> Result<Engine<B::Store>, Failure> {
        let engine = self.caller.start(Script::ENDPOINTS).await?;
        if self.before.get().is_none() {
            self.play(&engine, UtcDateTime::MIN, |script| &script.before).await?;
            self.caller.drain(&engine).await?;
            let now = self.caller.now(&engine).await?;
            let _first = self.before.set(now);
        }
        Ok(engine)
    }

    /// Begins, and has the script performed in a process of its own meanwhile; the task gives that process back.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn put_to_work(
        &self,
    ) -> Result<(Engine<B::Store>, JoinHandle<Result<Process, Failure>>), Failure> {
        let process = Process::begin()?;
        let begun = self.clone();
        let engine = process.run(async move { begun.begin().await }).await?;
        let (worker, stage) = (engine.clone(), self.clone());
        let working = tokio::spawn(async move {
            process.run(async move { stage.perform(&worker).await }).await?;
            Ok(process)
        });
        Ok((engine, working))
    }

    /// Has what is left of the script performed by all actors at once.
    ///
    /// # Errors
    /// An error that does not pass.
    pub async fn perform(&self, engine: &Engine<B::Store>) -> Result<(), Failure> {
        let before = self.before.get().copied().unwrap_or(UtcDateTime::MIN);
        self.play(engine, before, |script| &script.during).await
    }

    async fn play(
        &self,
        engine: &Engine<B::Store>,
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
    pub async fn finish(&self, engine: Engine<B::Store>) -> Result<(), Failure> {
        self.caller.drain(&engine).await?;
        engine.shutdown().await;
        let store = engine.store().clone();
        drop(engine);
        self.caller.backend.close(store).await.map_err(|error: StoreError| format!("closing: {error:?}"))?;
        Ok(())
    }

    /// Opens the store again, and judges what is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn judge(&self, told: Told) -> Result<Ended, Failure> {
        let store = self.caller.backend.open().await?;
        let history = History {
            events: self.caller.ledger.events(),
            complaints: self.caller.ledger.complaints(),
            rows: rows(&store).await?,
            inspected: self.caller.backend.inspect().await?,
        };
        self.caller.backend.close(store).await?;
        let (totals, violations) = check(&history, told);
        Ok(Ended { totals, violations, reached: true, counted: Vec::new() })
    }
}
