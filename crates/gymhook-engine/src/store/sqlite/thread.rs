//! Threads that own a connection each: one that writes, and some that read.

use core::any::Any;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::Result;
use super::group::{Done, Job, Step, write_group};
use super::place::Place;
use crate::store::StoreError;

/// What a thread is asked.
enum Message {
    Call(Job),
    /// To close its connection, say how that went, and end. What comes later is never done.
    Close(oneshot::Sender<Result<()>>),
}

/// The number of calls that may share one commit.
const GROUP: usize = 512;

/// A connection on a thread of its own. Cloning is cheap; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub(super) struct ConnectionThread {
    messages: Sender<Message>,
    closed: Arc<AtomicBool>,
}

impl ConnectionThread {
    /// A thread on which all calls that wait at one time share one transaction and one commit. A commit counts as long as
    /// `place` still is where the connection's file lies.
    pub(super) fn writer(connection: Connection, place: Arc<Place>) -> Result<Self> {
        Self::start("gymhook-sqlite-writer", move |waiting| write_all(connection, &place, &waiting))
    }

    /// A thread on which each call reads by itself.
    pub(super) fn reader(connection: Connection) -> Result<Self> {
        Self::start("gymhook-sqlite-reader", move |waiting| read_all(connection, &waiting))
    }

    fn start(name: &str, run: impl FnOnce(Receiver<Message>) + Send + 'static) -> Result<Self> {
        let (messages, waiting) = channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(waiting))
            .map_err(|error| StoreError::Unavailable { problem: error.to_string() })?;
        Ok(Self { messages, closed: Arc::default() })
    }

    /// Closes the connection once everything asked so far is done; the thread is over then.
    pub(super) async fn close(&self) -> Result<()> {
        let (tell, closed) = oneshot::channel();
        self.messages.send(Message::Close(tell)).map_err(|_| self.ended())?;
        self.closed.store(true, Ordering::Relaxed);
        closed.await.map_err(|_| self.ended())?
    }

    /// Why nobody answers.
    fn ended(&self) -> StoreError {
        if self.closed.load(Ordering::Relaxed) {
            return StoreError::Closed;
        }
        StoreError::Internal { problem: "its thread has ended: restart this process".to_owned() }
    }

    /// Does something with the connection. On the writer, what it returns is on disk when this resolves; if it returns an
    /// error, nothing of what it did stays. `held` is dropped once that is settled, whether somebody still waits for it or
    /// not.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        held: impl Send + 'static,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, answer) = oneshot::channel();
        let job: Job = Box::new(move |step: Step<'_>| {
            let (found, lost) = step.run(|connection| without_panic(connection, work));
            let tell = move |committed: Result<()>| {
                drop(held);
                // Whoever asked may have gone: then there is nobody to tell.
                drop(tell.send(committed.and(found)));
            };
            Done { tell: Box::new(tell), lost }
        });
        self.messages.send(Message::Call(job)).map_err(|_| self.ended())?;
        answer.await.map_err(|_| self.ended())?
    }
}

/// A panic is the failure of this call alone.
fn without_panic<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|panic| {
        let problem = message(panic.as_ref());
        tracing::error!(problem, "a call to the store panicked: nothing of it was written");
        Err(StoreError::Internal { problem: format!("the call panicked: {problem}") })
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    said.unwrap_or("no message").chars().filter(|c| !c.is_control()).take(200).collect()
}

fn write_all(connection: Connection, place: &Place, waiting: &Receiver<Message>) {
    while let Ok(first) = waiting.recv() {
        let mut group = Vec::new();
        let mut closing = None;
        for message in core::iter::once(first).chain(waiting.try_iter().take(GROUP - 1)) {
            match message {
                Message::Call(job) => group.push(job),
                Message::Close(tell) => {
                    closing = Some(tell);
                    break;
                }
            }
        }
        write_group(&connection, place, group);
        if let Some(tell) = closing {
            let stands = place.check();
            return close(connection, stands, tell);
        }
    }
}

fn read_all(connection: Connection, waiting: &Receiver<Message>) {
    while let Ok(message) = waiting.recv() {
        match message {
            Message::Call(job) => (job(Step::Read(&connection)).tell)(Ok(())),
            Message::Close(tell) => return close(connection, Ok(()), tell),
        }
    }
}

fn close(connection: Connection, stands: Result<()>, tell: oneshot::Sender<Result<()>>) {
    let closed = connection.close().map_err(|(_, error)| StoreError::from(error));
    // Whoever asked may have gone: then there is nobody to tell.
    drop(tell.send(stands.and(closed)));
}
