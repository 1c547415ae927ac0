//! Group commit: calls that enqueue at the same time share a statement and its commit.
//!
//! A call that finds the store at work waits until that is over, and then goes together with all others that wait. So the more
//! callers there are, the less each of them costs the server.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::UtcDateTime;
use tokio::sync::oneshot;

use super::PostgresStore;
use super::enqueue::{self, Outcomes, Timed};
use gymhook_store::{Admitted, NewNotification, StoreError};

/// How many tasks write while few notifications wait: one prepares a group while the other waits for the disk.
const WRITERS: usize = 2;
/// With more notifications than this, another task writes, too, as far as there are connections.
const CROWD: usize = 256;
/// A group is closed once it has this many notifications or bytes. One call is never divided.
const GROUP: (usize, usize) = (1_000, 4 << 20);

/// The calls that wait for a group.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    max_writers: usize,
}

#[derive(Default)]
struct Waiting {
    calls: VecDeque<Call>,
    notifications: usize,
    writers: usize,
}

/// A call, until its caller is told what came of it.
struct Call {
    new: Vec<NewNotification>,
    at: UtcDateTime,
    tell: oneshot::Sender<Result<Outcomes, StoreError>>,
    _admitted: Admitted,
}

/// A task that writes group after group until nobody waits.
struct Writer {
    store: PostgresStore,
    /// Whether it is no longer counted.
    is_over: bool,
}

impl Queue {
    /// With as many writers at the same time, in a crowd.
    pub(super) fn new(connections: usize) -> Self {
        Self { waiting: Mutex::default(), max_writers: connections }
    }

    /// Has these enqueued. What comes of it is received, unless whatever writes them is gone.
    pub(super) fn push(
        &self,
        store: &PostgresStore,
        admitted: Admitted,
        new: Vec<NewNotification>,
        at: UtcDateTime,
    ) -> oneshot::Receiver<Result<Outcomes, StoreError>> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.notifications += new.len();
        waiting.calls.push_back(Call { new, at, tell, _admitted: admitted });
        drop(waiting);
        self.start_writer(store);
        told
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts another writer if somebody waits and there may be one more.
    fn start_writer(&self, store: &PostgresStore) {
        let mut waiting = self.lock();
        let most =
            if waiting.notifications > CROWD { self.max_writers } else { WRITERS.min(self.max_writers) };
        if !waiting.calls.is_empty() && waiting.writers < most {
            waiting.writers += 1;
            drop(waiting);
            tokio::spawn(Writer { store: store.clone(), is_over: false }.write_groups());
        }
    }
}

impl Waiting {
    /// Those that wait and are still waited for, as far as they fit into a group.
    fn take_group(&mut self) -> Vec<Call> {
        let mut group = Vec::new();
        let (mut notifications, mut bytes) = (0, 0);
        while notifications < GROUP.0
            && bytes < GROUP.1
            && let Some(call) = self.calls.pop_front()
        {
            self.notifications -= call.new.len();
            if !call.tell.is_closed() {
                notifications += call.new.len();
                bytes += call.new.iter().map(NewNotification::weight).sum::<usize>();
                group.push(call);
            }
        }
        group
    }
}

impl Writer {
    async fn write_groups(mut self) {
        let store = self.store.clone();
        loop {
            let turn = store.0.turns.acquire().await;
            // As late as possible: whoever has come meanwhile is in it.
            let Some(group) = self.next_group() else { return };
            match turn {
                Ok(_turn) => write_group(&store, group).await,
                Err(_) => group.into_iter().for_each(|call| call.answer(Err(StoreError::Closed))),
            }
        }
    }

    /// The next group. If there is none, this writer is over before anybody else can wait for it.
    fn next_group(&mut self) -> Option<Vec<Call>> {
        let mut waiting = self.store.0.queue.lock();
        let group = waiting.take_group();
        if group.is_empty() {
            waiting.writers -= 1;
            self.is_over = true;
            return None;
        }
        Some(group)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let queue = &self.store.0.queue;
        let mut waiting = queue.lock();
        waiting.writers -= 1;
        if std::thread::panicking() {
            drop(waiting);
            queue.start_writer(&self.store);
        } else if waiting.writers == 0 {
            // The runtime is shutting down: whoever waits in another one is told that the writer is gone.
            waiting.notifications = 0;
            let left = core::mem::take(&mut waiting.calls);
            drop(waiting);
            drop(left);
        }
    }
}

async fn write_group(store: &PostgresStore, group: Vec<Call>) {
    match write(store, &group).await {
        Ok(mut outcomes) => {
            for call in group {
                let rest = outcomes.split_off(call.new.len().min(outcomes.len()));
                let own = core::mem::replace(&mut outcomes, rest);
                call.answer(Ok(own));
            }
        }
        // One of them is the cause, and the others shall not suffer from it.
        Err(error) if group.len() > 1 && is_caused_by_one(&error) => {
            for call in group {
                let alone = write(store, core::slice::from_ref(&call)).await;
                call.answer(alone);
            }
        }
        Err(error) => group.into_iter().for_each(|call| call.answer(Err(error.clone()))),
    }
}

async fn write(store: &PostgresStore, group: &[Call]) -> Result<Outcomes, StoreError> {
    let new: Vec<Timed<'_>> =
        group.iter().flat_map(|call| call.new.iter().map(|new| Timed { new, at: call.at })).collect();
    store.in_time(store.make(|lent| enqueue::enqueue(lent, store.schema(), &new))).await
}

/// Whether the same would not happen without one of the calls.
const fn is_caused_by_one(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Conflict { .. }
            | StoreError::Damaged { .. }
            | StoreError::Internal { .. }
            | StoreError::Invalid { .. }
    )
}

/// What a caller is told whose group ended without an answer.
pub(super) fn gone() -> StoreError {
    let problem = "the task that writes is gone: it panicked, or the runtime is shutting down".to_owned();
    StoreError::Unavailable { problem }
}

impl Call {
    fn answer(self, ended: Result<Outcomes, StoreError>) {
        // A caller that is gone needs no answer.
        drop(self.tell.send(ended));
    }
}
