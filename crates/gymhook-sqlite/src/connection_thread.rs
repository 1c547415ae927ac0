//! `ConnectionThread`: a thread that owns a connection, one that writes, and some that read. A call that panics fails
//! alone.

use core::any::Any;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::oneshot;

use super::database_file::Place;
use super::error::{Failure, Result};
use super::group_commit::{Call, write_group};
use super::quietly::quietly;
use gymhook_store::StoreError;

/// What a thread is asked.
enum Message {
    Call(Box<dyn Call>),
    /// To close its connection, say how that went, and end. What comes later is never done.
    Close(oneshot::Sender<Result<(), StoreError>>),
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
    pub(super) fn writer(connection: Connection, place: Arc<Place>) -> Result<Self, StoreError> {
        Self::start("gymhook-sqlite-writer", move |waiting| write_all(connection, &place, &waiting))
    }

    /// A thread on which each call reads separately.
    pub(super) fn reader(connection: Connection) -> Result<Self, StoreError> {
        Self::start("gymhook-sqlite-reader", move |waiting| read_all(connection, &waiting))
    }

    fn start(name: &str, run: impl FnOnce(Receiver<Message>) + Send + 'static) -> Result<Self, StoreError> {
        let (messages, waiting) = channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(waiting))
            .map_err(|error| StoreError::Unavailable { problem: error.to_string() })?;
        Ok(Self { messages, closed: Arc::default() })
    }

    /// Closes the connection once everything asked so far is done; the thread is over then.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
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
    /// error, nothing of what it did stays, and it may be done once more from the beginning if another call fails. `held` is
    /// dropped once that is settled, whether somebody still waits for it or not.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        held: impl Send + 'static,
        work: impl FnMut(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (caller, answer) = oneshot::channel();
        let asked = Asked { work, found: Err(StoreError::Closed), held, caller };
        self.messages.send(Message::Call(Box::new(asked))).map_err(|_| self.ended())?;
        answer.await.map_err(|_| self.ended())?
    }
}

/// What a caller asked.
struct Asked<T, W, H> {
    work: W,
    /// What the work returned the last time.
    found: Result<T, StoreError>,
    held: H,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W, H> Call for Asked<T, W, H>
where
    T: Send,
    W: FnMut(&Connection) -> Result<T> + Send,
    H: Send,
{
    fn work(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.found = without_panic(connection, &mut self.work);
        self.found.as_ref().map(|_| ()).map_err(StoreError::clone)
    }

    fn tell(self: Box<Self>, ended: Result<(), StoreError>) {
        let Self { work, found, held, caller } = *self;
        drop((work, held));
        // Whoever asked may have gone: then there is nobody to tell.
        drop(caller.send(ended.and(found)));
    }
}

/// A panic is the failure of this call alone.
fn without_panic<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(|| work(connection).map_err(StoreError::from))).unwrap_or_else(|panic| {
        let problem = message(panic.as_ref());
        quietly(|| tracing::error!(problem, "a call to the store panicked: nothing of it was written"));
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
                Message::Call(call) => group.push(call),
                Message::Close(tell) => {
                    closing = Some(tell);
                    break;
                }
            }
        }
        write_group(&connection, place, group);
        if let Some(tell) = closing {
            // Wherever the file is.
            let left_alone = leave_alone(&connection, place);
            return close(connection, place.check().and(left_alone), tell);
        }
    }
    if let Err(error) = leave_alone(&connection, place) {
        quietly(|| tracing::error!(%error, "the file was not closed cleanly"));
    }
}

/// Keeps SQLite from writing, when it closes a file that was replaced, over what another process writes there now.
fn leave_alone(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    if !place.can_be_saved() {
        let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        set.map_err(Failure::from)?;
    }
    Ok(())
}

fn read_all(connection: Connection, waiting: &Receiver<Message>) {
    while let Ok(message) = waiting.recv() {
        match message {
            Message::Call(mut call) => {
                let read = call.work(&connection);
                call.tell(read);
            }
            Message::Close(tell) => return close(connection, Ok(()), tell),
        }
    }
}

