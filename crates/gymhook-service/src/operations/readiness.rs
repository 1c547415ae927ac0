//! `Readiness`, `/readyz`: whether the engines are ready. They are asked at most once a second.

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
            let words = match problem {
                NotReady::Store(StoreError::Full) => "the database's disk is full",
                NotReady::Store(StoreError::ReadOnly { .. }) => "the database may only be read",
                NotReady::Store(error) if error.is_transient() => "the database is not available",
                NotReady::Worker { .. } => {
                    writeln!(f, "{part}: {problem}")?;
                    continue;
                }
                NotReady::Store(_) | _ => "the database cannot be used: see the log",
            };
            writeln!(f, "{part}: {words}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gymhook_engine::store::SqliteStore;

    use super::*;
    use crate::{Service, Settings};

    /// An answer from the future is never too old, one of two seconds ago always is: no test waits.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_holds_for_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
        let service = Service::start(Settings::default(), store).await.unwrap();
        let app = service.app();
        let unready = Err(Arc::new(Unready(vec![("outgoing", NotReady::Store(StoreError::Full))])));
        *app.readiness.last.lock().await = Some((Instant::now() + HOLDS * 1_000, unready.clone()));
        assert_eq!(app.readiness.check(app).await, unready, "the database was asked again");
        let Err(told) = &unready else { return };
        assert_eq!(told.to_string(), "outgoing: the database's disk is full\n");
        let old = Instant::now().checked_sub(HOLDS * 2).unwrap();
        *app.readiness.last.lock().await = Some((old, unready));
        assert_eq!(app.readiness.check(app).await, Ok(()), "the database was not asked again");
    }
}
