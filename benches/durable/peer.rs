//! The same work by another crate, in a program of its own: its SQLite driver and ours cannot be linked into one.

use std::path::{Path, PathBuf};

use gymhook_benches::Outcome;
use gymhook_benches::stats::median;
use serde::Deserialize;
use tokio::process::Command;

use crate::report::{Report, Row, rate};

const NAME: &str = "gymhook-benches-webhooksmith";

/// Where the program is.
#[derive(Debug)]
pub(crate) struct Peer(PathBuf);

#[derive(Deserialize)]
struct Said {
    delivered_in: f64,
}

impl Peer {
    /// The program, if somebody has built it.
    pub(crate) fn find() -> Option<Self> {
        let below = |folder: &Path| folder.join("release").join(NAME);
        let own = below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("webhooksmith/target"));
        let shared = std::env::var_os("CARGO_TARGET_DIR").map(|folder| below(Path::new(&folder)));
        shared.into_iter().chain([own]).find(|program| program.is_file()).map(Self)
    }

    pub(crate) async fn on_sqlite(&self, folder: &Path, url: &str, deliveries: u64) -> Outcome<f64> {
        let file = format!("sqlite:{}?mode=rwc", folder.join("peer.db").display());
        self.run(["sqlite", &file, url], deliveries).await
    }

    pub(crate) async fn on_postgres(&self, database: &str, url: &str, deliveries: u64) -> Outcome<f64> {
        self.run(["postgres", database, url], deliveries).await
    }

    async fn run(&self, words: [&str; 3], deliveries: u64) -> Outcome<f64> {
        let ended = Command::new(&self.0).args(words).arg(deliveries.to_string()).output().await?;
        if !ended.status.success() {
            return Err(format!("the peer failed: {}", String::from_utf8_lossy(&ended.stderr)).into());
        }
        let said: Said = serde_json::from_slice(&ended.stdout)?;
        Ok(deliveries as f64 / said.delivered_in)
    }
}

/// Ours beside theirs, round by round.
pub(crate) fn add_to(report: &mut Report, task: &str, ours: &[f64], theirs: &[f64]) {
    let row = Row { task: task.to_owned(), what: "the crate webhooksmith".to_owned(), ..Row::default() };
    if theirs.is_empty() {
        let result = "not built: cargo build --release --manifest-path benches/webhooksmith/Cargo.toml";
        report.add(Row { result: result.to_owned(), goal: "the engine ≥ 20 ×", met: Some(false), ..row });
        return;
    }
    let times = median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs));
    report.add(Row {
        result: rate(median(theirs.iter().copied())),
        ratio: format!("the engine: {times:.1} ×"),
        goal: "the engine ≥ 20 ×",
        met: Some(times >= 20.0),
        ..row
    });
}
