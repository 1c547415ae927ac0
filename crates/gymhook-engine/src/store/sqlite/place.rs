//! Where the file lies, and whether it still does.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Result;
use crate::store::StoreError;

/// A file that was opened: its path, and what the path led to.
///
/// A file that was deleted, moved or replaced can still be written to, and everything written to it is gone with the process.
/// So a commit counts only if the path, and that of the write-ahead log beside it, lead to what was opened.
#[derive(Debug)]
pub(super) struct Place {
    /// As it was named, and absolute.
    path: PathBuf,
    /// Without symbolic links: SQLite's other files lie beside this one.
    real: PathBuf,
    log: PathBuf,
    database_was: Identity,
    log_was: Identity,
}

impl Place {
    /// A path as it was given, made absolute, if it names something that a database can be.
    pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
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
            return Err(invalid(format!("there is no folder {}: create it", folder.display())));
        }
        Ok(path)
    }

    /// Looks where a database lies that is open in this process, with its write-ahead log.
    pub(super) fn of_open_file(path: PathBuf) -> Result<Self> {
        let real = fs::canonicalize(&path).map_err(|_| gone(&path))?;
        let metadata = fs::metadata(&real).map_err(|_| gone(&path))?;
        check_names(&real, &metadata)?;
        let mut log = real.clone().into_os_string();
        log.push("-wal");
        let log = PathBuf::from(log);
        let log_was = Identity::of(&fs::metadata(&log).map_err(|_| gone(&log))?);
        Ok(Self { database_was: Identity::of(&metadata), path, real, log, log_was })
    }

    /// The file, as it was named, and absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that is locked by workers: one for all ways to name the database.
    pub(super) fn worker_lock(&self) -> PathBuf {
        let mut beside = self.real.clone().into_os_string();
        beside.push("-worker");
        PathBuf::from(beside)
    }

    /// Whether the paths still lead to what is open.
    pub(super) fn check(&self) -> Result<()> {
        for (path, was) in [(&self.path, &self.database_was), (&self.log, &self.log_was)] {
            match fs::metadata(path) {
                Ok(found) if Identity::of(&found) == *was => {}
                Ok(_) => {
                    let problem =
                        format!("another file lies at {} than the one that is open", path.display());
                    return Err(StoreError::Replaced { problem });
                }
                Err(_) => return Err(gone(path)),
            }
        }
        Ok(())
    }
}

fn gone(path: &Path) -> StoreError {
    StoreError::Replaced { problem: format!("{} was deleted or moved while it was open", path.display()) }
}

/// What tells a file from another one that takes its name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// Elsewhere a file that is open can be neither deleted nor replaced.
    #[cfg(not(unix))]
    fn of(_: &fs::Metadata) -> Self {
        Self {}
    }
}

/// Refuses a file that has several names in the file system: SQLite keeps a log beside each name, and two logs of one file
/// destroy it.
fn check_names(real: &Path, metadata: &fs::Metadata) -> Result<()> {
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
    // The fifth field is the mount point, with a few characters in octal: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    let spelled =
        path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012");
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&spelled))
}
