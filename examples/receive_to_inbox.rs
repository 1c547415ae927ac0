//! How do I receive webhooks so that none is lost and none counts twice, even if my server restarts?
//!
//! This is a long demonstration. Five platforms and three studios share one router: each webhook is verified, written to disk and
//! answered; a handler is called with it afterwards, and again until it succeeds. A platform that repeats a webhook, before or
//! after a restart, is answered 200, and the handler is not called again.
//!
//! `cargo run --release --example receive_to_inbox` listens on port 8080, keeps everything in `inbox.db`, and prints curl commands,
//! signed for the current time (Point's are valid for five minutes). With `-- --demo` it plays the platforms itself, restarts in
//! between, sends everything again, and exits with 0 only if each webhook was handled once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gymhook::Received;
use gymhook::event::{AnyNotification, Vendor};
use gymhook::signature::Verified;
use gymhook_axum::{InboxSource, inbox_router};
use gymhook_engine::store::SqliteStore;
use gymhook_engine::{Engine, HandlerError, Inbox, InboxHandlers, InboxItem};
use gymhook_examples::AnyError;
use gymhook_examples::platforms::{NOTIFICATIONS, Platforms, STUDIOS, curl_lines, receiver};
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How often what was handled: in your service, your tables.
type Ledger = Arc<Mutex<BTreeMap<String, u32>>>;

/// What any of the platforms sent, with its proof.
type Hook = Verified<Received<AnyNotification>>;

/// Called at least once: let its effect and `item.delivery()` become durable together.
async fn handle(ledger: Ledger, hook: Hook, _item: InboxItem) -> Result<(), HandlerError> {
    for event in hook.value().events() {
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let what = format!("{} of studio {}: {}", event.vendor, hook.proof().key(), event.kind);
        *ledger.entry(what).or_default() += 1;
    }
    Ok(())
}

/// A server with everything behind it.
struct Service {
    engine: Engine<SqliteStore>,
    url: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Service {
    async fn start(file: &Path, port: u16, ledger: &Ledger) -> Result<Self, AnyError> {
        let ledger = Arc::clone(ledger);
        let handlers =
            InboxHandlers::new().on(move |hook: Hook, item| handle(Arc::clone(&ledger), hook, item));
        let engine = Engine::builder(SqliteStore::open(file)?).start(handlers).await?;
        let mut sources = Vec::new();
        for vendor in Vendor::ALL.iter().copied() {
            let inbox = Inbox::named(engine.clone(), vendor.as_str()).await?;
            sources.push((vendor.as_str(), InboxSource::new(receiver(vendor)?, inbox)));
        }
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let told_to_stop = async { drop(stopped.await) };
        let server = axum::serve(listener, inbox_router(sources)).with_graceful_shutdown(told_to_stop);
        Ok(Self { engine, url, stop, serving: tokio::spawn(server.into_future()) })
    }

    /// Nothing more comes in, handlers under way may end, and the file holds everything.
    async fn stop(self) -> Result<(), AnyError> {
        drop(self.stop);
        self.serving.await??;
        self.engine.shutdown().await;
        self.engine.store().close().await?;
        Ok(())
    }

    /// Waits until everything is handled.
    async fn until_handled(&self) -> Result<(), AnyError> {
        for _ in 0..600 {
            let stats = self.engine.stats().await?;
            if stats.waiting + stats.in_flight == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("waited for half a minute, and not all is handled".into())
    }
}

async fn demo(file: &Path) -> Result<bool, AnyError> {
    let ledger = Ledger::default();
    let mut answers = Vec::new();
    for _start in 0..2 {
        let service = Service::start(file, 0, &ledger).await?;
        // Connections are a platform's own: what is kept alive would keep the server from stopping.
        for _repeat in 0..2 {
            answers.extend(Platforms::new(&service.url).send_all().await?);
        }
        service.until_handled().await?;
        service.stop().await?;
        println!("stopped, after {} requests", answers.len());
    }
    let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    for (what, times) in &*ledger {
        println!("{what}, {times} ×");
    }
    let accepted = answers.iter().filter(|answer| **answer == StatusCode::OK).count();
    println!("{accepted} of {} requests were answered 200, {} webhooks handled", answers.len(), ledger.len());
    let each_once = ledger.values().all(|times| *times == 1);
    Ok(accepted == answers.len() && ledger.len() == NOTIFICATIONS.len() * STUDIOS.len() && each_once)
}

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    if std::env::args().any(|argument| argument == "--demo") {
        let folder = tempfile::tempdir()?;
        let kept = demo(&folder.path().join("inbox.db")).await?;
        return Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let ledger = Ledger::default();
    let service = Service::start(Path::new("inbox.db"), 8080, &ledger).await?;
    println!("{}", curl_lines(&service.url)?);
    tokio::signal::ctrl_c().await?;
    service.stop().await?;
    for (what, times) in &*ledger.lock().unwrap_or_else(PoisonError::into_inner) {
        println!("{what}, {times} ×");
    }
    Ok(ExitCode::SUCCESS)
}
