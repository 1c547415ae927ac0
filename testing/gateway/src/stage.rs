//! A gateway between platforms and an application, as its driver sees it.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gymhook_crash_tests::drive::until_drained;
use gymhook_crash_tests::orders::Place;
use gymhook_crash_tests::process::Process;
use gymhook_engine::store::{DeliveryQuery, State, Store};
use gymhook_engine::{DeliveryState, Engine};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::Failure;
use crate::application::Application;
use crate::check::{Totals, check};
use crate::history::Event;
use crate::orders::Orders;
use crate::platforms::Platforms;
use crate::recorder::Recorder;
use crate::rows::rows;

/// Nothing here takes this long, unless it hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// Platforms, a gateway and an application at work.
#[derive(Debug)]
pub struct Stage {
    program: PathBuf,
    orders: Orders,
    recorder: Arc<Recorder>,
    platforms: Platforms,
    application: Application,
    gateway: Process,
}

impl Stage {
    /// Everything begins.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn set(program: &Path, place: Place, folder: &Path, seed: u64) -> Result<Self, Failure> {
        let recorder = Arc::new(Recorder::default());
        let application = Application::start(seed, &recorder).await?;
        // Whoever is started again listens at the same port.
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let orders = Orders { place, folder: folder.to_owned(), port, application: application.port() };
        let gateway = start(program, &orders)?;
        let platforms = Platforms::start(port, folder, seed, &recorder);
        Ok(Self { program: program.to_owned(), orders, recorder, platforms, application, gateway })
    }

    /// What everybody saw so far.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The gateway's process.
    pub const fn gateway(&mut self) -> &mut Process {
        &mut self.gateway
    }

    /// Kills the gateway; nobody takes its place yet.
    ///
    /// # Errors
    /// It ended before, by itself.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        self.gateway.kill().await?;
        self.recorder.happened(Event::Killed);
        Ok(())
    }

    /// Starts a gateway in the place of one that is dead.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<(), Failure> {
        self.gateway = start(&self.program, &self.orders)?;
        Ok(())
    }

    /// Waits until the gateway listens.
    ///
    /// # Errors
    /// It ends by itself, or never does.
    pub async fn until_it_listens(&mut self) -> Result<(), Failure> {
        let port = self.orders.port;
        self.until("the gateway does not listen", async |_| {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await
    }

    /// Waits until one more request is acknowledged.
    ///
    /// # Errors
    /// The gateway ends by itself, or none ever is.
    pub async fn until_acknowledged(&mut self) -> Result<(), Failure> {
        let before = self.recorder.acknowledged();
        self.until("nothing is acknowledged", async |recorder| recorder.acknowledged() > before).await
    }

    /// Waits until one more request is answered with 503.
    ///
    /// # Errors
    /// The gateway ends by itself, or none ever is.
    pub async fn until_held_up(&mut self) -> Result<(), Failure> {
        let before = self.recorder.held_up();
        self.until("nothing is answered with 503", async |recorder| recorder.held_up() > before).await
    }

    async fn until(
        &mut self,
        otherwise: &str,
        is_so: impl AsyncFn(&Recorder) -> bool,
    ) -> Result<(), Failure> {
        let whole = async {
            while !is_so(&self.recorder).await {
                self.gateway.still_runs()?;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Ok::<(), Failure>(())
        };
        tokio::time::timeout(LONGEST, whole).await.map_err(|_| otherwise.to_owned())?
    }

    /// The platforms end, the gateway passes on the rest and ends, and everything is judged.
    ///
    /// # Errors
    /// A promise was broken: the first of the violations are named.
    pub async fn end<S: Store>(self, store: &S) -> Result<Totals, Failure> {
        const NAMED: usize = 20;
        let ended = tokio::time::timeout(LONGEST, self.platforms.end()).await;
        ended.map_err(|_| "a platform's request is never acknowledged")??;
        retry_now(store).await?;
        until_drained(store).await?;
        self.gateway.end().await?;
        drop(self.application);
        let mut history = self.recorder.history();
        history.rows = rows(store).await?;
        check(&history).map_err(|violations| {
            let named: Vec<String> = violations.iter().take(NAMED).map(ToString::to_string).collect();
            format!("{} broken promises:\n{}", violations.len(), named.join("\n")).into()
        })
    }
}

/// Has what waits for long retried. A gateway that starts gives its destinations the policy of its version, with pauses of hours,
/// until the program makes them short again: what fails in between waits for so long.
async fn retry_now<S: Store>(store: &S) -> Result<(), Failure> {
    let engine = Engine::builder(store.clone()).enqueue_only();
    let mut waiting = DeliveryQuery { state: Some(State::Waiting), ..DeliveryQuery::new(10_000) };
    let late = store.now().await? + Duration::from_secs(10);
    loop {
        let page = store.deliveries(waiting.clone()).await?;
        for row in page.items {
            let state = row.record.map(|record| record.state);
            if matches!(state, Some(DeliveryState::Waiting { due }) if due > late) {
                engine.redeliver(row.id).await?;
            }
        }
        if page.next.is_none() {
            return Ok(());
        }
        waiting.before = page.next;
    }
}

fn start(program: &Path, orders: &Orders) -> Result<Process, Failure> {
    let mut command = Command::new(program);
    command.arg(serde_json::to_string(orders)?);
    Process::run(command, &orders.folder)
}
