//! Threads that own a connection each: one that writes, and some that read.

use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::Result;
use crate::store::StoreError;

/// What is done with the connection, or with the news that there is none, and then what is told to whoever asked.
type Job = Box<dyn FnOnce(Result<&Connection>) -> Answer + Send>;

/// Tells whoever asked: what the job found, unless the commit failed.
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// What a thread is asked.
enum Message {
    Call(Job),
    /// To close its connection, say how that went, and end. What comes later is never done.
    Close(oneshot::Sender<Result<()>>),
}

/// At most so many calls share one commit.
const GROUP: usize = 512;

/// A connection on a thread of its own. Cloning is cheap; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub(super) struct ConnectionThread {
    messages: Sender<Message>,
}

impl ConnectionThread {
    /// A thread on which all calls that wait at one time share one transaction and one commit.
    pub(super) fn writer(connection: Connection) -> Result<Self> {
        Self::start("gymhook-sqlite-writer", connection, write_all)
    }

    /// A thread on which each call reads by itself.
    pub(super) fn reader(connection: Connection) -> Result<Self> {
        Self::start("gymhook-sqlite-reader", connection, read_all)
    }

    fn start(name: &str, connection: Connection, run: fn(Connection, &Receiver<Message>)) -> Result<Self> {
        let (messages, waiting) = channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(connection, &waiting))
            .map_err(|error| StoreError::Unavailable { problem: error.to_string() })?;
        Ok(Self { messages })
    }

    /// Closes the connection once everything asked so far is done; the thread is over then.
    pub(super) async fn close(&self) -> Result<()> {
        let (tell, closed) = oneshot::channel();
        self.messages.send(Message::Close(tell)).map_err(|_| StoreError::Closed)?;
        closed.await.map_err(|_| StoreError::Closed)?
    }

    /// Does something with the connection. What it returns comes back when it is on disk; if it returns an error,
    /// nothing of what it did stays.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection: Result<&Connection>| {
            let found = connection.and_then(|connection| in_savepoint(connection, work));
            // Whoever asked may have gone: then there is nobody to tell.
            Box::new(move |committed| drop(tell.send(committed.and(found))))
        });
        self.messages.send(Message::Call(job)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

fn in_savepoint<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    if connection.is_autocommit() {
        return work(connection);
    }
    connection.prepare_cached("SAVEPOINT call")?.execute([])?;
    let found = work(connection);
    if found.is_err() {
        connection.prepare_cached("ROLLBACK TO call")?.execute([])?;
    }
    connection.prepare_cached("RELEASE call")?.execute([])?;
    found
}

fn write_all(mut connection: Connection, waiting: &Receiver<Message>) {
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
        if !group.is_empty() {
            let mut answers: Vec<Answer> = Vec::with_capacity(group.len());
            let committed = commit_group(&mut connection, group, &mut answers);
            for answer in answers {
                answer(committed.clone());
            }
        }
        if let Some(tell) = closing {
            return close(connection, tell);
        }
    }
}

fn close(connection: Connection, tell: oneshot::Sender<Result<()>>) {
    let closed = connection.close().map_err(|(_, error)| StoreError::from(error));
    // Whoever asked may have gone: then there is nobody to tell.
    drop(tell.send(closed));
}

fn commit_group(connection: &mut Connection, group: Vec<Job>, answers: &mut Vec<Answer>) -> Result<()> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = match begun {
        Ok(transaction) => transaction,
        Err(error) => {
            let error = StoreError::from(error);
            answers.extend(group.into_iter().map(|job| job(Err(error.clone()))));
            return Err(error);
        }
    };
    answers.extend(group.into_iter().map(|job| job(Ok(&transaction))));
    Ok(transaction.commit()?)
}

fn read_all(connection: Connection, waiting: &Receiver<Message>) {
    while let Ok(message) = waiting.recv() {
        match message {
            Message::Call(job) => job(Ok(&connection))(Ok(())),
            Message::Close(tell) => return close(connection, tell),
        }
    }
}
