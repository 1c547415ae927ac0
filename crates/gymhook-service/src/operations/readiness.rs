//! Readiness, asked at most once a second.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use gymhook_engine::NotReady;
use gymhook_engine::store::StoreError;
use tokio::sync::Mutex;

use crate::app::App;

/// How long an answer holds: each probe is a small write, and a storm of probes must not become a storm of writes.
const HOLDS: Duration = Duration::from_secs(1);

/// The last answer.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<Answer>>,
}

type Answer = (Instant, Result<(), Arc<Unready>>);

/// The parts that are not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unready(Vec<(&'static str, NotReady)>);

impl Readiness {
    /// Whether both engines are ready. Whoever asks while another one does waits for the same answer.
    pub(crate) async fn check(&self, app: &App) -> Result<(), Arc<Unready>> {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < HOLDS
        {
            return answer.clone();
        }
        let (incoming, outgoing) = tokio::join!(app.incoming.readiness(), app.outgoing.readiness());
        let parts = [("incoming", incoming), ("outgoing", outgoing)];
        let parts: Vec<_> = parts
            .into_iter()
            .filter_map(|(part, answer)| answer.err().map(|problem| (part, problem)))
            .collect();
        let answer = if parts.is_empty() { Ok(()) } else { Err(Arc::new(Unready(parts))) };
        let before = last.replace((Instant::now(), answer.clone()));
        tell(before.as_ref().map(|(_, answer)| answer), &answer);
        answer
    }
}

/// The log has each change once, in the store's own words.
fn tell(before: Option<&Result<(), Arc<Unready>>>, now: &Result<(), Arc<Unready>>) {
    match (before, now) {
        (Some(Err(_)), Ok(())) => tracing::info!("ready again"),
        (before, Err(unready)) if before != Some(now) => {
            for (part, problem) in &unready.0 {
                tracing::error!(part, %problem, "not ready");
            }
        }
        _ => {}
    }
}

/// A line for each part. Anybody may ask, so it does not have the store's words, which name files and servers.
impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, problem) in &self.0 {
            match problem {
                NotReady::Worker { .. } => writeln!(f, "{part}: {problem}")?,
                NotReady::Store(StoreError::Full) => writeln!(f, "{part}: the database's disk is full")?,
                NotReady::Store(StoreError::ReadOnly { .. }) => {
                    writeln!(f, "{part}: the database may only be read")?;
                }
                NotReady::Store(error) if error.is_transient() => {
                    writeln!(f, "{part}: the database is not available")?;
                }
                _ => writeln!(f, "{part}: the database cannot be used: see the log")?,
            }
        }
        Ok(())
    }
}