fn close(
    connection: Connection,
    result: Result<(), StoreError>,
    tell: oneshot::Sender<Result<(), StoreError>>,
) {
    let closed = connection.close().map_err(|(_, error)| Failure::from(error).into());
    // Whoever asked may have gone: then there is nobody to tell.
    drop(tell.send(result.and(closed)));
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use tempfile::TempDir;

    use super::*;

    fn writer() -> (ConnectionThread, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.db");
        let connection = Connection::open(&path).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        let made = "PRAGMA journal_mode = WAL; CREATE TABLE numbers (number INTEGER PRIMARY KEY)";
        connection.execute_batch(made).unwrap();
        let place = Arc::new(Place::of_open_file(path).unwrap());
        (ConnectionThread::writer(connection, place).unwrap(), folder)
    }

    fn insert(connection: &Connection, number: u8) -> Result<()> {
        connection.execute("INSERT INTO numbers VALUES (?1)", [number])?;
        Ok(())
    }

    /// Three calls in one group, the second of which is given; what each is told, and what is there afterwards.
    async fn play(
        second: impl FnMut(&Connection) -> Result<()> + Send + 'static,
    ) -> (Vec<Result<(), StoreError>>, Vec<u8>) {
        let (writer, folder) = writer();
        let (release, held) = channel();
        let (began, has_begun) = oneshot::channel();
        // The others wait behind this one, and so share the next transaction. A join polls them in this order.
        let mut began = Some(began);
        let first = writer.call((), move |_| {
            let began = began.take().ok_or(StoreError::Closed)?;
            began.send(()).map_err(|()| StoreError::Closed)?;
            Ok(held.recv().map_err(|_| StoreError::Closed)?)
        });
        let others = async {
            has_begun.await.unwrap();
            tokio::join!(
                writer.call((), |connection| insert(connection, 1)),
                writer.call((), second),
                writer.call((), |connection| insert(connection, 3)),
                async { release.send(()).unwrap() },
            )
        };
        let (first, (one, two, three, ())) = tokio::join!(first, others);
        first.unwrap();
        writer.close().await.unwrap();
        let connection = Connection::open(folder.path().join("numbers.db")).unwrap();
        let mut select = connection.prepare("SELECT number FROM numbers ORDER BY number").unwrap();
        let there = select.query_map([], |row| row.get(0)).unwrap().map(|number| number.unwrap()).collect();
        (vec![one, two, three], there)
    }

    #[tokio::test]
    async fn a_call_that_panics_fails_alone() {
        let (told, there) = play(|connection| {
            insert(connection, 2)?;
            panic!("the second")
        })
        .await;
        let [Ok(()), Err(StoreError::Internal { problem }), Ok(())] = &told[..] else { panic!("{told:?}") };
        assert!(problem.contains("the second"), "{problem}");
        assert_eq!(there, [1, 3]);
    }

    /// Whoever closes the store writes nothing, so another writer keeps nobody from closing it.
    #[tokio::test]
    async fn it_is_closed_while_another_connection_writes() {
        let (writer, folder) = writer();
        let other = Connection::open(folder.path().join("numbers.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let closed = tokio::time::timeout(Duration::from_secs(5), writer.close()).await;
        assert_eq!(closed.expect("it waits for nobody"), Ok(()));
    }

    #[tokio::test]
    async fn calls_are_done_again_once_if_one_of_them_fails() {
        let mut has_failed = false;
        let (told, there) = play(move |connection| {
            insert(connection, 2)?;
            if core::mem::replace(&mut has_failed, true) { Ok(()) } else { Err(StoreError::Full.into()) }
        })
        .await;
        assert_eq!(told, [Ok(()), Ok(()), Ok(())]);
        assert_eq!(there, [1, 2, 3]);
    }

    /// As SQLite does when the disk is full.
    #[tokio::test]
    async fn nothing_stays_of_a_transaction_that_was_rolled_back_and_the_rest_goes_on() {
        let (told, there) = play(|connection| {
            insert(connection, 2)?;
            connection.execute_batch("ROLLBACK")?;
            Err(StoreError::Full.into())
        })
        .await;
        assert_eq!(told, [Err(StoreError::Full), Err(StoreError::Full), Ok(())]);
        assert_eq!(there, [3]);
    }

    #[tokio::test]
    async fn what_was_written_while_the_file_went_away_is_not_acknowledged() {
        let (writer, folder) = writer();
        let path = folder.path().join("numbers.db");
        let written = writer.call((), move |connection| {
            insert(connection, 1)?;
            std::fs::rename(&path, path.with_extension("away")).unwrap();
            Ok(())
        });
        let written = written.await;
        assert!(matches!(written, Err(StoreError::Replaced { .. })), "{written:?}");
    }

    #[tokio::test]
    async fn a_call_that_hides_that_the_transaction_is_gone_is_not_acknowledged() {
        let (told, there) = play(|connection| {
            connection.execute_batch("ROLLBACK")?;
            Ok(())
        })
        .await;
        assert!(matches!(told[..], [Err(_), Err(_), Ok(())]), "{told:?}");
        assert_eq!(there, [3]);
    }
}
