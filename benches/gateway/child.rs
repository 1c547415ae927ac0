//! A gateway in a process of its own, so that its memory and its start are its own.

use core::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_engine::Engine;
use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights, SqliteStore};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::serving::{Serving, settings, source};

/// The argument that makes this program a gateway; its file is the next one.
pub(crate) const SERVE: &str = "--serve";

/// Serves until its input ends.
pub(crate) async fn serve(file: &str) -> Outcome<()> {
    let mut settings = settings();
    settings.sources = vec![source()?];
    let serving = Serving::start(settings, SqliteStore::open(file)?).await?;
    println!("{}", serving.address);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    serving.stop().await;
    Ok(())
}

/// A gateway that was started, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) began: Instant,
    child: Child,
}

impl Gateway {
    /// Starts one on this file, and waits until it listens.
    pub(crate) async fn start(file: &Path) -> Outcome<Self> {
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = child.stdout.take().ok_or("it says nothing")?;
        let line = BufReader::new(said).lines().next_line().await?;
        let address = line.ok_or("the gateway ended before it listened")?.parse()?;
        Ok(Self { address, began, child })
    }

    /// How much memory it has for its own, in MiB.
    pub(crate) fn resident_mebibytes(&self) -> Outcome<f64> {
        const LINE: &str = "VmRSS:";
        let pid = self.child.id().ok_or("it has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(LINE)).ok_or("no VmRSS")?;
        let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes / 1024.0)
    }

    /// Lets it end in good order.
    pub(crate) async fn end(mut self) -> Outcome<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().await?;
        if status.success() { Ok(()) } else { Err(format!("the gateway ended with {status}").into()) }
    }
}

/// A new API key that may do everything.
pub(crate) async fn api_key(file: &Path) -> Outcome<String> {
    let engine = Engine::builder(SqliteStore::open(file)?).enqueue_only();
    let issued = engine.issue_api_key(ApiKeyOwner::All, "bench", ApiKeyRights::Write).await?;
    Ok(issued.expose_key().to_owned())
}
