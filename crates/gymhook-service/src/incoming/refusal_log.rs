//! `RefusalLog`, the log of refused requests, so that "why does nothing arrive?" has an answer.
//!
//! Whoever knows a source's path writes here. So nothing waits for the database: what is refused is queued and written in batches,
//! and where there is too much of it, it is only counted.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gymhook_engine::Engine;
use gymhook_engine::store::{Journal, JournalQuery, NewJournalEntry, StoreError};
use time::UtcDateTime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::refusals::{NO_SOURCE, RefusedRequest};
use crate::database::Database;

/// How many the database keeps.
const KEPT: u64 = 10_000;
/// How many wait to be written.
const WAITING: usize = 1_000;
/// How many are written at once.
const BATCH: usize = 200;
/// How long others are waited for.
const GATHERING: Duration = Duration::from_millis(200);
/// How long it is before a database that failed is asked again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many of one source are logged in each window, so that a flood at one hides nothing of the others for a while.
const OF_ONE_SOURCE: u32 = 100;
/// How many of no source are: whoever tries all paths of a host does not know one of a source.
const OF_NO_SOURCE: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);

/// The log. It stops being written when it is dropped.
#[derive(Debug)]
pub(crate) struct RefusalLog {
    queue: Arc<Queue>,
    engine: Engine<Database>,
    writing: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Queue {
    inner: Mutex<Inner>,
    arrived: Notify,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<(UtcDateTime, RefusedRequest)>,
    /// How many were logged of each source since its window began. Sources are the operator's, so they are few.
    windows: BTreeMap<String, (Instant, u32)>,
}

/// Which refused requests are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusalQuery {
    /// Of this source only.
    pub(crate) source: Option<String>,
    /// For this reason only.
    pub(crate) reason: Option<String>,
    /// `next` of the page before.
    pub(crate) before: Option<u64>,
    /// The maximum number.
    pub(crate) limit: usize,
}

/// The latest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusalPage {
    pub(crate) items: Vec<RefusedRequest>,
    pub(crate) next: Option<u64>,
}

impl RefusalLog {
    pub(super) fn start(engine: Engine<Database>) -> Self {
        let queue = Arc::new(Queue::default());
        let writing = tokio::spawn(write(Arc::clone(&queue), engine.clone()));
        Self { queue, engine, writing }
    }

    /// Logs it, if there is room, and says whether there was; it never waits.
    pub(super) fn note(&self, refused: RefusedRequest, now: UtcDateTime) -> bool {
        self.queue.add(refused, now)
    }

    /// How many this process has not logged, because there were too many.
    pub(crate) fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// What is in the log, of all processes of the database.
    pub(crate) async fn list(&self, query: &RefusalQuery) -> Result<RefusalPage, StoreError> {
        const AT_ONCE: u32 = 500;
        let mut page = RefusalPage::default();
        let mut asked = JournalQuery {
            subject: query.source.clone(),
            before: query.before,
            ..JournalQuery::new(Journal::Refusals, AT_ONCE)
        };
        loop {
            let rows = self.engine.journal(asked.clone()).await?;
            for row in rows.items {
                if page.items.len() == query.limit {
                    // The one before this one.
                    page.next = Some(row.number + 1);
                    return Ok(page);
                }
                let Ok(refused) = serde_json::from_str::<RefusedRequest>(&row.text) else {
                    tracing::warn!(
                        number = row.number,
                        "an entry of the log of refused requests cannot be read"
                    );
                    continue;
                };
                if query.reason.as_ref().is_none_or(|reason| *reason == refused.reason) {
                    page.items.push(refused);
                }
            }
            match rows.next {
                Some(next) => asked.before = Some(next),
                None => return Ok(page),
            }
        }
    }
}

impl Drop for RefusalLog {
    fn drop(&mut self) {
        self.writing.abort();
    }
}

impl Queue {
    fn add(&self, refused: RefusedRequest, now: UtcDateTime) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let is_admitted = inner.admits(&refused.source) && inner.waiting.len() < WAITING;
        if is_admitted {
            inner.waiting.push_back((now, refused));
            drop(inner);
            self.arrived.notify_one();
        } else {
            drop(inner);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        is_admitted
    }

