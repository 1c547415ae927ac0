//! Whether the path still leads to the open file.
//!
//! A file that was deleted or replaced while it is open can be written to as before; what is written is lost when the last
//! process closes it. So each commit is acknowledged only if the database, its write-ahead log and that log's index still are the
//! files that were opened.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::error::Result;
use crate::store::StoreError;

/// Where the open file lies.
#[derive(Debug)]
pub(super) struct Place {
    /// As the user wrote it.
    given: PathBuf,
    files: [Kept; 3],
    lost: OnceLock<StoreError>,
}

#[derive(Debug)]
struct Kept {
    name: &'static str,
    path: PathBuf,
    file: FileId,
}

/// What tells a file from any other on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).map(|found| Self(found.dev(), found.ino()))
    }

    /// Elsewhere the system keeps an open file from being deleted or replaced.
    #[cfg(not(unix))]
    fn of(path: &Path) -> std::io::Result<Self> {
        std::fs::metadata(path).map(|_| Self(0, 0))
    }
}

/// What SQLite appends to the database's name.
const NAMES: [(&str, &str); 3] =
    [("", "the file"), ("-wal", "the write-ahead log"), ("-shm", "the index of the write-ahead log")];

impl Place {
    /// Of a database that is open, in write-ahead mode, and was read or written.
    pub(super) fn new(given: &Path, path: &Path) -> Result<Self> {
        let kept = |(ending, name)| {
            let mut path = path.as_os_str().to_owned();
            path.push(ending);
            let path = PathBuf::from(path);
            let file = FileId::of(&path).map_err(|error| StoreError::Unavailable {
                problem: format!("{} cannot be looked at: {error}", path.display()),
            })?;
            Ok(Kept { name, path, file })
        };
        let [database, log, index] = NAMES;
        Ok(Self {
            given: given.to_owned(),
            files: [kept(database)?, kept(log)?, kept(index)?],
            lost: OnceLock::new(),
        })
    }

    /// # Errors
    /// [`StoreError::Replaced`], and from then on for ever: another process may have begun to write to what is there now.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(lost) = self.lost.get() {
            return Err(lost.clone());
        }
        self.files.iter().try_for_each(|kept| self.look(kept))
    }

    /// The same after the last connection was closed, which takes the log away.
    pub(super) fn check_closed(&self) -> Result<()> {
        let [database, _, _] = &self.files;
        self.look(database)
    }

    /// Whether another program may have opened what is there now.
    pub(super) fn is_anothers(&self) -> bool {
        let [database, log, _] = &self.files;
        let is_ours = |kept: &Kept| FileId::of(&kept.path).is_ok_and(|file| file == kept.file);
        !is_ours(database) || (!is_ours(log) && log.path.exists())
    }

    fn look(&self, kept: &Kept) -> Result<()> {
        let path = kept.path.display();
        let happened = match FileId::of(&kept.path) {
            Ok(file) if file == kept.file => return Ok(()),
            Ok(_) => "was replaced by another file",
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "was deleted or moved",
            Err(error) => {
                let problem = format!("{path} cannot be looked at: {error}");
                return Err(StoreError::Unavailable { problem });
            }
        };
        let problem = format!("{} {path} {happened} while it was open", kept.name);
        tracing::error!(problem, "nothing more is written or acknowledged");
        Err(self.lost.get_or_init(|| StoreError::Replaced { problem }).clone())
    }

    /// Names the file that is locked.
    pub(super) fn locked(&self, error: StoreError) -> StoreError {
        super::error::at(&self.given, error)
    }
}
