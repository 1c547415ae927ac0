//! Threads that own a connection each: one that writes, and some that read.

use core::fmt;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::Result;
use super::gate::{Gate, Inside};
use super::options::SqliteOptions;
use super::queue::{Entry, Job, Next, Queue};
use super::transaction::{Writer, guarded};
use crate::store::StoreError;

/// A connection on a thread of its own. The thread ends when this is dropped, after what it was asked before.
pub(super) struct ConnectionThread {
    queue: Arc<Queue>,
}

impl fmt::Debug for ConnectionThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionThread").finish_non_exhaustive()
    }
}

impl Drop for ConnectionThread {
    fn drop(&mut self) {
        // It may have been closed before.
        let _closed = self.queue.close(None);
    }
}

/// The thread that writes: all calls that wait at one time share one transaction and one commit.
#[derive(Debug)]
pub(super) struct WriterThread {
    thread: ConnectionThread,
    gate: Gate,
}

impl WriterThread {
    pub(super) fn start(writer: Writer, options: &SqliteOptions) -> Result<Self> {
        let run = move |queue: &Queue| write_all(writer, queue);
        Ok(Self { thread: ConnectionThread::start("gymhook-sqlite-writer", run)?, gate: Gate::new(options) })
    }

    pub(super) async fn close(&self) -> Result<()> {
        self.thread.close().await
    }

    /// Writes, as soon as there is room for `bytes` more. What is returned is on disk; if it is an error, nothing of what
    /// was done stays.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inside = self.gate.enter(bytes, &self.thread.queue).await?;
        self.thread.ask(work, Some(inside), bytes, false).await
    }

    /// The same for a worker, whose calls are few: they wait for no room, and go first.
    pub(super) async fn urgent<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.thread.ask(work, None, 0, true).await
    }
}

impl ConnectionThread {
    /// A thread on which each call reads by itself.
    pub(super) fn reader(connection: Connection) -> Result<Self> {
        Self::start("gymhook-sqlite-reader", move |queue| read_all(connection, queue))
    }

    fn start(name: &str, run: impl FnOnce(&Queue) + Send + 'static) -> Result<Self> {
        let queue = Arc::new(Queue::default());
        let ending = Ending(Arc::clone(&queue));
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&ending.0))
            .map_err(|error| StoreError::Unavailable { problem: error.to_string() })?;
        Ok(Self { queue })
    }

    /// Closes the connection once everything asked so far is done; the thread is over then.
    pub(super) async fn close(&self) -> Result<()> {
        let (tell, closed) = oneshot::channel();
        self.queue.close(Some(tell))?;
        closed.await.map_err(|_| self.queue.lost())?
    }

    /// Reads.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(work, None, 0, true).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
        inside: Option<Inside>,
        bytes: usize,
        urgent: bool,
    ) -> Result<T> {
        let (tell, answer) = oneshot::channel();
        let call = Call { work, found: None, tell, _inside: inside };
        self.queue.push(Entry::new(Box::new(call), bytes, urgent))?;
        answer.await.map_err(|_| self.queue.lost())?
    }
}

/// However the thread ends, whoever waits for it hears of it.
struct Ending(Arc<Queue>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct Call<W, T> {
    work: W,
    found: Option<T>,
    tell: oneshot::Sender<Result<T>>,
    _inside: Option<Inside>,
}

impl<T: Send, W: Fn(&Connection) -> Result<T> + Send> Job for Call<W, T> {
    fn run(&mut self, connection: &Connection) -> Result<()> {
        self.found = None;
        self.found = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<()>) {
        let never_ran = || StoreError::Internal { problem: "a call was answered before it ran".to_owned() };
        let answer = outcome.and_then(|()| self.found.ok_or_else(never_ran));
        // Whoever asked may have gone: then there is nobody to tell.
        drop(self.tell.send(answer));
    }
}

fn write_all(mut writer: Writer, queue: &Queue) {
    loop {
        match queue.next() {
            Next::Group(group) => writer.write(group),
            Next::Close(tell) => return told(tell, writer.close()),
        }
    }
}

fn read_all(connection: Connection, queue: &Queue) {
    loop {
        match queue.next() {
            Next::Group(group) => {
                for mut entry in group {
                    let found = guarded(|| entry.job.run(&connection));
                    entry.job.answer(found);
                }
            }
            Next::Close(tell) => {
                return told(tell, connection.close().map_err(|(_, error)| error.into()));
            }
        }
    }
}

fn told(tell: Option<oneshot::Sender<Result<()>>>, closed: Result<()>) {
    if let Err(error) = &closed {
        tracing::error!(%error, "a connection was not closed in good order");
    }
    // Whoever asked may have gone: then there is nobody to tell.
    drop(tell.map(|tell| tell.send(closed)));
}
