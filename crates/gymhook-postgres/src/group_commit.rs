//! Group commit: calls that enqueue at the same time share a statement and its commit.
//!
//! A call that finds the store at work waits until that is over, and then goes together with all others that wait. So the more
//! callers there are, the less each of them costs the server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::UtcDateTime;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::PostgresStore;
use super::enqueue::{self, Outcomes, Timed};
use gymhook_store::{Admitted, NewNotification, StoreError};

/// How many groups are written at a time while few notifications wait: one is prepared while the other waits for the disk.
const GROUPS: usize = 2;
/// With more notifications than this, another group is begun at once, as far as there are connections.
const CROWD: usize = 256;
/// A group is closed once it has this many notifications or bytes. One call is never divided.
const GROUP: (usize, usize) = (1_000, 4 << 20);

/// The calls that wait for a group.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    calls: VecDeque<Call>,
    notifications: usize,
    /// How many groups are being written, or are about to be.
    groups: usize,
}

/// A call, until its caller is told what came of it.
struct Call {
    new: Vec<NewNotification>,
    at: UtcDateTime,
    tell: oneshot::Sender<Result<Outcomes, StoreError>>,
    _admitted: Admitted,
}

/// A group's place among those that are written. It begins the next ones when it is dropped, also by a panic.
struct Place(PostgresStore);

impl Queue {
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
        self.begin_groups(store);
        told
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a group if one may be begun and somebody waits for it.
    fn begin_groups(&self, store: &PostgresStore) {
        // Without a runtime nobody waits any more.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut waiting = self.lock();
        let is_crowd = waiting.notifications > CROWD;
        if waiting.calls.is_empty() || (waiting.groups >= GROUPS && !is_crowd) {
            return;
        }
        waiting.groups += 1;
        drop(waiting);
        runtime.spawn(write_group(Place(store.clone())));
    }

    /// Those that wait and are still waited for, as far as they fit into a group.
    fn take_group(&self) -> Vec<Call> {
        let mut waiting = self.lock();
        let mut group = Vec::new();
        let (mut notifications, mut bytes) = (0, 0);
        while notifications < GROUP.0
            && bytes < GROUP.1
            && let Some(call) = waiting.calls.pop_front()
        {
            waiting.notifications -= call.new.len();
            if !call.tell.is_closed() {
                notifications += call.new.len();
                bytes += call.new.iter().map(NewNotification::weight).sum::<usize>();
                group.push(call);
            }
        }
        group
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let queue = &self.0.0.queue;
        queue.lock().groups -= 1;
        queue.begin_groups(&self.0);
    }
}

async fn write_group(place: Place) {
    let store = &place.0;
    let turn = store.0.turns.acquire().await;
    // As late as possible: whoever has come meanwhile is in it.
    let group = store.0.queue.take_group();
    if turn.is_err() {
        return group.into_iter().for_each(|call| call.answer(Err(StoreError::Closed)));
    }
    if group.is_empty() {
        return;
    }
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
