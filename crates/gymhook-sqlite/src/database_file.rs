//! `Place`: the path of the database file, the names of the files beside it, and whether it still leads to the file
//! that was opened.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Result;
use gymhook_store::StoreError;

/// A file that was opened: its path, and what the path led to.
///
/// A file that was deleted, moved or replaced can still be written to, and everything written to it is gone with the process.
/// So a commit counts only if the path, and those of the write-ahead log and its index beside it, lead to what was opened.
/// Without its index a log has two writers, each over what the other has acknowledged.
#[derive(Debug)]
pub(super) struct Place {
    database: Opened,
    log: Opened,
    index: Opened,
    /// The database without symbolic links: SQLite's other files lie beside this one.
    real: PathBuf,
}

/// A path, and what it led to.
#[derive(Debug)]
struct Opened {
    path: PathBuf,
    was: Identity,
}

/// What a path leads to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leads {
    ToTheSame,
    ToAnother,
    Nowhere,
}

impl Opened {
    fn at(path: PathBuf) -> Result<Self, StoreError> {
        match fs::metadata(&path) {
            Ok(found) => Ok(Self { was: Identity::of(&found), path }),
            Err(_) => Err(gone(&path)),
        }
    }

    fn leads(&self) -> Leads {
        match fs::metadata(&self.path) {
            Ok(found) if Identity::of(&found) == self.was => Leads::ToTheSame,
            Ok(_) => Leads::ToAnother,
            Err(_) => Leads::Nowhere,
        }
    }
}

impl Place {
    /// A path as it was given, made absolute, if it names something that a database can be.
    pub(super) fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
        let invalid = |problem: String| StoreError::Invalid { problem };
        if path.as_os_str().is_empty() {
            return Err(invalid("the path of the database is empty: name a file".to_owned()));
        }
        if path.as_os_str() == ":memory:" {
            let problem = "`:memory:` is kept on no disk and would be lost: name a file (in tests, one in a temporary folder)";
            return Err(invalid(problem.to_owned()));
        }
        let path =
            std::path::absolute(path).map_err(|error| invalid(format!("{}: {error}", path.display())))?;
        if path.is_dir() {
            return Err(invalid(format!("{} is a folder: name a file in it", path.display())));
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
            return Err(invalid(format!("the folder {} does not exist: create it", folder.display())));
        }
        // Before it is opened: the first look through another name would make another log.
        if let Ok(real) = fs::canonicalize(&path)
            && let Ok(metadata) = fs::metadata(&real)
        {
            check_names(&real, &metadata)?;
        }
        Ok(path)
    }

    /// Looks where a database lies that is open in this process, with its write-ahead log.
    pub(super) fn of_open_file(path: PathBuf) -> Result<Self, StoreError> {
        let real = fs::canonicalize(&path).map_err(|_| gone(&path))?;
        let metadata = fs::metadata(&real).map_err(|_| gone(&path))?;
        check_names(&real, &metadata)?;
        let [log, index] = ["-wal", "-shm"].map(|ending| Opened::at(beside(&real, ending)));
        Ok(Self { database: Opened::at(path)?, log: log?, index: index?, real })
    }

    /// The file, as it was named, and absolute.
    pub(super) fn path(&self) -> &Path {
        &self.database.path
    }

    /// The file that is locked by workers: one for all ways to name the database.
    pub(super) fn worker_lock(&self) -> PathBuf {
        beside(&self.real, "-worker")
    }

    /// Whether the log that is open may still be written into the database: that is the one that was opened, and no other process
    /// can have begun to write to it meanwhile, since for that it makes an index.
    pub(super) fn can_be_saved(&self) -> bool {
        self.database.leads() == Leads::ToTheSame
            && match self.index.leads() {
                Leads::ToTheSame => true,
                Leads::ToAnother => false,
                // A log without an index is what a process left that could not open it, or that has gone already.
                Leads::Nowhere => self.log.leads() != Leads::ToAnother,
            }
    }

    /// Whether the paths still lead to what is open.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for opened in [&self.database, &self.log, &self.index] {
            match opened.leads() {
                Leads::ToTheSame => {}
                Leads::ToAnother => {
                    let path = opened.path.display();
                    let problem = format!("the file at {path} is not the one that is open");
                    return Err(StoreError::Replaced { problem });
                }
                Leads::Nowhere => return Err(gone(&opened.path)),
            }
        }
        Ok(())
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut beside = path.to_owned().into_os_string();
    beside.push(ending);
    PathBuf::from(beside)
}

fn gone(path: &Path) -> StoreError {
    StoreError::Replaced { problem: format!("{} was deleted or moved while it was open", path.display()) }
}

/// What tells a file from another one that takes its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Identity {
    #[cfg(unix)]
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// Elsewhere a file that is open can be neither deleted nor replaced.
    #[cfg(not(unix))]
    pub(super) fn of(_: &fs::Metadata) -> Self {
        Self {}
    }
}

/// Whether a path leads to this file.
pub(super) fn leads_to(path: &Path, identity: &Identity) -> bool {
    fs::metadata(path).is_ok_and(|found| Identity::of(&found) == *identity)
}

/// Refuses a file that has several names in the file system: SQLite keeps a log beside each name, and two logs of one file
/// destroy it.
fn check_names(real: &Path, metadata: &fs::Metadata) -> Result<(), StoreError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if metadata.nlink() > 1 {
            let problem = format!(
                "{} has {} names (hard links), and SQLite would keep a log beside each: remove the others, or use symbolic links",
                real.display(),
                metadata.nlink()
            );
            return Err(StoreError::Invalid { problem });
        }
    }
    #[cfg(not(unix))]
    let _ = metadata;
    #[cfg(target_os = "linux")]
    if is_mounted_alone(real) {
        let problem = format!(
            "{} is mounted without the folder it lies in, so SQLite's log beside it would lie elsewhere: mount the folder",
            real.display()
        );
        return Err(StoreError::Invalid { problem });
    }
    Ok(())
}

/// Whether the file is a mount point of its own. Where the kernel does not tell, it counts as none.
#[cfg(target_os = "linux")]
fn is_mounted_alone(real: &Path) -> bool {
    let Some(path) = real.to_str() else { return false };
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else { return false };
    // The fifth field is the mount point, with a few characters in octal:
    // https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    let spelled =
        path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012");
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&spelled))
}