    fn take(&self) -> Vec<(UtcDateTime, RefusedRequest)> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let count = BATCH.min(inner.waiting.len());
        inner.waiting.drain(..count).collect()
    }

    /// Puts back what was not written, before what came in the meantime.
    fn put_back(&self, batch: Vec<(UtcDateTime, RefusedRequest)>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        batch.into_iter().rev().for_each(|refused| inner.waiting.push_front(refused));
        let excess = inner.waiting.len().saturating_sub(WAITING);
        inner.waiting.truncate(WAITING);
        drop(inner);
        self.dropped.fetch_add(u64::try_from(excess).unwrap_or_default(), Ordering::Relaxed);
    }
}

impl Inner {
    /// Whether one more of this source is logged in its window.
    fn admits(&mut self, source: &str) -> bool {
        let now = Instant::now();
        if let Some((began, count)) = self.windows.get_mut(source) {
            if now.duration_since(*began) >= WINDOW {
                (*began, *count) = (now, 0);
            }
            *count = count.saturating_add(1);
            return *count <= if source == NO_SOURCE { OF_NO_SOURCE } else { OF_ONE_SOURCE };
        }
        self.windows.insert(source.to_owned(), (now, 1));
        true
    }
}

/// Writes what is queued, until it is aborted.
async fn write(queue: Arc<Queue>, engine: Engine<Database>) {
    let mut told = 0;
    loop {
        queue.arrived.notified().await;
        tokio::time::sleep(GATHERING).await;
        loop {
            let batch = queue.take();
            if batch.is_empty() {
                break;
            }
            let entries = batch.iter().map(entry).collect();
            if let Err(error) = engine.append_to_journal(Journal::Refusals, entries, KEPT).await {
                tracing::warn!(%error, "refused requests cannot be logged now");
                queue.put_back(batch);
                tokio::time::sleep(PATIENCE).await;
            }
        }
        let dropped = queue.dropped.load(Ordering::Relaxed);
        if dropped > told {
            tracing::warn!(count = dropped - told, "refused requests were not logged: there are too many");
            told = dropped;
        }
    }
}

fn entry((at, refused): &(UtcDateTime, RefusedRequest)) -> NewJournalEntry {
    let text = serde_json::to_string(refused).unwrap_or_default();
    NewJournalEntry { at: *at, gym: None, subject: refused.source.clone(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> RefusedRequest {
        RefusedRequest {
            at: String::new(),
            source: source.to_owned(),
            platform: "egym".to_owned(),
            reason: "missing-header".to_owned(),
            detail: String::new(),
            status: 401,
            method: "POST".to_owned(),
            key: None,
            keys_tried: Vec::new(),
            keys: 0,
            headers: Vec::new(),
            header_count: 0,
            declared_bytes: None,
        }
    }

    /// Nothing takes from the queue here: the database is as slow as can be.
    #[test]
    fn a_flood_neither_fills_the_memory_nor_waits_for_the_database() {
        let queue = Queue::default();
        for number in 0_u32..200_000 {
            queue.add(refused(&format!("source-{}", number % 20)), UtcDateTime::UNIX_EPOCH);
        }
        let waiting = queue.inner.lock().unwrap().waiting.len();
        assert_eq!(waiting, WAITING);
        assert_eq!(queue.dropped.load(Ordering::Relaxed), 200_000 - WAITING as u64);
        let batch = queue.take();
        assert_eq!(batch.len(), BATCH);
        queue.put_back(batch);
        assert_eq!(queue.inner.lock().unwrap().waiting.len(), WAITING);
    }

    #[test]
    fn a_flood_at_one_source_leaves_room_for_the_others() {
        let queue = Queue::default();
        let admitted = (0..100_000).filter(|_| queue.add(refused("loud"), UtcDateTime::UNIX_EPOCH)).count();
        assert_eq!(admitted, OF_ONE_SOURCE as usize);
        assert!(queue.add(refused("quiet"), UtcDateTime::UNIX_EPOCH));
        (0..100).for_each(|_| {
            queue.add(refused(NO_SOURCE), UtcDateTime::UNIX_EPOCH);
        });
        let inner = queue.inner.lock().unwrap();
        let of = |source: &str| inner.waiting.iter().filter(|(_, refused)| refused.source == source).count();
        assert_eq!(
            (of("loud"), of("quiet"), of(NO_SOURCE)),
            (OF_ONE_SOURCE as usize, 1, OF_NO_SOURCE as usize)
        );
    }
}
