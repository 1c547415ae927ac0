//! What waits for a thread that owns a connection.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::Result;
use crate::clock;
use crate::store::StoreError;

/// A call: what is done with the connection, and who is told. It may run twice: what a transaction took with it is done
/// again in another one.
pub(super) trait Job: Send {
    fn run(&mut self, connection: &Connection) -> Result<()>;

    /// Tells whoever asked: what the last run found, if `outcome` is `Ok`.
    fn answer(self: Box<Self>, outcome: Result<()>);
}

/// A call that waits.
pub(super) struct Entry {
    pub(super) job: Box<dyn Job>,
    /// How much memory it holds.
    pub(super) bytes: usize,
    /// Whether it goes first: a worker's.
    pub(super) urgent: bool,
    pub(super) since: Instant,
}

/// At most so many calls share one commit.
const GROUP: usize = 512;

/// A call beyond so many bytes waits for the next commit, so that a worker need not wait long for its own.
const GROUP_BYTES: usize = 16 << 20;

#[derive(Default)]
struct State {
    urgent: VecDeque<Entry>,
    waiting: VecDeque<Entry>,
    phase: Phase,
}

#[derive(Default)]
enum Phase {
    #[default]
    Open,
    /// Whatever waits is done, then the thread ends and tells, if there is somebody to tell.
    Closing(Option<oneshot::Sender<Result<()>>>),
    Closed,
    /// The thread ended without being told to.
    Ended,
}

/// What waits for one thread.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    bell: Condvar,
}

/// What a thread does next.
pub(super) enum Next {
    Group(VecDeque<Entry>),
    Close(Option<oneshot::Sender<Result<()>>>),
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, entry: Entry) -> Result<()> {
        let mut state = self.state();
        match state.phase {
            Phase::Open if entry.urgent => state.urgent.push_back(entry),
            Phase::Open => state.waiting.push_back(entry),
            Phase::Closing(_) | Phase::Closed => return Err(StoreError::Closed),
            Phase::Ended => return Err(thread_ended()),
        }
        drop(state);
        self.bell.notify_one();
        Ok(())
    }

    /// Takes no more calls. Whoever is told hears when what waits is done.
    pub(super) fn close(&self, tell: Option<oneshot::Sender<Result<()>>>) -> Result<()> {
        let mut state = self.state();
        match state.phase {
            Phase::Open => state.phase = Phase::Closing(tell),
            Phase::Closing(_) | Phase::Closed => return Err(StoreError::Closed),
            Phase::Ended => return Err(thread_ended()),
        }
        drop(state);
        self.bell.notify_one();
        Ok(())
    }

    /// Waits for something to do.
    pub(super) fn next(&self) -> Next {
        let mut state = self.state();
        loop {
            if !state.urgent.is_empty() || !state.waiting.is_empty() {
                return Next::Group(state.group());
            }
            if let Phase::Closing(tell) = &mut state.phase {
                let tell = tell.take();
                state.phase = Phase::Closed;
                return Next::Close(tell);
            }
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The thread ends: what waits is dropped, and so its callers hear of it.
    pub(super) fn end(&self) {
        let mut state = self.state();
        if !matches!(state.phase, Phase::Closed) {
            state.phase = Phase::Ended;
        }
        let dropped = (core::mem::take(&mut state.urgent), core::mem::take(&mut state.waiting));
        drop(state);
        drop(dropped);
    }

    /// Why a call that was taken got no answer.
    pub(super) fn lost(&self) -> StoreError {
        match self.state().phase {
            Phase::Ended => thread_ended(),
            Phase::Open | Phase::Closing(_) | Phase::Closed => StoreError::Closed,
        }
    }

    /// Since when the first of those that wait has waited.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.state().waiting.front().map(|entry| entry.since)
    }
}

impl State {
    /// What goes into the next commit: all that is urgent, and of the others as many as fit.
    fn group(&mut self) -> VecDeque<Entry> {
        let mut group = core::mem::take(&mut self.urgent);
        let mut bytes = 0;
        while group.len() < GROUP && bytes < GROUP_BYTES {
            let Some(entry) = self.waiting.pop_front() else { break };
            bytes += entry.bytes;
            group.push_back(entry);
        }
        group
    }
}

impl Entry {
    pub(super) fn new(job: Box<dyn Job>, bytes: usize, urgent: bool) -> Self {
        Self { job, bytes, urgent, since: clock::monotonic() }
    }
}

fn thread_ended() -> StoreError {
    StoreError::Internal { problem: "the thread that owns the connection ended; restart this process".to_owned() }
}
