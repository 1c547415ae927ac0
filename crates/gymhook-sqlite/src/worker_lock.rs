//! `WorkerLock`: the lock by which the workers on one file find out whether they are alone, across processes.
//!
//! A lock belongs to the open file, and its name may be deleted meanwhile: then the next worker would make a file of that
//! name, lock it, and find nobody there. So who makes the file does not know whether it is alone, and who holds a lock looks,
//! whenever it leases or writes, whether the name still leads to it, and else takes the lock at that name as well.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::database_file::{Identity, leads_to};

/// What a worker finds that takes the lock.
#[derive(Debug)]
pub(super) enum Found {
    /// This process has a worker already.
    Itself,
    /// Nobody else holds it: nobody can, until this is given back.
    Nobody(Taken),
    /// Somebody else may: the file was not there, and nobody can tell why.
    NoFile(Taken),
    /// Somebody else does.
    Others(Taken),
}

/// The file, which is open.
#[derive(Debug)]
pub(super) struct Taken(File);

#[derive(Debug)]
struct Held {
    was: Identity,
    /// Locked, shared with other workers, as long as it is open.
    _file: File,
}

#[derive(Debug)]
pub(super) struct WorkerLock {
    path: PathBuf,
    held: Mutex<Option<Held>>,
}

impl WorkerLock {
    pub(super) const fn at(path: PathBuf) -> Self {
        Self { path, held: Mutex::new(None) }
    }

    /// Takes the lock alone, if it can be had.
    pub(super) fn take(&self) -> io::Result<Found> {
        if self.held().is_some() {
            return Ok(Found::Itself);
        }
        let (file, is_new) = self.open()?;
        match file.try_lock() {
            Ok(()) if is_new => Ok(Found::NoFile(Taken(file))),
            Ok(()) => Ok(Found::Nobody(Taken(file))),
            Err(TryLockError::WouldBlock) => Ok(Found::Others(Taken(file))),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Shares the lock from now on. It waits for whoever has it alone, for no longer than a commit.
    pub(super) fn share(&self, Taken(mut file): Taken) -> io::Result<()> {
        loop {
            file.lock_shared()?;
            let was = Identity::of(&file.metadata()?);
            if leads_to(&self.path, &was) {
                *self.held() = Some(Held { was, _file: file });
                return Ok(());
            }
            file = self.open()?.0;
        }
    }

    /// Whether this process has the lock and others do not see it any more.
    pub(super) fn is_lost(&self) -> bool {
        self.held().as_ref().is_some_and(|held| !leads_to(&self.path, &held.was))
    }

    /// Takes a lock that was lost at the file that has its name now.
    pub(super) fn take_again(&self) -> io::Result<()> {
        let (file, _) = self.open()?;
        self.share(Taken(file))
    }

    pub(super) fn give_back(&self) {
        drop(self.held().take());
    }

    /// Opens the file, and says whether it had to be made.
    fn open(&self) -> io::Result<(File, bool)> {
        loop {
            match File::options().create_new(true).write(true).open(&self.path) {
                Ok(file) => return Ok((file, true)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            match File::options().write(true).open(&self.path) {
                Ok(file) => return Ok((file, false)),
                // Deleted in between.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
