//! A real disk with little room: a file system in memory of its own.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::Failure;

/// A mounted file system of a fixed size. It is unmounted when this is dropped.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

/// What takes the room away; dropping it does not give it back.
#[derive(Debug)]
pub struct Ballast<'d>(&'d SmallDisk);

impl SmallDisk {
    /// A disk of this size in mebibytes.
    ///
    /// # Errors
    /// This process may not mount one: the message says how to run it so that it may.
    pub fn of(mebibytes: u32) -> Result<Self, Failure> {
        let folder = TempDir::with_prefix("gymhook-small-disk-")?;
        mount(&format!("size={mebibytes}m"), folder.path())?;
        Ok(Self(folder))
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes it larger.
    ///
    /// # Errors
    /// It cannot be mounted again.
    pub fn grow(&self, mebibytes: u32) -> Result<(), Failure> {
        mount(&format!("remount,size={mebibytes}m"), self.path())
    }

    /// Takes all of the room that there is, except `left` bytes.
    ///
    /// # Errors
    /// The ballast cannot be written for another reason than that there is no room.
    pub fn fill(&self, left: u64) -> Result<Ballast<'_>, Failure> {
        let mut file = File::options().create(true).append(true).open(self.ballast())?;
        // Whoever writes meanwhile finds no room for a moment.
        for step in [1 << 20, 1 << 16, 1 << 12] {
            loop {
                match file.write(&vec![0; step]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let length = file.metadata()?.len();
        file.set_len(length.saturating_sub(left))?;
        Ok(Ballast(self))
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.path().join("ballast")
    }
}

impl Ballast<'_> {
    /// Gives the room back.
    ///
    /// # Errors
    /// It is gone.
    pub fn remove(self) -> Result<(), Failure> {
        Ok(std::fs::remove_file(self.0.ballast())?)
    }
}

fn mount(options: &str, folder: &Path) -> Result<(), Failure> {
    let said = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output()?;
    if said.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
    let hint = "run this as root, or in a user namespace: `unshare --map-root-user --mount cargo test -p gymhook-disk-tests`";
    Err(format!("full disks are tested on a small tmpfs, which cannot be mounted ({said}): {hint}").into())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is still open goes when it is closed.
        let _unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
