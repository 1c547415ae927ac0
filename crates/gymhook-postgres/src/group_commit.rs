//! `Queue` and `Writer`, group commit: calls that enqueue at the same time share a statement and its commit.
//!
//! A call that arrives while two groups are being written waits, and is written with all others that wait. So the more callers
//! there are, the less each of them costs the server. A group that takes long, since it waits for a lock for example, keeps its
//! connection, and the others go on over those that are left.

use core::pin::pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::UtcDateTime;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::PostgresStore;
use super::enqueue::{self, Outcomes, Timed};
use super::insert::is_plain;
use gymhook_store::{Admitted, NewNotification, StoreError};

/// How many tasks write while few notifications wait: one prepares a group while the other waits for the disk.
const WRITERS: usize = 2;
/// With more notifications than this, other tasks write, too, as far as there are connections.
const MANY_WAITING: usize = 256;
/// A group is closed once it has this many notifications. One call is never divided.
const MAX_GROUP_NOTIFICATIONS: usize = 1_000;
/// A group is closed once it has this many bytes.
const MAX_GROUP_BYTES: usize = 4 << 20;
/// A writer that takes longer for one group is no longer counted: another one may write meanwhile.
const SLOW: Duration = Duration::from_millis(100);

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
    /// Of all of these.
    bytes: usize,
    at: UtcDateTime,
    answer: oneshot::Sender<Result<Outcomes, StoreError>>,
    _admitted: Admitted,
}

/// A task that writes group after group until nobody waits.
struct Writer {
    store: PostgresStore,
    /// Whether it is one of [`Waiting::writers`].
    is_counted: bool,
    /// Whether it was ever polled: a runtime that shuts down drops a task that it is given.
    has_run: bool,
}

impl Queue {
    /// With as many writers at the same time, in a crowd.
    pub(super) fn new(connections: usize) -> Self {
        Self { waiting: Mutex::default(), max_writers: connections }
    }

    /// Has these enqueued, which have this many bytes. What comes of it is received, unless whatever writes them is gone.
    pub(super) fn push(
        &self,
        store: &PostgresStore,
        admitted: Admitted,
        new: Vec<NewNotification>,
        bytes: usize,
        at: UtcDateTime,
    ) -> oneshot::Receiver<Result<Outcomes, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.notifications += new.len();
        waiting.calls.push_back(Call { new, bytes, at, answer, _admitted: admitted });
        drop(waiting);
        self.start_writer(store);
        answered
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts another writer if somebody waits and there may be one more.
    fn start_writer(&self, store: &PostgresStore) {
        let mut waiting = self.lock();
        if waiting.calls.is_empty() || waiting.writers >= self.most_writers(&waiting) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            drop(waiting);
            return self.dismiss_unless_written();
        };
        waiting.writers += 1;
        drop(waiting);
        let writer = Writer { store: store.clone(), is_counted: true, has_run: false };
        runtime.spawn(writer.write_groups());
    }

    /// Where no writer is left, and none can be started, those that wait are told that it is [gone](writer_gone).
    fn dismiss_unless_written(&self) {
        let mut waiting = self.lock();
        if waiting.writers == 0 {
            waiting.notifications = 0;
            let left = core::mem::take(&mut waiting.calls);
            drop(waiting);
            drop(left);
        }
    }

    fn most_writers(&self, waiting: &Waiting) -> usize {
        if waiting.notifications > MANY_WAITING { self.max_writers } else { WRITERS.min(self.max_writers) }
    }
}

impl Waiting {
    /// Those that wait and are still waited for, as far as they fit into a group.
    fn take_group(&mut self) -> Vec<Call> {
        let mut group: Vec<Call> = Vec::new();
        let (mut notifications, mut bytes) = (0, 0);
        while notifications < MAX_GROUP_NOTIFICATIONS
            && bytes < MAX_GROUP_BYTES
            && self.calls.front().is_some_and(|call| call.fits(&group))
            && let Some(call) = self.calls.pop_front()
        {
            self.notifications -= call.new.len();
            if !call.answer.is_closed() {
                notifications += call.new.len();
                bytes += call.bytes;
                group.push(call);
            }
        }
        group
    }
}

impl Writer {
    async fn write_groups(mut self) {
        self.has_run = true;
        let store = self.store.clone();
        loop {
            // Nobody closes it.
            let Ok(_permit) = store.0.caller_connections.acquire().await else { return };
            // As late as possible: whoever has come meanwhile is in it.
            let Some(group) = self.next_group() else { return };
            let mut writing = pin!(write_group(&store, group));
            if timeout(SLOW, &mut writing).await.is_err() {
                self.uncount(&mut store.0.queue.lock());
                store.0.queue.start_writer(&store);
                writing.await;
                if !self.count_again() {
                    return;
                }
            }
        }
    }

    /// The next group. If there is none, this writer is over before anybody else can wait for it.
    fn next_group(&mut self) -> Option<Vec<Call>> {
        let store = self.store.clone();
        let queue = &store.0.queue;
        let mut waiting = queue.lock();
        let is_one_too_many = waiting.writers > queue.most_writers(&waiting);
        let group = if is_one_too_many { Vec::new() } else { waiting.take_group() };
        if group.is_empty() {
            self.uncount(&mut waiting);
            return None;
        }
        Some(group)
    }

    /// It is no longer one of those that keep others from being started.
    fn uncount(&mut self, waiting: &mut Waiting) {
        waiting.writers -= 1;
        self.is_counted = false;
    }

    /// Counts it again, if there may be one more.
    fn count_again(&mut self) -> bool {
        let queue = &self.store.0.queue;
        let mut waiting = queue.lock();
        if waiting.writers < queue.most_writers(&waiting) {
            waiting.writers += 1;
            self.is_counted = true;
        }
        self.is_counted
    }
}

/// By a panic, or as the runtime shuts down, before its end.
impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_counted {
            return;
        }
        let store = self.store.clone();
        let queue = &store.0.queue;
        self.uncount(&mut queue.lock());
        if self.has_run {
            queue.start_writer(&store);
        } else {
            queue.dismiss_unless_written();
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
        // Each is written alone, so that only the one that is the cause fails.
        Err(error) if group.len() > 1 && is_caused_by_one(&error) => {
            for call in group.into_iter().filter(|call| !call.answer.is_closed()) {
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
pub(super) fn writer_gone() -> StoreError {
    let problem = "the task that writes is gone: it panicked, or the runtime is shutting down".to_owned();
    StoreError::Unavailable { problem }
}

impl Call {
    /// Whether it costs more than the plain insert: the others shall not pay for it.
    fn is_costly(&self) -> bool {
        self.new.iter().any(|new| !is_plain(new) || new.read_from.is_some())
    }

    fn fits(&self, group: &[Self]) -> bool {
        self.answer.is_closed() || group.first().is_none_or(|first| first.is_costly() == self.is_costly())
    }

    fn answer(self, ended: Result<Outcomes, StoreError>) {
        // A caller that is gone needs no answer.
        drop(self.answer.send(ended));
    }
}
